//! A worker's versions: they come as archives, one of them is active, others go.

use std::sync::Arc;

use bundle::{ArchiveLimits, VersionId};
use http::{HeaderMap, StatusCode};
use registry::VersionRecord;

use super::{change, precondition, tagged, to_its_end, wire};
use crate::admin::answer::{Answer, Fault, json, no_content};
use crate::admin::callers::Caller;
use crate::admin::node::Served;
use crate::admin::query::Query;
use crate::admin::spool::{self, ARCHIVE};
use crate::admin::upload::Upload;
use crate::config::Deployer;
use crate::deployments::{Change, ChangeError, Deployments};

/// The fewest digits that stand for a version.
const MIN_PREFIX_DIGITS: usize = 6;
/// The body of an activation: its texts, of at most six bytes a character twice, and its keys.
const MAX_ACTIVATION_BYTES: usize = 32 << 10;

pub(super) fn list(deployments: &Deployments, worker: &str) -> Result<Answer, Fault> {
    let versions = all(deployments, worker)?.iter().map(wire::version).collect();
    Ok(json(StatusCode::OK, &api::Versions { versions }))
}

pub(super) fn get(deployments: &Deployments, worker: &str, version: &str) -> Result<Answer, Fault> {
    Ok(json(StatusCode::OK, &wire::version(&find(deployments, worker, version)?)))
}

pub(super) async fn put(
    node: &Served,
    caller: Caller<'_>,
    worker: &str,
    version: &str,
    query: &Query,
    mut body: Upload,
) -> Result<Answer, Fault> {
    let id = VersionId::parse(version).ok_or_else(|| {
        Fault::bad_request(format!(
            "expected a version's 64 hexadecimal digits in lower case, found {version:?}"
        ))
    })?;
    let text = |name| query.get(name).map(str::to_owned);
    let change = Change::new(text("who"), text("message"))?;
    let dry_run = query.flag("dry_run")?;
    let most_bytes = ArchiveLimits::default().archive_bytes();
    let limit = usize::try_from(most_bytes).unwrap_or(usize::MAX);
    body.fits(ARCHIVE, limit)?;
    let deployer = caller.deployer();
    if let Some(deployer) = deployer {
        has_room(&node.deployments, deployer.clone(), worker, &id, body.announced()).await?;
    }
    // Who sends nothing has no file, and who has not sent everything no turn.
    body.begin().await?;
    let holder = caller.holder();
    let mut part = node.arrivals.part(&holder, spool::share_bytes(deployer, most_bytes));
    let file = node.deployments.receive(worker, body.announced()).await?;
    let file = spool::arrive(body, file, &mut part, limit).await?;
    let in_memory = node.archives.take(&holder).await;
    let (file, archive) = spool::read(file).await?;
    let validated = node.validations.take(&holder).await;
    let (deployments, worker) = (Arc::clone(&node.deployments), worker.to_owned());
    let deployer = deployer.cloned();
    let upload = async move {
        if let Some(deployer) = deployer {
            // Others of theirs may have come meanwhile.
            has_room(&deployments, deployer, &worker, &id, archive.len() as u64).await?;
        }
        let change = (!dry_run).then_some(change);
        deployments.upload_received(&worker, &id, (file, archive), change).await
    };
    let uploaded = to_its_end((in_memory, validated, part), upload).await;
    let uploaded = uploaded.map_err(|error| caller.told(error))?;
    if dry_run {
        caller.may_activate(&uploaded.version)?;
    }
    let status = match uploaded.created && !dry_run {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok(json(status, &uploaded.to_api()))
}

pub(super) async fn delete(
    node: &Served,
    caller: Caller<'_>,
    worker: &str,
    version: &str,
) -> Result<Answer, Fault> {
    let version = find(&node.deployments, worker, version)?.id;
    let worker = worker.to_owned();
    let delete = move |deployments: Arc<Deployments>| async move {
        deployments.delete_version(&worker, &version).await
    };
    change(node, caller, delete).await?;
    Ok(no_content())
}

pub(super) async fn activate(
    node: &Served,
    caller: Caller<'_>,
    worker: &str,
    headers: &HeaderMap,
    body: Upload,
) -> Result<Answer, Fault> {
    let precondition = precondition::of(headers)?;
    let body = body.whole("the activation", MAX_ACTIVATION_BYTES).await?;
    let api::Activation { version, who, message } = serde_json::from_slice(&body)
        .map_err(|error| Fault::bad_request(format!("the activation is malformed: {error}")))?;
    let said = Change::new(who, message)?;
    let version = find(&node.deployments, worker, &version)?;
    caller.may_activate(&version)?;
    let worker = worker.to_owned();
    let activate = move |deployments: Arc<Deployments>| async move {
        deployments.activate(&worker, &version.id, precondition, said).await
    };
    let record = change(node, caller, activate).await?;
    Ok(tagged(json(StatusCode::OK, &wire::worker(&record)), &record))
}

/// Whether a deployer may have an archive of so many bytes beside those of their workers. One that is
/// there is no further one.
async fn has_room(
    deployments: &Deployments,
    deployer: Deployer,
    worker: &str,
    id: &VersionId,
    bytes: u64,
) -> Result<(), ChangeError> {
    if deployments.version(worker, id.as_str())?.is_some() {
        return Ok(());
    }
    let Deployer { name, workers, archives_bytes: most, .. } = deployer;
    let present = deployments.archive_bytes(workers).await?;
    if present.saturating_add(bytes) <= most {
        return Ok(());
    }
    let message = format!(
        "the versions of {name} have {present} bytes on the disk of the node, with which an archive \
         of {bytes} bytes is more than the {most} that they may have: delete versions or workers, or \
         ask the operator for a higher archives_mb in [[admin.deployers]] of node.toml"
    );
    Err(ChangeError::ShareFull { message })
}

/// The versions of a worker that has some.
fn all(deployments: &Deployments, worker: &str) -> Result<Vec<VersionRecord>, Fault> {
    let versions = deployments.versions(worker)?;
    match versions.is_empty() {
        true => Err(Fault::not_found(format!("there is no worker {worker}"))),
        false => Ok(versions),
    }
}

/// The version that those digits stand for.
fn find(deployments: &Deployments, worker: &str, digits: &str) -> Result<VersionRecord, Fault> {
    let is_fit = digits.len() >= MIN_PREFIX_DIGITS
        && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_fit {
        return Err(Fault::bad_request(format!(
            "expected {MIN_PREFIX_DIGITS} or more hexadecimal digits in lower case as a version, \
             found {digits:?}"
        )));
    }
    let mut found = all(deployments, worker)?;
    found.retain(|version| version.id.starts_with(digits));
    if found.len() > 1 {
        return Err(Fault::new(
            StatusCode::CONFLICT,
            format!("{} versions of {worker} begin with {digits}: say more digits", found.len()),
        ));
    }
    let missing = || Fault::not_found(format!("there is no version {digits} of worker {worker}"));
    found.pop().ok_or_else(missing)
}
