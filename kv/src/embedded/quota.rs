//! What one namespace may hold, and what a caller may have of values that are not complete. Looked at
//! before a group is written, against what the tables have, of which one snapshot does for the whole
//! group: a key that is put twice in a group counts as twice as much there, and only there.
//!
//! A value in pieces counts as they are written, beside what it is going to replace, since the disk
//! has both until it is complete. That it replaces something makes room for it all the same.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use storage::Fault;

use crate::error::{Refused, StoreError};
use crate::store::{Change, Namespace};

use super::holds::Holds;
use super::job::Job;
use super::owner::Owner;
use super::shared::Names;
use super::snapshot::{Lazy, Snapshot};

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// What the keys, values and metadata of one namespace may take.
    pub(super) namespace_bytes: u64,
    /// What the values may take that one caller has begun to write and not completed.
    pub(super) unfinished_bytes: u64,
}

/// What a group is measured by.
pub(super) struct Quota<'a, F> {
    bounds: Bounds,
    names: &'a Names,
    holds: &'a Holds,
    tables: Lazy<F>,
    /// By how much the group makes namespaces grow.
    grown: HashMap<Namespace, u64>,
    /// And what is not complete of owners.
    begun: HashMap<Owner, u64>,
}

impl<'a, F: FnMut() -> Result<Snapshot, Fault>> Quota<'a, F> {
    /// The measure for one group. `take` takes a snapshot of the tables, if one is needed.
    pub(super) fn new(bounds: Bounds, names: &'a Names, holds: &'a Holds, take: F) -> Self {
        let (grown, begun) = (HashMap::new(), HashMap::new());
        Self { bounds, names, holds, tables: Lazy::new(take), grown, begun }
    }

    /// Takes out of the group, and refuses, what goes beyond the bounds.
    pub(super) fn keep_within(mut self, group: &mut Vec<Job>) -> Result<(), Fault> {
        let put = group.iter().filter_map(put_bytes).map(|(_, bytes)| bytes).sum::<u64>();
        let mut refusals = HashMap::new();
        for (at, job) in group.iter().enumerate() {
            if let Some(refusal) = self.refusal(job, put)? {
                refusals.insert(at, refusal);
            }
        }
        if !refusals.is_empty() {
            for (at, job) in std::mem::take(group).into_iter().enumerate() {
                match refusals.get(&at) {
                    Some(refusal) => job.refuse(refusal),
                    None => group.push(job),
                }
            }
        }
        Ok(())
    }

    /// Why a job is refused, if it is. What the whole group puts, wherever, is `put` bytes.
    fn refusal(&mut self, job: &Job, put: u64) -> Result<Option<StoreError>, Fault> {
        let Some((namespace, bytes)) = put_bytes(job) else { return Ok(None) };
        let unfinished = matches!(job, Job::AddPieces { .. }).then(|| Owner::of(namespace));
        if let Some(owner) = &unfinished {
            let bound_bytes = self.bounds.unfinished_bytes;
            let before = self.begun.get(owner).copied().unwrap_or(0);
            let taken = self.holds.unfinished_bytes(owner).saturating_add(before);
            if taken.saturating_add(bytes) > bound_bytes {
                return Ok(Some(too_much_unfinished(taken, bound_bytes)));
            }
        }
        let names = self.names;
        let known = names.get(namespace);
        let held = known.map_or(0, |state| state.bytes.load(Ordering::Relaxed));
        let loose = self.holds.loose_bytes_of(namespace, known.map(|state| state.number));
        let bound_bytes = self.bounds.namespace_bytes;
        if held.saturating_add(loose).saturating_add(put) > bound_bytes {
            let replaced = match known {
                Some(state) => replaced_bytes(state.number, self.tables.get()?, job)?,
                None => 0,
            };
            let grown = self.grown.entry(namespace.as_name()).or_default();
            let taken = held.saturating_add(loose).saturating_add(*grown);
            let (net, fits) = if unfinished.is_some() {
                let bound_bytes = bound_bytes.saturating_add(replaced);
                (bytes, taken.saturating_add(bytes) <= bound_bytes)
            } else {
                let net = bytes.saturating_sub(replaced);
                (net, net == 0 || taken.saturating_add(net) <= bound_bytes)
            };
            if !fits {
                return Ok(Some(namespace_is_full(held, loose, bound_bytes)));
            }
            *grown += net;
        }
        if let Some(owner) = unfinished {
            *self.begun.entry(owner).or_default() += bytes;
        }
        Ok(None)
    }
}

/// The namespace that a job puts something into, and the bytes of all that it adds there. Of a value
/// in pieces that is complete that is what surrounds it.
fn put_bytes(job: &Job) -> Option<(&Namespace, u64)> {
    let text_bytes = |metadata: &Option<Arc<str>>| metadata.as_ref().map_or(0, |text| text.len());
    match job {
        Job::Write { namespace, changes, .. } => {
            let bytes = |change: &Change| {
                let put = change.put.as_ref()?;
                Some((change.key.len() + put.value.len() + text_bytes(&put.metadata)) as u64)
            };
            let bytes = changes.iter().filter_map(bytes).sum::<u64>();
            (bytes > 0).then_some((namespace, bytes))
        }
        Job::AddPieces { value, content, .. } => {
            let bytes = content.len() as u64;
            value.hold.is_current().then_some((&value.target.namespace, bytes))
        }
        Job::StoreValue(stored) => {
            let target = &stored.value.target;
            let beside = (target.key.len() + text_bytes(&stored.metadata)) as u64;
            stored.value.hold.is_current().then_some((&target.namespace, beside))
        }
        _ => None,
    }
}

/// What the tables have under the keys that a job puts, in the namespace with that number.
fn replaced_bytes(namespace: u32, tables: &Snapshot, job: &Job) -> Result<u64, Fault> {
    let keys: HashSet<&str> = match job {
        Job::Write { changes, .. } => {
            let puts = changes.iter().filter(|change| change.put.is_some());
            puts.map(|change| change.key.as_str()).collect()
        }
        Job::AddPieces { value, .. } => HashSet::from([value.target.key.as_str()]),
        Job::StoreValue(stored) => HashSet::from([stored.value.target.key.as_str()]),
        _ => HashSet::new(),
    };
    let mut bytes = 0;
    for key in keys {
        match tables.find(namespace, key) {
            Ok(Some(found)) => bytes += key.len() as u64 + found.counted_bytes(),
            // What cannot be read is replaced, and counts for nothing.
            Ok(None) | Err(Fault::Damaged(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(bytes)
}

fn namespace_is_full(held: u64, loose: u64, bound_bytes: u64) -> StoreError {
    let beside = match loose {
        0 => String::new(),
        loose => format!(", and {loose} in values that are incomplete, or replaced and read"),
    };
    let text = format!(
        "Insufficient Storage: a namespace may hold {bound_bytes} bytes, and this one has \
         {held}{beside}: delete some keys, or have the operator raise kv.namespace_mb"
    );
    Refused::new(507, text).into()
}

fn too_much_unfinished(taken: u64, bound_bytes: u64) -> StoreError {
    let text = format!(
        "Too Many Requests: the streams that a worker puts may take {bound_bytes} bytes until they \
         are complete, and those of this one have {taken}"
    );
    Refused::new(429, text).into()
}
