//! Many keys at once, a line each: what comes in is stored as it comes, in batches. A batch is
//! atomic, the whole is not: after a mistake in a line, what was before that line is stored.

use http::StatusCode;
use kv::{Change, Namespace, Store};
use serde_json::json;

use super::record::{Expirations, change_of, key_of};
use crate::admin::answer::{Answer, Fault, json};
use crate::admin::upload::Upload;

/// A batch is written when it has so many changes or so many bytes.
const BATCH_CHANGES: usize = 500;
const BATCH_BYTES: usize = 1 << 20;

/// Changes on their way into the store.
struct Batch<'a> {
    store: &'a dyn Store,
    namespace: &'a Namespace,
    changes: Vec<Change>,
    bytes: usize,
    /// How many changes are in the store.
    written: u64,
}

/// Stores the records that come.
pub(super) async fn put(
    store: &dyn Store,
    namespace: &Namespace,
    body: Upload,
) -> Result<Answer, Fault> {
    let change = |line: &[u8]| change_of(line, Expirations::Checked, store.now());
    let (stored, _) = write(store, namespace, body, change).await?;
    Ok(json(StatusCode::OK, &json!({ "stored": stored })))
}

/// Stores the records of an export. Those that have expired meanwhile are left out.
pub(super) async fn import(
    store: &dyn Store,
    namespace: &Namespace,
    body: Upload,
) -> Result<Answer, Fault> {
    let change = |line: &[u8]| change_of(line, Expirations::Kept, store.now());
    let (imported, expired) = write(store, namespace, body, change).await?;
    // An empty namespace comes back, too.
    store.create_namespace(namespace).await?;
    Ok(json(StatusCode::OK, &json!({ "imported": imported, "expired": expired })))
}

/// Removes the keys that are named, those that are there.
pub(super) async fn delete(
    store: &dyn Store,
    namespace: &Namespace,
    body: Upload,
) -> Result<Answer, Fault> {
    super::existing(store, namespace).await?;
    let change = |line: &[u8]| Ok(Some(Change { key: key_of(line)?, put: None }));
    let (deleted, _) = write(store, namespace, body, change).await?;
    Ok(json(StatusCode::OK, &json!({ "deleted": deleted })))
}

/// Writes the changes that the lines ask for; answers how many those were, and how many lines
/// asked for none.
async fn write(
    store: &dyn Store,
    namespace: &Namespace,
    body: Upload,
    change: impl Fn(&[u8]) -> Result<Option<Change>, Fault>,
) -> Result<(u64, u64), Fault> {
    let mut lines = body.lines();
    let mut batch = Batch { store, namespace, changes: Vec::new(), bytes: 0, written: 0 };
    let mut read = 0_u64;
    let mut left_out = 0_u64;
    loop {
        let wanted = match lines.next().await {
            Ok(None) => break,
            Ok(Some(line)) => {
                read += 1;
                change(&line).map_err(|fault| fault.within(&format!("record {read}: "), ""))
            }
            Err(fault) => Err(fault.within(&format!("after record {read}: "), "")),
        };
        match wanted {
            Ok(Some(change)) => batch.add(change).await?,
            Ok(None) => left_out += 1,
            Err(fault) => {
                batch.flush().await?;
                return Err(fault.within("", &batch.so_far()));
            }
        }
    }
    batch.flush().await?;
    Ok((batch.written, left_out))
}

impl Batch<'_> {
    async fn add(&mut self, change: Change) -> Result<(), Fault> {
        self.bytes += change.key.len() + change.put.as_ref().map_or(0, |put| put.value.len());
        self.changes.push(change);
        if self.changes.len() >= BATCH_CHANGES || self.bytes >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        let changes = std::mem::take(&mut self.changes);
        self.bytes = 0;
        let count = changes.len() as u64;
        if let Err(error) = self.store.write(self.namespace, changes).await {
            return Err(Fault::from(error).within("", &self.so_far()));
        }
        self.written += count;
        Ok(())
    }

    fn so_far(&self) -> String {
        match self.written {
            0 => " (nothing was changed)".to_owned(),
            1 => " (1 record before that took effect)".to_owned(),
            written => format!(" ({written} records before that took effect)"),
        }
    }
}
