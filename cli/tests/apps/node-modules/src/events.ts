import EventEmitter, { once, on, EventEmitter as Named } from 'node:events'
import { setTimeout as later, setImmediate as immediately } from 'node:timers/promises'
import { channel } from 'node:diagnostics_channel'
import { AsyncLocalStorage } from 'node:async_hooks'

class Counter extends EventEmitter {
  count = 0
  add() {
    this.emit('added', ++this.count)
  }
}

export async function events() {
  const order: string[] = []
  const counter = new Counter()
  counter.on('added', (n) => order.push(`on ${n}`))
  counter.prependOnceListener('added', (n) => order.push(`once ${n}`))
  counter.add()
  counter.add()

  const waiting = once(counter, 'added')
  queueMicrotask(() => counter.add())
  const [third] = await waiting

  const numbers: number[] = []
  const many = on(counter, 'added')
  counter.add()
  counter.add()
  for await (const [n] of many) if (numbers.push(n) === 2) break

  let thrown = ''
  try {
    new EventEmitter().emit('error', new Error('nobody listens'))
  } catch (error) {
    thrown = (error as Error).message
  }

  process.nextTick(() => order.push('tick'))
  await immediately()
  setImmediate((what: string) => order.push(what), 'immediate')
  const value = await later(1, 'value')

  const heard: unknown[] = []
  const news = channel('news')
  news.subscribe((message) => heard.push(message))
  news.publish('hello')

  const storage = new AsyncLocalStorage<string>()
  const stored = await storage.run('context', async () => {
    const emitter = new EventEmitter()
    const seen = once(emitter, 'ready')
    setTimeout(() => emitter.emit('ready', storage.getStore()), 1)
    return (await seen)[0]
  })

  return {
    order, third, numbers, thrown, value, heard, stored,
    same: Named === EventEmitter,
    listeners: counter.listenerCount('added'),
    names: counter.eventNames(),
  }
}
