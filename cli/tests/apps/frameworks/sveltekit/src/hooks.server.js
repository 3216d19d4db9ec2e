export async function handle({ event, resolve }) {
  event.locals.user = event.cookies.get('user') ?? null
  const response = await resolve(event)
  response.headers.set('x-user', event.locals.user ?? 'nobody')
  return response
}
