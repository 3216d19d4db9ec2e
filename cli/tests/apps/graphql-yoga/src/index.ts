import { createSchema, createYoga } from 'graphql-yoga'
import { GraphQLError } from 'graphql'

interface Env {}
type Context = Env & ExecutionContext

const books = [
  { id: '1', title: 'Notes on the Analytical Engine', year: 1843, author: 'ada' },
  { id: '2', title: 'The Education of a Computer', year: 1952, author: 'grace' },
]
const authors: Record<string, { id: string; name: string }> = {
  ada: { id: 'ada', name: 'Ada Lovelace' },
  grace: { id: 'grace', name: 'Grace Hopper' },
}

const schema = createSchema<Context>({
  typeDefs: /* GraphQL */ `
    type Author { id: ID!, name: String!, books: [Book!]! }
    type Book { id: ID!, title: String!, year: Int, author: Author! }
    type Query { books(since: Int): [Book!]!, book(id: ID!): Book, agent: String }
    type Mutation { addBook(title: String!, author: ID!): Book! }
    type Subscription { countdown(from: Int!): Int! }
  `,
  resolvers: {
    Query: {
      books: (_, { since = 0 }) => books.filter((it) => it.year >= since),
      book: (_, { id }) => books.find((it) => it.id === id),
      agent: (_, __, context) => context.request.headers.get('x-agent'),
    },
    Mutation: {
      addBook(_, { title, author }) {
        if (!authors[author]) {
          throw new GraphQLError('no such author', { extensions: { code: 'NOT_FOUND', http: { status: 404 } } })
        }
        return { id: '3', title, year: null, author }
      },
    },
    Subscription: {
      countdown: {
        async *subscribe(_, { from }) {
          for (let n = from; n >= 0; n--) {
            await new Promise((resolve) => setTimeout(resolve, 50))
            yield { countdown: n }
          }
        },
      },
    },
    Book: { author: (book) => authors[book.author] },
    Author: { books: (author) => books.filter((it) => it.author === author.id) },
  },
})

const yoga = createYoga<Context>({ schema, graphqlEndpoint: '/graphql', landingPage: false })

export default {
  fetch: (request, env, ctx) => yoga.fetch(request, { ...env, ...ctx } as Context),
} satisfies ExportedHandler<Env>
