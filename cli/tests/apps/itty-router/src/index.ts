import { AutoRouter, cors, error, json, StatusError, text, withContent, type IRequest } from 'itty-router'

interface Env {
  GREETING: string
  TODOS: KVNamespace
}

type Todo = { id: string; title: string; done: boolean }

const { preflight, corsify } = cors({ origin: 'https://todo.example.com', allowMethods: ['GET', 'POST'] })

const withUser = (request: IRequest) => {
  request.user = request.headers.get('x-user') ?? undefined
  if (!request.user) return error(401, 'who are you?')
}

const router = AutoRouter<IRequest, [Env, ExecutionContext]>({
  before: [preflight],
  finally: [(response: Response, request) => (request.headers.has('origin') ? corsify(response, request) : response)],
})

router
  .get('/', () => text('todos'))
  .get('/hello/:name?', ({ params: { name = 'world' } }, env) => ({ message: `${env.GREETING}, ${name}!` }))
  .get('/search', ({ query }) => query)
  .get('/files/:path+', ({ params }) => params)
  .get('/fail', () => {
    throw new StatusError(422, { error: 'unprocessable', fields: ['title'] })
  })
  .get('/bug', () => {
    throw new Error('unexpected')
  })
  .all('/todos/*', withUser)
  .get('/todos', withUser, async ({ user }, env) => {
    const { keys } = await env.TODOS.list({ prefix: `${user}:` })
    return Promise.all(keys.map(({ name }) => env.TODOS.get<Todo>(name, 'json')))
  })
  .post('/todos', withUser, withContent, async ({ user, content }, env, ctx) => {
    const todo: Todo = { id: content.id, title: content.title, done: false }
    ctx.waitUntil(env.TODOS.put(`${user}:count`, '1', { expirationTtl: 60 }).then(() => env.TODOS.delete(`${user}:count`)))
    await env.TODOS.put(`${user}:${todo.id}`, JSON.stringify(todo))
    return json(todo, { status: 201 })
  })
  .get('/todos/:id', async ({ user, params }, env) => {
    return (await env.TODOS.get<Todo>(`${user}:${params.id}`, 'json')) ?? error(404, 'no such todo')
  })

export default { ...router }
