import { Suspense } from 'react'
import { Await, useLoaderData } from 'react-router'

export const loader = () => ({ later: new Promise<string>((resolve) => setTimeout(() => resolve('here it is'), 20)) })

export default function Later() {
  const { later } = useLoaderData<typeof loader>()
  return <Suspense fallback={<p>wait</p>}><Await resolve={later}>{(text) => <p>{text}</p>}</Await></Suspense>
}
