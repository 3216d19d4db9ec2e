// Emscripten's loader takes a worker for one of a page, and asks where it is from.
if (typeof location === 'undefined') Object.assign(globalThis, { location: { href: '' } })
