import { Buffer as Imported } from 'node:buffer'
import { StringDecoder } from 'node:string_decoder'

export async function buffers(request: Request) {
  const body = Buffer.from(await request.arrayBuffer())
  const packet = Buffer.alloc(16)
  packet.writeUInt16BE(0xcafe, 0)
  packet.writeInt32LE(-2, 2)
  packet.writeDoubleBE(1.5, 6)
  const decoder = new StringDecoder('utf8')
  return {
    global: Buffer === Imported,
    isUint8Array: body instanceof Uint8Array,
    text: body.toString(),
    hex: body.toString('hex'),
    base64: body.toString('base64'),
    base64url: Buffer.from([251, 255]).toString('base64url'),
    latin1: Buffer.from('ü', 'latin1').length,
    utf16: Buffer.from('hi', 'utf16le').toString('hex'),
    packet: packet.toString('hex'),
    read: [packet.readUInt16BE(0), packet.readInt32LE(2), packet.readDoubleBE(6)],
    concat: Buffer.concat([Buffer.from('a'), Buffer.from('bc')]).toString(),
    compare: Buffer.compare(Buffer.from('a'), Buffer.from('b')),
    indexOf: Buffer.from('hello').indexOf('ll'),
    json: Buffer.from('a'),
    slice: body.subarray(0, 2).toString(),
    byteLength: Buffer.byteLength('ü€'),
    split: decoder.write(Buffer.from([0xe2, 0x82])) + decoder.write(Buffer.from([0xac])) + decoder.end(),
  }
}
