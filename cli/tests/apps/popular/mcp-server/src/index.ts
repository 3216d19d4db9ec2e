import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { CfWorkerJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/cfworker'
import { z } from 'zod'

function makeServer() {
  const server = new McpServer({ name: 'toolbox', version: '1.0.0' })
  server.registerTool(
    'add',
    { description: 'Adds two numbers', inputSchema: { a: z.number(), b: z.number() }, outputSchema: { sum: z.number() } },
    async ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }], structuredContent: { sum: a + b } }),
  )
  server.registerTool('count', { inputSchema: { to: z.number() } }, async ({ to }, { sendNotification, _meta }) => {
    for (let n = 1; n <= to; n++) {
      if (_meta?.progressToken === undefined) break
      await sendNotification({ method: 'notifications/progress', params: { progressToken: _meta.progressToken, progress: n, total: to } })
    }
    return { content: [{ type: 'text', text: 'counted' }] }
  })
  server.registerTool('fail', {}, async () => {
    throw new Error('on purpose')
  })
  server.registerResource('note', new ResourceTemplate('note://{id}', { list: undefined }), { title: 'A note' }, async (uri, { id }) => ({
    contents: [{ uri: uri.href, text: `note ${id}` }],
  }))
  server.registerPrompt('greet', { argsSchema: { name: z.string() } }, ({ name }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}.` } }],
  }))
  return server
}

async function serve(request: Request, enableJsonResponse = false) {
  const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse })
  await makeServer().connect(transport)
  return transport.handleRequest(request)
}

export default {
  async fetch(request) {
    const url = new URL(request.url)
    if (url.pathname === '/mcp') return serve(request)
    if (url.pathname === '/json') return serve(request, true)
    const client = new Client({ name: 'caller', version: '1.0.0' }, { jsonSchemaValidator: new CfWorkerJsonSchemaValidator() })
    await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { fetch: (input, init) => serve(new Request(input, init as RequestInit)) }))
    const progress: number[] = []
    const { tools } = await client.listTools()
    const added = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })
    const counted = await client.callTool({ name: 'count', arguments: { to: 3 } }, undefined, { onprogress: (it) => progress.push(it.progress) })
    const note = await client.readResource({ uri: 'note://7' })
    const prompt = await client.getPrompt({ name: 'greet', arguments: { name: 'Ada' } })
    return Response.json({ server: client.getServerVersion(), tools: tools.map((it) => it.name), added, counted, progress, note, prompt: prompt.messages[0].content })
  },
} satisfies ExportedHandler
