import { render } from '@react-email/render'
import { Resend } from 'resend'

const Welcome = ({ name, links }: { name: string; links: string[] }) => (
  <html lang="en">
    <body style={{ fontFamily: 'sans-serif', color: '#123' }}>
      <h1>Grüezi {name}</h1>
      <p>Please <a href="https://example.com/confirm?a=1&b=2">confirm</a>.</p>
      <ul>{links.map((it) => <li key={it}>{it}</li>)}</ul>
    </body>
  </html>
)

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const mail = <Welcome name={url.searchParams.get('name') ?? 'you'} links={['one', 'two']} />
    if (url.pathname === '/text') return new Response(await render(mail, { plainText: true }))
    if (url.pathname === '/html') return new Response(await render(mail), { headers: { 'content-type': 'text/html; charset=utf-8' } })
    const resend = new Resend('re_test', { baseUrl: request.headers.get('x-upstream')! })
    const { data, error } = await resend.emails.send({ from: 'a@example.com', to: ['b@example.com'], subject: 'Grüezi', html: await render(mail), tags: [{ name: 'kind', value: 'welcome' }] })
    return Response.json({ data, error })
  },
} satisfies ExportedHandler
