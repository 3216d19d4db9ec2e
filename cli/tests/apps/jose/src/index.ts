import * as jose from 'jose'

interface Env {
  ISSUER: string
  SHARED_SECRET: string
  KEYS: KVNamespace
}

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const

type Key = { alg: string; kid: string; privateJwk: jose.JWK; jwk: jose.JWK }

async function makeKey(alg: string): Promise<Key> {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true })
  const jwk = await jose.exportJWK(publicKey)
  const kid = await jose.calculateJwkThumbprint(jwk)
  return { alg, kid, privateJwk: await jose.exportJWK(privateKey), jwk: { ...jwk, alg, kid, use: 'sig' } }
}

// The keys are made with the first request. Isolates come and go, and there may be several.
async function ready(env: Env): Promise<Key[]> {
  const kept = await env.KEYS.get<Key[]>('keys', 'json')
  if (kept) return kept
  const keys = await Promise.all(ALGORITHMS.map(makeKey))
  await env.KEYS.put('keys', JSON.stringify(keys))
  return keys
}

async function keySet(env: Env): Promise<jose.JSONWebKeySet> {
  return { keys: (await ready(env)).map(({ jwk }) => jwk) }
}

async function sign(alg: string, env: Env, claims: jose.JWTPayload): Promise<string> {
  const token = new jose.SignJWT(claims).setIssuer(env.ISSUER).setAudience('api').setIssuedAt().setExpirationTime('2h')
  if (alg === 'HS256') {
    return token.setProtectedHeader({ alg }).sign(new TextEncoder().encode(env.SHARED_SECRET))
  }
  const key = (await ready(env)).find((it) => it.alg === alg)
  if (!key) throw new jose.errors.JOSENotSupported(`no key for ${alg}`)
  return token.setProtectedHeader({ alg, kid: key.kid }).sign(await jose.importJWK(key.privateJwk, alg))
}

async function verify(token: string, env: Env) {
  const options = { issuer: env.ISSUER, audience: 'api' }
  if (jose.decodeProtectedHeader(token).alg === 'HS256') {
    return jose.jwtVerify(token, new TextEncoder().encode(env.SHARED_SECRET), options)
  }
  return jose.jwtVerify(token, jose.createLocalJWKSet(await keySet(env)), options)
}

async function encrypt(text: string): Promise<{ token: string; text: string }> {
  const { publicKey, privateKey } = await jose.generateKeyPair('ECDH-ES+A256KW')
  const token = await new jose.CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM' })
    .encrypt(publicKey)
  const { plaintext } = await jose.compactDecrypt(token, privateKey)
  return { token, text: new TextDecoder().decode(plaintext) }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url)
    try {
      switch (url.pathname) {
        case '/.well-known/jwks.json':
          return Response.json(await keySet(env), { headers: { 'cache-control': 'max-age=60' } })
        case '/token': {
          const alg = url.searchParams.get('alg') ?? 'ES256'
          return Response.json({ token: await sign(alg, env, { sub: 'ada', scope: 'read write' }) })
        }
        case '/me': {
          const token = request.headers.get('authorization')?.replace(/^Bearer /, '') ?? ''
          const { payload, protectedHeader } = await verify(token, env)
          return Response.json({ sub: payload.sub, scope: payload.scope, alg: protectedHeader.alg })
        }
        case '/encrypt':
          return Response.json(await encrypt('attack at dawn'))
        default:
          return new Response('not found', { status: 404 })
      }
    } catch (error) {
      if (error instanceof jose.errors.JOSEError) {
        return Response.json({ code: error.code, message: error.message }, { status: 401 })
      }
      throw error
    }
  },
} satisfies ExportedHandler<Env>
