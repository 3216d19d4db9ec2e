import {
  GraphQLEnumType,
  GraphQLFloat,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLString,
  Kind,
} from 'graphql'
import type { Env } from './index'

type City = { name: string; population: number; founded: string; size: string }

const Day = new GraphQLScalarType<Date, string>({
  name: 'Day',
  serialize: (value) => (value as Date).toISOString().slice(0, 10),
  parseValue: (value) => new Date(value as string),
  parseLiteral: (node) => (node.kind === Kind.STRING ? new Date(node.value) : new Date(NaN)),
})

const Size = new GraphQLEnumType({ name: 'Size', values: { SMALL: { value: 'small' }, LARGE: { value: 'large' } } })

const CityType: GraphQLObjectType<City, Env> = new GraphQLObjectType<City, Env>({
  name: 'City',
  fields: () => ({
    name: { type: new GraphQLNonNull(GraphQLString) },
    population: { type: GraphQLInt },
    size: { type: Size },
    founded: { type: Day, resolve: (city) => new Date(city.founded) },
    share: {
      type: GraphQLFloat,
      async resolve(city, _, env) {
        const all = await Promise.all((await env.CITIES.list()).keys.map(({ name }) => env.CITIES.get<City>(name, 'json')))
        return city.population / all.reduce((sum, it) => sum + it!.population, 0)
      },
    },
  }),
})

const CityInput = new GraphQLInputObjectType({
  name: 'CityInput',
  fields: {
    name: { type: new GraphQLNonNull(GraphQLString) },
    population: { type: new GraphQLNonNull(GraphQLInt) },
    founded: { type: new GraphQLNonNull(Day) },
    size: { type: Size, defaultValue: 'small' },
  },
})

export const query = new GraphQLObjectType<unknown, Env>({
  name: 'Query',
  fields: {
    city: {
      type: CityType,
      args: { name: { type: new GraphQLNonNull(GraphQLString) } },
      resolve: (_, { name }, env) => env.CITIES.get<City>(name, 'json'),
    },
    names: {
      type: new GraphQLList(GraphQLString),
      resolve: async (_, __, env) => (await env.CITIES.list()).keys.map(({ name }) => name),
    },
  },
})

export const mutation = new GraphQLObjectType<unknown, Env>({
  name: 'Mutation',
  fields: {
    add: {
      type: CityType,
      args: { city: { type: new GraphQLNonNull(CityInput) } },
      async resolve(_, { city }, env) {
        const value = { ...city, founded: city.founded.toISOString() }
        await env.CITIES.put(city.name, JSON.stringify(value))
        return value
      },
    },
  },
})
