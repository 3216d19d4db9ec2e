import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'

const app = new OpenAPIHono({
  defaultHook: (result, c) => {
    if (!result.success) return c.json({ issues: result.error.issues.map(({ path, code }) => ({ path, code })) }, 422)
  },
})

const User = z.object({ id: z.string().openapi({ example: '7' }), name: z.string().min(2), age: z.coerce.number().int().optional() }).openapi('User')

app.openapi(
  createRoute({
    method: 'get',
    path: '/users/{id}',
    request: { params: z.object({ id: z.string().regex(/^\d+$/).openapi({ param: { name: 'id', in: 'path' } }) }), query: z.object({ age: z.coerce.number().int().positive().optional() }) },
    responses: { 200: { content: { 'application/json': { schema: User } }, description: 'The user' } },
  }),
  (c) => c.json({ id: c.req.valid('param').id, name: 'Ada', age: c.req.valid('query').age }, 200),
)

app.openapi(
  createRoute({
    method: 'post',
    path: '/users',
    request: { body: { required: true, content: { 'application/json': { schema: User } } } },
    responses: { 201: { content: { 'application/json': { schema: User } }, description: 'Made' } },
  }),
  (c) => c.json(c.req.valid('json'), 201),
)

app.doc31('/doc', { openapi: '3.1.0', info: { title: 'Users', version: '1' } })

export default app
