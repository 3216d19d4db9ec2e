import { Hono } from 'hono'
import { stream, streamSSE, streamText } from 'hono/streaming'

export const streams = new Hono()

streams.get('/bytes', (c) =>
  stream(c, async (out) => {
    c.header('content-type', 'application/octet-stream')
    for (let n = 0; n < 3; n++) {
      await out.write(new Uint8Array([n, n, n]))
      await out.sleep(100)
    }
  }))

streams.get('/text', (c) =>
  streamText(c, async (out) => {
    for (const word of ['one', 'two', 'three']) {
      await out.writeln(word)
      await out.sleep(100)
    }
  }))

streams.get('/pipe', (c) =>
  stream(c, async (out) => {
    const source = new Response('through a pipe').body!
    await out.pipe(source.pipeThrough(new CompressionStream('gzip')).pipeThrough(new DecompressionStream('gzip')))
  }))

streams.get('/events', (c) =>
  streamSSE(c, async (out) => {
    for (let id = 0; id < 3; id++) {
      await out.writeSSE({ id: String(id), event: 'tick', data: JSON.stringify({ id }) })
      await out.sleep(100)
    }
  }))
