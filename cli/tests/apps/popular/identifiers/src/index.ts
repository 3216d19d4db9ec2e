import { customAlphabet, nanoid } from 'nanoid'
import { decodeTime, monotonicFactory, ulid } from 'ulid'
import { v4, v5, v7, validate, version } from 'uuid'

const letters = customAlphabet('abc', 12)

export default {
  async fetch() {
    const next = monotonicFactory()
    const times = [next(1700000000000), next(1700000000000), next(1700000000000)]
    const ids = Array.from({ length: 200 }, () => nanoid())
    return Response.json({
      nanoid: [ids[0].length, new Set(ids).size, /^[\w-]+$/.test(ids.join(''))],
      letters: /^[abc]{12}$/.test(letters()),
      ulid: [ulid().length, decodeTime(times[0]), times.toSorted().join() === times.join()],
      uuid: [version(v4()), version(v7()), v5('example.com', v5.DNS), validate(v4()), v7({ msecs: 1700000000000 }).slice(0, 13), v4() === v4()],
    })
  },
} satisfies ExportedHandler
