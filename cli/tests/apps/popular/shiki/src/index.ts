import { createHighlighterCore } from 'shiki/core'
import { createOnigurumaEngine } from 'shiki/engine/oniguruma'
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript'

const make = (engine: Parameters<typeof createHighlighterCore>[0]['engine']) => createHighlighterCore({
  themes: [import('shiki/themes/nord.mjs'), import('shiki/themes/github-light.mjs')],
  langs: [import('shiki/langs/typescript.mjs'), import('shiki/langs/json.mjs')],
  engine,
})

let wasm: ReturnType<typeof make> | undefined
let script: ReturnType<typeof make> | undefined

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const code = await request.text() || 'const answer: number = 42 // "why"\n'
    const lang = url.searchParams.get('lang') ?? 'typescript'
    // Isolates may not wait for what another request has begun, hence only when it is done.
    const highlighter = url.pathname === '/wasm'
      ? await (wasm ??= make(createOnigurumaEngine(import('shiki/onig.wasm'))))
      : await (script ??= make(createJavaScriptRegexEngine()))
    const html = highlighter.codeToHtml(code, { lang, themes: { light: 'github-light', dark: 'nord' } })
    return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
  },
} satisfies ExportedHandler
