import { gunzipSync, gzipSync, strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import JSZip from 'jszip'
import QRCode from 'qrcode'

export default {
  async fetch(request) {
    const url = new URL(request.url)
    const when = new Date(2026, 0, 2, 3, 4, 6)
    if (url.pathname === '/qr') return new Response(await QRCode.toString(url.searchParams.get('text') ?? 'hi', { type: 'svg', errorCorrectionLevel: 'H' }), { headers: { 'content-type': 'image/svg+xml' } })
    const zip = new JSZip()
    zip.file('grüezi.txt', 'Grüezi '.repeat(100), { date: when })
    zip.folder('data')!.file('numbers.bin', new Uint8Array([0, 1, 2, 255]), { date: when })
    const made = await zip.generateAsync({ type: 'uint8array', compression: 'DEFLATE' })
    if (url.pathname === '/file.zip') return new Response(made, { headers: { 'content-type': 'application/zip' } })
    const read = unzipSync(made)
    const again = await JSZip.loadAsync(zipSync({ 'a.txt': strToU8('from fflate'), 'd/b.txt': [strToU8('stored'), { level: 0 }] }))
    const native = await new Response(new Response(gzipSync(strToU8('gzip '.repeat(50)))).body!.pipeThrough(new DecompressionStream('gzip'))).text()
    const deflated = new Uint8Array(await new Response(new Blob(['native']).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer())
    return Response.json({
      names: Object.keys(read),
      text: strFromU8(read['grüezi.txt']).length,
      bytes: [...read['data/numbers.bin']],
      jszip: await Promise.all(Object.values(again.files).map(async (it) => [it.name, it.dir || await it.async('string')])),
      native: native.length,
      fflate: strFromU8(gunzipSync(deflated)),
    })
  },
} satisfies ExportedHandler
