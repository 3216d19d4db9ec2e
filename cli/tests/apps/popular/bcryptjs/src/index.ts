import bcrypt from 'bcryptjs'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const password = await request.text()
    if (url.pathname === '/hash') return Response.json({ hash: await bcrypt.hash(password, Number(url.searchParams.get('cost') ?? 10)) })
    const hash = url.searchParams.get('hash') ?? ''
    return Response.json({ matches: await bcrypt.compare(password, hash), rounds: bcrypt.getRounds(hash) })
  },
} satisfies ExportedHandler
