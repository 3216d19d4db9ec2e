//! What the admin API says to those who look on while events happen. What they get is `events`'.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::stream::unfold;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};

use super::answer::{Answer, Fault, streamed};
use super::callers::Caller;
use super::node::Served;
use super::query::Query;
use crate::events::{Events, Filter, Scope, Wanted};

const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The most workers that one request can name.
const MOST_NAMED: usize = 1000;

/// One request, whose answer has no end.
pub(super) fn call(
    node: &Served,
    events: &Events,
    caller: Caller<'_>,
    query: &Query,
) -> Result<Answer, Fault> {
    let filter = Filter::parse(Wanted {
        status: query.get("status"),
        outcome: query.get("outcome"),
        method: query.get("method"),
        search: query.get("search"),
        sampling: query.get("sampling"),
    });
    let filter = filter.map_err(Fault::bad_request)?;
    let scope = scope(node, caller, &named(query)?)?;
    let listening = events.tails().listen(scope, filter).ok_or_else(|| {
        Fault::busy("too many look on at this node: try again when one of them has left")
    })?;
    let lines = unfold(listening, |listening| async move {
        let lines = listening.next().await?;
        Some((Ok::<_, Infallible>(lines), listening))
    });
    let mut answer = Response::new(streamed(lines));
    answer.headers_mut().insert(CONTENT_TYPE, NDJSON);
    answer.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    Ok(answer)
}

/// The workers that a request names, each once.
fn named(query: &Query) -> Result<Vec<Arc<str>>, Fault> {
    let names = query.all("worker").flat_map(|list| list.split(',')).map(str::trim);
    let mut named: Vec<Arc<str>> = names.filter(|name| !name.is_empty()).map(Arc::from).collect();
    named.sort_unstable();
    named.dedup();
    match named.len() <= MOST_NAMED {
        true => Ok(named),
        false => Err(Fault::bad_request(format!("expected up to {MOST_NAMED} workers"))),
    }
}

/// At what a caller may look, where they have named these workers; without any, at all of theirs.
fn scope(node: &Served, caller: Caller<'_>, named: &[Arc<str>]) -> Result<Scope, Fault> {
    if named.is_empty() {
        return Ok(match caller.deployer() {
            None => Scope::All,
            Some(deployer) => Scope::Theirs(deployer.workers.clone()),
        });
    }
    for worker in named {
        caller.may_see(worker)?;
        if !node.deployments.has(worker) {
            return Err(Fault::not_found(format!("there is no worker {worker}")));
        }
    }
    Ok(Scope::Named(named.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::routes::Parameter;

    #[test]
    fn workers_are_named_one_by_one_or_in_a_list() {
        let known = [Parameter::list("worker", "")];
        let named = |query: &str| {
            let query = Query::parse(Some(query), &known).unwrap();
            let named = named(&query).map_err(|fault| fault.message)?;
            Ok::<_, String>(named.iter().map(|name| name.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(named("worker=b&worker=a&worker=b").unwrap(), ["a", "b"]);
        assert_eq!(named("worker=b,%20a,").unwrap(), ["a", "b"]);
        assert!(named("").unwrap().is_empty());
        let many: String = (0..=MOST_NAMED).map(|number| format!("w{number},")).collect();
        assert!(named(&format!("worker={many}")).is_err());
    }
}
