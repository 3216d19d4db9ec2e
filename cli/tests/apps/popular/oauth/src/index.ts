import { decodeIdToken, generateCodeVerifier, GitHub, Google, OAuth2RequestError } from 'arctic'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const google = new Google('client', 'secret', 'https://example.com/callback')
    if (url.pathname === '/login') {
      const verifier = url.searchParams.get('verifier') ?? generateCodeVerifier()
      const to = google.createAuthorizationURL('state-1', verifier, ['openid', 'email'])
      to.searchParams.set('prompt', 'consent')
      return new Response(null, { status: 302, headers: { location: to.href, 'set-cookie': 'state=state-1; HttpOnly; Path=/' } })
    }
    if (url.pathname === '/token') {
      const payload = btoa(JSON.stringify({ sub: '7', email: 'ada@example.com' })).replaceAll('=', '')
      return Response.json(decodeIdToken(`e30.${payload}.x`))
    }
    return Response.json({ github: new GitHub('id', 'secret', null).createAuthorizationURL('s', ['user:email']).href, random: generateCodeVerifier().length, error: new OAuth2RequestError('invalid_grant', 'gone', null, null).code })
  },
} satisfies ExportedHandler
