import crypto, { createHash, createHmac, hkdfSync, pbkdf2Sync, randomBytes, randomInt, randomUUID, scryptSync, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export async function cryptography(request: Request) {
  const body = await request.text()
  const hash = (name: string) => createHash(name).update(body).digest('hex')
  const chunks = createHash('sha256')
  for (const character of body) chunks.update(character)
  const copy = chunks.copy()
  return {
    md5: hash('md5'),
    sha1: hash('sha1'),
    sha256: hash('sha256'),
    sha512: createHash('sha512').update(body).digest('base64'),
    chunks: chunks.digest('hex') === hash('sha256') && copy.digest('hex') === hash('sha256'),
    hmac: createHmac('sha256', 'key').update(body).digest('base64url'),
    pbkdf2: pbkdf2Sync('password', 'salt', 100, 16, 'sha256').toString('hex'),
    pbkdf2Later: (await promisify(crypto.pbkdf2)('password', 'salt', 100, 16, 'sha256')).toString('hex'),
    hkdf: Buffer.from(hkdfSync('sha256', 'key', 'salt', 'info', 16)).toString('hex'),
    scrypt: scryptSync('password', 'salt', 16, { N: 16 }).toString('hex'),
    random: randomBytes(8).length,
    differ: !randomBytes(16).equals(randomBytes(16)),
    int: randomInt(3, 4),
    uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(randomUUID()),
    equal: timingSafeEqual(Buffer.from('a'), Buffer.from('a')),
    subtle: crypto.webcrypto.subtle === globalThis.crypto.subtle,
    known: crypto.getHashes().includes('sha256'),
  }
}
