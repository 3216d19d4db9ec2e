import { renderToReadableStream, renderToString } from 'react-dom/server'
import { App, Greeting } from './App'

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const headers = { 'content-type': 'text/html; charset=utf-8' }
    if (url.pathname === '/string') {
      return new Response(renderToString(<Greeting name={url.searchParams.get('name') ?? 'world'} />), { headers })
    }
    if (url.pathname !== '/') return new Response('not found', { status: 404 })

    let status = 200
    const stream = await renderToReadableStream(<App broken={url.searchParams.has('broken')} />, {
      bootstrapModules: ['/client.js'],
      onError(error) {
        status = 500
        console.error(error)
      },
    })
    // A crawler wants all of it at once.
    if (request.headers.get('user-agent')?.includes('bot')) await stream.allReady
    return new Response(stream, { status, headers })
  },
}
