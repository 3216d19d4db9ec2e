//! Somebody who looks on while events happen, and the lines that they get: JSON, one event each, with what may
//! be a secret covered.

use std::sync::{Arc, Weak};
use std::time::Duration;

use api::Dropped;
use bytes::Bytes;
use tokio::time::timeout;

use super::Tails;
use super::filter::Filter;
use super::item::item;
use super::outbox::{Outbox, Taken};
use super::redaction::redact;
use crate::config::Names;
use crate::refusal::MapStack;

/// Events that wait for the client, and what they may have, in bytes.
const MOST: usize = 1000;
const MOST_BYTES: usize = 4 << 20;

/// Lines that are sent together, and their bytes, about.
const TOGETHER: usize = 64;
const TOGETHER_BYTES: usize = 256 << 10;

/// Where nothing happens, an empty line is sent after so long: a client that has gone is noticed by it.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// At which workers somebody looks.
#[derive(Debug)]
pub(crate) enum Scope {
    /// At all that there are.
    All,
    /// At those that a deployer has, or may have.
    Theirs(Names),
    /// At these.
    Named(Vec<Arc<str>>),
}

/// Somebody who looks on.
pub(super) struct Live {
    scope: Scope,
    filter: Filter,
    outbox: Outbox,
}

/// What somebody sees who looks on, until this is dropped.
pub(crate) struct Listening {
    live: Arc<Live>,
    tails: Weak<Tails>,
}

impl Live {
    pub(super) fn new(scope: Scope, filter: Filter) -> Self {
        Self { scope, filter, outbox: Outbox::new(MOST, MOST_BYTES) }
    }

    /// The workers that they look at, where they have named them.
    pub(super) fn named(&self) -> Option<&[Arc<str>]> {
        match &self.scope {
            Scope::Named(workers) => Some(workers),
            Scope::All | Scope::Theirs(_) => None,
        }
    }

    /// Whether they look at a worker.
    pub(super) fn sees(&self, worker: &Arc<str>) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Theirs(names) => names.have(worker),
            Scope::Named(workers) => workers.contains(worker),
        }
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }
}

impl Listening {
    pub(super) fn new(live: Arc<Live>, tails: &Arc<Tails>) -> Self {
        Self { live, tails: Arc::downgrade(tails) }
    }

    /// The next lines, each with its end. One that is empty says that there is nothing to say. `None` where
    /// nothing more comes.
    pub(crate) async fn next(&self) -> Option<Bytes> {
        loop {
            let taken = self.live.outbox.take(TOGETHER, TOGETHER_BYTES);
            match timeout(KEEP_ALIVE, taken).await {
                Ok(taken) => {
                    let lines = self.lines(&taken?);
                    if !lines.is_empty() {
                        return Some(lines.into());
                    }
                }
                Err(_) => return Some(Bytes::from_static(b"\n")),
            }
        }
    }

    fn lines(&self, taken: &Taken) -> Vec<u8> {
        let mut lines = Vec::new();
        let mapper = self.tails.upgrade().and_then(|tails| tails.mapper());
        for trace in &taken.traces {
            let mut item = item(trace, mapper.as_deref().map(|it| it as &dyn MapStack));
            redact(&mut item);
            if self.live.filter.takes(&item) {
                serde_json::to_writer(&mut lines, &item).expect("an item is plain JSON");
                lines.push(b'\n');
            }
        }
        if taken.dropped > 0 {
            let dropped = Dropped { dropped: taken.dropped };
            serde_json::to_writer(&mut lines, &dropped).expect("a number is plain JSON");
            lines.push(b'\n');
        }
        lines
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(tails) = self.tails.upgrade() {
            tails.forget(&self.live);
        }
    }
}
