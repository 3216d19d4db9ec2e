//! Work of ours that is done on a lane for an event: refused where it takes more CPU time than an
//! event may use, charged, and given up between two of its steps where the event is over or has used
//! what it had. Not here: calls of deno_crypto, which nothing stops (`crypto.rs`).

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deno_core::{CancelFuture, OpState};
use deno_error::JsErrorBox;

use super::{
    CpuAccount, Measured, PATIENCE, calls, cancel_handle, crypto, lanes, over, refused, worker,
};
use crate::event::EventId;

/// What a piece of work is, and is expected to take.
pub(crate) struct Job {
    /// Who asked, where that is known.
    pub(crate) event: Option<EventId>,
    /// The function: `generateKey`, `scrypt`.
    pub(crate) call: &'static str,
    /// The algorithm, and what the price depends on.
    pub(crate) algorithm: String,
    /// Rather less than what it will take.
    pub(crate) price: Duration,
}

/// What work may take.
pub(crate) struct Budget {
    given_up: Arc<AtomicBool>,
    until: Duration,
    has_run_out: AtomicBool,
}

impl Budget {
    /// Whether nobody waits for the work any more, or it has taken all that there was. A system
    /// call.
    pub(crate) fn is_over(&self) -> bool {
        if lanes::used() > self.until {
            self.has_run_out.store(true, Ordering::Relaxed);
        }
        self.given_up.load(Ordering::Relaxed) || self.has_run_out.load(Ordering::Relaxed)
    }

    fn new(given_up: Arc<AtomicBool>, until: Duration) -> Budget {
        Budget { given_up, until, has_run_out: AtomicBool::new(false) }
    }

    #[cfg(test)]
    pub(crate) fn endless() -> Budget {
        Budget::new(Arc::default(), Duration::MAX)
    }

    #[cfg(test)]
    pub(crate) fn over() -> Budget {
        Budget::new(Arc::new(true.into()), Duration::MAX)
    }
}

/// Gives work up when it is dropped.
struct GivesUp(Arc<AtomicBool>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Refuses what takes more than an event may use in all: it can never succeed. What takes more than
/// there is left ends the event, as all code does. `what` is a sentence's subject: `scrypt with N = 2`.
pub(crate) fn afford(
    state: &RefCell<OpState>,
    event: Option<EventId>,
    price: Duration,
    what: &str,
) -> Result<(), JsErrorBox> {
    let Some(account) = state.borrow().try_borrow::<CpuAccount>().cloned() else { return Ok(()) };
    let limit = account.limit(event);
    if price <= limit {
        return Ok(());
    }
    Err(JsErrorBox::range_error(format!(
        "{what} takes at least {} ms of CPU time, and the limit is {} ms: set a higher \
         limits.cpu_ms in the worker's configuration, or ask for less",
        price.as_millis(),
        limit.as_millis()
    )))
}

/// Does the work in the worker's turn. Afterwards the event is charged with what it took, and is to
/// be judged (`op_crypto_end`). An event that has too little CPU time for it ends, and its code is
/// not to hear of it (`op_crypto_used_up`).
///
/// # Errors
///
/// Where the event is over or ends, the node has no thread, or the work panics.
pub(crate) async fn on_lane<T: Send + 'static>(
    state: &RefCell<OpState>,
    job: Job,
    work: impl FnOnce(&Budget) -> T + Send + 'static,
) -> Result<T, JsErrorBox> {
    let Job { event, call, algorithm, price } = job;
    let cancel = cancel_handle(state, event);
    let worker = worker(state);
    let waiting = lanes::take(&worker, PATIENCE).or_cancel(cancel.clone());
    let place = waiting.await.map_err(|_| over())??;
    let account = state.borrow().try_borrow::<CpuAccount>().cloned();
    let left = account.as_ref().map_or(Duration::MAX, |account| account.left(event));
    if account.as_ref().is_some_and(|account| account.charge(event, price)) {
        return Err(used_up(state, event));
    }
    place.begin().map_err(refused)?;
    let gives_up = GivesUp(Arc::default());
    let given_up = gives_up.0.clone();
    let made = place.runtime().spawn_blocking(move || {
        let budget = Budget::new(given_up, lanes::used().saturating_add(left));
        let made = work(&budget);
        (made, budget.has_run_out.into_inner())
    });
    let what = Measured { call: call.to_owned(), algorithm, price, took: price };
    let end = calls::end(place, event, what, account.as_ref());
    let made = made.or_cancel(cancel.clone()).await.map_err(|_| over())?;
    end.wait().await;
    let (made, has_run_out) = made.map_err(|_| refused("the work failed"))?;
    match (account, event) {
        // What others have reserved meanwhile may come back, but the work is lost.
        (Some(account), Some(id)) if has_run_out && !cancel.is_canceled() => {
            account.use_up(id);
            Err(used_up(state, event))
        }
        _ => Ok(made),
    }
}

/// Notes that the event ends for its CPU time.
fn used_up(state: &RefCell<OpState>, event: Option<EventId>) -> JsErrorBox {
    crypto(state).used_up.borrow_mut().extend(event);
    over()
}
