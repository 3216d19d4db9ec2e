//! A group of jobs on its way into the tables, within one transaction: what each does, and what is
//! to be made known of it afterwards. When it is committed is the writer's business.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use redb::WriteTransaction;
use storage::{Fault, META};

use crate::store::{Entry, Namespace};

use super::apply::{Applied, Apply, Growth};
use super::begun::Target;
use super::cache::Written;
use super::job::{Answer, Job, StoreValue};
use super::record::{Record, StoredValue};
use super::schema::{DROPPED, META_NEXT_NAMESPACE, NAMESPACES, record_key};
use super::shared::{Names, NamespaceState, Shared};

/// What a group does, gathered while it is applied and made known once it is committed.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) answers: Vec<Answer>,
    /// The table of namespaces as the group leaves it, if it changes it.
    pub(super) names: Option<Names>,
    pub(super) written: Vec<Written>,
    pub(super) grown: Growth,
    pub(super) next_value: u64,
}

/// A group on its way into the tables.
pub(super) struct Group<'a> {
    pub(super) next_namespace: &'a mut u32,
    pub(super) names: &'a Names,
    pub(super) outcome: Outcome,
}

impl Group<'_> {
    /// Does what the jobs ask for, and gathers how to answer them.
    pub(super) fn apply(
        &mut self,
        txn: &WriteTransaction,
        shared: &Shared,
        next_value: u64,
        group: &[Job],
    ) -> Result<(), Fault> {
        let mut apply = Apply::new(txn, &shared.holds, next_value)?;
        for job in group {
            let answer = self.apply_job(txn, &mut apply, shared, job)?;
            self.outcome.answers.push(answer);
        }
        let Applied { grown, next_value } = apply.finish()?;
        (self.outcome.grown, self.outcome.next_value) = (grown, next_value);
        Ok(())
    }

    fn apply_job(
        &mut self,
        txn: &WriteTransaction,
        apply: &mut Apply<'_>,
        shared: &Shared,
        job: &Job,
    ) -> Result<Answer, Fault> {
        match job {
            Job::Write { namespace, changes, .. } => {
                let puts = changes.iter().any(|change| change.put.is_some());
                let number = match self.number(namespace) {
                    Some(number) => number,
                    None if puts => self.create(txn, namespace)?,
                    None => return Ok(Answer::Done),
                };
                for change in changes {
                    apply.change(number, change)?;
                    let entry = change.put.clone().map(|put| Arc::new(Entry::from(put)));
                    let (namespace, key) = (number, change.key.clone());
                    self.outcome.written.push(Written { namespace, key, entry: Some(entry) });
                }
                Ok(Answer::Done)
            }
            Job::BeginValue { .. } => {
                let id = apply.begin_value()?;
                let hold = shared.holds.hold(id).ok_or(Fault::Closed)?;
                Ok(Answer::Value(hold))
            }
            Job::AddPieces { value, .. } if !value.hold.is_current() => Ok(Answer::Lost),
            Job::AddPieces { value, first, content, .. } => {
                apply.add_pieces(value.hold.id(), *first, content).map(Answer::Next)
            }
            Job::StoreValue(stored) if !stored.value.hold.is_current() => Ok(Answer::Lost),
            Job::StoreValue(StoreValue { value, bytes, expiration, metadata, .. }) => {
                let (hold, Target { namespace, key }) = (&value.hold, &*value.target);
                let number = match self.number(namespace) {
                    Some(number) => number,
                    None => self.create(txn, namespace)?,
                };
                let record = Record {
                    expiration: *expiration,
                    metadata: metadata.as_deref(),
                    value: StoredValue::Pieces { id: hold.id(), bytes: *bytes },
                };
                apply.refer(&record_key(number, key), hold.id(), &record)?;
                let (namespace, key) = (number, key.clone());
                self.outcome.written.push(Written { namespace, key, entry: None });
                Ok(Answer::Done)
            }
            Job::CreateNamespace { namespace, .. } => {
                let is_new = self.number(namespace).is_none();
                if is_new {
                    self.create(txn, namespace)?;
                }
                Ok(Answer::Changed(is_new))
            }
            Job::DeleteNamespace { namespace, .. } => {
                let Some(number) = self.number(namespace) else {
                    return Ok(Answer::Changed(false));
                };
                txn.open_table(NAMESPACES)?.remove(number)?;
                txn.open_table(DROPPED)?.insert(number, ())?;
                self.names_to_change().remove(namespace);
                Ok(Answer::Changed(true))
            }
        }
    }

    fn number(&self, namespace: &Namespace) -> Option<u32> {
        let names = self.outcome.names.as_ref().unwrap_or(self.names);
        names.get(namespace).map(|state| state.number)
    }

    fn create(&mut self, txn: &WriteTransaction, namespace: &Namespace) -> Result<u32, Fault> {
        let number = *self.next_namespace;
        *self.next_namespace += 1;
        txn.open_table(NAMESPACES)?.insert(number, namespace.id())?;
        txn.open_table(META)?.insert(META_NEXT_NAMESPACE, u64::from(*self.next_namespace))?;
        let state = NamespaceState { number, keys: AtomicU64::new(0), bytes: AtomicU64::new(0) };
        self.names_to_change().insert(namespace.as_name(), state);
        Ok(number)
    }

    fn names_to_change(&mut self) -> &mut Names {
        self.outcome.names.get_or_insert_with(|| self.names.clone())
    }
}

/// Takes note of how far values in pieces have come, once their group is committed: in an epoch of
/// the log, or as a checkpoint.
pub(super) fn note_values(group: &[Job], answers: &[Answer], epoch: Option<u64>) {
    for (job, answer) in group.iter().zip(answers) {
        match (job, answer) {
            (Job::AddPieces { value, first, content, .. }, Answer::Next(_)) => {
                value.added(*first, content.len(), epoch);
            }
            (Job::StoreValue(stored), Answer::Done) => stored.value.hold.settle(),
            _ => {}
        }
    }
}
