import { createRequestHandler, RouterContextProvider } from 'react-router'

import { platform } from '../app/platform'

const handle = createRequestHandler(() => import('virtual:react-router/server-build'), import.meta.env.MODE)

export default {
  async fetch(request, env, ctx) {
    const context = new RouterContextProvider()
    context.set(platform, { env, ctx })
    return handle(request, context)
  },
} satisfies ExportedHandler<Env>
