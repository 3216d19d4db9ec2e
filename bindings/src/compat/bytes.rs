//! What `Buffer` does in Rust: decoding, comparing, looking for encodings. The names are those
//! that the vendored JavaScript knows.

use deno_core::convert::Uint8Array;
use deno_core::{op2, v8};
use deno_error::JsErrorBox;

/// Encodings that `op_node_encoding_slice` decodes, by the number JavaScript gives.
const UTF8: u8 = 0;
const LATIN1: u8 = 1;
const ASCII: u8 = 2;
const UTF16: u8 = 3;

#[op2(fast)]
pub(super) fn op_is_ascii(#[buffer] bytes: &[u8]) -> bool {
    bytes.is_ascii()
}

#[op2(fast)]
pub(super) fn op_is_utf8(#[buffer] bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

/// Keeps the memory that small buffers share from being transferred away.
#[op2(fast)]
pub(super) fn op_mark_as_untransferable(
    scope: &mut v8::PinScope<'_, '_>,
    buffer: v8::Local<'_, v8::ArrayBuffer>,
) {
    if let Some(key) = v8::String::new(scope, "untransferable") {
        buffer.set_detach_key(key.into());
    }
}

#[op2(fast)]
#[smi]
pub(super) fn op_node_buffer_compare(#[buffer] left: &[u8], #[buffer] right: &[u8]) -> i32 {
    left.cmp(right) as i32
}

#[op2(fast)]
#[smi]
pub(super) fn op_node_buffer_compare_offset(
    #[buffer] source: &[u8],
    #[buffer] target: &[u8],
    #[smi] source_start: u32,
    #[smi] target_start: u32,
    #[smi] source_end: u32,
    #[smi] target_end: u32,
) -> Result<i32, JsErrorBox> {
    let source = range(source, source_start, source_end, "sourceStart")?;
    let target = range(target, target_start, target_end, "targetStart")?;
    Ok(source.cmp(target) as i32)
}

fn range<'a>(bytes: &'a [u8], start: u32, end: u32, what: &str) -> Result<&'a [u8], JsErrorBox> {
    bytes
        .get(start as usize..end as usize)
        .ok_or_else(|| JsErrorBox::range_error(format!("The value of \"{what}\" is out of range.")))
}

/// Decodes a part of a buffer.
#[op2]
pub(super) fn op_node_encoding_slice<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    view: v8::Local<'s, v8::ArrayBufferView>,
    start: v8::Local<'s, v8::Value>,
    end: v8::Local<'s, v8::Value>,
    encoding: u8,
) -> Result<v8::Local<'s, v8::String>, JsErrorBox> {
    let length = view.byte_length();
    let start = index(start, 0)?;
    let end = index(end, length)?.max(start);
    if end > length {
        return Err(JsErrorBox::range_error("Index out of range"));
    }
    let mut storage = [0; v8::TYPED_ARRAY_MAX_SIZE_IN_HEAP];
    let bytes = view.get_contents(&mut storage);
    let bytes = bytes.get(start..end).unwrap_or_default();
    let normal = v8::NewStringType::Normal;
    let text = match encoding {
        UTF8 if bytes.is_ascii() => v8::String::new_from_one_byte(scope, bytes, normal),
        UTF8 => {
            let text = String::from_utf8_lossy(bytes);
            v8::String::new_from_utf8(scope, text.as_bytes(), normal)
        }
        LATIN1 => v8::String::new_from_one_byte(scope, bytes, normal),
        ASCII => {
            let masked: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
            v8::String::new_from_one_byte(scope, &masked, normal)
        }
        UTF16 => {
            let units: Vec<u16> = utf16_units(bytes).collect();
            v8::String::new_from_two_byte(scope, &units, normal)
        }
        _ => return Err(JsErrorBox::type_error("Unknown encoding")),
    };
    text.ok_or_else(|| {
        JsErrorBox::generic("Cannot create a string longer than 0x1fffffe8 characters")
    })
}

/// An argument that is a whole number in JavaScript's safe range; `absent` for undefined.
fn index(value: v8::Local<'_, v8::Value>, absent: usize) -> Result<usize, JsErrorBox> {
    if value.is_undefined() {
        return Ok(absent);
    }
    let number = v8::Local::<v8::Number>::try_from(value)
        .map_err(|_| JsErrorBox::type_error("argument must be a number"))?
        .value();
    if number.is_nan() {
        return Ok(0);
    }
    if !(0.0..9_007_199_254_740_992.0).contains(&number) {
        return Err(JsErrorBox::range_error("Index out of range"));
    }
    // The range was checked; what is behind the point is cut, as JavaScript does.
    Ok(number as usize)
}

fn utf16_units(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
}

/// `buffer.transcode` (Node's documentation, "buffer.transcode"): what the target cannot
/// express becomes `?`.
#[op2]
pub(super) fn op_transcode(
    #[buffer] source: &[u8],
    #[string] from: &str,
    #[string] to: &str,
) -> Result<Uint8Array, JsErrorBox> {
    let text = match from {
        "utf8" => String::from_utf8_lossy(source).into_owned(),
        "utf16le" => char::decode_utf16(utf16_units(source))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
        "latin1" => source.iter().map(|byte| char::from(*byte)).collect(),
        "ascii" => source.iter().map(|byte| char::from(byte & 0x7f)).collect(),
        _ => return Err(unknown(from, to)),
    };
    let narrow = |limit: u32| -> Vec<u8> {
        let byte =
            |c: char| u8::try_from(u32::from(c)).ok().filter(|byte| u32::from(*byte) < limit);
        text.chars().map(|c| byte(c).unwrap_or(b'?')).collect()
    };
    let bytes = match to {
        "utf8" => text.into_bytes(),
        "utf16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "latin1" => narrow(0x100),
        "ascii" => narrow(0x80),
        _ => return Err(unknown(from, to)),
    };
    Ok(bytes.into())
}

fn unknown(from: &str, to: &str) -> JsErrorBox {
    JsErrorBox::generic(format!("Unable to transcode Buffer {from}->{to}"))
}
