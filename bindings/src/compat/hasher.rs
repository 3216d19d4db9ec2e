//! Digests and HMACs that grow piece by piece: `crypto.createHash` and `createHmac`. They live
//! in the isolate's state; JavaScript knows them by number.

use std::collections::HashMap;

use deno_core::convert::Uint8Array;
use deno_core::{OpState, op2};
use deno_error::JsErrorBox;
use hmac::{Hmac, Mac};
use sha2::digest::DynDigest;

/// Digests that one isolate may have begun and not ended: each is some hundred bytes that no
/// heap limit counts.
const MAX_OPEN: usize = 10_000;

/// Bytes that one call hashes at most, a few milliseconds: JavaScript gives pieces (`hashing.js`).
const MAX_PIECE: usize = 1 << 20;

fn bounded(bytes: &[u8]) -> Result<(), JsErrorBox> {
    if bytes.len() <= MAX_PIECE {
        return Ok(());
    }
    Err(JsErrorBox::range_error(format!("more than {MAX_PIECE} bytes in one piece are too many")))
}

/// A digest or an HMAC that has begun.
pub(super) enum Hasher {
    Digest(Box<dyn DynDigest>),
    Hmac(Box<dyn DynMac>),
}

/// An HMAC of any digest.
pub(super) trait DynMac {
    /// Takes more of the message.
    fn update(&mut self, bytes: &[u8]);
    /// The tag.
    fn finish(self: Box<Self>) -> Vec<u8>;
    /// Another one that has taken the same.
    fn copy(&self) -> Box<dyn DynMac>;
}

/// The open hashers of an isolate.
#[derive(Default)]
pub(super) struct Hashers {
    open: HashMap<u32, Hasher>,
    next: u32,
}

macro_rules! for_digest {
    ($name:expr, $digest:ident => $do:expr) => {
        match $name {
            "md5" => {
                type $digest = ::md5::Md5;
                Some($do)
            }
            "sha1" => {
                type $digest = ::sha1::Sha1;
                Some($do)
            }
            "sha224" => {
                type $digest = ::sha2::Sha224;
                Some($do)
            }
            "sha256" => {
                type $digest = ::sha2::Sha256;
                Some($do)
            }
            "sha384" => {
                type $digest = ::sha2::Sha384;
                Some($do)
            }
            "sha512" => {
                type $digest = ::sha2::Sha512;
                Some($do)
            }
            "sha512-224" => {
                type $digest = ::sha2::Sha512_224;
                Some($do)
            }
            "sha512-256" => {
                type $digest = ::sha2::Sha512_256;
                Some($do)
            }
            _ => None,
        }
    };
}
pub(super) use for_digest;

impl Hasher {
    /// A digest by its name; `None` where there is none of that name.
    pub(super) fn digest(name: &str) -> Option<Hasher> {
        for_digest!(name, D => Hasher::Digest(Box::new(<D as sha2::Digest>::new())))
    }

    /// An HMAC by the name of its digest.
    pub(super) fn hmac(name: &str, key: &[u8]) -> Option<Hasher> {
        let mac: Option<Box<dyn DynMac>> = for_digest!(name, D => {
            let mac = <Hmac<D> as Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
            Box::new(mac)
        });
        mac.map(Hasher::Hmac)
    }

    /// Takes more of the message.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Digest(digest) => digest.update(bytes),
            Hasher::Hmac(mac) => mac.update(bytes),
        }
    }

    /// The digest or the tag.
    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Digest(digest) => digest.finalize().into_vec(),
            Hasher::Hmac(mac) => mac.finish(),
        }
    }

    /// Another one that has taken the same.
    pub(super) fn copy(&self) -> Hasher {
        match self {
            Hasher::Digest(digest) => Hasher::Digest(digest.box_clone()),
            Hasher::Hmac(mac) => Hasher::Hmac(mac.copy()),
        }
    }
}

impl<M: Mac + Clone + 'static> DynMac for M {
    fn update(&mut self, bytes: &[u8]) {
        Mac::update(self, bytes);
    }

    fn finish(self: Box<Self>) -> Vec<u8> {
        self.finalize().into_bytes().to_vec()
    }

    fn copy(&self) -> Box<dyn DynMac> {
        Box::new(self.clone())
    }
}

impl Hashers {
    fn add(&mut self, hasher: Hasher) -> Result<u32, JsErrorBox> {
        if self.open.len() >= MAX_OPEN {
            return Err(JsErrorBox::generic(format!(
                "Too many digests are open (the limit is {MAX_OPEN}): call digest() on them."
            )));
        }
        self.next = self.next.wrapping_add(1) & 0x3fff_ffff;
        self.open.insert(self.next, hasher);
        Ok(self.next)
    }

    fn find(&mut self, id: u32) -> Result<&mut Hasher, JsErrorBox> {
        self.open.get_mut(&id).ok_or_else(ended)
    }
}

fn ended() -> JsErrorBox {
    JsErrorBox::generic("Digest already called")
}

/// Begins a digest or, with a key, an HMAC; 0 for a name that is not known.
#[op2]
#[smi]
pub(super) fn op_compat_hash_new(
    state: &mut OpState,
    #[string] name: &str,
    #[buffer] key: Option<&[u8]>,
) -> Result<u32, JsErrorBox> {
    bounded(key.unwrap_or_default())?;
    let hasher = match key {
        Some(key) => Hasher::hmac(name, key),
        None => Hasher::digest(name),
    };
    hasher.map_or(Ok(0), |hasher| state.borrow_mut::<Hashers>().add(hasher))
}

#[op2(fast)]
pub(super) fn op_compat_hash_update(
    state: &mut OpState,
    #[smi] id: u32,
    #[buffer] bytes: &[u8],
) -> Result<(), JsErrorBox> {
    bounded(bytes)?;
    state.borrow_mut::<Hashers>().find(id)?.update(bytes);
    Ok(())
}

#[op2]
pub(super) fn op_compat_hash_digest(
    state: &mut OpState,
    #[smi] id: u32,
) -> Result<Uint8Array, JsErrorBox> {
    let hasher = state.borrow_mut::<Hashers>().open.remove(&id).ok_or_else(ended)?;
    Ok(hasher.finish().into())
}

#[op2(fast)]
#[smi]
pub(super) fn op_compat_hash_copy(state: &mut OpState, #[smi] id: u32) -> Result<u32, JsErrorBox> {
    let hashers = state.borrow_mut::<Hashers>();
    let copy = hashers.find(id)?.copy();
    hashers.add(copy)
}

/// Lets go of a hasher that JavaScript has forgotten.
#[op2(fast)]
pub(super) fn op_compat_hash_drop(state: &mut OpState, #[smi] id: u32) {
    state.borrow_mut::<Hashers>().open.remove(&id);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        let cases = [
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
            ("sha512-256", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        ];
        for (name, expected) in cases {
            let mut hasher = Hasher::digest(name).unwrap();
            hasher.update(b"ab");
            let copy = hasher.copy();
            hasher.update(b"c");
            assert_eq!(hex(&hasher.finish()), expected, "{name}");
            assert_ne!(hex(&copy.finish()), expected, "{name}");
        }
        assert!(Hasher::digest("nothing").is_none());
    }

    #[test]
    fn an_hmac_is_that_of_rfc_4231() {
        let mut hasher = Hasher::hmac("sha256", b"Jefe").unwrap();
        hasher.update(b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hasher.finish()), expected);
    }
}
