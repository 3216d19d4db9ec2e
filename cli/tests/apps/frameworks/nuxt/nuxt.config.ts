export default defineNuxtConfig({
  compatibilityDate: '2026-07-01',
  telemetry: false,
  nitro: { preset: 'cloudflare_module', cloudflare: { deployConfig: true, nodeCompat: true }, minify: true, sourceMap: false },
  features: { noScripts: true },
  buildId: 'checks',
})
