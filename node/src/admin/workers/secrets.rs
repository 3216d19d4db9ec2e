//! A worker's secrets: they come in and are never shown again.

use http::HeaderMap;

use super::{precondition, tagged};
use crate::admin::answer::{Answer, Fault, no_content};
use crate::admin::upload::Upload;
use crate::deployments::{Deployments, MAX_SECRET_BYTES};

pub(super) async fn put(
    deployments: &Deployments,
    worker: &str,
    name: &str,
    headers: &HeaderMap,
    body: Upload,
) -> Result<Answer, Fault> {
    let precondition = precondition::of(headers)?;
    let what = format!("the value of the secret {name}");
    let value = body.whole(&what, MAX_SECRET_BYTES).await?;
    let value = String::from_utf8(value.into())
        .map_err(|_| Fault::bad_request(format!("{what} is not UTF-8")))?;
    let record = deployments.put_secret(worker, name, value, precondition).await?;
    Ok(tagged(no_content(), &record))
}

pub(super) async fn delete(
    deployments: &Deployments,
    worker: &str,
    name: &str,
    headers: &HeaderMap,
) -> Result<Answer, Fault> {
    let precondition = precondition::of(headers)?;
    let record = deployments.delete_secret(worker, name, precondition).await?;
    Ok(tagged(no_content(), &record))
}
