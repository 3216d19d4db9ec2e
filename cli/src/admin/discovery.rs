//! Who has a data folder of this machine: a node that has announced itself there, or nobody. What
//! is then done with the data is the commands'.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use node::{Announcement, Config, EmbeddedStore, OpenError};
use tokio::time::sleep;

/// How long the folder may be somebody's who announces nothing.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often it is looked whether that is so.
const LOOKED_EACH: Duration = Duration::from_millis(50);

/// What has a data folder.
pub(crate) enum Found {
    /// This process, from now on.
    Here(Arc<EmbeddedStore>),
    /// A node, as it says, and as the folder says.
    AtNode(Announcement, OpenError),
}

/// Opens the folder, or finds the node that has it. A node that is starting, or another command,
/// is waited for a while.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Found> {
    let end = Instant::now() + PATIENCE;
    loop {
        let held = match node::open_store(config) {
            Ok(store) => return Ok(Found::Here(store)),
            Err(held @ OpenError::Held { .. }) => held,
            Err(error) => return Err(error).context("the KV store cannot be opened"),
        };
        let OpenError::Held { process, .. } = &held else { continue };
        if let Some(announcement) = announced(&config.data, *process)? {
            return Ok(Found::AtNode(announcement, held));
        }
        if Instant::now() >= end {
            return Err(held).context(
                "the KV store cannot be opened, and no admin API is announced in the data folder",
            );
        }
        sleep(LOOKED_EACH).await;
    }
}

/// What the process that has the folder has announced; what another has left behind is not that.
fn announced(data: &Path, process: Option<u32>) -> anyhow::Result<Option<Announcement>> {
    let found = Announcement::read(data)
        .with_context(|| format!("cannot read where the admin API is in {}", data.display()))?;
    Ok(found.filter(|found| process.is_none_or(|process| process == found.pid)))
}
