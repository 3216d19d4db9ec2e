export default defineEventHandler(async (event) => ({ kept: await event.context.cloudflare?.env.NOTES.get(getRouterParam(event, 'id')) ?? null }))
