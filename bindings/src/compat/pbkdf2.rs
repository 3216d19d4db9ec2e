//! PBKDF2 (RFC 8018, section 5.2) in steps. Not here: how it is called (`passwords.rs`).

use deno_error::JsErrorBox;
use hmac::digest::Output;
use hmac::{Hmac, Mac};

use super::hasher::for_digest;

/// Iterations between two looks at a limit: some milliseconds with any digest.
const STEP: u32 = 5000;
/// Iterations that one call from JavaScript may make.
const MAX_STEP: u32 = 10_000;

/// What an iteration takes, rather less than more, in nanoseconds: two compressions.
pub(super) fn iteration_nanos(digest: &str) -> f64 {
    match digest {
        "sha1" | "sha224" | "sha256" | "md5" => 100.0,
        _ => 300.0,
    }
}

/// Bytes of a digest; 1 where it is not known.
pub(super) fn size(digest: &str) -> u32 {
    let size = for_digest!(digest, D => Output::<Hmac<D>>::default().len());
    size.map_or(1, |size| size as u32)
}

/// The first iteration of one block.
pub(super) fn begin(
    digest: &str,
    password: &[u8],
    salt: &[u8],
    block: u32,
) -> Result<Vec<u8>, JsErrorBox> {
    for_digest!(digest, D => first(keyed::<Hmac<D>>(password), salt, block).to_vec())
        .ok_or_else(|| unknown(digest))
}

/// Some further iterations: `last` is the last one's output and `sum` the block so far.
pub(super) fn step(
    digest: &str,
    password: &[u8],
    last: &mut [u8],
    sum: &mut [u8],
    iterations: u32,
) -> Result<(), JsErrorBox> {
    let iterations = iterations.min(MAX_STEP);
    for_digest!(digest, D => {
        let size = Output::<Hmac<D>>::default().len();
        if last.len() != size || sum.len() != size {
            return Err(JsErrorBox::type_error("a block has the length of the digest"));
        }
        let keyed = keyed::<Hmac<D>>(password);
        let mut own = (Output::<Hmac<D>>::clone_from_slice(last), Output::<Hmac<D>>::clone_from_slice(sum));
        iterate(&keyed, &mut own.0, &mut own.1, iterations);
        last.copy_from_slice(&own.0);
        sum.copy_from_slice(&own.1);
    })
    .ok_or_else(|| unknown(digest))
}

/// A whole key; nothing where `is_over` says so between two steps, or the digest is not known.
pub(super) fn key(
    digest: &str,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    length: usize,
    is_over: impl Fn() -> bool,
) -> Option<Vec<u8>> {
    let mut key = vec![0; length];
    for_digest!(digest, D => fill(&keyed::<Hmac<D>>(password), salt, iterations, &mut key, is_over))??;
    Some(key)
}

fn fill<M: Mac + Clone>(
    keyed: &M,
    salt: &[u8],
    iterations: u32,
    key: &mut [u8],
    is_over: impl Fn() -> bool,
) -> Option<()> {
    // Read once, however many blocks there are.
    let mut salted = keyed.clone();
    salted.update(salt);
    let mut until_look = 0;
    for (block, number) in key.chunks_mut(Output::<M>::default().len()).zip(1u32..) {
        let mut last = block_of(salted.clone(), number);
        let mut sum = last.clone();
        let mut left = iterations.saturating_sub(1);
        loop {
            if until_look == 0 {
                if is_over() {
                    return None;
                }
                until_look = STEP;
            }
            let step = left.min(until_look);
            iterate(keyed, &mut last, &mut sum, step);
            left -= step;
            // A block without further iterations is work, too.
            until_look -= step.max(1);
            if left == 0 {
                break;
            }
        }
        block.copy_from_slice(&sum[..block.len()]);
    }
    Some(())
}

fn keyed<M: Mac + hmac::digest::KeyInit>(password: &[u8]) -> M {
    <M as Mac>::new_from_slice(password).expect("HMAC takes a key of any length")
}

fn first<M: Mac>(mut hmac: M, salt: &[u8], block: u32) -> Output<M> {
    hmac.update(salt);
    block_of(hmac, block)
}

/// The first iteration of a block, by an HMAC that has read the salt.
fn block_of<M: Mac>(mut salted: M, block: u32) -> Output<M> {
    salted.update(&block.to_be_bytes());
    salted.finalize().into_bytes()
}

fn iterate<M: Mac + Clone>(keyed: &M, last: &mut Output<M>, sum: &mut Output<M>, iterations: u32) {
    for _ in 0..iterations {
        let mut hmac = keyed.clone();
        hmac.update(last);
        *last = hmac.finalize().into_bytes();
        for (byte, more) in sum.iter_mut().zip(last.iter()) {
            *byte ^= more;
        }
    }
}

fn unknown(digest: &str) -> JsErrorBox {
    JsErrorBox::type_error(format!("Invalid digest: {digest}"))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_key_is_that_of_rfc_6070() {
        let made = key("sha1", b"password", b"salt", 4096, 20, || false).unwrap();
        assert_eq!(hex(&made), "4b007901b765489abead49d926f721d065a429c1");
    }

    #[test]
    fn steps_come_to_the_same_as_a_whole() {
        for digest in ["md5", "sha256", "sha512", "sha512-256"] {
            let mut last = begin(digest, b"password", b"salt", 1).unwrap();
            let mut sum = last.clone();
            for iterations in [1, 700, 5000] {
                step(digest, b"password", &mut last, &mut sum, iterations).unwrap();
            }
            let made = key(digest, b"password", b"salt", 5702, sum.len(), || false);
            assert_eq!(made.unwrap(), sum, "{digest}");
        }
    }

    #[test]
    fn work_is_given_up_between_steps() {
        let asked = Cell::new(0);
        let is_over = || asked.replace(asked.get() + 1) == 2;
        assert_eq!(key("sha256", b"p", b"s", u32::MAX, 32, is_over), None);
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn blocks_of_one_iteration_are_given_up_too() {
        let asked = Cell::new(0);
        let is_over = || asked.replace(asked.get() + 1) == 2;
        let length = 20 * STEP as usize * 4;
        assert_eq!(key("sha1", b"p", b"s", 1, length, is_over), None);
        assert_eq!(asked.get(), 3);
    }

    #[test]
    fn blocks_after_the_first_are_those_of_the_standard() {
        let two = key("sha256", b"password", b"salt", 3, 64, || false).unwrap();
        for (number, block) in (1..).zip(two.chunks(32)) {
            let mut last = begin("sha256", b"password", b"salt", number).unwrap();
            let mut sum = last.clone();
            step("sha256", b"password", &mut last, &mut sum, 2).unwrap();
            assert_eq!(block, sum);
        }
    }

    #[test]
    fn what_is_no_digest_or_no_block_is_refused() {
        begin("nothing", b"p", b"s", 1).unwrap_err();
        step("sha1", b"p", &mut [0; 20], &mut [0; 19], 1).unwrap_err();
        assert_eq!(key("nothing", b"p", b"s", 1, 20, || false), None);
    }
}
