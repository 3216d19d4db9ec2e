//! Wasm modules before V8 sees them: their own memories get a maximum within the isolate's limit,
//! so that `memory.grow` answers -1 where the limit is, and V8 sets aside no more address space.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2};
use deno_error::JsErrorBox;

use crate::memory::Meter;

/// Bytes of a page (WebAssembly 3.0, section 4.2.8).
const PAGE_BYTES: usize = 65536;
/// Memories that one module may declare: each takes mappings, of which a process has few.
const MAX_MEMORIES: u64 = 8;

/// The magic number and the version.
const HEADER_BYTES: usize = 8;
const MEMORY_SECTION: u8 = 5;

const HAS_MAXIMUM: u8 = 1;
const IS_SHARED: u8 = 2;
/// With these flags alone a memory has a form that is known here.
const KNOWN_FLAGS: u8 = HAS_MAXIMUM | IS_SHARED | 4;

/// A module whose memories have a maximum of at most `limit_bytes`. One that is malformed stays as
/// it is, for V8 to say what is wrong.
pub(crate) fn bounded(module: &[u8], limit_bytes: usize) -> Result<Vec<u8>, JsErrorBox> {
    let limit = (limit_bytes / PAGE_BYTES) as u64;
    match rewrite(module, limit) {
        Some(Rewritten::Module(module)) => Ok(module),
        Some(Rewritten::TooMany) => Err(JsErrorBox::range_error(format!(
            "the Wasm module declares more than {MAX_MEMORIES} memories"
        ))),
        None => Ok(module.to_vec()),
    }
}

enum Rewritten {
    Module(Vec<u8>),
    TooMany,
}

fn rewrite(module: &[u8], limit: u64) -> Option<Rewritten> {
    let mut output = Vec::with_capacity(module.len() + 16);
    let mut input = Input { bytes: module };
    output.extend_from_slice(input.take(HEADER_BYTES)?);
    while !input.bytes.is_empty() {
        let id = input.byte()?;
        let length = input.number()?;
        let content = input.take(usize::try_from(length).ok()?)?;
        output.push(id);
        if id == MEMORY_SECTION {
            let Some(content) = memories(content, limit)? else { return Some(Rewritten::TooMany) };
            push_number(&mut output, content.len() as u64);
            output.extend_from_slice(&content);
        } else {
            push_number(&mut output, length);
            output.extend_from_slice(content);
        }
    }
    Some(Rewritten::Module(output))
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
}
