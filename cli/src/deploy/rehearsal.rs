//! A dry run where there is no node: this process does with the version what a node would that has
//! no others.

use anyhow::Context as _;
use api::Uploaded;
use bundle::Bundle;
use bytes::Bytes;
use node::{Config, Deployments, Limits, Mode};

use crate::admin::Refusal;
use crate::progress::Progress;

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
    // Nothing is said of what a worker does: the result is all that was asked for.
    let runtime = node::Runtime::start(settings, node::memory_bindings(), Vec::new())
        .context("the runtime cannot start")?;
    let deployments = Deployments::load(&config, runtime)?;
    let rehearsed = deployments.rehearse(Bytes::from(bundle.to_archive())).await;
    drop(progress);
    rehearsed.map(|it| it.to_api()).map_err(|error| Refusal::of_ours(error).into())
}
