import * as devalue from 'devalue'
import { XMLBuilder, XMLParser, XMLValidator } from 'fast-xml-parser'
import { enableMapSet, enablePatches, produce, produceWithPatches } from 'immer'
import * as yaml from 'js-yaml'
import { chunk, cloneDeep, debounce, groupBy, merge, orderBy, template } from 'lodash-es'
import Papa from 'papaparse'
import superjson from 'superjson'

enableMapSet()
enablePatches()
const rich = { date: new Date(0), set: new Set([1, 'a']), map: new Map([['k', { deep: true }]]), big: 12345678901234567890n, regexp: /a.c/gi, nothing: undefined, inf: Infinity, url: new URL('https://example.com/ü') }

export default {
  async fetch() {
    const csv = Papa.parse<Record<string, unknown>>('name,age,"qu""oted"\nAda,36,"a,b"\nGröße,,"x\ny"\n', { header: true, dynamicTyping: true, skipEmptyLines: true })
    const xml = new XMLParser({ ignoreAttributes: false }).parse('<?xml version="1.0"?><r a="1"><i>1</i><i>zwei &amp; ü</i><![CDATA[<raw>]]></r>')
    const loaded = yaml.load('a: &x [1, two, 3.5]\nb: *x\nc: |\n  text\n  more\nd: 2026-01-02\ne: {f: null, g: true}\n') as Record<string, unknown>
    const [next, patches] = produceWithPatches({ list: [1, 2], map: new Map([['a', 1]]) }, (draft) => {
      draft.list.push(3)
      draft.map.set('b', 2)
    })
    const called: string[] = []
    const later = debounce((text: string) => called.push(text), 2)
    for (const text of ['one', 'two', 'three']) later(text)
    await new Promise((resolve) => setTimeout(resolve, 20))
    let compiled = ''
    try {
      compiled = template('<%= a %>')({ a: 1 })
    } catch (error) {
      compiled = (error as Error).name
    }
    return Response.json({
      csv: [csv.data, Papa.unparse([{ a: 'x,y', b: 'ü"' }])],
      xml: [xml, new XMLBuilder({ ignoreAttributes: false }).build(xml), XMLValidator.validate('<a><b></a>')],
      yaml: [loaded, yaml.dump({ list: [1, { a: 'b: c' }], text: 'two\nlines', when: new Date(0) })],
      superjson: [superjson.stringify(rich), superjson.parse<typeof rich>(superjson.stringify(rich)).map.get('k')],
      devalue: [devalue.uneval({ ...rich, url: null }), devalue.stringify([rich.set, rich.big]), devalue.parse(devalue.stringify(rich.map)) instanceof Map],
      immer: [next.list, [...next.map], patches, produce([3, 1, 2], (draft) => { draft.sort() })],
      lodash: [groupBy([1, 2, 3], (n) => (n % 2 ? 'odd' : 'even')), chunk([1, 2, 3], 2), merge({ a: { b: 1 } }, { a: { c: 2 } }), orderBy([{ n: 1 }, { n: 3 }], 'n', 'desc'), cloneDeep(rich.map).get('k') !== rich.map.get('k'), called, compiled],
    })
  },
} satisfies ExportedHandler
