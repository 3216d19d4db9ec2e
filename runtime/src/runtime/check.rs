//! Whether a version starts: in an isolate that is thrown away, on the shard for checks.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::Runtime;
use super::run::LOST;
use crate::isolate::Loaded;
use crate::outcome::Failure;
use crate::quarantine::Purpose;
use crate::shard::{CheckJob, Message};
use crate::version::Version;

/// How long a check may wait for others and for the machine. It is ended by its own limits long
/// before, unless the machine has no time at all for it.
const CHECK_PATIENCE: Duration = Duration::from_secs(60);

/// What a version needed to start.
#[derive(Debug, Clone)]
pub struct StartReport {
    /// CPU time of its top-level code, compilation included.
    pub cpu: Duration,
    /// From the request to the end.
    pub wall: Duration,
    /// The names of its handlers, of those that nothing calls, too: `fetch`, `scheduled`, and of exports
    /// beside the default one `Name.fetch`.
    pub handlers: Vec<String>,
}

impl Runtime {
    /// Starts a version in an isolate of its own, which is thrown away, on a shard of its own that
    /// has less of the machine than those that serve. One at a time; always ends. Needs a tokio
    /// runtime.
    ///
    /// # Errors
    /// Why it cannot serve.
    pub async fn check(&self, version: &Arc<Version>) -> Result<StartReport, Failure> {
        let began = Instant::now();
        let patience = CHECK_PATIENCE + 2 * self.services.config.start_cpu;
        let loaded = tokio::time::timeout(patience, self.load_for_check(version)).await;
        let loaded = loaded.unwrap_or_else(|_| {
            Err(Failure::LoadShed { what: "the shard that starts new versions".to_owned() })
        })?;
        Ok(StartReport { cpu: loaded.cpu, wall: began.elapsed(), handlers: loaded.handlers })
    }

    async fn load_for_check(&self, version: &Arc<Version>) -> Result<Loaded, Failure> {
        loop {
            if let Some(failure) = version.standing.refusal(Purpose::Check) {
                return Err(failure);
            }
            let shard = self.fleet.check_shard();
            let (reply, mut result) = oneshot::channel();
            shard.send(Message::Check(CheckJob { version: version.clone(), reply }));
            tokio::select! {
                biased;
                result = &mut result => return result.unwrap_or(Err(LOST)),
                () = shard.abandoned().cancelled() => {
                    // The start that cost the shard is answered before.
                    if let Ok(result) = result.try_recv() {
                        return result;
                    }
                }
            }
        }
    }
}
