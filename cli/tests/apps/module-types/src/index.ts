import font from './data/font.bin'
import numbers from './data/numbers.dat'
import page from './pages/page.html'
import notes from './pages/notes.txt'
import readme from './pages/readme.md'
import tables from './data/tables.sql'
import schema from './data/schema.graphql'
import config, { title } from './data/config.json'
import { area, Shape } from './shapes'
import './globals'

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    switch (url.pathname) {
      case '/html':
        return new Response(page.replace('{{title}}', title), { headers: { 'content-type': 'text/html' } })
      case '/text':
        return Response.json([notes, readme, tables, schema])
      case '/bin':
        return Response.json({ isArrayBuffer: font instanceof ArrayBuffer, bytes: [...new Uint8Array(font)] })
      case '/dat':
        return Response.json([...new Float32Array(numbers)])
      case '/json':
        return Response.json(config)
      case '/enum':
        return Response.json({ area: area(Shape.Square, 3), name: Shape[Shape.Circle] })
      case '/late': {
        const { late, counter } = await import('./late')
        const again = await import('./late')
        return Response.json({ late: late(), same: again.counter === counter, counter: counter.next() })
      }
      case '/chosen': {
        const pages = { de: () => import('./languages/de'), fr: () => import('./languages/fr') }
        const language = pages[url.searchParams.get('language') as keyof typeof pages]
        return language ? new Response((await language()).default) : new Response('unknown', { status: 404 })
      }
      case '/global':
        await import('./late')
        return Response.json((globalThis as any).registered)
    }
    return new Response('not found', { status: 404 })
  },
}
