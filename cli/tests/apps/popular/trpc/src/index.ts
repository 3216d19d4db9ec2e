import { createTRPCClient, httpBatchStreamLink } from '@trpc/client'
import { initTRPC, TRPCError } from '@trpc/server'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { z } from 'zod'

const t = initTRPC.context<{ user: string | null }>().create({ isDev: false })
const signedIn = t.procedure.use(({ ctx, next }) => {
  if (!ctx.user) throw new TRPCError({ code: 'UNAUTHORIZED', message: 'who are you?' })
  return next({ ctx: { user: ctx.user } })
})

const router = t.router({
  greet: t.procedure.input(z.object({ name: z.string().min(2) })).query(({ input }) => ({ text: `Hello, ${input.name}!` })),
  me: signedIn.query(({ ctx }) => ctx.user),
  add: signedIn.input(z.object({ text: z.string() })).mutation(({ input, ctx }) => ({ by: ctx.user, ...input })),
  count: t.procedure.input(z.number()).subscription(async function* ({ input }) {
    for (let n = 0; n < input; n++) yield n
  }),
  later: t.procedure.query(async () => {
    await scheduler.wait(5)
    return 'later'
  }),
})

const handle = (req: Request) => fetchRequestHandler({
  endpoint: '/trpc',
  req,
  router,
  createContext: ({ req }) => ({ user: req.headers.get('x-user') }),
  // A stack names files.
  onError: () => {},
})

export default {
  async fetch(request) {
    const { pathname, origin } = new URL(request.url)
    if (pathname.startsWith('/trpc/')) return handle(request)
    const client = createTRPCClient<typeof router>({
      links: [httpBatchStreamLink({ url: `${origin}/trpc`, headers: { 'x-user': 'ada' }, fetch: (input, init) => handle(new Request(input, init as RequestInit)) })],
    })
    const [greeting, me, later] = await Promise.all([client.greet.query({ name: 'Ada' }), client.me.query(), client.later.query()])
    return Response.json({ greeting, me, later })
  },
} satisfies ExportedHandler
