//! From a request to the isolate: the route table, then the runtime. The front's handler in a
//! running node. Events that find their worker by its name are in `dispatch/calls.rs`.

mod calls;

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::poll;
use runtime::{Call, Hops, MAX_HOPS, Runtime};
use url::Url;

use crate::deployments::{Deployments, Target};
use crate::front::{Arrival, Handler, Reply};
use crate::local::{Development, Urls};
use crate::refusal::Refusal;

/// Sends requests to the workers of a node.
pub struct Dispatch {
    runtime: Runtime,
    deployments: Arc<Deployments>,
    /// What is answered in the place of workers.
    urls: Option<Urls>,
}

impl Dispatch {
    /// A dispatcher to these workers, which that runtime runs.
    pub fn new(runtime: Runtime, deployments: Arc<Deployments>) -> Self {
        let urls = Urls::new(&deployments, &Development::default());
        Self { runtime, deployments, urls }
    }

    /// The same with what a session of development has.
    #[must_use]
    pub(crate) fn with(self, development: &Development) -> Self {
        let urls = Urls::new(&self.deployments, development);
        Self { urls, ..self }
    }

    /// The worker's version that a request for this host and path is for.
    fn target(&self, host: &Arc<str>, path: &str) -> Result<Arc<Target>, Refusal> {
        if !self.deployments.is_open_to(host) {
            return Err(Refusal::NotForDevelopment { host: Arc::clone(host) });
        }
        self.deployments.resolve(host, &routed_path(path)).ok_or_else(|| {
            let hosts = self.deployments.hosts_in_development();
            Refusal::UnknownHost { host: Arc::clone(host), hosts }
        })
    }
}

impl Handler for Dispatch {
    fn expect(&self, host: &str) {
        // The path is not known yet. A worker with routes for other paths alone stays cold.
        if let Some(target) = self.deployments.resolve(host, "/") {
            self.deployments.warm(&target);
        }
    }

    fn look_up(&self, host: &Arc<str>, path: &str) -> Result<(), Refusal> {
        if self.urls.as_ref().is_some_and(|urls| urls.have(path)) {
            return Ok(());
        }
        self.target(host, path).map(drop)
    }

    async fn handle(&self, arrival: Arrival) -> Reply {
        if let Some(answer) = self.urls.as_ref().and_then(|urls| urls.answer(&arrival)) {
            return answer.await;
        }
        let Arrival { host, event, underway } = arrival;
        let target = match self.target(&host, event.head.uri.path()) {
            Ok(target) => target,
            Err(refusal) => return Reply { served: None, result: Err(refusal) },
        };
        if event.head.extensions.get::<Hops>().is_some_and(|hops| hops.are_too_many()) {
            let result = Err(Refusal::TooManyHops { limit: MAX_HOPS });
            return Reply { served: Some(target.served().clone()), result };
        }
        // From here on the request is this version's, whatever is activated meanwhile.
        let result = match self.deployments.ready(&target).await {
            Ok(version) => {
                let mut answer = pin!(self.runtime.run(&version, Call::fetch(event)));
                // Its first step sends the event. The runtime knows what it needs from then on.
                let first = poll!(answer.as_mut());
                drop(underway);
                match first {
                    Poll::Ready(answer) => answer,
                    Poll::Pending => answer.await,
                }
            }
            Err(failure) => Err(failure),
        };
        Reply { served: Some(target.served().clone()), result: result.map_err(Refusal::from) }
    }
}

/// The path that the worker sees in its request's URL: parsing a URL resolves dot segments and
/// turns backslashes. A route must not be passed by with them.
fn routed_path(path: &str) -> Cow<'_, str> {
    let plain = !path.contains("/.") && !path.contains('\\') && !path.contains('%');
    if plain {
        return Cow::Borrowed(path);
    }
    match Url::parse(&format!("http://host{path}")) {
        Ok(url) => Cow::Owned(url.path().to_owned()),
        Err(_) => Cow::Borrowed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::routed_path;

    #[test]
    fn a_route_cannot_be_passed_by_with_dots_and_backslashes() {
        let cases = [
            ("/a/b", "/a/b"),
            ("/public/../admin", "/admin"),
            ("/public/%2e%2E/admin", "/admin"),
            ("/public\\..\\admin", "/admin"),
            ("/./a", "/a"),
            ("/a%20b", "/a%20b"),
            ("//a", "//a"),
        ];
        for (path, routed) in cases {
            assert_eq!(routed_path(path), routed, "{path}");
        }
    }
}
