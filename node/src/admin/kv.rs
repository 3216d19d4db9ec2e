//! What the admin API says and does of KV: from a request to the operation. The rules are those of
//! the `kv` crate, and so are the texts of its refusals.

mod bulk;
mod export;
mod keys;
mod namespaces;
mod record;
mod values;

use std::sync::Arc;

use http::request::Parts;
use kv::{KeyError, Namespace, NamespaceInfo, Store};

use super::answer::{Answer, Fault};
use super::query::Query;
use super::upload::Upload;

/// The longest identity of a namespace, in bytes.
const MAX_NAMESPACE_BYTES: usize = 512;

/// One request, for what follows `/v1/kv` in its path.
pub(super) async fn call(
    store: &Arc<dyn Store>,
    parts: &Parts,
    path: &[&str],
    body: Upload,
) -> Result<Answer, Fault> {
    let ["namespaces", rest @ ..] = path else { return Err(nothing_at(parts)) };
    let method = parts.method.as_str();
    let query = Query::parse(parts.uri.query(), parameters(rest, method))?;
    let [id, rest @ ..] = rest else {
        return match method {
            "GET" => namespaces::list(&**store).await,
            _ => Err(Fault::method("GET")),
        };
    };
    let namespace = &namespace(id)?;
    match (rest, method) {
        ([], "PUT") => namespaces::create(&**store, namespace).await,
        ([], "DELETE") => namespaces::delete(&**store, namespace).await,
        ([], _) => Err(Fault::method("PUT, DELETE")),
        (["keys"], "GET") => keys::list(&**store, namespace, &query).await,
        (["values", key], "GET") => values::get(&**store, namespace, key).await,
        (["values", key], "PUT") => {
            values::put(&**store, namespace, key, &query, &parts.headers, body).await
        }
        (["values", key], "DELETE") => values::delete(&**store, namespace, key).await,
        (["values", _], _) => Err(Fault::method("GET, PUT, DELETE")),
        (["bulk", "put"], "POST") => bulk::put(&**store, namespace, body).await,
        (["bulk", "delete"], "POST") => bulk::delete(&**store, namespace, body).await,
        (["bulk", "get"], "POST") => export::get_many(store, namespace, body).await,
        (["import"], "POST") => bulk::import(&**store, namespace, body).await,
        (["bulk", "put" | "delete" | "get"] | ["import"], _) => Err(Fault::method("POST")),
        (["export"], "GET") => export::export(store, namespace).await,
        (["keys"] | ["export"], _) => Err(Fault::method("GET")),
        _ => Err(nothing_at(parts)),
    }
}

/// The parameters that a request may have.
fn parameters(path: &[&str], method: &str) -> &'static [&'static str] {
    match (path, method) {
        ([_, "keys"], "GET") => &["prefix", "limit", "cursor"],
        ([_, "values", _], "PUT") => &["expiration", "expiration_ttl", "metadata"],
        _ => &[],
    }
}

fn nothing_at(parts: &Parts) -> Fault {
    Fault::not_found(format!("there is no {}", parts.uri.path()))
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
