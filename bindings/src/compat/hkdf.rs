//! Keys from other keys: HKDF. A call from JavaScript cannot be interrupted, so what it reads and
//! makes is bounded. Not here: keys from passwords (`passwords.rs`).

use deno_core::convert::Uint8Array;
use deno_core::op2;
use deno_error::JsErrorBox;
use hkdf::Hkdf;

use super::hasher::for_digest;

/// Bytes of a password, a key, a salt that one call reads: a few milliseconds. JavaScript says so
/// before, with Node's errors.
const MAX_READ: usize = 1 << 20;
/// Bytes of HKDF's `info`, which is hashed for each block.
const MAX_INFO: usize = 1024;

fn bounded(bytes: &[u8], most: usize) -> Result<(), JsErrorBox> {
    if bytes.len() <= most {
        return Ok(());
    }
    Err(JsErrorBox::range_error(format!("more than {most} bytes are too many")))
}

/// HKDF (RFC 5869). The length is at most 255 times that of the digest.
#[op2]
pub(super) fn op_compat_hkdf(
    #[string] digest: &str,
    #[buffer] key: &[u8],
    #[buffer] salt: &[u8],
    #[buffer] info: &[u8],
    #[smi] length: u32,
) -> Result<Uint8Array, JsErrorBox> {
    const LONGEST: u32 = 255 * 64;
    if length > LONGEST {
        return Err(JsErrorBox::range_error("Invalid key length"));
    }
    bounded(key, MAX_READ)?;
    bounded(salt, MAX_READ)?;
    bounded(info, MAX_INFO)?;
    let mut output = vec![0; length as usize];
    let expanded =
        for_digest!(digest, D => Hkdf::<D>::new(Some(salt), key).expand(info, &mut output).is_ok());
    match expanded {
        Some(true) => Ok(output.into()),
        Some(false) => Err(JsErrorBox::range_error("Invalid key length")),
        None => Err(JsErrorBox::type_error(format!("Invalid digest: {digest}"))),
    }
}
