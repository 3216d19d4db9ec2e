import { Link, useLoaderData } from 'react-router'

export const meta = () => [{ title: 'Notes' }]
export const headers = () => ({ 'cache-control': 'max-age=60' })
export const loader = () => ({ notes: [{ id: 1, text: 'one' }, { id: 2, text: 'zwei <ü>' }] })

export default function Home() {
  const { notes } = useLoaderData<typeof loader>()
  return <ul>{notes.map(({ id, text }) => <li key={id}><Link to={`/notes/${id}`}>{text}</Link></li>)}</ul>
}
