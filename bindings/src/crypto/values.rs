//! Plain values of V8's, read and written without running JavaScript. Not here: what they mean
//! (`request.rs`).

use deno_core::v8;

use super::import::Fault;

/// Members of a JWK that are long text.
const JWK: [&str; 13] = ["d", "dp", "dq", "e", "k", "n", "p", "priv", "pub", "q", "qi", "x", "y"];

/// The ticket that a call comes with, 0 for none.
pub(super) fn ticket(scope: &mut v8::PinScope<'_, '_>, what: v8::Local<'_, v8::Object>) -> u32 {
    number(scope, what, "ticket").map_or(0, |ticket| ticket as u32)
}

/// Tells JavaScript the number of a call.
pub(super) fn set_number(
    scope: &mut v8::PinScope<'_, '_>,
    what: v8::Local<'_, v8::Object>,
    number: u32,
) {
    let number = v8::Integer::new_from_unsigned(scope, number);
    set(scope, what, "number", number.into());
}

/// Tells JavaScript that the outcome of a call is not what the function gave.
pub(super) fn set_own(scope: &mut v8::PinScope<'_, '_>, what: v8::Local<'_, v8::Object>) {
    let yes = v8::Boolean::new(scope, true);
    set(scope, what, "isOwn", yes.into());
}

/// Tells JavaScript what is wrong with what the call was given, where the call does not say so.
pub(super) fn set_fault(
    scope: &mut v8::PinScope<'_, '_>,
    what: v8::Local<'_, v8::Object>,
    fault: &Fault,
) {
    for (name, text) in [("faultName", fault.name), ("fault", &*fault.message)] {
        if let Some(text) = v8::String::new(scope, text) {
            set(scope, what, name, text.into());
        }
    }
}

fn set(
    scope: &mut v8::PinScope<'_, '_>,
    what: v8::Local<'_, v8::Object>,
    name: &str,
    value: v8::Local<'_, v8::Value>,
) {
    if let Some(key) = v8::String::new(scope, name) {
        what.set(scope, key.into(), value);
    }
}

pub(super) fn member<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'_, v8::Object>,
    name: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let key = v8::String::new(scope, name)?;
    object.get(scope, key.into()).filter(|value| !value.is_undefined())
}

pub(super) fn number(
    scope: &mut v8::PinScope<'_, '_>,
    object: v8::Local<'_, v8::Object>,
    name: &str,
) -> Option<f64> {
    member(scope, object, name).filter(|value| value.is_number())?.number_value(scope)
}

/// A string that is a name: what is longer than any name is a question mark, and no text is none.
pub(super) fn short(scope: &mut v8::PinScope<'_, '_>, value: v8::Local<'_, v8::Value>) -> String {
    const LONGEST: usize = 64;
    match v8::Local::<v8::String>::try_from(value) {
        Ok(text) if text.length() <= LONGEST => text.to_rust_string_lossy(scope),
        Ok(_) => "?".to_owned(),
        Err(_) => String::new(),
    }
}

/// The same in upper case.
pub(super) fn text(scope: &mut v8::PinScope<'_, '_>, value: v8::Local<'_, v8::Value>) -> String {
    short(scope, value).to_ascii_uppercase()
}

/// The name of an algorithm, which is text or has a name.
pub(super) fn name_of(
    scope: &mut v8::PinScope<'_, '_>,
    algorithm: Option<v8::Local<'_, v8::Value>>,
) -> String {
    let Some(algorithm) = algorithm else { return String::new() };
    match v8::Local::<v8::Object>::try_from(algorithm) {
        Ok(object) => {
            let name = member(scope, object, "name");
            name.map_or_else(String::new, |name| text(scope, name))
        }
        Err(_) => text(scope, algorithm),
    }
}

/// The bytes of a buffer or a view, copied; nothing for anything else.
pub(super) fn bytes_in(
    scope: &mut v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Option<Vec<u8>> {
    let view = match v8::Local::<v8::ArrayBuffer>::try_from(value) {
        Ok(buffer) => v8::Uint8Array::new(scope, buffer, 0, buffer.byte_length())?.into(),
        Err(_) => v8::Local::<v8::ArrayBufferView>::try_from(value).ok()?,
    };
    let mut bytes = vec![0; view.byte_length()];
    let length = view.copy_contents(&mut bytes);
    bytes.truncate(length);
    Some(bytes)
}

/// Bytes of a buffer, a view or a JWK; what is none of these is refused by the call.
pub(super) fn bytes_of(
    scope: &mut v8::PinScope<'_, '_>,
    value: Option<v8::Local<'_, v8::Value>>,
) -> f64 {
    let Some(value) = value else { return 0.0 };
    if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        return view.byte_length() as f64;
    }
    if let Ok(buffer) = v8::Local::<v8::ArrayBuffer>::try_from(value) {
        return buffer.byte_length() as f64;
    }
    if let Ok(buffer) = v8::Local::<v8::SharedArrayBuffer>::try_from(value) {
        return buffer.byte_length() as f64;
    }
    let Ok(jwk) = v8::Local::<v8::Object>::try_from(value) else { return 0.0 };
    let mut bytes = 0.0;
    for name in JWK {
        if let Some(value) = member(scope, jwk, name)
            && let Ok(text) = v8::Local::<v8::String>::try_from(value)
        {
            bytes += text.length() as f64;
        }
    }
    bytes
}
