import * as Sentry from '@sentry/cloudflare'

interface Env {
  RELEASE: string
}

// The DSN is the one of the request that comes first: a program has it in its variables.
let dsn: string | undefined

const app = {
  async fetch(request: Request) {
    const url = new URL(request.url)
    if (url.pathname === '/sent') {
      const sent: string[] = await (await fetch(`${request.headers.get('x-upstream')}/recorded/envelopes?errors=2`)).json()
      const items = sent.map((envelope) => envelope.split('\n').filter(Boolean).map((line) => JSON.parse(line)))
      const errors = items.filter(([, head]) => head.type === 'event').map(([, , event]) => event)
      // As they happened: each is sent after its answer, so that they may overtake one another.
      errors.sort((a, b) => a.timestamp - b.timestamp)
      return Response.json(errors.map((it) => ({
        release: it.release,
        platform: it.platform,
        message: it.message ?? null,
        exception: it.exception?.values.map(({ type, value, mechanism }: any) => ({ type, value, handled: mechanism?.handled })) ?? null,
        tags: it.tags ?? null,
        breadcrumbs: it.breadcrumbs?.map((crumb: any) => crumb.message ?? crumb.category) ?? null,
        path: it.request?.url && new URL(it.request.url).pathname,
        user: it.user ?? null,
      })))
    }
    Sentry.setTag('path', url.pathname)
    Sentry.setUser({ id: '7' })
    if (url.pathname === '/broken') throw new TypeError('on purpose')
    if (url.pathname === '/caught') {
      Sentry.addBreadcrumb({ message: 'before it went wrong' })
      const id = Sentry.captureException(new RangeError('too far'))
      return Response.json({ id })
    }
    const traced = await Sentry.startSpan({ name: 'work', op: 'function' }, async (span) => span.spanContext().traceId)
    return Response.json({ traced })
  },
}

export default {
  fetch(request: Request, env: Env, ctx: ExecutionContext) {
    dsn ??= request.headers.get('x-upstream')?.replace('//', '//key@').concat('/1')
    if (!dsn) return app.fetch(request)
    return Sentry.withSentry(() => ({ dsn, release: env.RELEASE, tracesSampleRate: 1 }), { ...app }).fetch!(request as any, env, ctx)
  },
}
