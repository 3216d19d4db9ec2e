import './cache'
import { getAssetFromKV, MethodNotAllowedError, NotFoundError, serveSinglePageApp } from '@cloudflare/kv-asset-handler'
import manifest from './manifest.json'

interface Env {
  __STATIC_CONTENT: KVNamespace
}

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url)
    try {
      return await getAssetFromKV(
        { request, waitUntil: (promise: Promise<unknown>) => ctx.waitUntil(promise) },
        {
          ASSET_NAMESPACE: env.__STATIC_CONTENT,
          ASSET_MANIFEST: manifest,
          mapRequestToAsset: url.hostname.startsWith('app.') ? serveSinglePageApp : undefined,
          cacheControl: { bypassCache: true, browserTTL: url.pathname.endsWith('.css') ? 31536000 : 0 },
        },
      )
    } catch (error) {
      if (error instanceof NotFoundError) return new Response('no such page', { status: 404 })
      if (error instanceof MethodNotAllowedError) return new Response('only GET', { status: 405 })
      throw error
    }
  },
} satisfies ExportedHandler<Env>
