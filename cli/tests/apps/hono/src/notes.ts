import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { jwt } from 'hono/jwt'
import { validator } from 'hono/validator'

import type { Env } from './env'

type Note = { text: string; tags: string[] }

export const notes = new Hono<Env>()

notes.use((c, next) => jwt({ secret: c.env.JWT_SECRET, alg: 'HS256' })(c, next))

const key = (owner: string, id: string) => `${owner}/${id}`

notes.get('/', async (c) => {
  const { sub } = c.get('jwtPayload')
  const { keys } = await c.env.NOTES.list({ prefix: `${sub}/` })
  return c.json({ owner: sub, notes: keys.map(({ name }) => name.slice(sub.length + 1)) })
})

notes.get('/:id{[a-z0-9-]+}', async (c) => {
  const note = await c.env.NOTES.get<Note>(key(c.get('jwtPayload').sub, c.req.param('id')), 'json')
  return note ? c.json(note) : c.notFound()
})

notes.put(
  '/:id{[a-z0-9-]+}',
  bodyLimit({ maxSize: 256, onError: (c) => c.text('too long', 413) }),
  validator('json', (value, c) => {
    if (typeof value?.text !== 'string') return c.json({ error: 'text is missing' }, 400)
    return { text: value.text, tags: value.tags ?? [] } satisfies Note
  }),
  async (c) => {
    const note = c.req.valid('json')
    await c.env.NOTES.put(key(c.get('jwtPayload').sub, c.req.param('id')), JSON.stringify(note))
    return c.body(null, 204)
  },
)

notes.delete('/:id{[a-z0-9-]+}', async (c) => {
  await c.env.NOTES.delete(key(c.get('jwtPayload').sub, c.req.param('id')))
  return c.body(null, 204)
})
