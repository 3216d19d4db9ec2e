import { Cause, Context, Data, Effect, Exit, Layer, Schedule, Schema, Stream } from 'effect'

class NotFound extends Data.TaggedError('NotFound')<{ id: string }> {}

class Notes extends Context.Service<Notes, { readonly get: (id: string) => Effect.Effect<string, NotFound> }>()('Notes') {
  static readonly layer = Layer.succeed(this, this.of({ get: (id) => (id === '1' ? Effect.succeed('a note') : Effect.fail(new NotFound({ id }))) }))
}

const Person = Schema.Struct({ name: Schema.NonEmptyString, age: Schema.Number })

const read = (id: string) => Effect.gen(function* () {
  const notes = yield* Notes
  return yield* notes.get(id)
}).pipe(Effect.catchTag('NotFound', ({ id }) => Effect.succeed(`no ${id}`)), Effect.provide(Notes.layer))

export default {
  async fetch(request) {
    const url = new URL(request.url)
    if (url.pathname === '/decode') {
      const exit = await Effect.runPromiseExit(Schema.decodeUnknownEffect(Person)(await request.json()))
      return Exit.isSuccess(exit) ? Response.json(exit.value) : Response.json({ error: Cause.pretty(exit.cause).split('\n')[0] }, { status: 400 })
    }
    let tries = 0
    const flaky = Effect.suspend(() => (++tries < 3 ? Effect.fail('not yet') : Effect.succeed(`after ${tries}`)))
    const program = Effect.all({
      one: read('1'),
      other: read('2'),
      retried: flaky.pipe(Effect.retry(Schedule.recurs(5))),
      slept: Effect.sleep('5 millis').pipe(Effect.as('slept')),
      timedOut: Effect.never.pipe(Effect.timeout('5 millis'), Effect.catch((error) => Effect.succeed(error._tag))),
      many: Effect.forEach([1, 2, 3, 4], (n) => Effect.promise(async () => n * n), { concurrency: 2 }),
      stream: Stream.range(1, 10).pipe(Stream.filter((n) => n % 2 === 0), Stream.map((n) => n * 10), Stream.runCollect),
    }, { concurrency: 'unbounded' })
    return Response.json(await Effect.runPromise(program))
  },
} satisfies ExportedHandler
