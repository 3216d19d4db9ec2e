import { env } from 'node:process'
import { EOL } from 'node:os'
import { performance } from 'node:perf_hooks'

export function hosts() {
  return {
    mode: process.env.MODE,
    same: env.MODE === process.env.MODE,
    missing: process.env.HOME ?? null,
    platform: typeof process.platform,
    version: typeof process.versions.node,
    hrtime: typeof process.hrtime.bigint(),
    global: global === globalThis,
    eol: EOL,
    now: typeof performance.now(),
  }
}
