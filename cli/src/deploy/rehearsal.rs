//! A dry run where there is no node: this process does with the version what a node would that has
//! no others.

use std::sync::Arc;

use anyhow::Context as _;
use bundle::Bundle;
use bytes::Bytes;
use node::{
    Config, ConsoleLevel, Deployments, EventReport, Incident, Limits, Mode, Observer, Uploaded,
};

use crate::admin::Refusal;
use crate::progress::Progress;

/// Says nothing of what a worker does: the result is all that was asked for.
struct Quiet;

impl Observer for Quiet {
    fn event_ended(&self, _report: &EventReport) {}

    fn console(&self, _worker: &str, _version: &str, _level: ConsoleLevel, _text: &str) {}

    fn incident(&self, _incident: &Incident) {}
}

/// Starts a version as a node would before it keeps it.
///
/// # Errors
/// Why a node would not keep it, as that would say.
pub(super) async fn rehearse(bundle: &Bundle) -> anyhow::Result<Uploaded> {
    let progress = Progress::of("starting");
    let mut config = Config::dev(([127, 0, 0, 1], 0).into(), "".into(), Vec::new());
    config.mode = Mode::Serve;
    config.limits = Limits::default();
    let mut settings = config.runtime();
    settings.cache_dir = None;
    settings.front_shards = 1;
    settings.back_shards = 1;
    let runtime = node::Runtime::start(settings, node::memory_store(), Arc::new(Quiet))
        .context("the runtime cannot start")?;
    let deployments = Deployments::load(&config, runtime)?;
    let rehearsed = deployments.rehearse(Bytes::from(bundle.to_archive())).await;
    drop(progress);
    rehearsed.map_err(|error| Refusal::of_ours(error).into())
}
