//! Keys from passwords and from other keys: PBKDF2, scrypt, HKDF. A call from JavaScript cannot
//! be interrupted, so none of these works for long: PBKDF2 goes step by step, and between the
//! steps its event is charged; the cost of scrypt is bounded.

use deno_core::convert::Uint8Array;
use deno_core::op2;
use deno_error::JsErrorBox;
use hkdf::Hkdf;
use scrypt::Params;

use super::hasher::{Hasher, for_digest};

/// Iterations of one step of PBKDF2: a few milliseconds with any digest.
const MAX_STEP: u32 = 10_000;

/// The most that scrypt's N * r * p may be: what Node's defaults (16384, 8, 1) cost, about
/// 50 ms.
const MAX_SCRYPT_COST: u64 = 16_384 * 8;

/// What the PBKDF2 of scrypt's begin and end may hash, in bytes: some 50 ms.
const MAX_SCRYPT_HASHED_BYTES: u64 = 16 << 20;
/// An output block of PBKDF2 with SHA-256, in bytes.
const SCRYPT_BLOCK_BYTES: u64 = 32;
/// What is hashed for a block beside the salt, in bytes: the paddings of HMAC.
const SCRYPT_BLOCK_OVERHEAD_BYTES: u64 = 192;

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

/// The first iteration of one block of PBKDF2 (RFC 8018, section 5.2).
#[op2]
pub(super) fn op_compat_pbkdf2_begin(
    #[string] digest: &str,
    #[buffer] password: &[u8],
    #[buffer] salt: &[u8],
    block: u32,
) -> Result<Uint8Array, JsErrorBox> {
    bounded(password, MAX_READ)?;
    bounded(salt, MAX_READ)?;
    let mut hmac = hmac(digest, password)?;
    hmac.update(salt);
    hmac.update(&block.to_be_bytes());
    Ok(hmac.finish().into())
}

/// Some further iterations: `last` is the last one's output and `sum` the block so far.
#[op2(fast)]
pub(super) fn op_compat_pbkdf2_step(
    #[string] digest: &str,
    #[buffer] password: &[u8],
    #[buffer] last: &mut [u8],
    #[buffer] sum: &mut [u8],
    iterations: u32,
) -> Result<(), JsErrorBox> {
    bounded(password, MAX_READ)?;
    let keyed = hmac(digest, password)?;
    for _ in 0..iterations.min(MAX_STEP) {
        let mut hmac = keyed.copy();
        hmac.update(last);
        let output = hmac.finish();
        if output.len() != last.len() || output.len() != sum.len() {
            return Err(JsErrorBox::type_error("a block has the length of the digest"));
        }
        last.copy_from_slice(&output);
        for (byte, more) in sum.iter_mut().zip(&output) {
            *byte ^= more;
        }
    }
    Ok(())
}

fn hmac(digest: &str, key: &[u8]) -> Result<Hasher, JsErrorBox> {
    Hasher::hmac(digest, key)
        .ok_or_else(|| JsErrorBox::type_error(format!("Invalid digest: {digest}")))
}

/// scrypt (RFC 7914). The arguments are those of Node's `scryptSync`.
#[op2]
pub(super) fn op_compat_scrypt(
    #[buffer] password: &[u8],
    #[buffer] salt: &[u8],
    #[smi] length: u32,
    cost: u32,
    block_size: u32,
    parallelization: u32,
) -> Result<Uint8Array, JsErrorBox> {
    bounded(password, MAX_READ)?;
    let work = u64::from(cost)
        .saturating_mul(u64::from(block_size))
        .saturating_mul(u64::from(parallelization));
    if work > MAX_SCRYPT_COST {
        return Err(JsErrorBox::range_error(format!(
            "scrypt: N * r * p is {work}; a worker may use at most {MAX_SCRYPT_COST}"
        )));
    }
    // It begins and ends with PBKDF2, which reads its whole salt again for each block of output.
    let blocks = |bytes: u64| bytes.div_ceil(SCRYPT_BLOCK_BYTES);
    let mixed = 128u64.saturating_mul(block_size.into()).saturating_mul(parallelization.into());
    let first = blocks(mixed).saturating_mul(salt.len() as u64 + SCRYPT_BLOCK_OVERHEAD_BYTES);
    let last =
        blocks(length.into()).saturating_mul(mixed.saturating_add(SCRYPT_BLOCK_OVERHEAD_BYTES));
    if first.saturating_add(last) > MAX_SCRYPT_HASHED_BYTES {
        return Err(JsErrorBox::range_error(
            "scrypt: r * p, the salt and the length are more than a worker may use together",
        ));
    }
    let invalid = || JsErrorBox::range_error("Invalid scrypt params");
    if !cost.is_power_of_two() || cost < 2 {
        return Err(invalid());
    }
    let log_cost = u8::try_from(cost.trailing_zeros()).map_err(|_| invalid())?;
    let length = length as usize;
    let params = Params::new(log_cost, block_size, parallelization, Params::RECOMMENDED_LEN)
        .map_err(|_| invalid())?;
    let mut output = vec![0; length];
    scrypt::scrypt(password, salt, &params, &mut output).map_err(|_| invalid())?;
    Ok(output.into())
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
