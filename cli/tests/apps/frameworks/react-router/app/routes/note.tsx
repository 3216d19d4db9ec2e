import { data, Form, redirect, useActionData, useLoaderData, type ActionFunctionArgs, type LoaderFunctionArgs } from 'react-router'

import { platform } from '../platform'

export async function loader({ params, context }: LoaderFunctionArgs) {
  if (params.id === '9') throw data('no such note', { status: 404 })
  return { id: params.id, kept: await context.get(platform).env.NOTES.get(params.id!) }
}

export async function action({ request, params, context }: ActionFunctionArgs) {
  const text = (await request.formData()).get('text')
  if (typeof text !== 'string' || !text) return data({ missing: true }, { status: 400 })
  await context.get(platform).env.NOTES.put(params.id!, text)
  return redirect(`/notes/${params.id}`, { headers: { 'set-cookie': 'user=ada; Path=/' } })
}

export default function Note() {
  const { id, kept } = useLoaderData<typeof loader>()
  const answer = useActionData<typeof action>()
  return (
    <main>
      <h1>Note {id}</h1>
      <p>{kept ?? 'nothing yet'}</p>
      {answer?.missing && <p className="error">text is missing</p>}
      <Form method="post"><input name="text" /><button>Keep</button></Form>
    </main>
  )
}
