import { defineMiddleware } from 'astro:middleware'

export const onRequest = defineMiddleware(async (context, next) => {
  context.locals.began = true
  const response = await next()
  response.headers.set('x-path', context.url.pathname)
  return response
})
