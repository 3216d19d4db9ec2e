import { render } from 'preact-render-to-string'
import { renderToReadableStream } from 'preact-render-to-string/stream'
import { App } from './app'
import { Shop, type ShopData } from './shop'

interface Env {
  SHOP: ShopData
  VISITS: KVNamespace
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url)
    const app = (
      <Shop.Provider value={env.SHOP}>
        <App path={url.pathname} />
      </Shop.Provider>
    )
    if (url.searchParams.has('stream')) {
      return new Response(renderToReadableStream(app), { headers: { 'content-type': 'text/html' } })
    }
    const visits = Number(await env.VISITS.get('count')) + 1
    await env.VISITS.put('count', String(visits))
    const html = `<!doctype html>${render(app)}<!-- visit ${visits} -->`
    return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } })
  },
} satisfies ExportedHandler<Env>
