//! Values as V8 writes and reads them. What is written is a copy that the runtime's own scripts have made
//! (`copy.js`), in which marks stand for what is not data; nothing of a worker's is called.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::convert::Uint8Array;
use deno_core::v8::ValueSerializerHelper;
use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;
use deno_web::BlobStoreTrait;
use futures_util::FutureExt as _;
use uuid::Uuid;

use crate::clone::{deserialize, throw_by, write};
use crate::event::legible;
use crate::rpc::desk::Desk;

/// The internal field of a mark: the number that stands for it in the data.
const NUMBER_FIELD: usize = 0;

/// What is said of an object that is no mark.
const UNSUPPORTED: &str = "Unsupported object type";

/// What marks are made from, once in each isolate.
struct MarkTemplate(v8::Global<v8::ObjectTemplate>);

/// Makes a mark, which stands for a number. V8 takes no other objects for the runtime's.
#[op2]
pub(in crate::rpc) fn op_rpc_mark<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] number: u32,
) -> Option<v8::Local<'s, v8::Value>> {
    let known = state.borrow().try_borrow::<MarkTemplate>().map(|known| known.0.clone());
    let template = match known {
        Some(template) => v8::Local::new(scope, template),
        None => {
            let template = v8::ObjectTemplate::new(scope);
            template.set_internal_field_count(NUMBER_FIELD + 1);
            state.borrow_mut().put(MarkTemplate(v8::Global::new(scope, template)));
            template
        }
    };
    let mark = template.new_instance(scope)?;
    let number = v8::Integer::new_from_unsigned(scope, number);
    mark.set_internal_field(NUMBER_FIELD, number.into());
    Some(mark.into())
}

fn number_of(scope: &v8::PinScope<'_, '_>, mark: v8::Local<'_, v8::Object>) -> Option<u32> {
    let field = mark.get_internal_field(scope, NUMBER_FIELD)?;
    let number = v8::Local::<v8::Value>::try_from(field).ok()?;
    u32::try_from(v8::Local::<v8::Integer>::try_from(number).ok()?.value()).ok()
}

struct Writer<'a> {
    /// Is called with what cannot be written, and throws.
    on_error: v8::Local<'a, v8::Function>,
}

impl v8::ValueSerializerImpl for Writer<'_> {
    fn throw_data_clone_error<'s, 'i>(
        &self,
        scope: &mut v8::PinScope<'s, 'i>,
        message: v8::Local<'s, v8::String>,
    ) {
        throw_by(scope, Some(self.on_error), message);
    }

    fn get_wasm_module_transfer_id<'s, 'i>(
        &self,
        _scope: &mut v8::PinScope<'s, 'i>,
        _module: v8::Local<v8::WasmModuleObject>,
    ) -> Option<u32> {
        None
    }

    /// Called for objects with internal fields alone.
    fn write_host_object<'s, 'i>(
        &self,
        scope: &mut v8::PinScope<'s, 'i>,
        object: v8::Local<'s, v8::Object>,
        writer: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        if let Some(number) = number_of(scope, object) {
            writer.write_uint32(number);
            return Some(true);
        }
        let message = v8::String::new(scope, UNSUPPORTED)?;
        self.throw_data_clone_error(scope, message);
        None
    }
}

/// The data of a value. None where an exception is pending.
fn serialize<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
    on_error: v8::Local<'s, v8::Function>,
) -> Result<Option<Vec<u8>>, JsErrorBox> {
    let serializer = v8::ValueSerializer::new(scope, Box::new(Writer { on_error }));
    let failed = || JsErrorBox::type_error("The value could not be serialized.");
    let is_written = write(scope, &serializer, value, failed)?;
    Ok(is_written.then(|| serializer.release()))
}

/// Writes a value, and what describes objects of the runtime in it, for the op that sends it, which comes
/// next. Answers how many bytes that takes.
#[op2(nofast, reentrant)]
pub(in crate::rpc) fn op_rpc_write<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    value: v8::Local<'s, v8::Value>,
    heads: v8::Local<'s, v8::Value>,
    on_error: v8::Local<'s, v8::Function>,
) -> Result<f64, JsErrorBox> {
    let heads = match heads.is_undefined() {
        true => Some(Vec::new()),
        false => serialize(scope, heads, on_error)?,
    };
    // Where an exception is pending, what is answered is not looked at.
    let Some(heads) = heads else { return Ok(0.0) };
    let Some(value) = serialize(scope, value, on_error)? else { return Ok(0.0) };
    state.borrow_mut().borrow_mut::<Desk>().write(&heads, &value);
    Ok((heads.len() + value.len()) as f64)
}

/// What describes objects of the runtime in a value that has come: a list, in which `hosts` stand for what
/// is passed by reference. Nothing where there are none.
#[op2(reentrant)]
pub(in crate::rpc) fn op_rpc_read_heads<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    state: Rc<RefCell<OpState>>,
    #[smi] number: u32,
    hosts: v8::Local<'s, v8::Array>,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let heads = state.borrow().borrow::<Desk>().get(number).map(|letter| letter.heads.clone());
    match heads {
        Some(heads) if !heads.is_empty() => deserialize(scope, &state, &heads, Some(hosts), None),
        _ => Ok(v8::undefined(scope).into()),
    }
}

/// A value that has come, once. `hosts` stand for what is described as well.
#[op2(reentrant)]
pub(in crate::rpc) fn op_rpc_read<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    state: Rc<RefCell<OpState>>,
    #[smi] number: u32,
    hosts: v8::Local<'s, v8::Array>,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let letter = state.borrow_mut().borrow_mut::<Desk>().take(number);
    let letter = letter.ok_or_else(|| JsErrorBox::generic("The value was read already."))?;
    deserialize(scope, &state, &letter.value, Some(hosts), None)
}

/// A value that has come is not read.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_drop(state: &mut OpState, #[smi] number: u32) {
    state.borrow_mut::<Desk>().take(number);
}

/// What an object's class is called.
#[op2]
#[string]
pub(in crate::rpc) fn op_rpc_class_name(
    scope: &mut v8::PinScope<'_, '_>,
    object: v8::Local<'_, v8::Object>,
) -> String {
    let name = object.get_constructor_name();
    legible(scope, name)
}

/// The bytes of a `Blob`, by its parts. One that was dropped for lack of room has none.
#[op2]
pub(in crate::rpc) fn op_rpc_blob(
    state: &mut OpState,
    #[serde] parts: Vec<String>,
) -> Result<Uint8Array, JsErrorBox> {
    let store = state.borrow::<Arc<dyn BlobStoreTrait>>();
    let mut bytes = Vec::new();
    for part in parts {
        let part = Uuid::parse_str(&part).ok().and_then(|id| store.get_part(&id));
        let part = part.ok_or_else(|| JsErrorBox::type_error("The bytes of the Blob are gone."))?;
        // All of them are in memory.
        bytes.extend_from_slice(part.read().now_or_never().unwrap_or_default());
    }
    Ok(bytes.into())
}
