// What the applications send requests to, in the place of the services that their packages are
// for. Prints its address. It runs on Node.js, so that nothing that is tested stands for itself.

import { EventEmitter, once } from 'node:events'
import { createServer } from 'node:http'

const recorded = new Map()
const envelopes = []
const arrived = new EventEmitter()

const routes = {
  // Whatever comes, as it came.
  'echo': (request, body) => json({ method: request.method, url: request.url, headers: told(request), body }),
  // OpenAI's API, for those of its clients, too.
  'v1/chat/completions': (request, body) => {
    const { model, messages, stream, tools } = JSON.parse(body)
    if (request.headers.authorization !== 'Bearer sk-test') {
      return json({ error: { message: 'Incorrect API key provided', type: 'invalid_request_error', code: 'invalid_api_key' } }, 401)
    }
    const of = (object) => ({ id: 'chatcmpl-1', object, created: 1700000000, model })
    const usage = { prompt_tokens: messages.length, completion_tokens: 4, total_tokens: messages.length + 4 }
    const asked = tools && messages.at(-1).role !== 'tool'
    const call = { id: 'call_1', type: 'function', function: { name: tools?.[0].function.name, arguments: '{"city":"Zürich"}' } }
    const said = tools ? `It is ${messages.at(-1).content}.` : `You said: ${messages.at(-1).content} 👋`
    const reason = asked ? 'tool_calls' : 'stop'
    if (!stream) {
      const message = asked ? { role: 'assistant', content: null, tool_calls: [call] } : { role: 'assistant', content: said }
      return json({ ...of('chat.completion'), choices: [{ index: 0, message, finish_reason: reason }], usage })
    }
    const chunk = (delta, finish_reason = null) => ({ ...of('chat.completion.chunk'), choices: [{ index: 0, delta, finish_reason }] })
    const deltas = asked
      ? [{ tool_calls: [{ index: 0, ...call, function: { ...call.function, arguments: '' } }] }, ...call.function.arguments.match(/.{1,6}/g).map((it) => ({ tool_calls: [{ index: 0, function: { arguments: it } }] }))]
      : said.split(/(?<= )/).map((content) => ({ content }))
    const chunks = [chunk({ role: 'assistant', content: '' }), ...deltas.map((it) => chunk(it)), chunk({}, reason), { ...of('chat.completion.chunk'), choices: [], usage }]
    return events([...chunks.map((it) => JSON.stringify(it)), '[DONE]'])
  },
  // Stripe's API.
  'v1/customers': (request, body) => json({ id: 'cus_1', object: 'customer', metadata: {}, sent: { ...told(request), body } }),
  // PostgREST behind Supabase, and its accounts.
  'rest/v1/notes': (request, body) => {
    const query = Object.fromEntries(new URL(request.url, 'http://upstream').searchParams)
    if (request.method === 'POST') return json(JSON.parse(body), 201)
    if (query.owner === 'eq.nobody') return json({ code: 'PGRST116', message: 'no rows', details: null, hint: null }, 406)
    return json([{ id: 1, query, key: request.headers.apikey, range: request.headers.range ?? null }], 200, { 'content-range': '0-0/1' })
  },
  'auth/v1/token': (_, body) => {
    const { email, password } = JSON.parse(body)
    if (password !== 'lovelace') return json({ code: 400, error_code: 'invalid_credentials', msg: 'Invalid login credentials' }, 400)
    return json({ access_token: 'a.b.c', token_type: 'bearer', expires_in: 3600, expires_at: 4102444800, refresh_token: 'r', user: { id: '1', email, aud: 'authenticated' } })
  },
  // Sentry's envelopes, which come when their request is answered long since: who asks for so many
  // errors gets them when they are there.
  'api/1/envelope/': (_, body) => {
    envelopes.push(body)
    arrived.emit('envelope')
    return json({})
  },
  'recorded/envelopes': async (request) => {
    const wanted = Number(new URL(request.url, 'http://upstream').searchParams.get('errors'))
    while (envelopes.filter((it) => it.includes('"type":"event"')).length < wanted) await once(arrived, 'envelope')
    return json(envelopes)
  },
  // A GraphQL server of one book.
  'graphql': (request, body) => {
    const { query, variables, operationName } = JSON.parse(body)
    if (/missing/.test(query)) return json({ data: null, errors: [{ message: 'Cannot query field "missing"', locations: [{ line: 1, column: 3 }] }] })
    return json({ data: { book: { __typename: 'Book', id: variables?.id ?? '0', title: `by ${request.headers['x-reader'] ?? 'nobody'}`, operationName: operationName ?? null } } })
  },
  // Resend's API.
  'emails': (request, body) => json({ id: 'email-1', sent: JSON.parse(body), authorization: request.headers.authorization }),
  // A store that speaks as S3 does, with one object in it.
  'files/%C3%BC.txt': (request, body) => {
    if (request.method === 'DELETE') return { status: 204, headers: {}, pieces: [] }
    if (request.method === 'PUT') return recorded.set('object', body) && { status: 200, headers: { etag: '"1"' }, pieces: [] }
    return { status: 200, headers: { etag: '"1"', 'content-type': 'text/plain', 'x-amz-meta-by': 'ada' }, pieces: [recorded.get('object') ?? ''] }
  },
  'files/missing': () => xml('<Error><Code>NoSuchKey</Code><Message>It is not there.</Message></Error>', 404),
  // One that fails twice and then does not, per name.
  'flaky': (request) => {
    const name = new URL(request.url, 'http://upstream').search
    const times = (recorded.get(name) ?? 0) + 1
    recorded.set(name, times)
    return times % 3 ? json({ error: 'not now' }, 503, { 'retry-after': '0' }) : json({ times: 3 })
  },
}

function json(value, status = 200, headers = {}) {
  return { status, headers: { 'content-type': 'application/json', ...headers }, pieces: [JSON.stringify(value)] }
}

function xml(text, status = 200) {
  return { status, headers: { 'content-type': 'application/xml' }, pieces: [`<?xml version="1.0" encoding="UTF-8"?>${text}`] }
}

function events(data) {
  return { status: 200, headers: { 'content-type': 'text/event-stream' }, pieces: data.map((it) => `data: ${it}\n\n`) }
}

/** The headers that a program has chosen, not its runtime. */
function told({ headers }) {
  const names = ['accept', 'authorization', 'content-type', 'idempotency-key', 'stripe-version', 'x-reader']
  return Object.fromEntries(names.filter((name) => headers[name]).map((name) => [name, headers[name]]))
}

const server = createServer(async (request, response) => {
  let body = ''
  for await (const piece of request.setEncoding('utf8')) body += piece
  const path = request.url.slice(1).split('?')[0]
  const route = routes[path] ?? routes[`${path}/`] ?? (() => json({ error: `nothing at ${path}` }, 404))
  const answer = await route(request, body)
  response.writeHead(answer.status, answer.headers)
  // Pieces that are apart on the wire as well.
  for (const piece of answer.pieces) {
    response.write(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  response.end()
})

server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
