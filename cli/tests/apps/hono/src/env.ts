import type { JwtVariables } from 'hono/jwt'

export type Env = {
  Bindings: {
    JWT_SECRET: string
    ORIGINS: string[]
    NOTES: KVNamespace
  }
  Variables: JwtVariables<{ sub: string }>
}
