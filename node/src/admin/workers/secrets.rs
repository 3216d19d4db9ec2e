//! A worker's secrets: they come in and are never shown again.

use std::sync::Arc;

use http::HeaderMap;

use super::{change, precondition, tagged};
use crate::admin::answer::{Answer, Fault, no_content};
use crate::admin::callers::Caller;
use crate::admin::node::Served;
use crate::admin::upload::Upload;
use crate::deployments::{Deployments, MAX_SECRET_BYTES};

pub(super) async fn put(
    node: &Served,
    caller: Caller<'_>,
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
    let (worker, name) = (worker.to_owned(), name.to_owned());
    let put = move |deployments: Arc<Deployments>| async move {
        deployments.put_secret(&worker, &name, value, precondition).await
    };
    let record = change(node, caller, put).await?;
    Ok(tagged(no_content(), &record))
}

pub(super) async fn delete(
    node: &Served,
    caller: Caller<'_>,
    worker: &str,
    name: &str,
    headers: &HeaderMap,
) -> Result<Answer, Fault> {
    let precondition = precondition::of(headers)?;
    let (worker, name) = (worker.to_owned(), name.to_owned());
    let delete = move |deployments: Arc<Deployments>| async move {
        deployments.delete_secret(&worker, &name, precondition).await
    };
    let record = change(node, caller, delete).await?;
    Ok(tagged(no_content(), &record))
}
