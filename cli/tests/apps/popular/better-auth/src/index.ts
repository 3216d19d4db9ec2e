import { betterAuth } from 'better-auth'
import { memoryAdapter } from '@better-auth/memory-adapter'
import { bearer } from 'better-auth/plugins/bearer'
import { username } from 'better-auth/plugins/username'

interface Env {
  BETTER_AUTH_SECRET: string
  BETTER_AUTH_URL: string
  TABLES: KVNamespace
}

type Tables = Parameters<typeof memoryAdapter>[0]

const EMPTY: Tables = { user: [], session: [], account: [], verification: [] }

// All in one value: enough for one client at a time, in whichever isolate it is answered.
async function load(kv: KVNamespace): Promise<Tables> {
  const text = await kv.get('tables')
  const isDate = /^\d{4}-\d\d-\d\dT.*Z$/
  return text ? JSON.parse(text, (_, value) => (typeof value === 'string' && isDate.test(value) ? new Date(value) : value)) : structuredClone(EMPTY)
}

const auth = (env: Env, tables: Tables) => betterAuth({
  secret: env.BETTER_AUTH_SECRET,
  baseURL: env.BETTER_AUTH_URL,
  database: memoryAdapter(tables),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  plugins: [username(), bearer()],
  telemetry: { enabled: false },
})

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    const tables = await load(env.TABLES)
    if (pathname.startsWith('/api/auth/')) {
      const response = await auth(env, tables).handler(request)
      await env.TABLES.put('tables', JSON.stringify(tables))
      return response
    }
    if (pathname === '/me') {
      const session = await auth(env, tables).api.getSession({ headers: request.headers })
      return session ? Response.json({ email: session.user.email, name: session.user.name }) : new Response('who?', { status: 401 })
    }
    return new Response('not found', { status: 404 })
  },
} satisfies ExportedHandler<Env>
