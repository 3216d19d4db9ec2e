//! Archives on their way to the node. They go to the disk as they arrive: one that comes slowly has a
//! connection and a file, but no memory and no turn. How much the archives of one caller may have on
//! the disk meanwhile is bounded here; what is left free of it, by the registry.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use registry::RegistryError;

use super::answer::Fault;
use super::upload::Upload;
use crate::accept::Holder;
use crate::config::Deployer;
use crate::deployments::{Arriving, ChangeError};

/// What an upload brings, in messages.
pub(super) const ARCHIVE: &str = "the archive";
/// Of each caller as much is on its way as so many of the largest archives have: one on each
/// connection of a deployer.
const MOST_ARCHIVES: u64 = 8;
/// How much of an archive is gathered before it is written.
const WRITE_BYTES: usize = 64 << 10;

/// What of each caller is on its way, in bytes.
#[derive(Default)]
pub(super) struct Arrivals(Mutex<HashMap<Holder, u64>>);

/// What an archive has of its caller's share, until this is dropped.
pub(super) struct Part {
    arrivals: Arc<Arrivals>,
    holder: Holder,
    /// The share.
    most_bytes: u64,
    bytes: u64,
}

/// What the archives of a caller may have on the disk while they are on their way, in bytes, where one
/// may have `archive_bytes`. For a deployer it is no more than their versions may have, but one
/// archive at least: it may be a version that is there.
pub(super) fn share_bytes(deployer: Option<&Deployer>, archive_bytes: u64) -> u64 {
    let most = archive_bytes.saturating_mul(MOST_ARCHIVES);
    deployer.map_or(most, |deployer| deployer.archives_bytes.clamp(archive_bytes, most))
}

impl Arrivals {
    /// The part of an archive that begins to arrive, in its caller's share.
    pub(super) fn part(self: &Arc<Self>, holder: &Holder, most_bytes: u64) -> Part {
        Part { arrivals: Arc::clone(self), holder: holder.clone(), most_bytes, bytes: 0 }
    }
}

impl Part {
    /// Has so many bytes more, or says that it cannot.
    fn grow(&mut self, bytes: u64) -> Result<(), Fault> {
        let mut all = self.arrivals.0.lock();
        let present = all.entry(self.holder.clone()).or_default();
        let wanted = present.saturating_add(bytes);
        if wanted > self.most_bytes {
            let who: &str = match &self.holder {
                Holder::Operator | Holder::Anybody => "the operator",
                Holder::Named(name) => name,
            };
            return Err(Fault::busy(format!(
                "{who} has {present} bytes of archives on their way to the node, and may have no \
                 more than {most}: try again when one of them has arrived",
                most = self.most_bytes
            )));
        }
        *present = wanted;
        self.bytes = self.bytes.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(present) = self.arrivals.0.lock().get_mut(&self.holder) {
            *present = present.saturating_sub(self.bytes);
        }
    }
}

/// Writes an archive of no more than `limit_bytes` to its file as it arrives.
pub(super) async fn arrive(
    mut body: Upload,
    mut file: Arriving,
    part: &mut Part,
    limit_bytes: usize,
) -> Result<Arriving, Fault> {
    let mut came_bytes = 0_usize;
    let mut gathered = BytesMut::new();
    loop {
        let piece = body.next().await?;
        if let Some(piece) = &piece {
            came_bytes = came_bytes.saturating_add(piece.len());
            if came_bytes > limit_bytes {
                return Err(Fault::too_large(ARCHIVE, limit_bytes));
            }
            gathered.extend_from_slice(piece);
        }
        let is_last = piece.is_none();
        if gathered.len() >= WRITE_BYTES || (is_last && !gathered.is_empty()) {
            part.grow(gathered.len() as u64)?;
            let (gathered, mut open) = (gathered.split().freeze(), file.into_file());
            let written = blocking(move || open.append(&gathered).map(|()| open)).await?;
            file = Arriving::new(written);
        }
        if is_last {
            return Ok(file);
        }
    }
}

/// Reads an archive that has arrived.
pub(super) async fn read(file: Arriving) -> Result<(Arriving, Bytes), Fault> {
    let file = file.into_file();
    let (file, archive) = blocking(move || file.read().map(|archive| (file, archive))).await?;
    Ok((Arriving::new(file), archive.into()))
}

/// Uses the disk on a thread that may wait for it.
async fn blocking<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(run).await {
        Ok(done) => done.map_err(|error| Fault::from(ChangeError::from(error))),
        Err(_) => {
            Err(Fault::internal("the node failed while an archive arrived; its log says more"))
        }
    }
}

#[cfg(test)]
mod tests;
