//! Wasm modules before V8 sees them: their own memories get a maximum within the isolate's limit,
//! so that `memory.grow` answers -1 where the limit is, and V8 sets aside no more address space;
//! functions that are too long to be compiled in one piece are refused.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;

use crate::memory::Meter;

/// Bytes of a page (WebAssembly 3.0, section 4.2.8).
const PAGE_BYTES: usize = 65536;
/// Memories that one module may declare: each takes mappings, of which a process has few.
const MAX_MEMORIES: u64 = 8;
/// Bytes of the body of one function. V8 optimizes each in one piece, on threads that all workers
/// share and at nobody's charge; the longest of real modules, loops of interpreters, have half of it.
const MAX_BODY_BYTES: usize = 1 << 20;

/// The magic number and the version.
const HEADER_BYTES: usize = 8;
const MEMORY_SECTION: u8 = 5;
const CODE_SECTION: u8 = 10;

const HAS_MAXIMUM: u8 = 1;
const IS_SHARED: u8 = 2;
/// With these flags alone a memory has a form that is known here.
const KNOWN_FLAGS: u8 = HAS_MAXIMUM | IS_SHARED | 4;

/// A module whose memories have a maximum of at most `limit_bytes`. One that is malformed stays as
/// it is, for V8 to say what is wrong.
///
/// # Errors
///
/// A `RangeError` where the module has too many memories, or a function that is too long.
pub(crate) fn bounded(module: &[u8], limit_bytes: usize) -> Result<Vec<u8>, JsErrorBox> {
    let limit = (limit_bytes / PAGE_BYTES) as u64;
    match rewrite(module, limit) {
        Some(Rewritten::Module(module)) => Ok(module),
        Some(Rewritten::TooMany) => Err(JsErrorBox::range_error(format!(
            "the Wasm module declares more than {MAX_MEMORIES} memories"
        ))),
        Some(Rewritten::TooLong(body)) => Err(JsErrorBox::range_error(format!(
            "function {} of the Wasm module's code section, counted from 0, has {} bytes, and \
             {MAX_BODY_BYTES} are allowed: split it, or compile the module with less inlining",
            body.index, body.bytes
        ))),
        None => Ok(module.to_vec()),
    }
}

enum Rewritten {
    Module(Vec<u8>),
    TooMany,
    TooLong(Body),
}

/// The body of a function, by its place in the code section, where imported functions are not
/// counted.
struct Body {
    index: u64,
    bytes: usize,
}

fn rewrite(module: &[u8], limit: u64) -> Option<Rewritten> {
    let mut output = Vec::with_capacity(module.len() + 16);
    let mut input = Input { bytes: module };
    output.extend_from_slice(input.take(HEADER_BYTES)?);
    while !input.bytes.is_empty() {
        let (id, content) = input.section()?;
        output.push(id);
        if id == MEMORY_SECTION {
            let Some(content) = memories(content, limit)? else { return Some(Rewritten::TooMany) };
            push_number(&mut output, content.len() as u64);
            output.extend_from_slice(&content);
        } else {
            if id == CODE_SECTION
                && let Some(body) = long_body(content)?
            {
                return Some(Rewritten::TooLong(body));
            }
            push_number(&mut output, content.len() as u64);
            output.extend_from_slice(content);
        }
    }
    Some(Rewritten::Module(output))
}

/// The first body of a code section (section 5.5.13) that is too long.
fn long_body(content: &[u8]) -> Option<Option<Body>> {
    let mut input = Input { bytes: content };
    for index in 0..input.number()? {
        let body = input.sized()?;
        if body.len() > MAX_BODY_BYTES {
            return Some(Some(Body { index, bytes: body.len() }));
        }
    }
    Some(None)
}

/// The memories that a module declares.
fn declared(module: &[u8]) -> Option<u64> {
    let mut input = Input { bytes: module };
    input.take(HEADER_BYTES)?;
    while !input.bytes.is_empty() {
        let (id, content) = input.section()?;
        if id == MEMORY_SECTION {
            return Input { bytes: content }.number();
        }
    }
    Some(0)
}

/// The content of a memory section with bounded memories (section 5.5.8); `Some(None)` for too many
/// of them.
fn memories(content: &[u8], limit: u64) -> Option<Option<Vec<u8>>> {
    let mut input = Input { bytes: content };
    let count = input.number()?;
    if count > MAX_MEMORIES {
        return Some(None);
    }
    let mut output = Vec::with_capacity(content.len() + 16);
    push_number(&mut output, count);
    for _ in 0..count {
        let flags = input.byte()?;
        if flags & !KNOWN_FLAGS != 0 {
            return None;
        }
        let minimum = input.number()?;
        let maximum = match flags & HAS_MAXIMUM {
            0 => None,
            _ => Some(input.number()?),
        };
        let has_to_have = flags & IS_SHARED == 0 || maximum.is_some();
        // One that begins beyond the limit is refused when it is made, by what it takes.
        let bounded = maximum.unwrap_or(u64::MAX).min(limit.max(minimum));
        // A maximum that is below the minimum is V8's to refuse.
        output.push(if has_to_have { flags | HAS_MAXIMUM } else { flags });
        push_number(&mut output, minimum);
        if has_to_have {
            push_number(&mut output, bounded);
        }
    }
    input.bytes.is_empty().then_some(Some(output))
}

struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// Bytes that come after their number.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    /// The id of a section, and its content (section 5.5.2).
    fn section(&mut self) -> Option<(u8, &'a [u8])> {
        Some((self.byte()?, self.sized()?))
    }

    /// An unsigned number in LEB128 (section 5.2.2).
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

fn push_number(output: &mut Vec<u8>, mut number: u64) {
    loop {
        let bits = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return output.push(bits);
        }
        output.push(bits | 0x80);
    }
}

/// The bytes of a module as V8 is to compile it.
#[op2]
#[buffer]
pub(crate) fn op_wasm_bounded(
    state: Rc<RefCell<OpState>>,
    #[anybuffer] module: &[u8],
) -> Result<Vec<u8>, JsErrorBox> {
    let limit = state.borrow().borrow::<Meter>().limit_bytes();
    match limit {
        Some(limit) => bounded(module, limit),
        None => Ok(module.to_vec()),
    }
}

/// The memories that each instance of a module makes; -1 for what is no `WebAssembly.Module`.
#[op2(nofast)]
#[smi]
pub(crate) fn op_wasm_memories(value: v8::Local<'_, v8::Value>) -> i32 {
    let Ok(module) = v8::Local::<v8::WasmModuleObject>::try_from(value) else { return -1 };
    let compiled = module.get_compiled_module();
    let memories = declared(compiled.get_wire_bytes_ref()).unwrap_or(MAX_MEMORIES);
    i32::try_from(memories).unwrap_or(i32::MAX)
}

/// Whether a value is a `WebAssembly.Memory`, whatever its prototype.
#[op2(nofast)]
pub(crate) fn op_wasm_is_memory(value: v8::Local<'_, v8::Value>) -> bool {
    value.is_wasm_memory_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"\0asm\x01\0\0\0";

    fn module(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut module = HEADER.to_vec();
        for (id, content) in sections {
            module.push(*id);
            push_number(&mut module, content.len() as u64);
            module.extend_from_slice(content);
        }
        module
    }

    /// The memory section of a module with this one, bounded to 2048 pages.
    fn section(content: &[u8]) -> Vec<u8> {
        let custom: (u8, &[u8]) = (0, b"\x01n?");
        let given = module(&[custom, (MEMORY_SECTION, content), custom]);
        let bounded = bounded(&given, 128 << 20).unwrap();
        let mut input =
            Input { bytes: bounded.strip_prefix(module(&[custom]).as_slice()).unwrap() };
        assert_eq!(input.byte(), Some(MEMORY_SECTION));
        let length = input.number().unwrap();
        input.take(length as usize).unwrap().to_vec()
    }

    #[test]
    fn memories_get_a_maximum_within_the_limit() {
        // (flags, minimum, maximum); 2048 is 0x80 0x10, 65536 is 0x80 0x80 0x04
        assert_eq!(section(b"\x01\x00\x01"), b"\x01\x01\x01\x80\x10");
        assert_eq!(section(b"\x01\x01\x01\x80\x80\x04"), b"\x01\x01\x01\x80\x10");
        assert_eq!(section(b"\x01\x01\x01\x05"), b"\x01\x01\x01\x05");
        assert_eq!(section(b"\x01\x04\x01"), b"\x01\x05\x01\x80\x10");
        assert_eq!(section(b"\x02\x00\x01\x01\x02\x03"), b"\x02\x01\x01\x80\x10\x01\x02\x03");
    }

    #[test]
    fn what_is_wrong_stays_wrong() {
        // A minimum beyond the limit, a maximum below the minimum, a shared one without.
        assert_eq!(section(b"\x01\x00\x80\x80\x04"), b"\x01\x01\x80\x80\x04\x80\x80\x04");
        assert_eq!(section(b"\x01\x01\x05\x01"), b"\x01\x01\x05\x01");
        assert_eq!(section(b"\x01\x02\x01"), b"\x01\x02\x01");
        for broken in [&b"\x01"[..], b"\x01\x40\x01", b"\x01\x00\xff\xff\xff", b"\x01\x00\x01\x07"]
        {
            let given = module(&[(MEMORY_SECTION, broken)]);
            assert_eq!(bounded(&given, 128 << 20).unwrap(), given);
        }
        for given in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\x05\x09"] {
            assert_eq!(bounded(given, 128 << 20).unwrap(), given);
        }
    }

    #[test]
    fn a_module_of_many_memories_is_refused() {
        let mut content = vec![9];
        content.extend(std::iter::repeat_n([0_u8, 1], 9).flatten());
        assert!(bounded(&module(&[(MEMORY_SECTION, &content)]), 128 << 20).is_err());
    }

    #[test]
    fn memories_are_counted() {
        let custom: (u8, &[u8]) = (0, b"\x01n?");
        assert_eq!(declared(&module(&[custom])), Some(0));
        let two = [custom, (MEMORY_SECTION, b"\x02\x00\x00\x01\x00\x01"), custom];
        assert_eq!(declared(&module(&two)), Some(2));
        assert_eq!(declared(b"\0asm"), None);
    }

    /// A code section with bodies of these lengths.
    fn code(lengths: &[usize]) -> Vec<u8> {
        let mut content = Vec::new();
        push_number(&mut content, lengths.len() as u64);
        for length in lengths {
            push_number(&mut content, *length as u64);
            content.resize(content.len() + length, 0);
        }
        content
    }

    #[test]
    fn a_module_with_a_long_function_is_refused() {
        let fits = module(&[(CODE_SECTION, &code(&[1, MAX_BODY_BYTES, MAX_BODY_BYTES]))]);
        assert_eq!(bounded(&fits, 128 << 20).unwrap(), fits);
        let long = module(&[(CODE_SECTION, &code(&[1, 2, MAX_BODY_BYTES + 1, 3]))]);
        let error = bounded(&long, 128 << 20).unwrap_err().to_string();
        assert!(error.contains("function 2 of") && error.contains("1048577 bytes"), "{error}");
        // What is cut off is V8's to refuse.
        let broken = module(&[(CODE_SECTION, b"\x02\x01\x00")]);
        assert_eq!(bounded(&broken, 128 << 20).unwrap(), broken);
    }
}
