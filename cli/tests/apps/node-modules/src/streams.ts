import { PassThrough, Readable, Transform, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'

class Upper extends Transform {
  _transform(chunk: Buffer, _encoding: string, done: (error: Error | null, chunk: string) => void) {
    done(null, chunk.toString().toUpperCase())
  }
}

export async function streams(request: Request) {
  const collected: string[] = []
  await pipeline(
    Readable.from(['one ', 'two ', 'three']),
    new Upper(),
    async function* (source) {
      for await (const chunk of source) yield String(chunk).replaceAll(' ', '-')
    },
    new Writable({
      decodeStrings: false,
      write(chunk, _encoding, done) {
        collected.push(String(chunk))
        setTimeout(done, 1)
      },
    }),
  )

  const failure = await pipeline(
    new Readable({ read() { this.destroy(new Error('broken source')) } }),
    new PassThrough(),
  ).catch((error: Error) => error.message)

  const body = request.body ? await text(Readable.fromWeb(request.body as any).pipe(new Upper())) : ''
  const web = Readable.toWeb(Readable.from([Buffer.from('to '), Buffer.from('web')])) as unknown as ReadableStream
  const objects: number[] = []
  for await (const { n } of Readable.from([{ n: 1 }, { n: 2 }])) objects.push(n)

  return { collected: collected.join(''), failure, body, web: await new Response(web).text(), objects }
}
