import { DurableObject } from 'cloudflare:workers'
import { drizzle } from 'drizzle-orm/d1'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

interface Env {
  DB: D1Database
  FILES: R2Bucket
  COUNTERS: DurableObjectNamespace<Counter>
  LIMITER: RateLimit
}

const notes = sqliteTable('notes', { id: integer('id').primaryKey(), text: text('text').notNull() })

export class Counter extends DurableObject {
  async add(n: number) {
    const count = ((await this.ctx.storage.get<number>('count')) ?? 0) + n
    await this.ctx.storage.put('count', count)
    return count
  }
}

const routes: Record<string, (request: Request, env: Env, ctx: ExecutionContext) => Promise<Response>> = {
  async '/d1'(_, env) {
    await env.DB.exec('create table if not exists notes (id integer primary key, text text not null)')
    const db = drizzle(env.DB)
    await db.insert(notes).values([{ text: 'one' }, { text: 'zwei ü' }])
    return Response.json((await db.select({ text: notes.text }).from(notes).limit(2)))
  },
  async '/r2'(_, env) {
    await env.FILES.put('a/ü.txt', 'grüezi', { customMetadata: { by: 'ada' } })
    const object = await env.FILES.get('a/ü.txt')
    const { objects } = await env.FILES.list({ prefix: 'a/' })
    return Response.json({ text: await object?.text(), by: object?.customMetadata?.by, keys: objects.map(({ key }) => key) })
  },
  async '/durable-object'(_, env) {
    const counter = env.COUNTERS.get(env.COUNTERS.idFromName(crypto.randomUUID()))
    return Response.json([await counter.add(1), await counter.add(41)])
  },
  async '/web-socket'() {
    const { 0: client, 1: server } = new WebSocketPair()
    server.accept()
    client.accept()
    server.addEventListener('message', ({ data }) => server.send(`echo ${data}`))
    const echoed = new Promise((resolve) => client.addEventListener('message', ({ data }) => resolve(data)))
    client.send('grüezi')
    return Response.json(await echoed)
  },
  async '/html-rewriter'() {
    const page = new Response('<p>old</p><a href="/x">link</a>', { headers: { 'content-type': 'text/html' } })
    return new HTMLRewriter()
      .on('p', { element: (it) => void it.setInnerContent('new <b>', { html: false }).setAttribute('class', 'seen') })
      .on('a', { element: (it) => void it.replace('gone') })
      .transform(page)
  },
  async '/cache'(request) {
    const key = new URL(`/cached/${crypto.randomUUID()}`, request.url)
    await caches.default.put(key, new Response('kept', { headers: { 'cache-control': 'max-age=60' } }))
    const found = await caches.default.match(key)
    return Response.json({ found: await found?.text(), other: (await caches.default.match(new URL('/x', key))) ?? null })
  },
  async '/rate-limit'(_, env) {
    const key = crypto.randomUUID()
    const outcomes: boolean[] = []
    for (let n = 0; n < 3; n++) outcomes.push((await env.LIMITER.limit({ key })).success)
    return Response.json(outcomes)
  },
}

export default {
  async fetch(request, env, ctx) {
    const route = routes[new URL(request.url).pathname]
    return route ? route(request, env, ctx) : new Response('not found', { status: 404 })
  },
} satisfies ExportedHandler<Env>
