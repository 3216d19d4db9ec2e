import assert from 'node:assert'
import path from 'node:path'
import querystring from 'node:querystring'
import { fileURLToPath, format, parse } from 'node:url'
import util from 'node:util'

export async function texts() {
  const callback = util.callbackify(async (n: number) => n + 1)
  let asserted = ''
  try {
    assert.deepStrictEqual({ a: 1 }, { a: 2 })
  } catch (error) {
    asserted = (error as Error).name
  }
  return {
    format: util.format('%s has %d of %j', 'Ada', 2, { a: 1 }),
    inspect: util.inspect({ a: [1, 'two'], m: new Map([['k', { deep: { deeper: { deepest: 1 } } }]]), f() {} }),
    types: [util.types.isPromise(Promise.resolve()), util.types.isDate({}), util.isDeepStrictEqual([1, { a: 2 }], [1, { a: 2 }])],
    callback: await util.promisify(callback)(1),
    join: path.join('/a', '..', 'b', './c.txt'),
    relative: path.relative('/a/b/c', '/a/d'),
    parsed: path.parse('/home/ada/notes.tar.gz'),
    query: querystring.parse('a=1&b=2&a=3'),
    string: querystring.stringify({ a: [1, 3], b: 'ü' }),
    url: parse('http://user@example.com:8080/p?q=1#h').pathname,
    formatted: format({ protocol: 'https', hostname: 'example.com', pathname: '/x' }),
    file: fileURLToPath('file:///tmp/a%20b'),
    asserted,
  }
}
