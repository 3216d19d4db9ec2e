//! What Web Crypto takes of the processor outside the isolate's own thread: each call is charged to
//! its event before it is made, by a price for its kind and its size; RSA keys, whose time is
//! chance, are made here and charged with what they took. Not here: bounds on sizes
//! (`global/web_crypto.js`), `node:crypto`, which works on the isolate's thread (`compat/digest.rs`).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use deno_core::{OpState, ToJsBuffer, op2, v8};
use deno_error::JsErrorBox;
use nix::time::{ClockId, clock_gettime};
use tokio::sync::Semaphore;

use crate::event::running_id;

/// RSA keys that the process makes at a time, whoever asks.
static RSA_KEYS: Semaphore = Semaphore::const_new(2);

/// Takes CPU time that was used for an event outside its isolate's thread, and tells whether the
/// event has used more than its limit. Lives in the isolate's `OpState`, where the runtime puts it;
/// without it nobody is charged.
pub struct CpuAccount(Box<dyn Fn(u32, Duration) -> bool>);

impl CpuAccount {
    /// An account that charges with this function: the event, 0 for none, and the time.
    pub fn new(charge: impl Fn(u32, Duration) -> bool + 'static) -> CpuAccount {
        CpuAccount(Box::new(charge))
    }
}

fn charge(state: &OpState, event: u32, time: Duration) -> bool {
    state.try_borrow::<CpuAccount>().is_some_and(|account| (account.0)(event, time))
}

/// Charges the running event for a call that is about to be made, and ends it where it has no time
/// left for that. `amount` is what the call's time grows with: bytes, or rounds of a derivation.
#[op2(nofast)]
pub(crate) fn op_crypto_charge(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[string] call: &str,
    #[string] algorithm: &str,
    amount: f64,
) {
    let event = running_id(scope);
    if charge(&state.borrow(), event, price(call, algorithm, amount)) {
        scope.terminate_execution();
    }
}

/// What a call costs, measured on one core at 2.5 GHz and rounded.
fn price(call: &str, algorithm: &str, amount: f64) -> Duration {
    let is = |start: &str| algorithm.starts_with(start);
    // (fixed microseconds, nanoseconds for each unit of the amount)
    let (fixed_us, each_ns) = match call {
        "digest" => (0, 5.0),
        "encrypt" | "wrapKey" if is("RSA") => (100, 1.0),
        "decrypt" | "unwrapKey" if is("RSA") => (2000, 1.0),
        "encrypt" | "decrypt" | "wrapKey" | "unwrapKey" => (0, 3.0),
        "sign" | "verify" if is("HMAC") || is("KMAC") => (0, 5.0),
        "sign" | "verify" if is("SLH") => (50_000, 5.0),
        "sign" if is("RSA") => (2000, 5.0),
        "sign" | "verify" => (200, 5.0),
        "deriveBits" | "deriveKey" if is("PBKDF2") => (0, 500.0),
        "deriveBits" | "deriveKey" if is("HKDF") => (10, 5.0),
        "generateKey" if is("SLH") => (50_000, 0.0),
        "generateKey" if is("RSA") => (0, 25e6),
        "generateKey" if is("HMAC") || is("AES") => (0, 1.0),
        _ => (200, 0.0),
    };
    // The cast is exact enough, and saturates.
    Duration::from_micros(fixed_us) + Duration::from_nanos((amount.max(0.0) * each_ns) as u64)
}

/// An RSA key in DER: PKCS #8 and SubjectPublicKeyInfo.
type RsaKey = (Vec<u8>, Vec<u8>);

/// Makes an RSA key with the public exponent 65537, and charges the event with the time it took.
#[op2]
#[serde]
pub(crate) async fn op_crypto_rsa_key(
    state: Rc<RefCell<OpState>>,
    #[smi] event: u32,
    #[smi] bits: u32,
) -> Result<(ToJsBuffer, ToJsBuffer), JsErrorBox> {
    let failed = || JsErrorBox::generic("the key could not be made");
    let size = match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        4096 => KeySize::Rsa4096,
        _ => return Err(JsErrorBox::range_error("no such size of an RSA key")),
    };
    let place = RSA_KEYS.acquire().await.map_err(|_| failed())?;
    let made = tokio::task::spawn_blocking(move || {
        let began = thread_cpu();
        (rsa_key(size), thread_cpu().saturating_sub(began))
    });
    let (key, took) = made.await.map_err(|_| failed())?;
    drop(place);
    charge(&state.borrow(), event, took);
    let (private, public) = key.ok_or_else(failed)?;
    Ok((private.into(), public.into()))
}

fn rsa_key(size: KeySize) -> Option<RsaKey> {
    let key = KeyPair::generate(size).ok()?;
    let private: Pkcs8V1Der<'_> = key.as_der().ok()?;
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().ok()?;
    Some((private.as_ref().to_vec(), public.as_ref().to_vec()))
}

/// CPU time of the calling thread.
fn thread_cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_costs_more_the_more_it_has_to_do() {
        assert_eq!(price("digest", "SHA-256", 1e6), Duration::from_millis(5));
        assert_eq!(price("deriveBits", "PBKDF2", 1e5), Duration::from_millis(50));
        assert!(price("digest", "SHA-1", f64::INFINITY) > Duration::from_secs(1000));
        assert_eq!(price("digest", "SHA-1", f64::NAN), Duration::ZERO);
    }

    #[test]
    fn a_made_key_is_one() {
        let (private, public) = rsa_key(KeySize::Rsa2048).unwrap();
        let key = KeyPair::from_pkcs8(&private).unwrap();
        let known: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        assert_eq!(known.as_ref(), public);
    }
}
