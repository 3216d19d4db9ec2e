//! The modules of a bundle that are not JavaScript: their bytes, handed over as an `ArrayBuffer` or
//! as a compiled `WebAssembly.Module`.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;

use crate::memory::Meter;
use crate::wasm;

/// The data and Wasm modules of the worker in an isolate, by index. Lives in its `OpState`.
pub struct ModuleBytes {
    /// The modules' contents.
    pub modules: Vec<Bytes>,
    /// Set while a module of the bundle is compiled: that is allowed where bytes are not.
    pub compiling: Rc<Cell<bool>>,
}

fn find(state: &OpState, index: u32) -> Result<Bytes, JsErrorBox> {
    state
        .try_borrow::<ModuleBytes>()
        .and_then(|bytes| bytes.modules.get(index as usize))
        .cloned()
        .ok_or_else(|| JsErrorBox::type_error("no such module"))
}

#[op2]
#[buffer]
pub(crate) fn op_module_data(
    state: &mut OpState,
    #[smi] index: u32,
) -> Result<Vec<u8>, JsErrorBox> {
    Ok(find(state, index)?.to_vec())
}

#[op2]
pub(crate) fn op_module_wasm<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<std::cell::RefCell<OpState>>,
    #[smi] index: u32,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let bytes = find(&state.borrow(), index)?;
    let compiling = state.borrow().borrow::<ModuleBytes>().compiling.clone();
    let limit = state.borrow().borrow::<Meter>().limit_bytes();
    let bytes = match limit {
        Some(limit) => wasm::bounded(&bytes, limit)?.into(),
        None => bytes,
    };
    compiling.set(true);
    let module = v8::WasmModuleObject::compile(scope, &bytes);
    compiling.set(false);
    module.map(Into::into).ok_or_else(|| JsErrorBox::type_error("the Wasm module is not valid"))
}
