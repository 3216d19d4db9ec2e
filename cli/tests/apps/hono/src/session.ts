import { Hono } from 'hono'
import { basicAuth } from 'hono/basic-auth'
import { getSignedCookie, setSignedCookie } from 'hono/cookie'
import { sign } from 'hono/jwt'

import type { Env } from './env'

export const session = new Hono<Env>()

session.post('/', basicAuth({ username: 'ada', password: 'lovelace' }), async (c) => {
  const token = await sign({ sub: 'ada', exp: 4102444800 }, c.env.JWT_SECRET, 'HS256')
  await setSignedCookie(c, 'user', 'ada', c.env.JWT_SECRET, { httpOnly: true, path: '/' })
  return c.json({ token })
})

session.get('/', async (c) => {
  const user = await getSignedCookie(c, c.env.JWT_SECRET, 'user')
  return c.json({ user: user ?? null })
})
