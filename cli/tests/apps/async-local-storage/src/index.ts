import { bind, deeper, id, lines, log, outside, snapshot, trace } from './trace'

interface Env {
  KV: KVNamespace
}

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds))

async function nested(env: Env, key: string) {
  log('begin')
  await deeper(async () => {
    await wait(Math.random() * 10)
    log('after a timer')
    await deeper(async () => {
      await env.KV.put(key, id())
      log(`KV has ${await env.KV.get(key)}`)
    })
    queueMicrotask(() => log('in a microtask'))
    const branches = await Promise.all([1, 2].map(async (n) => {
      await wait(5 * n)
      return `branch ${n} of ${id()}`
    }))
    branches.forEach(log)
  })
  log('end')
}

async function edges(): Promise<Record<string, string>> {
  const bound = bind(() => id())
  const restore = snapshot()
  const thenable = { then: (resolve: (id: string) => void) => resolve(id()) }
  const stream = new ReadableStream<string>({
    async pull(controller) {
      await wait(1)
      controller.enqueue(id())
      controller.close()
    },
  })
  const target = new EventTarget()
  const heard = new Promise<string>((resolve) => target.addEventListener('ping', () => resolve(id()), { once: true }))
  target.dispatchEvent(new Event('ping'))
  return {
    bound: outside(() => bound()),
    restored: outside(() => restore(() => id())),
    outside: outside(() => id()),
    inner: trace('inner', () => id()),
    after: id(),
    thenable: await thenable,
    thrown: await Promise.reject(new Error()).catch(() => id()),
    streamed: (await stream.getReader().read()).value ?? 'nothing',
    heard: await heard,
    generated: await (async function* () { await wait(1); yield id() })().next().then(({ value }) => value ?? 'nothing'),
  }
}

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext) {
    const url = new URL(request.url)
    const name = request.headers.get('x-request-id') ?? 'unnamed'
    return trace(name, async () => {
      switch (url.pathname) {
        case '/nested':
          await nested(env, `last of ${name}`)
          return Response.json(lines())
        case '/edges':
          return Response.json(await edges())
        case '/later':
          ctx.waitUntil(wait(5).then(() => env.KV.put(`later of ${name}`, id())))
          return new Response('accepted', { status: 202 })
        case '/seen':
          for (let n = 0; n < 200; n++) {
            const seen = await env.KV.get(`later of ${name}`)
            if (seen) return new Response(seen)
            await wait(10)
          }
          return new Response('never', { status: 504 })
        default:
          return new Response(id())
      }
    })
  },
}
