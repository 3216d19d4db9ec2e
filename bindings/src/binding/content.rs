//! The bytes of what a worker gives to a binding: strings and views. Their length is known before
//! anything is copied.

use bytes::Bytes;
use deno_core::v8;

/// How many bytes a string, in UTF-8, or a view is; none for what is neither.
pub(crate) fn length_of(scope: &v8::PinScope<'_, '_>, value: v8::Local<'_, v8::Value>) -> usize {
    if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        return view.byte_length();
    }
    v8::Local::<v8::String>::try_from(value).map_or(0, |string| string.utf8_length(scope))
}

/// A copy of them.
pub(crate) fn copied(scope: &v8::PinScope<'_, '_>, value: v8::Local<'_, v8::Value>) -> Bytes {
    if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        let mut bytes = vec![0; view.byte_length()];
        let copied = view.copy_contents(&mut bytes);
        bytes.truncate(copied);
        return bytes.into();
    }
    let string = v8::Local::<v8::String>::try_from(value);
    string.map_or_else(|_| Bytes::new(), |string| string.to_rust_string_lossy(scope).into())
}
