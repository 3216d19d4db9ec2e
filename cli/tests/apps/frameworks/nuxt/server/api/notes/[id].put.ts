export default defineEventHandler(async (event) => {
  const { text } = await readBody(event)
  if (!text) throw createError({ statusCode: 400, statusMessage: 'text is missing' })
  await event.context.cloudflare.env.NOTES.put(getRouterParam(event, 'id'), text)
  setCookie(event, 'user', 'ada')
  setResponseStatus(event, 201)
  return { text }
})
