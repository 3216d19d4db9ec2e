import { graphql, printSchema, GraphQLSchema } from 'graphql'
import { query, mutation } from './schema'

export interface Env {
  CITIES: KVNamespace
}

const schema = new GraphQLSchema({ query, mutation })

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (request.method === 'GET') return new Response(printSchema(schema))
    const { query, variables, operationName } = await request.json<{
      query: string
      variables?: Record<string, unknown>
      operationName?: string
    }>()
    const result = await graphql({
      schema,
      source: query,
      variableValues: variables,
      operationName,
      contextValue: env,
    })
    return Response.json(result, { status: result.data ? 200 : 400 })
  },
}
