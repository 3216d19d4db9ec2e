let wasm;
export function __wbg_set_wasm(exports) {
  wasm = exports;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
const encoder = new TextEncoder();
let cached = null;

function memory() {
  if (cached === null || cached.byteLength === 0) cached = new Uint8Array(wasm.memory.buffer);
  return cached;
}

function passText(text) {
  const length = encoder.encode(text).length;
  const at = wasm.__wbindgen_malloc(length) >>> 0;
  encoder.encodeInto(text, memory().subarray(at, at + length));
  return [at, length];
}

const takeText = (at, length) => decoder.decode(memory().subarray(at >>> 0, (at >>> 0) + length));

export const logged = [];

export function __wbg_log(at, length) {
  logged.push(takeText(at, length).length);
}

export function upper(text) {
  const [at, length] = passText(text);
  try {
    wasm.upper(at, length);
    return takeText(at, length);
  } finally {
    wasm.__wbindgen_reset();
  }
}
