import type { APIRoute } from 'astro'

export const GET: APIRoute = ({ url }) => Response.json({ q: url.searchParams.get('q') })
export const POST: APIRoute = async ({ request }) => Response.json(await request.json(), { status: 201 })
