//! The structured clone: the ops behind `structuredClone` and `postMessage`, in the place of
//! deno_core's, which call whatever stands under a well-known symbol of an object and abort over
//! an answer that they do not know. Here only the objects of the runtime are asked that know how
//! they are cloned: `Blob`, `File` and `DOMException`.
//! Not here: which objects are transferred and how (deno_web's `13_message_port.js`), and how copies
//! of resizable buffers are charged (`held`).

mod describers;
mod held;

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::convert::Uint8Array;
use deno_core::v8::{ValueDeserializerHelper, ValueSerializerHelper};
use deno_core::{JsBuffer, OpState, op2, v8};
use deno_error::JsErrorBox;
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use self::describers::{Describers, op_clone_trust};
use self::held::held;
pub(crate) use self::held::op_clone_hold;

/// The symbol under which prototypes of the runtime have what clones their objects. What single
/// objects have, or their kind, is under a hidden one.
const BRAND: &str = "Deno.core.hostObject";
/// What stands in the data for an object that is described by the value which follows, not by
/// its index in the list of transferred ones.
const DESCRIBED: u32 = u32::MAX;
/// What a tenant gets to read of an object that cannot be cloned.
const UNSUPPORTED: &str = "Unsupported object type";
/// The same of those that calls to other workers pass by reference, by what stands under their brand.
const REFERENCES: [(&str, &str); 2] = [
    ("RpcTarget", "Remote RPC references can only be serialized for RPC."),
    ("ServiceStub", "ServiceStub cannot be serialized in this context."),
];

struct Writer<'a> {
    state: Rc<RefCell<OpState>>,
    /// The objects that are transferred and not written, each with its index in their list.
    transferred: FxHashMap<v8::Local<'a, v8::Object>, u32>,
    /// Whether objects of the runtime are refused, as nobody can make them of their descriptions.
    is_plain: bool,
    on_error: Option<v8::Local<'a, v8::Function>>,
    brand: v8::Local<'a, v8::Symbol>,
    hidden_brand: v8::Local<'a, v8::Private>,
}

impl Writer<'_> {
    fn is_trusted(
        &self,
        scope: &v8::PinScope<'_, '_>,
        function: v8::Local<'_, v8::Function>,
    ) -> bool {
        self.state.borrow().borrow::<Describers>().are_joined_by(scope, function)
    }
}

impl v8::ValueSerializerImpl for Writer<'_> {
    fn throw_data_clone_error<'s, 'i>(
        &self,
        scope: &mut v8::PinScope<'s, 'i>,
        message: v8::Local<'s, v8::String>,
    ) {
        throw_by(scope, self.on_error, message);
    }

    fn get_wasm_module_transfer_id<'s, 'i>(
        &self,
        _scope: &mut v8::PinScope<'s, 'i>,
        _module: v8::Local<v8::WasmModuleObject>,
    ) -> Option<u32> {
        None
    }

    fn has_custom_host_object(&self, _isolate: &v8::Isolate) -> bool {
        true
    }

    fn is_host_object<'s, 'i>(
        &self,
        scope: &mut v8::PinScope<'s, 'i>,
        object: v8::Local<'s, v8::Object>,
    ) -> Option<bool> {
        match object.has_private(scope, self.hidden_brand)? {
            true => Some(true),
            false => object.has(scope, self.brand.into()),
        }
    }

    fn write_host_object<'s, 'i>(
        &self,
        scope: &mut v8::PinScope<'s, 'i>,
        object: v8::Local<'s, v8::Object>,
        writer: &dyn ValueSerializerHelper,
    ) -> Option<bool> {
        let describe = match object.has_private(scope, self.hidden_brand)? {
            true => object.get_private(scope, self.hidden_brand)?,
            false => object.get(scope, self.brand.into())?,
        };
        if !self.is_plain
            && let Ok(describe) = v8::Local::<v8::Function>::try_from(describe)
            && self.is_trusted(scope, describe)
        {
            let description = describe.call(scope, object.into(), &[])?;
            writer.write_uint32(DESCRIBED);
            return writer.write_value(scope.get_current_context(), description);
        }
        if let Some(index) = self.transferred.get(&object) {
            writer.write_uint32(*index);
            return Some(true);
        }
        let is = |brand: &str| {
            v8::String::new(scope, brand).is_some_and(|brand| describe.strict_equals(brand.into()))
        };
        let reference = REFERENCES.iter().find(|(brand, _)| is(brand));
        let said = reference.map_or(UNSUPPORTED, |(_, said)| *said);
        let message = v8::String::new(scope, said)?;
        self.throw_data_clone_error(scope, message);
        None
    }
}

/// Throws what cannot be written: by that function, which throws, or as a TypeError.
pub(crate) fn throw_by<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    on_error: Option<v8::Local<'_, v8::Function>>,
    message: v8::Local<'s, v8::String>,
) {
    if let Some(on_error) = on_error {
        v8::tc_scope!(let scope, scope);
        let this = v8::undefined(scope).into();
        on_error.call(scope, this, &[message.into()]);
        if scope.has_caught() || scope.has_terminated() {
            scope.rethrow();
            return;
        }
    }
    let error = v8::Exception::type_error(scope, message);
    scope.throw_exception(error);
}

/// Writes a value, after the header. False where an exception is pending.
///
/// # Errors
///
/// `failed`, where V8 says no more than that.
pub(crate) fn write<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    serializer: &v8::ValueSerializer<'_>,
    value: v8::Local<'s, v8::Value>,
    failed: impl FnOnce() -> JsErrorBox,
) -> Result<bool, JsErrorBox> {
    serializer.write_header();
    v8::tc_scope!(let scope, scope);
    let written = serializer.write_value(scope.get_current_context(), value);
    if scope.has_caught() || scope.has_terminated() {
        scope.rethrow();
        return Ok(false);
    }
    if written == Some(true) { Ok(true) } else { Err(failed()) }
}

struct Reader<'a> {
    transferred: Option<v8::Local<'a, v8::Array>>,
    /// Functions that make an object of its description, by the kind that this names.
    makers: Option<v8::Local<'a, v8::Object>>,
}

impl v8::ValueDeserializerImpl for Reader<'_> {
    fn read_host_object<'s, 'i>(
        &self,
        scope: &mut v8::PinScope<'s, 'i>,
        reader: &dyn ValueDeserializerHelper,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let object = self.read(scope, reader);
        if object.is_none() {
            let message = v8::String::new(scope, "could not deserialize value")?;
            let error = v8::Exception::type_error(scope, message);
            scope.throw_exception(error);
        }
        object
    }
}

impl Reader<'_> {
    fn read<'s, 'i>(
        &self,
        scope: &mut v8::PinScope<'s, 'i>,
        reader: &dyn ValueDeserializerHelper,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let mut index = 0;
        if !reader.read_uint32(&mut index) {
            return None;
        }
        if index != DESCRIBED {
            return v8::Local::try_from(self.transferred?.get_index(scope, index)?).ok();
        }
        let description = reader.read_value(scope.get_current_context())?;
        let object = v8::Local::<v8::Object>::try_from(description).ok()?;
        let key = v8::String::new(scope, "type")?;
        // No JavaScript may run before the scope below: neither property can have a getter, for
        // the description is a copy and the makers inherit from nothing.
        let kind = v8::Local::<v8::String>::try_from(object.get(scope, key.into())?).ok()?;
        let make =
            v8::Local::<v8::Function>::try_from(self.makers?.get(scope, kind.into())?).ok()?;
        let this = v8::null(scope).into();
        let scope = std::pin::pin!(v8::AllowJavascriptExecutionScope::new(scope));
        let scope = &mut scope.init();
        v8::Local::try_from(make.call(scope, this, &[description])?).ok()
    }
}

fn serialize<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    value: v8::Local<'s, v8::Value>,
    transferred: Option<v8::Local<'s, v8::Array>>,
    list: Option<v8::Local<'s, v8::Array>>,
    on_error: Option<v8::Local<'s, v8::Function>>,
    is_plain: bool,
) -> Result<Option<Vec<u8>>, JsErrorBox> {
    let failed = || JsErrorBox::type_error("Failed to serialize response");
    let key = v8::String::new(scope, BRAND).ok_or_else(failed)?;
    let brand = v8::Symbol::for_key(scope, key);
    let hidden_brand = crate::hidden::brand(scope).ok_or_else(failed)?;
    let buffers = match list {
        Some(list) => buffers_of(scope, list)?,
        None => Vec::new(),
    };
    let transferred = transferred.map(|list| places(scope, list)).unwrap_or_default();
    // What is in them is written like anything else: it is the message's then, and charged with it.
    let writer = Box::new(Writer { state, transferred, is_plain, on_error, brand, hidden_brand });
    let serializer = v8::ValueSerializer::new(scope, writer);
    if !write(scope, &serializer, value, failed)? {
        return Ok(None);
    }
    if let Some(list) = list {
        // Getters have run meanwhile.
        if buffers.iter().any(|buffer| buffer.was_detached() || !buffer.is_detachable()) {
            return Err(not_transferable());
        }
        for (index, buffer) in (0..).zip(&buffers) {
            if buffer.detach(None) != Some(true) {
                return Ok(None);
            }
            // What stands for it among those transferred; nothing is looked up by it.
            let number = v8::Integer::new(scope, 0);
            list.set_index(scope, index, number.into());
        }
    }
    Ok(Some(serializer.release()))
}

/// The data of a value for somebody else: without objects of the runtime, which are refused. None where
/// an exception is pending.
///
/// # Errors
///
/// What is no exception of the worker's.
pub(crate) fn serialize_plain<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    value: v8::Local<'s, v8::Value>,
    on_error: v8::Local<'s, v8::Function>,
) -> Result<Option<Vec<u8>>, JsErrorBox> {
    serialize(scope, state, value, None, None, Some(on_error), true)
}

fn not_transferable() -> JsErrorBox {
    JsErrorBox::new("DOMExceptionDataCloneError", "Value not transferable")
}

/// Where each object of a list stands in it: the first place, if there are several.
fn places<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    list: v8::Local<'s, v8::Array>,
) -> FxHashMap<v8::Local<'s, v8::Object>, u32> {
    let mut places = FxHashMap::default();
    for index in 0..list.length() {
        let object = list.get_index(scope, index).and_then(|it| it.try_cast::<v8::Object>().ok());
        if let Some(object) = object {
            places.entry(object).or_insert(index);
        }
    }
    places
}

/// The buffers of a list, all of which can be taken from where they are.
fn buffers_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    list: v8::Local<'s, v8::Array>,
) -> Result<Vec<v8::Local<'s, v8::ArrayBuffer>>, JsErrorBox> {
    let mut buffers = Vec::with_capacity(list.length() as usize);
    let mut seen = FxHashSet::default();
    for index in 0..list.length() {
        let buffer =
            list.get_index(scope, index).and_then(|it| it.try_cast::<v8::ArrayBuffer>().ok());
        let buffer = buffer.filter(|buffer| buffer.is_detachable()).ok_or_else(not_transferable)?;
        if buffer.was_detached() || !seen.insert(buffer) {
            return Err(not_transferable());
        }
        buffers.push(buffer);
    }
    Ok(buffers)
}

/// The value of data, in which what is transferred stands for its index, and `makers` make the objects
/// of the runtime.
///
/// # Errors
///
/// What is no exception of the worker's. Where one is pending, what is answered is not looked at.
pub(crate) fn deserialize<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    state: &Rc<RefCell<OpState>>,
    data: &[u8],
    transferred: Option<v8::Local<'s, v8::Array>>,
    makers: Option<v8::Local<'s, v8::Object>>,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    held(scope, state, data, |scope| {
        let failed = || JsErrorBox::range_error("could not deserialize value");
        let reader = Box::new(Reader { transferred, makers });
        let deserializer = v8::ValueDeserializer::new(scope, reader, data);
        let context = scope.get_current_context();
        if deserializer.read_header(context) != Some(true) {
            return Err(failed());
        }
        deserializer.read_value(context).ok_or_else(failed)
    })
}

/// In the place of deno_core's `op_serialize`.
#[op2(reentrant)]
pub(crate) fn op_clone_serialize<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    state: Rc<RefCell<OpState>>,
    value: v8::Local<'s, v8::Value>,
    transferred: Option<v8::Local<'s, v8::Value>>,
    buffers: Option<v8::Local<'s, v8::Value>>,
    _for_storage: bool,
    on_error: Option<v8::Local<'s, v8::Value>>,
) -> Result<Uint8Array, JsErrorBox> {
    let transferred = transferred.and_then(|list| list.try_cast::<v8::Array>().ok());
    let on_error = on_error.and_then(|function| function.try_cast::<v8::Function>().ok());
    let buffers = buffers.and_then(|list| list.try_cast::<v8::Array>().ok());
    let data = serialize(scope, state, value, transferred, buffers, on_error, false)?;
    // Without data an exception is pending, and what is answered is not looked at.
    Ok(data.unwrap_or_default().into())
}

/// In the place of deno_core's `op_deserialize`.
#[op2(reentrant)]
pub(crate) fn op_clone_deserialize<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    state: Rc<RefCell<OpState>>,
    #[buffer] data: JsBuffer,
    transferred: Option<v8::Local<'s, v8::Value>>,
    _buffers: Option<v8::Local<'s, v8::Value>>,
    makers: Option<v8::Local<'s, v8::Value>>,
    _for_storage: bool,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let transferred = transferred.and_then(|list| list.try_cast::<v8::Array>().ok());
    let makers = makers.and_then(|makers| makers.try_cast::<v8::Object>().ok());
    deserialize(scope, &state, &data, transferred, makers)
}

/// In the place of deno_core's `op_structured_clone`.
#[op2(reentrant)]
pub(crate) fn op_clone_value<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    state: Rc<RefCell<OpState>>,
    value: v8::Local<'s, v8::Value>,
    makers: Option<v8::Local<'s, v8::Object>>,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    match serialize(scope, state.clone(), value, None, None, None, false)? {
        Some(data) => deserialize(scope, &state, &data, None, makers),
        // An exception is pending.
        None => Ok(v8::undefined(scope).into()),
    }
}
