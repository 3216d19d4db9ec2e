import { AsyncLocalStorage } from 'node:async_hooks'

type Trace = { id: string; lines: string[] }

const traces = new AsyncLocalStorage<Trace>()
const depth = new AsyncLocalStorage<number>()

export const trace = <T>(id: string, run: () => T) => traces.run({ id, lines: [] }, run)

export const id = () => traces.getStore()?.id ?? 'none'

export const lines = () => traces.getStore()?.lines ?? []

export const log = (what: string) => lines().push(`${id()}${'>'.repeat(depth.getStore() ?? 0)} ${what}`)

export const deeper = <T>(run: () => T) => depth.run((depth.getStore() ?? 0) + 1, run)

export const outside = <T>(run: () => T) => traces.exit(run)

export const snapshot = () => AsyncLocalStorage.snapshot()

export const bind = <F extends (...args: any[]) => any>(f: F) => AsyncLocalStorage.bind(f)
