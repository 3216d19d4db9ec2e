//! Namespaces: which there are, a new one, one less.

use http::StatusCode;
use kv::{Namespace, NamespaceInfo, Store};
use serde_json::json;

use crate::admin::answer::{Answer, Fault, json, no_content};

/// All of them, with what they hold.
pub(super) async fn list(store: &dyn Store) -> Result<Answer, Fault> {
    let found = store.namespaces().await?;
    let as_json = |info: &NamespaceInfo| json!({ "id": info.namespace.id(), "keys": info.keys, "bytes": info.bytes });
    Ok(json(StatusCode::OK, &found.iter().map(as_json).collect::<Vec<_>>()))
}

/// Makes one: 201, or 200 where it was there.
pub(super) async fn create(store: &dyn Store, namespace: &Namespace) -> Result<Answer, Fault> {
    let created = store.create_namespace(namespace).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &json!({ "id": namespace.id(), "created": created })))
}

/// Removes one with all its keys.
pub(super) async fn delete(store: &dyn Store, namespace: &Namespace) -> Result<Answer, Fault> {
    super::existing(store, namespace).await?;
    store.delete_namespace(namespace).await?;
    Ok(no_content())
}
