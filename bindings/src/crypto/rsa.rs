//! RSA keys that the node makes itself: with aws-lc-rs, many times faster than deno_crypto, where
//! that has the size and the exponent; otherwise with a search that can be given up (`search.rs`).

mod search;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use deno_core::{OpState, ToJsBuffer, op2};
use deno_error::JsErrorBox;

use super::refused;
use super::request::MAX_MODULUS;
use super::work::{Budget, Job, afford, on_lane};
use crate::event::EventId;

/// A key in DER: PKCS #8 and SubjectPublicKeyInfo.
type RsaKey = (Vec<u8>, Vec<u8>);

/// Bits of the shortest key that is made here.
const MIN_MODULUS: u32 = 512;

/// How a key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maker {
    AwsLc(KeySize),
    /// With another exponent than aws-lc-rs gives them.
    OtherExponent {
        size: KeySize,
        exponent: u32,
    },
    Search {
        bits: u32,
        exponent: u32,
    },
}

impl Maker {
    /// Those of Workers: whole bytes, and an exponent of 3 or 65537.
    fn of(bits: u32, exponent: u32) -> Option<Maker> {
        let is_known = matches!(exponent, 3 | 65537) && bits.is_multiple_of(8);
        let is_size = bits >= MIN_MODULUS && f64::from(bits) <= MAX_MODULUS;
        let size = match bits {
            2048 => Some(KeySize::Rsa2048),
            3072 => Some(KeySize::Rsa3072),
            4096 => Some(KeySize::Rsa4096),
            _ => None,
        };
        if !is_known || !is_size {
            return None;
        }
        Some(match size {
            Some(size) if exponent == 65537 => Maker::AwsLc(size),
            Some(size) => Maker::OtherExponent { size, exponent },
            None => Maker::Search { bits, exponent },
        })
    }

    /// What a lucky one takes: the rest is charged afterwards.
    fn price(self) -> Duration {
        match self {
            Maker::AwsLc(size) | Maker::OtherExponent { size, .. } => match size {
                KeySize::Rsa2048 => Duration::from_millis(20),
                KeySize::Rsa3072 => Duration::from_millis(80),
                _ => Duration::from_millis(200),
            },
            Maker::Search { bits, .. } => {
                Duration::from_millis(8).mul_f64((f64::from(bits) / 1024.0).powi(4))
            }
        }
    }

    fn make(self, budget: &Budget) -> Option<RsaKey> {
        match self {
            Maker::AwsLc(size) => rsa_key(size),
            Maker::OtherExponent { size, exponent } => search::of_others(size, exponent, budget),
            Maker::Search { bits, exponent } => search::rsa_key(bits, exponent, budget),
        }
    }
}

/// Makes an RSA key, and charges the event with the time it took.
#[op2]
#[serde]
pub(crate) async fn op_crypto_rsa_key(
    state: Rc<RefCell<OpState>>,
    #[smi] event: u32,
    #[smi] bits: u32,
    #[smi] exponent: u32,
) -> Result<(ToJsBuffer, ToJsBuffer), JsErrorBox> {
    let maker = Maker::of(bits, exponent)
        .ok_or_else(|| JsErrorBox::range_error("no such size of an RSA key"))?;
    let (event, algorithm, price) = (EventId::new(event), format!("RSA {bits}"), maker.price());
    if !matches!(maker, Maker::AwsLc(_)) {
        afford(&state, event, price, &format!("an RSA key of {bits} bits")).map_err(refused)?;
    }
    let job = Job { event, call: "generateKey", algorithm, price };
    let made = on_lane(&state, job, move |budget| maker.make(budget)).await?;
    let (private, public) = made.ok_or_else(|| refused("the key could not be made"))?;
    Ok((private.into(), public.into()))
}

fn rsa_key(size: KeySize) -> Option<RsaKey> {
    let key = KeyPair::generate(size).ok()?;
    let private: Pkcs8V1Der<'_> = key.as_der().ok()?;
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().ok()?;
    Some((private.as_ref().to_vec(), public.as_ref().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_key_is_one() {
        let (private, public) = rsa_key(KeySize::Rsa2048).unwrap();
        let key = KeyPair::from_pkcs8(&private).unwrap();
        let known: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        assert_eq!(known.as_ref(), public);
    }

    #[test]
    fn keys_are_those_of_workers() {
        assert_eq!(Maker::of(2048, 65537), Some(Maker::AwsLc(KeySize::Rsa2048)));
        let other = Maker::OtherExponent { size: KeySize::Rsa2048, exponent: 3 };
        assert_eq!(Maker::of(2048, 3), Some(other));
        assert_eq!(Maker::of(1024, 65537), Some(Maker::Search { bits: 1024, exponent: 65537 }));
        for (bits, exponent) in [(2048, 1), (2048, 17), (1001, 3), (504, 3), (4104, 3), (0, 3)] {
            assert_eq!(Maker::of(bits, exponent), None, "{bits} {exponent}");
        }
    }
}
