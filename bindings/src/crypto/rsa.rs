//! RSA keys, made by aws-lc-rs: many times faster than what deno_crypto makes them with.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use deno_core::{CancelFuture, OpState, ToJsBuffer, op2};
use deno_error::JsErrorBox;

use super::{CpuAccount, Measured, PATIENCE, calls, cancel_handle, lanes, over, refused, worker};

/// A key in DER: PKCS #8 and SubjectPublicKeyInfo.
type RsaKey = (Vec<u8>, Vec<u8>);

/// Makes an RSA key with the public exponent 65537, and charges the event with the time it took.
#[op2]
#[serde]
pub(crate) async fn op_crypto_rsa_key(
    state: Rc<RefCell<OpState>>,
    #[smi] event: u32,
    #[smi] bits: u32,
) -> Result<(ToJsBuffer, ToJsBuffer), JsErrorBox> {
    // What a lucky one takes: the rest is charged afterwards.
    let (size, price_ms) = match bits {
        2048 => (KeySize::Rsa2048, 20),
        3072 => (KeySize::Rsa3072, 80),
        4096 => (KeySize::Rsa4096, 200),
        _ => return Err(JsErrorBox::range_error("no such size of an RSA key")),
    };
    let cancel = cancel_handle(&state, event);
    let worker = worker(&state);
    let place = lanes::take(&worker, PATIENCE).or_cancel(cancel).await.map_err(|_| over())??;
    let account = state.borrow().try_borrow::<CpuAccount>().cloned();
    let price = Duration::from_millis(price_ms);
    if account.as_ref().is_some_and(|account| account.charge(event, price)) {
        // The event ends as soon as its code goes on.
        return Err(over());
    }
    place.begin().map_err(refused)?;
    let made = place.runtime().spawn_blocking(move || rsa_key(size));
    let algorithm = format!("RSA {bits}");
    let what = Measured { call: "generateKey".to_owned(), algorithm, price, took: price };
    let end = calls::end(place, event, what, account.as_ref());
    let failed = || refused("the key could not be made");
    let made = made.await;
    end.wait().await;
    let (private, public) = made.map_err(|_| failed())?.ok_or_else(failed)?;
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
}
