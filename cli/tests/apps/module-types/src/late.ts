;(globalThis as any).registered.push('late')

await Promise.resolve()

export const late = () => 'in time'

export const counter = (function* () {
  for (let n = 1; ; n++) yield n
})()
