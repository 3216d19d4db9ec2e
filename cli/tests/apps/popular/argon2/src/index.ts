import Argon2 from '@phi-ag/argon2'
import wasm from '@phi-ag/argon2/argon2.wasm'

let loaded: Argon2 | undefined

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const argon2 = loaded ??= new Argon2(await WebAssembly.instantiate(wasm))
    const password = await request.text()
    if (url.pathname === '/hash') {
      const salt = url.searchParams.get('salt')
      const { encoded } = argon2.hash(password, { memoryCost: 19456, timeCost: 2, ...(salt && { salt: new TextEncoder().encode(salt) }) })
      return Response.json({ encoded })
    }
    return Response.json(argon2.tryVerify(request.headers.get('x-hash') ?? '', password))
  },
} satisfies ExportedHandler
