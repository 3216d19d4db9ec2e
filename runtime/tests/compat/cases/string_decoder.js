import { StringDecoder } from "node:string_decoder";
const feed = (encoding, ...parts) => { const d = new StringDecoder(encoding); return [...parts.map((p) => d.write(Buffer.from(p))), d.end()]; };
export default [
  () => feed("utf8", [0xe2], [0x82], [0xac]),
  () => feed("utf8", [0xf0, 0x9f], [0x98, 0x80, 0x41]),
  () => feed("utf8", [0xe2, 0x82]),
  () => feed("utf8", [0xff, 0x41]),
  () => feed("utf8", [0xe2], [0x41]),
  () => feed("utf16le", [0x61], [0x00, 0x3d], [0xd8], [0x00, 0xde]),
  () => feed("utf16le", [0x61, 0x00, 0x62]),
  () => feed("base64", [1], [2], [3, 4]),
  () => feed("base64url", [255], [254]),
  () => feed("hex", [1], [255]),
  () => feed("latin1", [0xe9]),
  () => feed("ascii", [0xe9, 0x41]),
  () => new StringDecoder().encoding,
  () => new StringDecoder("nope"),
  () => { const d = new StringDecoder(); return [d.write(Buffer.from([0xe2])), d.lastNeed, d.lastTotal]; },
  () => new StringDecoder().write("text"),
  () => new StringDecoder().write(5),
  () => new StringDecoder().end(Buffer.from("a")),
];
