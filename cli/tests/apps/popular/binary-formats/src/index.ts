import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf'
import { DurationSchema, StructSchema, timestampFromMs, TimestampSchema } from '@bufbuild/protobuf/wkt'
import { decode, decodeAsync, encode, ExtensionCodec } from '@msgpack/msgpack'
import protobuf from 'protobufjs/minimal'

const codec = new ExtensionCodec()
codec.register({ type: 1, encode: (it) => (it instanceof Set ? encode([...it]) : null), decode: (data) => new Set(decode(data) as unknown[]) })

const value = { text: 'grüezi 👋', list: [1, -2, 3.5, 2 ** 40], nested: { yes: true, no: null }, bytes: new Uint8Array([1, 2, 3]) }

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/msgpack') return new Response(encode(value), { headers: { 'content-type': 'application/msgpack' } })
    if (pathname === '/read') return Response.json(await decodeAsync(request.body!, { extensionCodec: codec }))
    const packed = encode(value)
    const writer = protobuf.Writer.create()
    writer.uint32(10).string('grüezi').uint32(16).int64(protobuf.util.Long ? protobuf.util.Long.fromString('9007199254740993') : 3).uint32(26).bytes(value.bytes)
    const reader = protobuf.Reader.create(writer.finish())
    const read: unknown[] = []
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      read.push(tag >>> 3 === 1 ? reader.string() : tag >>> 3 === 2 ? String(reader.int64()) : [...reader.bytes()])
    }
    const struct = create(StructSchema, { fields: { a: { kind: { case: 'numberValue', value: 1.5 } }, b: { kind: { case: 'stringValue', value: 'ü' } } } })
    return Response.json({
      msgpack: [packed.length, decode(packed), [...(decode(encode(new Set(['a', 1]), { extensionCodec: codec }), { extensionCodec: codec }) as Set<unknown>)]],
      protobufjs: read,
      bufbuild: [toJson(StructSchema, fromBinary(StructSchema, toBinary(StructSchema, struct))), toJson(TimestampSchema, timestampFromMs(1700000000123)), toJson(DurationSchema, create(DurationSchema, { seconds: 3n, nanos: 500_000_000 }))],
    })
  },
} satisfies ExportedHandler
