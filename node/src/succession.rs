//! What a node tells the process that takes over, in a file of the data folder that goes with the
//! folder: who has cost it shards, who is busy, who has shown short slices, and whose isolates are large.
//! Nothing depends on it: without the file, or a part of it, a node learns that again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runtime::Offender;
use serde::{Deserialize, Serialize};

use crate::Node;

const FILE: &str = "succession.json";

/// Longer is not what a node wrote.
const MAX_BYTES: u64 = 1 << 20;

/// The longest that a worker is kept from starting, however long the file says.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How long the versions of busy workers may take to be read from the disk.
const WARM_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    offenders: Vec<WrittenOffender>,
    /// Workers and their versions.
    hot: HashMap<Arc<str>, Arc<str>>,
    /// The same.
    #[serde(default)]
    proven: HashMap<Arc<str>, Arc<str>>,
    /// Workers whose isolates are large, and for how many milliseconds they still count as such.
    #[serde(default)]
    large: HashMap<Arc<str>, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenOffender {
    worker: Arc<str>,
    losses: u32,
    wait_ms: u64,
}

impl Node {
    /// Writes it into the data folder, before that is given away.
    pub fn leave_word(&self, data: &Path) {
        let known = self.runtime().succession();
        let offenders = known.offenders.into_iter().map(|offender| WrittenOffender {
            worker: offender.worker,
            losses: offender.losses,
            wait_ms: u64::try_from(offender.wait.as_millis()).unwrap_or(u64::MAX),
        });
        let in_ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let large = known.large.into_iter().map(|(worker, left)| (worker, in_ms(left)));
        let written = Written {
            offenders: offenders.collect(),
            hot: known.hot.into_iter().collect(),
            proven: known.proven.into_iter().collect(),
            large: large.collect(),
        };
        let text = serde_json::to_vec(&written).unwrap_or_default();
        if let Err(error) = std::fs::write(data.join(FILE), text) {
            tracing::warn!(%error, "the process that takes over learns by itself who is busy");
        }
    }

    /// Reads it, once: workers that have cost shards wait, and those that were busy get their
    /// isolates. To be called before the node serves. Needs a tokio runtime with time.
    pub async fn hear_word(&self, data: &Path) {
        let Some(written) = read(&data.join(FILE)) else { return };
        let Written { offenders, hot, proven, large } = written;
        self.runtime().beware_of(offenders.into_iter().map(|offender| Offender {
            worker: offender.worker,
            losses: offender.losses,
            wait: Duration::from_millis(offender.wait_ms).min(LONGEST_WAIT),
        }));
        let large = large.into_iter();
        let large = large.map(|(worker, left_ms)| (worker, Duration::from_millis(left_ms)));
        self.runtime().keep_apart(large);
        self.runtime().trust_again(proven.clone());
        self.deployments().recognise(proven);
        let warmed = self.deployments().warm_in_front(hot);
        // What is not in memory by then comes with its first request.
        let _ = tokio::time::timeout(WARM_TIMEOUT, warmed).await;
    }
}

fn read(path: &Path) -> Option<Written> {
    let length = std::fs::symlink_metadata(path).ok().filter(|it| it.is_file())?.len();
    let text = (length <= MAX_BYTES).then(|| std::fs::read(path).ok()).flatten();
    // A later process is not to take it for news.
    let _ = std::fs::remove_file(path);
    serde_json::from_slice(&text?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_program_does_not_write_or_does_not_know_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, r#"{ "offenders": [], "hot": { "w": "1" } }"#).unwrap();
        let earlier = read(&file).unwrap();
        assert!(earlier.large.is_empty() && earlier.hot.len() == 1);
        let later = r#"{ "offenders": [], "hot": {}, "large": { "w": 5000 }, "unknown": 1 }"#;
        std::fs::write(&file, later).unwrap();
        assert_eq!(read(&file).unwrap().large.get("w"), Some(&5000));
        assert!(read(&file).is_none(), "it is no news any more");
    }
}
