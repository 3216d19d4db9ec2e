import * as glue from './text_bg.js';
import module from './text_bg.wasm';

const instance = new WebAssembly.Instance(module, { './text_bg.js': glue });
glue.__wbg_set_wasm(instance.exports);

export * from './text_bg.js';
