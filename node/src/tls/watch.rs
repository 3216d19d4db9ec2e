//! Reads the certificates again when their files change.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::certificates::Certificates;

/// Watches the files of certificates for as long as it lives.
pub struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Begins to watch. The folders are watched and not the files, because renewals replace
    /// files, often through a chain of links.
    ///
    /// # Errors
    /// What the operating system's file notification says.
    pub fn start(certificates: &Arc<Certificates>) -> notify::Result<Self> {
        let reloaded = Arc::clone(certificates);
        let mut watcher = notify::recommended_watcher(move |event| on_event(&reloaded, event))?;
        let folders: BTreeSet<&Path> = certificates
            .files()
            .iter()
            .flat_map(|files| [&files.cert, &files.key])
            .filter_map(|file| file.parent())
            .map(|folder| if folder == Path::new("") { Path::new(".") } else { folder })
            .collect();
        for folder in folders {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { _watcher: watcher })
    }
}

fn on_event(certificates: &Certificates, event: notify::Result<notify::Event>) {
    let changed = match event.map(|event| event.kind) {
        // Reading the files is reported, too.
        Ok(EventKind::Access(kind)) => kind == AccessKind::Close(AccessMode::Write),
        Ok(_) => true,
        Err(error) => {
            tracing::warn!(%error, "cannot watch the certificates");
            false
        }
    };
    if !changed {
        return;
    }
    // Between the change of a certificate and that of its key they do not match; the second
    // change comes here again.
    match certificates.reload() {
        Ok(()) => tracing::info!("the certificates were read again"),
        Err(error) => tracing::warn!(%error, "the certificates stay as they are"),
    }
}
