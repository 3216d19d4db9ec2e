import { buffers } from './buffers'
import { cryptography } from './cryptography'
import { events } from './events'
import { streams } from './streams'
import { texts } from './texts'
import { hosts } from './hosts'

const tools: Record<string, (request: Request) => unknown> = { buffers, cryptography, events, streams, texts, hosts }

export default {
  async fetch(request: Request): Promise<Response> {
    const tool = tools[new URL(request.url).pathname.slice(1)]
    if (!tool) return new Response('not found', { status: 404 })
    return Response.json(await tool(request))
  },
}
