//! Whose turn it is at what few can have at once: an archive in memory, a validation, a change. A
//! deployer has one turn at a time, and its next one comes after those of the others who wait. No
//! deployer has the last of several; of a single one the operator waits for one deployer at most.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::accept::Holder;

/// The turns at one thing.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    /// Those that deployers have together: one less than all, and at least one.
    of_deployers: Arc<Semaphore>,
    /// The one of each deployer.
    each: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
}

/// A turn that has come. It is over when this is dropped.
pub(super) struct Turn {
    _permits: Vec<OwnedSemaphorePermit>,
}

impl Turns {
    /// So many at once.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(at_once)),
            of_deployers: Arc::new(Semaphore::new(at_once.saturating_sub(1).max(1))),
            each: Mutex::default(),
        }
    }

    /// Waits for a turn: behind all of the same caller that came before, and behind one of each
    /// other deployer. Whoever gives up leaves the line.
    pub(super) async fn take(&self, holder: &Holder) -> Turn {
        let mut permits = Vec::new();
        if let Holder::Named(name) = holder {
            permits.push(next(self.own(name)).await);
            permits.push(next(Arc::clone(&self.of_deployers)).await);
        }
        permits.push(next(Arc::clone(&self.all)).await);
        Turn { _permits: permits }
    }

    /// The line of one deployer. There are as many as the configuration names.
    fn own(&self, name: &Arc<str>) -> Arc<Semaphore> {
        let mut each = self.each.lock();
        Arc::clone(each.entry(Arc::clone(name)).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

/// The next permit of a line, which is given in the order of arrival.
async fn next(line: Arc<Semaphore>) -> OwnedSemaphorePermit {
    line.acquire_owned().await.expect("no line is ever closed")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn named(name: &str) -> Holder {
        Holder::Named(name.into())
    }

    /// The turn of a caller, if it need not be waited for.
    fn at_once(turns: &Turns, holder: &Holder) -> Option<Turn> {
        turns.take(holder).now_or_never()
    }

    #[test]
    fn a_deployer_has_one_turn_and_the_operator_one_that_no_deployer_has() {
        let turns = Turns::new(3);
        let (shop, blog, third) = (named("shop"), named("blog"), named("third"));
        let first = at_once(&turns, &shop).unwrap();
        assert!(at_once(&turns, &shop).is_none(), "it has one");
        let _second = at_once(&turns, &blog).unwrap();
        assert!(at_once(&turns, &third).is_none(), "the last is the operator's");
        let operator = at_once(&turns, &Holder::Operator).unwrap();
        assert!(at_once(&turns, &Holder::Operator).is_none(), "there are three");
        drop((first, operator));
        assert!(at_once(&turns, &third).is_some());
        assert!(at_once(&turns, &shop).is_some());
    }

    #[test]
    fn of_one_turn_the_operator_waits_for_one_deployer_at_most() {
        let turns = Turns::new(1);
        let (shop, blog, operator) = (named("shop"), named("blog"), Holder::Operator);
        let under_way = at_once(&turns, &shop).unwrap();
        // All of these wait, and were there first.
        let mut again = Box::pin(turns.take(&shop));
        let mut other = Box::pin(turns.take(&blog));
        assert!((&mut again).now_or_never().is_none());
        assert!((&mut other).now_or_never().is_none());
        let mut operators = Box::pin(turns.take(&operator));
        assert!((&mut operators).now_or_never().is_none());
        drop(under_way);
        // They move up, and those of a deployer come to the common line after the operator.
        assert!((&mut other).now_or_never().is_none());
        assert!((&mut again).now_or_never().is_none());
        let turn = (&mut operators).now_or_never().unwrap();
        drop(turn);
        let turn = (&mut other).now_or_never().unwrap();
        assert!((&mut again).now_or_never().is_none());
        drop(turn);
        assert!((&mut again).now_or_never().is_some());
    }

    #[test]
    fn whoever_gives_up_is_not_waited_for() {
        let turns = Turns::new(1);
        let (shop, blog) = (named("shop"), named("blog"));
        let under_way = at_once(&turns, &shop).unwrap();
        let mut gives_up = Box::pin(turns.take(&blog));
        assert!((&mut gives_up).now_or_never().is_none());
        drop(gives_up);
        drop(under_way);
        assert!(at_once(&turns, &blog).is_some());
    }
}
