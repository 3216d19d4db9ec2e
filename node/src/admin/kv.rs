//! What the admin API says and does of KV: from a request to the operation. The rules are those of
//! the `kv` crate, and so are the texts of its refusals.

mod bulk;
mod export;
mod keys;
mod namespaces;
mod record;
mod values;

use std::sync::Arc;

use http::HeaderMap;
use kv::{KeyError, Namespace, NamespaceInfo, Store};

use super::answer::{Answer, Fault};
use super::query::Query;
use super::routes::{Captures, KvOperation};
use super::upload::Upload;

/// The longest identity of a namespace, in bytes.
const MAX_NAMESPACE_BYTES: usize = 512;

/// One request.
pub(super) async fn call(
    store: &Arc<dyn Store>,
    operation: KvOperation,
    captures: &Captures<'_>,
    query: &Query,
    headers: &HeaderMap,
    body: Upload,
) -> Result<Answer, Fault> {
    let key = captures.get("key");
    let namespace = || namespace(captures.get("namespace"));
    match operation {
        KvOperation::ListNamespaces => namespaces::list(&**store).await,
        KvOperation::CreateNamespace => namespaces::create(&**store, &namespace()?).await,
        KvOperation::DeleteNamespace => namespaces::delete(&**store, &namespace()?).await,
        KvOperation::ListKeys => keys::list(&**store, &namespace()?, query).await,
        KvOperation::GetValue => values::get(&**store, &namespace()?, key).await,
        KvOperation::PutValue => {
            values::put(&**store, &namespace()?, key, query, headers, body).await
        }
        KvOperation::DeleteValue => values::delete(&**store, &namespace()?, key).await,
        KvOperation::PutRecords => bulk::put(&**store, &namespace()?, body).await,
        KvOperation::DeleteRecords => bulk::delete(&**store, &namespace()?, body).await,
        KvOperation::GetRecords => export::get_many(store, &namespace()?, body).await,
        KvOperation::ImportRecords => bulk::import(&**store, &namespace()?, body).await,
        KvOperation::ExportRecords => export::export(store, &namespace()?).await,
    }
}

fn namespace(id: &str) -> Result<Namespace, Fault> {
    if id.is_empty() || id.len() > MAX_NAMESPACE_BYTES || id.contains(char::is_control) {
        return Err(Fault::bad_request(format!(
            "a namespace has 1 to {MAX_NAMESPACE_BYTES} bytes of text without control characters"
        )));
    }
    Ok(Namespace::new(id))
}

/// A namespace that is there. Reading from one that is not is a mistake in its name, more often
/// than not.
async fn existing(store: &dyn Store, namespace: &Namespace) -> Result<NamespaceInfo, Fault> {
    let found = store.namespaces().await?.into_iter().find(|info| info.namespace == *namespace);
    found.ok_or_else(|| Fault::not_found(format!("there is no namespace {:?}", namespace.id())))
}

fn valid_key(key: &str) -> Result<(), Fault> {
    kv::validate_key(key).map_err(KeyError::into_refused).map_err(Fault::from)
}
