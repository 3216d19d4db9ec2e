import { Client, cacheExchange, fetchExchange, gql as urqlGql } from '@urql/core'
import { ClientError, gql, GraphQLClient } from 'graphql-request'

const QUERY = 'query Book($id: ID!) { book(id: $id) { id title operationName } }'

export default {
  async fetch(request) {
    const upstream = `${request.headers.get('x-upstream')}/graphql`
    const { pathname } = new URL(request.url)
    if (pathname === '/urql') {
      const client = new Client({ url: upstream, preferGetMethod: false, fetchOptions: () => ({ headers: { 'x-reader': 'urql' } }), exchanges: [cacheExchange, fetchExchange] })
      const first = await client.query(urqlGql(QUERY), { id: '1' }).toPromise()
      const again = await client.query(urqlGql(QUERY), { id: '1' }, { requestPolicy: 'cache-only' }).toPromise()
      const failed = await client.query(urqlGql`{ missing }`, {}).toPromise()
      return Response.json({ first: first.data, cached: again.data, stale: again.stale, error: failed.error?.message })
    }
    const client = new GraphQLClient(upstream, { headers: { 'x-reader': 'Ada' } })
    try {
      const book = await client.request(gql`${QUERY}`, { id: '7' })
      const other = await client.rawRequest('{ book { title } }', {}, { 'x-reader': 'Bob' })
      const failed = await client.request('{ missing }').catch((error) => error instanceof ClientError && error.response.errors)
      return Response.json({ book, other: other.data, status: other.status, failed })
    } catch (error) {
      return new Response(String(error), { status: 502 })
    }
  },
} satisfies ExportedHandler
