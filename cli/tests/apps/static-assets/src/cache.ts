// Where there is no Cache API, nothing is cached.
if (typeof caches === 'undefined') {
  Object.assign(globalThis, { caches: { default: { match: async () => undefined, put: async () => undefined } } })
}
