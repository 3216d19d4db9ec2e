import { error, fail, redirect } from '@sveltejs/kit'

export const csr = false
export async function load({ params, platform }) {
  if (params.id === '9') error(404, 'no such note')
  return { id: params.id, kept: await platform?.env?.NOTES?.get(params.id) }
}

export const actions = {
  default: async ({ request, params, platform, cookies }) => {
    const text = (await request.formData()).get('text')
    if (!text) return fail(400, { missing: true })
    await platform.env.NOTES.put(params.id, text)
    cookies.set('user', 'ada', { path: '/', secure: false })
    redirect(303, `/notes/${params.id}`)
  },
}
