import type { FC, PropsWithChildren } from 'hono/jsx'

const Layout: FC<PropsWithChildren<{ title: string }>> = ({ title, children }) => (
  <html lang="en">
    <head>
      <title>{title}</title>
    </head>
    <body>{children}</body>
  </html>
)

export const Page: FC<{ name: string }> = ({ name }) => (
  <Layout title={`Notes of ${name}`}>
    <h1 class="title">{name}</h1>
    <ul>
      {[1, 2, 3].map((n) => (
        <li key={n} data-odd={n % 2 === 1}>{n}</li>
      ))}
    </ul>
  </Layout>
)
