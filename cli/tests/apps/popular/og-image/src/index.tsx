import { ImageResponse } from 'workers-og'

import inter from '@fontsource/inter/files/inter-latin-400-normal.woff'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const image = (
      <div style={{ display: 'flex', flexDirection: 'column', width: '100%', height: '100%', padding: 20, backgroundColor: '#fff', color: '#123' }}>
        <div style={{ fontSize: 32, borderBottom: '2px solid teal' }}>{url.searchParams.get('title') ?? 'Untitled'}</div>
        <div style={{ display: 'flex', marginTop: 10, gap: 8 }}>
          {['one', 'two'].map((it) => <span key={it} style={{ padding: 4, borderRadius: 4, background: 'linear-gradient(90deg, red, blue)' }}>{it}</span>)}
        </div>
      </div>
    )
    const options = { width: 300, height: 150, fonts: [{ name: 'Inter', data: inter, weight: 400 as const, style: 'normal' as const }] }
    if (url.pathname === '/og.svg') return new ImageResponse(image, { ...options, format: 'svg' })
    const response = new ImageResponse(image, options)
    if (url.pathname === '/og.png') return response
    // The same picture on every machine.
    const png = await response.arrayBuffer()
    return Response.json({ bytes: png.byteLength, hash: new Uint8Array(await crypto.subtle.digest('SHA-256', png)).toHex() })
  },
} satisfies ExportedHandler
