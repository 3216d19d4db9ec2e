import { Elysia, t } from 'elysia'
import { CloudflareAdapter } from 'elysia/adapter/cloudflare-worker'

const notes = new Elysia({ prefix: '/notes' })
  .get('/:id', ({ params: { id } }) => ({ id }), { params: t.Object({ id: t.Number() }) })
  .post('/', ({ body, set }) => {
    set.status = 201
    set.headers['x-length'] = String(body.text.length)
    return body
  }, { body: t.Object({ text: t.String({ minLength: 2 }), tags: t.Optional(t.Array(t.String())) }) })

export default new Elysia({ adapter: CloudflareAdapter })
  .onError(({ code, error, status }) => {
    if (code === 'VALIDATION') return status(422, { code, on: error.type })
    if (code === 'NOT_FOUND') return status(404, { code })
  })
  .get('/', () => 'Hello Elysia')
  .get('/query', ({ query }) => query)
  .get('/cookie', ({ cookie: { visits } }) => {
    visits.value = Number(visits.value ?? 0) + 1
    return `visit ${visits.value}`
  })
  .get('/headers', ({ headers }) => headers['x-who'] ?? 'nobody')
  .get('/stream', async function* () {
    for (const word of ['one', 'two', 'three']) {
      yield word
      await Promise.resolve()
    }
  })
  .get('/redirect', ({ redirect }) => redirect('https://example.com/elsewhere'))
  .get('/broken', () => {
    throw new Error('on purpose')
  })
  .derive(({ headers }) => ({ user: headers.authorization?.replace('Bearer ', '') }))
  .guard({ beforeHandle: ({ user, status }) => (user ? undefined : status(401, 'who?')) }, (app) => app.get('/me', ({ user }) => user))
  .use(notes)
  .compile()
