//! What the admin API says and does of deployed workers: from a request to the change. The rules
//! are those of `deployments`, and so are the texts of their refusals.

mod precondition;
mod secrets;
mod versions;
mod wire;

use std::sync::Arc;

use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::answer::{Answer, Fault, json, no_content, not_modified};
use super::callers::Caller;
use super::node::Served;
use super::query::Query;
use super::routes::{Captures, WorkerOperation};
use super::upload::Upload;
use crate::deployments::{ChangeError, Deployments};
use registry::WorkerRecord;

/// How many records a list has when the request does not say.
const DEFAULT_LIMIT: usize = 100;
/// The most records of a list.
const MAX_LIMIT: i64 = 1_000;

/// One request.
pub(super) async fn call(
    node: &Served,
    caller: Caller<'_>,
    operation: WorkerOperation,
    captures: &Captures<'_>,
    query: &Query,
    headers: &HeaderMap,
    body: Upload,
) -> Result<Answer, Fault> {
    let deployments = &*node.deployments;
    let worker = captures.get("worker");
    let version = captures.get("version");
    let secret = captures.get("name");
    match operation {
        WorkerOperation::ListWorkers => list(deployments, caller, query),
        WorkerOperation::GetWorker => get(deployments, worker, headers),
        WorkerOperation::DeleteWorker => {
            let precondition = precondition::of(headers)?;
            let worker = worker.to_owned();
            let delete = move |deployments: Arc<Deployments>| async move {
                deployments.delete_worker(&worker, precondition).await
            };
            change(node, caller, delete).await?;
            Ok(no_content())
        }
        WorkerOperation::ListVersions => versions::list(deployments, worker),
        WorkerOperation::GetVersion => versions::get(deployments, worker, version),
        WorkerOperation::PutVersion => {
            versions::put(node, caller, worker, version, query, body).await
        }
        WorkerOperation::DeleteVersion => versions::delete(node, caller, worker, version).await,
        WorkerOperation::ActivateVersion => {
            versions::activate(node, caller, worker, headers, body).await
        }
        WorkerOperation::ListDeployments => history(deployments, worker, query),
        WorkerOperation::ListSecrets => {
            let secrets = existing(deployments, worker)?.secrets;
            Ok(json(StatusCode::OK, &api::Secrets { secrets }))
        }
        WorkerOperation::PutSecret => {
            secrets::put(node, caller, worker, secret, headers, body).await
        }
        WorkerOperation::DeleteSecret => {
            secrets::delete(node, caller, worker, secret, headers).await
        }
    }
}

/// Makes a change when it is the caller's turn, and to its end.
async fn change<T, Made>(
    node: &Served,
    caller: Caller<'_>,
    make: impl FnOnce(Arc<Deployments>) -> Made,
) -> Result<T, Fault>
where
    T: Send + 'static,
    Made: Future<Output = Result<T, ChangeError>> + Send + 'static,
{
    let turn = node.changes.take(&caller.holder()).await;
    let made = make(Arc::clone(&node.deployments));
    to_its_end(turn, made).await.map_err(|error| caller.told(error))
}

/// Does something also where the client goes away meanwhile: whose turn it is has it until the end,
/// and cannot begin anew by leaving.
async fn to_its_end<T: Send + 'static>(
    turns: impl Send + 'static,
    work: impl Future<Output = Result<T, ChangeError>> + Send + 'static,
) -> Result<T, ChangeError> {
    let task = tokio::spawn(async move {
        let _turns = turns;
        work.await
    });
    task.await.unwrap_or_else(|_| {
        let message = "the node failed while it did that; its log says more";
        Err(ChangeError::Unavailable { message: message.to_owned() })
    })
}

fn list(deployments: &Deployments, caller: Caller<'_>, query: &Query) -> Result<Answer, Fault> {
    let limit = limit(query)?;
    let shown = |worker: &WorkerRecord| caller.sees(&worker.name);
    // One more than are shown says whether there is another page.
    let mut workers = deployments.list_workers(query.get("after"), limit + 1, shown)?;
    let is_last = workers.len() <= limit;
    workers.truncate(limit);
    let next = workers.last().filter(|_| !is_last).map(|last| last.name.clone());
    let workers = workers.iter().map(wire::worker).collect();
    Ok(json(StatusCode::OK, &api::Workers { workers, next }))
}

fn get(deployments: &Deployments, worker: &str, headers: &HeaderMap) -> Result<Answer, Fault> {
    let record = existing(deployments, worker)?;
    let tag = etag(&record);
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let is_known = known.filter_map(|known| known.to_str().ok()).any(|known| {
        known.split(',').any(|known| *known.trim().trim_start_matches("W/").as_bytes() == tag)
    });
    let mut answer = match is_known {
        true => not_modified(),
        false => json(StatusCode::OK, &wire::worker(&record)),
    };
    answer.headers_mut().insert(ETAG, tag);
    Ok(answer)
}

fn history(deployments: &Deployments, worker: &str, query: &Query) -> Result<Answer, Fault> {
    let limit = limit(query)?;
    existing(deployments, worker)?;
    let history = deployments.history(worker, limit)?;
    let deployments = history.iter().map(wire::deployment).collect();
    Ok(json(StatusCode::OK, &api::Deployments { deployments }))
}

fn limit(query: &Query) -> Result<usize, Fault> {
    match query.whole("limit")? {
        None => Ok(DEFAULT_LIMIT),
        Some(limit @ 1..=MAX_LIMIT) => Ok(limit as usize),
        Some(limit) => Err(Fault::bad_request(format!(
            "expected a number from 1 to {MAX_LIMIT} as limit, found {limit}"
        ))),
    }
}

/// A worker that is deployed.
fn existing(deployments: &Deployments, worker: &str) -> Result<WorkerRecord, Fault> {
    let found = deployments.worker(worker)?;
    found.ok_or_else(|| Fault::not_found(format!("there is no worker {worker}")))
}

/// The tag of a worker's present state.
fn etag(worker: &WorkerRecord) -> HeaderValue {
    etag_of(worker.revision)
}

fn etag_of(revision: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{revision}\"")).expect("digits in quotes are visible ASCII")
}

/// An answer with the worker's tag.
fn tagged(mut answer: Answer, worker: &WorkerRecord) -> Answer {
    answer.headers_mut().insert(ETAG, etag(worker));
    answer
}

impl ChangeError {
    /// What the admin API says of it.
    pub fn into_api(self) -> api::Problem {
        Fault::from(self).said()
    }
}

impl From<ChangeError> for Fault {
    fn from(error: ChangeError) -> Self {
        let status = StatusCode::from_u16(error.status());
        let fault = Self::new(status.unwrap_or(StatusCode::BAD_REQUEST), error.to_string())
            .with_code(error.code());
        match error {
            ChangeError::StartFailed { stack, outcome, .. } => {
                fault.with_detail("stack", stack).with_detail("outcome", outcome.to_string())
            }
            ChangeError::PreconditionFailed { current, .. } => {
                let fault = fault
                    .with_detail("revision", current.as_ref().map(|it| it.revision))
                    .with_detail("who", current.as_ref().and_then(|it| it.who.clone()))
                    .with_detail("changed_at_ms", current.as_ref().map(|it| it.activated_at_ms));
                match current {
                    Some(current) => fault.with_header(ETAG, etag_of(current.revision)),
                    None => fault,
                }
            }
            _ => fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use registry::RegistryError;
    use runtime::Outcome;

    /// The codes that the description of the API names.
    fn described() -> Vec<String> {
        let schemas: serde_json::Value =
            serde_json::from_str(include_str!("openapi/schemas.json")).unwrap();
        let mut found = Vec::new();
        codes(&schemas["Error"], &mut found);
        found
    }

    fn codes(value: &serde_json::Value, found: &mut Vec<String>) {
        if let Some(listed) = value["enum"].as_array() {
            found.extend(listed.iter().map(|code| code.as_str().unwrap().to_owned()));
        }
        let inner = value.as_object().into_iter().flat_map(|object| object.values());
        inner.for_each(|inner| codes(inner, found));
    }

    #[test]
    fn a_refused_change_has_a_code_that_the_description_names() {
        let message = String::new;
        let path = std::path::PathBuf::new;
        let (bytes, free_bytes, kept_free_bytes) = (3, 2, 1);
        let no_room = RegistryError::NoRoom { path: path(), bytes, free_bytes, kept_free_bytes };
        let described = described();
        assert!(described.len() > 5, "{described:?}");
        for (error, status) in [
            (ChangeError::Invalid { message: message() }, 400),
            (ChangeError::NotFound { what: message() }, 404),
            (ChangeError::Conflict { message: message() }, 409),
            (ChangeError::RouteTaken { pattern: message(), owner: message() }, 409),
            (ChangeError::QueueTaken { queue: message(), owner: message() }, 409),
            (ChangeError::NoDeploys, 409),
            (ChangeError::PreconditionFailed { worker: message(), current: None }, 412),
            (ChangeError::TooLarge { message: message() }, 413),
            (
                ChangeError::StartFailed {
                    message: message(),
                    stack: message(),
                    outcome: Outcome::Exception,
                },
                422,
            ),
            (ChangeError::Unavailable { message: message() }, 503),
            (ChangeError::ShareFull { message: message() }, 507),
            (ChangeError::Storage(RegistryError::DiskFull { path: path() }), 507),
            (ChangeError::Storage(no_room), 507),
            (
                ChangeError::Storage(RegistryError::Damaged { path: path(), problem: message() }),
                500,
            ),
        ] {
            let code = error.code();
            assert!(described.iter().any(|it| it == code), "{code}");
            let answer = Fault::from(error);
            assert_eq!(answer.to_json()["error"]["code"], code);
            assert_eq!(answer.into_answer().status(), status, "{code}");
        }
    }
}
