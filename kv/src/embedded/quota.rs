//! What one namespace may hold. Looked at before a group is written, against what the tables have: a
//! key that is put twice in a group counts as twice as much there, and only there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use redb::Database;

use crate::error::{Refused, StoreError};
use crate::store::{Change, Namespace};

use super::fault::Fault;
use super::job::Job;
use super::shared::{Names, NamespaceState};
use super::snapshot::Snapshot;

/// Takes out of a group, and refuses, what would make a namespace hold more than `bound_bytes`.
pub(super) fn keep_within(
    bound_bytes: u64,
    names: &Names,
    database: &Database,
    group: &mut Vec<Job>,
) -> Result<(), Fault> {
    let in_all = group.iter().filter_map(put_bytes).map(|(_, bytes)| bytes).sum::<u64>();
    let mut grown: HashMap<Namespace, u64> = HashMap::new();
    let mut refusals = HashMap::new();
    for (at, job) in group.iter().enumerate() {
        let Some((namespace, bytes)) = put_bytes(job) else { continue };
        let known = names.get(namespace);
        let held = known.map_or(0, |state| state.bytes.load(Ordering::Relaxed));
        if held.saturating_add(in_all) <= bound_bytes {
            continue;
        }
        let replaced = known.map_or(Ok(0), |state| replaced_bytes(state, database, job))?;
        let net = bytes.saturating_sub(replaced);
        let before = grown.entry(namespace.as_name()).or_default();
        if net == 0 || held.saturating_add(*before).saturating_add(net) <= bound_bytes {
            *before += net;
        } else {
            refusals.insert(at, refusal(held, bound_bytes));
        }
    }
    if !refusals.is_empty() {
        for (at, job) in std::mem::take(group).into_iter().enumerate() {
            match refusals.get(&at) {
                Some(refusal) => job.fail(refusal),
                None => group.push(job),
            }
        }
    }
    Ok(())
}

/// The namespace that a job puts something into, and the bytes of all that it puts there.
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
        Job::StoreValue(value) => {
            let beside = (value.key.len() + text_bytes(&value.metadata)) as u64;
            Some((&value.namespace, value.bytes + beside))
        }
        _ => None,
    }
}

/// What the tables have under the keys that a job puts.
fn replaced_bytes(state: &NamespaceState, database: &Database, job: &Job) -> Result<u64, Fault> {
    let keys: HashSet<&str> = match job {
        Job::Write { changes, .. } => {
            let puts = changes.iter().filter(|change| change.put.is_some());
            puts.map(|change| change.key.as_str()).collect()
        }
        Job::StoreValue(value) => HashSet::from([value.key.as_str()]),
        _ => HashSet::new(),
    };
    let tables = Snapshot::take(database)?;
    let mut bytes = 0;
    for key in keys {
        match tables.find(state.number, key) {
            Ok(Some(found)) => bytes += key.len() as u64 + found.counted_bytes(),
            // What cannot be read is replaced, and counts for nothing.
            Ok(None) | Err(Fault::Damaged(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(bytes)
}

fn refusal(held: u64, bound_bytes: u64) -> StoreError {
    let text = format!(
        "Insufficient Storage: a namespace may hold {bound_bytes} bytes, and this one has {held}: \
         delete some keys, or have the operator raise kv.namespace_mb"
    );
    Refused::new(507, text).into()
}
