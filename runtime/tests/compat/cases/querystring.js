import qs, { decode, encode, escape, parse, stringify, unescape, unescapeBuffer } from "node:querystring";
export default [
  () => ({ ...parse("a=1&b=2&a=3&c=%20x+y&d&=e&f=%zz") }),
  () => ({ ...parse("a:1;b:2", ";", ":") }),
  () => ({ ...parse("a=1&b=2&c=3", null, null, { maxKeys: 2 }) }),
  () => ({ ...parse("a=%E4", null, null, { decodeURIComponent: (s) => `<${s}>` }) }),
  () => ({ ...parse("") }),
  () => ({ ...parse("a[]=1&a[]=2&__proto__=x") }),
  () => stringify({ a: 1, b: ["x", "y"], c: "", d: null, e: undefined, f: true, g: 5n, h: {}, i: NaN }),
  () => stringify({ a: "\u00e9 &=", b: "\ud83d\ude00" }),
  () => stringify({ a: 1, b: 2 }, ";", ":"),
  () => stringify({ a: "x y" }, null, null, { encodeURIComponent: (s) => `[${s}]` }),
  () => stringify("x"),
  () => stringify({ a: "\ud800" }),
  () => escape("a b&c\u20ac!'()*"),
  () => unescape("%41%zz%20"),
  () => unescapeBuffer("a%20b%zz"),
  () => decode === parse && encode === stringify && qs.parse === parse,
];
