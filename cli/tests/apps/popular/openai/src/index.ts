import OpenAI from 'openai'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const client = new OpenAI({
      apiKey: url.searchParams.get('key') ?? 'sk-test',
      baseURL: `${request.headers.get('x-upstream')}/v1`,
      maxRetries: 0,
    })
    const messages = [{ role: 'user' as const, content: url.searchParams.get('q') ?? 'hi' }]
    try {
      if (url.pathname === '/stream') {
        const stream = await client.chat.completions.create({ model: 'gpt-4o', messages, stream: true })
        // As the documentation has it: one line of JSON for each piece.
        return new Response(stream.toReadableStream(), { headers: { 'content-type': 'application/x-ndjson' } })
      }
      if (url.pathname === '/text') {
        const stream = await client.chat.completions.create({ model: 'gpt-4o', messages, stream: true })
        const { readable, writable } = new TransformStream()
        const writer = writable.getWriter()
        const encoder = new TextEncoder()
        const pump = async () => {
          for await (const part of stream) await writer.write(encoder.encode(part.choices[0]?.delta.content ?? ''))
          await writer.close()
        }
        void pump()
        return new Response(readable, { headers: { 'content-type': 'text/plain; charset=utf-8' } })
      }
      if (url.pathname === '/tools') {
        const runner = client.chat.completions.runTools({
          model: 'gpt-4o',
          messages,
          stream: true,
          tools: [{
            type: 'function',
            function: {
              name: 'weather',
              description: 'The weather of a city',
              parameters: { type: 'object', properties: { city: { type: 'string' } } },
              parse: JSON.parse,
              function: ({ city }: { city: string }) => `sunny in ${city}`,
            },
          }],
        })
        return Response.json({ content: await runner.finalContent(), messages: runner.messages.length })
      }
      const completion = await client.chat.completions.create({ model: 'gpt-4o', messages })
      return Response.json({ content: completion.choices[0].message.content, usage: completion.usage })
    } catch (error) {
      if (error instanceof OpenAI.APIError) {
        return Response.json({ name: error.constructor.name, status: error.status, code: error.code }, { status: 502 })
      }
      throw error
    }
  },
} satisfies ExportedHandler
