import { Component, Suspense, createContext, memo, use, useContext, useId, useMemo, type ReactNode } from 'react'

const Theme = createContext('light')

const load = async (what: string, milliseconds: number) => {
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  return [`${what} one`, `${what} two`]
}

function List({ items }: { items: Promise<string[]> }) {
  return (
    <ul>
      {use(items).map((item) => <li key={item}>{item}</li>)}
    </ul>
  )
}

const Badge = memo(function Badge({ children }: { children: ReactNode }) {
  const theme = useContext(Theme)
  const id = useId()
  const label = useMemo(() => theme.toUpperCase(), [theme])
  return <span id={id} className={`badge ${theme}`} data-label={label}>{children}</span>
})

class Header extends Component<{ title: string }> {
  render() {
    return <header><h1>{this.props.title}</h1></header>
  }
}

export const Greeting = ({ name }: { name: string }) => <p>Hello, {name}!</p>

function Broken(): ReactNode {
  throw new Error('on purpose')
}

async function Later({ text }: { text: string }) {
  await new Promise((resolve) => setTimeout(resolve, 5))
  return <em>{text}</em>
}

export function App({ broken }: { broken: boolean }) {
  return (
    <html lang="en">
      <head>
        <title>Storefront</title>
      </head>
      <body>
        <Theme value="dark">
          <Header title="Storefront" />
          <Badge>new &amp; shiny</Badge>
          <Suspense fallback={<p>loading teas</p>}>
            <List items={load('tea', 100)} />
          </Suspense>
          <Suspense fallback={<p>loading more</p>}>
            {broken ? <Broken /> : <Later text="later" />}
          </Suspense>
        </Theme>
      </body>
    </html>
  )
}
