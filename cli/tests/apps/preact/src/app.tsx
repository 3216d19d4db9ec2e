import { Fragment, type ComponentChildren } from 'preact'
import { useContext, useMemo, useState } from 'preact/hooks'
import { Shop } from './shop'

const prices: Record<string, number> = { tea: 3, coffee: 4.5 }

function Price({ of }: { of: string }) {
  const { currency } = useContext(Shop)
  const text = useMemo(
    () => new Intl.NumberFormat('en', { style: 'currency', currency }).format(prices[of]),
    [of, currency],
  )
  return <b class="price">{text}</b>
}

function Page({ children }: { children: ComponentChildren }) {
  const { name } = useContext(Shop)
  return (
    <main>
      <h1>{name}</h1>
      {children}
    </main>
  )
}

export function App({ path }: { path: string }) {
  const [selected] = useState(() => path.slice(1))
  return (
    <Page>
      {selected in prices ? (
        <p style={{ color: 'green', marginTop: 4 }}>{selected} costs <Price of={selected} /></p>
      ) : (
        <Fragment>
          {Object.keys(prices).map((it) => <a key={it} href={`/${it}`}>{it}</a>)}
          <div dangerouslySetInnerHTML={{ __html: '<i>raw</i>' }} />
        </Fragment>
      )}
    </Page>
  )
}
