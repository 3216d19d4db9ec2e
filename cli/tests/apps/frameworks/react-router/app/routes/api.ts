import type { ActionFunctionArgs, LoaderFunctionArgs } from 'react-router'

export const loader = ({ request }: LoaderFunctionArgs) => Response.json({ q: new URL(request.url).searchParams.get('q') })
export const action = async ({ request }: ActionFunctionArgs) => Response.json(await request.json(), { status: 201 })
