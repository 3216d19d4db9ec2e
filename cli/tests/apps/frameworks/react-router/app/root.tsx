import { isRouteErrorResponse, Links, Meta, Outlet } from 'react-router'

export function Layout({ children }: { children: React.ReactNode }) {
  return (
    <html lang="en">
      <head><Meta /><Links /></head>
      <body>{children}</body>
    </html>
  )
}

export default function App() {
  return <Outlet />
}

export function ErrorBoundary({ error }: { error: unknown }) {
  return isRouteErrorResponse(error) ? <h1>{error.status}: {String(error.data)}</h1> : <h1>something went wrong</h1>
}
