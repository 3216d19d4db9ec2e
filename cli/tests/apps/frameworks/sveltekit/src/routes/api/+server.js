import { json } from '@sveltejs/kit'

export const GET = ({ url }) => json({ q: url.searchParams.get('q') })
export const POST = async ({ request }) => json(await request.json(), { status: 201 })
