import { ApolloServer, HeaderMap } from '@apollo/server'
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled'
import { GraphQLError } from 'graphql'

interface Context {
  user: string | null
}

const typeDefs = `#graphql
  type Book { id: ID!, title: String!, author: Author! }
  type Author { name: String!, books: [Book!]! }
  type Query { books(first: Int = 2): [Book!]!, book(id: ID!): Book, secret: String! }
  type Mutation { rename(id: ID!, title: String!): Book! }
`

const books = new Map([['1', 'Notes'], ['2', 'Sketch of the Engine'], ['3', 'Letters']])
const book = (id: string) => books.has(id) ? { id, title: books.get(id)! } : null

const server = new ApolloServer<Context>({
  typeDefs,
  resolvers: {
    Query: {
      books: (_, { first }) => [...books.keys()].slice(0, first).map(book),
      book: (_, { id }) => book(id),
      secret: (_, __, { user }) => {
        if (!user) throw new GraphQLError('who are you?', { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } })
        return `of ${user}`
      },
    },
    Mutation: { rename: (_, { id, title }) => ({ ...book(id), title }) },
    Book: { author: () => ({ name: 'Ada' }) },
    Author: { books: () => [...books.keys()].map(book) },
  },
  includeStacktraceInErrorResponses: false,
  introspection: true,
  plugins: [ApolloServerPluginLandingPageDisabled()],
})
server.startInBackgroundHandlingStartupErrorsByLoggingAndFailingAllRequests()

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const headers = new HeaderMap()
    for (const [name, value] of request.headers) headers.set(name, value)
    const isJson = request.headers.get('content-type')?.startsWith('application/json')
    const answer = await server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: request.method, headers, search: url.search, body: isJson ? await request.json() : await request.text() },
      context: async () => ({ user: request.headers.get('x-user') }),
    })
    const { body } = answer
    const whole = body.kind === 'complete' ? body.string : new ReadableStream({
      async start(controller) {
        for await (const chunk of body.asyncIterator) controller.enqueue(new TextEncoder().encode(chunk))
        controller.close()
      },
    })
    return new Response(whole, { status: answer.status ?? 200, headers: Object.fromEntries(answer.headers) })
  },
} satisfies ExportedHandler
