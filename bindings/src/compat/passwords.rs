//! Keys from passwords as `node:crypto` makes them: PBKDF2 and scrypt. On the isolate's own thread
//! they work in pieces, between which the limits are looked at; without `Sync` in their name, on a
//! lane.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use deno_core::convert::Uint8Array;
use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;

use super::pbkdf2;
use super::scrypt::{Params, Scrypt};
use crate::crypto::{Job, afford, on_lane};
use crate::event::{EventId, running_id};

/// Bytes of a password, a key, a salt that one call reads: a few milliseconds. JavaScript says so
/// before, with Node's errors.
const MAX_READ: usize = 1 << 20;

/// What the PBKDF2 of scrypt's begin and end may hash, in bytes: some 50 ms.
const MAX_SCRYPT_HASHED_BYTES: u64 = 16 << 20;
/// An output block of PBKDF2 with SHA-256, in bytes.
const SCRYPT_BLOCK_BYTES: u64 = 32;
/// What is hashed for a block beside the salt, in bytes: the paddings of HMAC.
const SCRYPT_BLOCK_OVERHEAD_BYTES: u64 = 192;

/// The key that JavaScript is deriving with scrypt: it does nothing else meanwhile, so there is
/// one, or what a limit has ended.
#[derive(Default)]
pub(super) struct Deriving(Option<Scrypt>);

fn bounded(bytes: &[u8]) -> Result<(), JsErrorBox> {
    if bytes.len() <= MAX_READ {
        return Ok(());
    }
    Err(JsErrorBox::range_error(format!("more than {MAX_READ} bytes are too many")))
}

fn nanos(nanos: f64) -> Duration {
    // The cast saturates.
    Duration::from_nanos(nanos as u64)
}

fn used_up() -> JsErrorBox {
    JsErrorBox::range_error("the event has used up its CPU time: see limits.cpu_ms")
}

/// The salt is read once: it is nothing beside the rest.
fn pbkdf2_price(digest: &str, iterations: u32, length: u32) -> Duration {
    let blocks = f64::from(length.div_ceil(pbkdf2::size(digest)));
    nanos(f64::from(iterations) * blocks * pbkdf2::iteration_nanos(digest))
}

/// The first iteration of one block of PBKDF2.
#[op2]
pub(super) fn op_compat_pbkdf2_begin(
    #[string] digest: &str,
    #[buffer] password: &[u8],
    #[buffer] salt: &[u8],
    block: u32,
) -> Result<Uint8Array, JsErrorBox> {
    bounded(password)?;
    bounded(salt)?;
    Ok(pbkdf2::begin(digest, password, salt, block)?.into())
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
    bounded(password)?;
    pbkdf2::step(digest, password, last, sum, iterations)
}

/// A whole key with PBKDF2.
#[op2]
pub(super) async fn op_compat_pbkdf2(
    state: Rc<RefCell<OpState>>,
    #[smi] event: u32,
    #[string] digest: String,
    #[buffer(copy)] password: Vec<u8>,
    #[buffer(copy)] salt: Vec<u8>,
    iterations: u32,
    length: u32,
) -> Result<Uint8Array, JsErrorBox> {
    bounded(&password)?;
    bounded(&salt)?;
    let price = pbkdf2_price(&digest, iterations, length);
    let event = EventId::new(event);
    let job = Job { event, call: "pbkdf2", algorithm: format!("{digest} {iterations}"), price };
    let made = on_lane(&state, job, move |budget| {
        let is_over = || budget.is_over();
        pbkdf2::key(&digest, &password, &salt, iterations, length as usize, is_over)
    });
    Ok(made.await?.ok_or_else(used_up)?.into())
}

impl Params {
    /// N, r, p, and how many rows there are for each that is kept.
    fn read(numbers: &[u32]) -> Result<Params, JsErrorBox> {
        let &[cost, block_size, parallelization, stride] = numbers else {
            return Err(JsErrorBox::type_error("scrypt has four parameters"));
        };
        if !cost.is_power_of_two() || cost < 2 || block_size == 0 || parallelization == 0 {
            return Err(JsErrorBox::range_error("Invalid scrypt params"));
        }
        Ok(Params { cost, block_size, parallelization, stride: stride.clamp(1, 64) })
    }

    fn name(&self) -> String {
        let Params { cost, block_size, parallelization, .. } = self;
        format!("scrypt with N = {cost}, r = {block_size}, p = {parallelization}")
    }

    /// It begins and ends with PBKDF2, which reads its whole salt again for each block of output.
    fn bound(&self, password: &[u8], salt: &[u8], length: u32) -> Result<(), JsErrorBox> {
        bounded(password)?;
        bounded(salt)?;
        let blocks = |bytes: u64| bytes.div_ceil(SCRYPT_BLOCK_BYTES);
        let Params { block_size, parallelization, .. } = *self;
        let mixed = 128u64.saturating_mul(block_size.into()).saturating_mul(parallelization.into());
        let first = blocks(mixed).saturating_mul(salt.len() as u64 + SCRYPT_BLOCK_OVERHEAD_BYTES);
        let last =
            blocks(length.into()).saturating_mul(mixed.saturating_add(SCRYPT_BLOCK_OVERHEAD_BYTES));
        if first.saturating_add(last) > MAX_SCRYPT_HASHED_BYTES {
            return Err(JsErrorBox::range_error(
                "scrypt: r * p, the salt and the length are more than a worker may use together",
            ));
        }
        Ok(())
    }
}

/// Begins to derive a key with scrypt; JavaScript has looked whether there is memory for its table.
#[op2(nofast)]
pub(super) fn op_compat_scrypt_begin(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[buffer] password: &[u8],
    #[buffer] salt: &[u8],
    #[buffer] numbers: &[u32],
    length: u32,
) -> Result<(), JsErrorBox> {
    let params = Params::read(numbers)?;
    params.bound(password, salt, length)?;
    afford(&state, running_id(scope), nanos(params.nanos()), &params.name())?;
    let scrypt = Scrypt::begin(params, password.to_vec(), salt);
    state.borrow_mut().put(Deriving(Some(scrypt)));
    Ok(())
}

/// Works for some milliseconds; answers whether all is done.
#[op2(fast)]
pub(super) fn op_compat_scrypt_step(state: &mut OpState) -> bool {
    let Deriving(scrypt) = state.borrow_mut();
    scrypt.as_mut().is_none_or(|scrypt| {
        let piece = scrypt.params().piece();
        scrypt.advance(piece)
    })
}

/// The key, once all is done. Lets go of the table in any case.
#[op2]
pub(super) fn op_compat_scrypt_end(
    state: &mut OpState,
    #[smi] length: u32,
) -> Result<Uint8Array, JsErrorBox> {
    let Deriving(scrypt) = state.borrow_mut();
    let scrypt = scrypt.take().ok_or_else(|| JsErrorBox::generic("nothing is being derived"))?;
    Ok(scrypt.key(length as usize).into())
}

/// A whole key with scrypt.
#[op2]
pub(super) async fn op_compat_scrypt(
    state: Rc<RefCell<OpState>>,
    #[smi] event: u32,
    #[buffer(copy)] password: Vec<u8>,
    #[buffer(copy)] salt: Vec<u8>,
    #[buffer(copy)] numbers: Vec<u32>,
    length: u32,
) -> Result<Uint8Array, JsErrorBox> {
    let params = Params::read(&numbers)?;
    params.bound(&password, &salt, length)?;
    let (event, price) = (EventId::new(event), nanos(params.nanos()));
    afford(&state, event, price, &params.name())?;
    let job = Job { event, call: "scrypt", algorithm: params.name(), price };
    let made = on_lane(&state, job, move |budget| {
        let mut scrypt = Scrypt::begin(params, password, &salt);
        while !scrypt.advance(params.piece()) {
            if budget.is_over() {
                return None;
            }
        }
        Some(scrypt.key(length as usize))
    });
    Ok(made.await?.ok_or_else(used_up)?.into())
}
