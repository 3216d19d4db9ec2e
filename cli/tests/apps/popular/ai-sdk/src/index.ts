import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateObject, generateText, stepCountIs, streamText, tool, APICallError } from 'ai'
import { z } from 'zod'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const provider = createOpenAICompatible({
      name: 'local',
      apiKey: url.searchParams.get('key') ?? 'sk-test',
      baseURL: `${request.headers.get('x-upstream')}/v1`,
    })
    const model = provider('small')
    const prompt = url.searchParams.get('q') ?? 'hi'
    const weather = tool({
      description: 'The weather of a city',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `sunny in ${city}`,
    })
    switch (url.pathname) {
      case '/text':
        return streamText({ model, prompt }).toTextStreamResponse()
      case '/ui':
        return streamText({ model, prompt, tools: { weather }, stopWhen: stepCountIs(2) }).toUIMessageStreamResponse()
      case '/object': {
        const { object } = await generateObject({ model, prompt, output: 'no-schema' }).catch((error) => ({ object: error.name }))
        return Response.json({ object })
      }
      default:
        try {
          const { text, usage, finishReason } = await generateText({ model, prompt, maxRetries: 0 })
          return Response.json({ text, finishReason, tokens: usage.totalTokens })
        } catch (error) {
          return Response.json({ isCall: APICallError.isInstance(error), message: (error as Error).message }, { status: 502 })
        }
    }
  },
} satisfies ExportedHandler
