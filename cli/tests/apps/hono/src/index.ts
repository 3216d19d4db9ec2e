import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { etag } from 'hono/etag'
import { HTTPException } from 'hono/http-exception'
import { logger } from 'hono/logger'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'

import { notes } from '~/notes'
import { session } from '~/session'
import { streams } from '~/streams'
import { Page } from '~/page'
import type { Env } from '~/env'

const app = new Hono<Env>()

app.use(logger())
app.use(requestId())
app.use('/api/*', (c, next) => cors({
  origin: c.env.ORIGINS,
  allowMethods: ['GET', 'PUT', 'DELETE'],
  maxAge: 600,
  credentials: true,
})(c, next))
app.use('/page/*', secureHeaders(), etag())

app.get('/', (c) => c.text('notes'))
app.get('/page/:name', (c) => c.html(Page({ name: c.req.param('name') })))
app.get('/teapot', () => {
  throw new HTTPException(418, { message: 'short and stout' })
})
app.get('/broken', () => {
  throw new Error('on purpose')
})

app.route('/session', session)
app.route('/api/notes', notes)
app.route('/stream', streams)

app.notFound((c) => c.json({ error: 'not found', path: c.req.path }, 404))
app.onError((error, c) => {
  if (error instanceof HTTPException) return error.getResponse()
  return c.json({ error: error.message, name: error.name }, 500)
})

export default app
