//! The part of the admin API that is about workers, as the commands use it. Every request of it
//! can be repeated without another effect, so one is repeated whose answer is lost, or that the node
//! cannot do now.

use std::time::Duration;

use anyhow::{Context as _, bail};
use api::{
    Activation, Deployment, Deployments, Secrets, Uploaded, Version, Versions, Worker, Workers,
};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;
use url::form_urlencoded::Serializer;

use super::client::{Client, Refusal, counted, nothing};
use super::endpoint::Endpoint;
use super::refusal;

/// How often a request is made when its answers are lost, or the node cannot do it now.
const ATTEMPTS: u32 = 4;
/// How long is waited before the second; each further wait is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The most workers of a page.
const PAGE: usize = 1_000;

/// The API of a node.
pub(crate) struct Api {
    endpoint: Endpoint,
    client: Option<Client>,
    /// Whether there was ever a connection.
    is_reached: bool,
}

/// What a worker has to be for a request to change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Anything.
    Any,
    /// Not there.
    Absent,
    /// As it was at this revision.
    Revision(u64),
}

/// A request.
struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Api {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, client: None, is_reached: false }
    }

    /// The node's URL.
    pub(crate) fn url(&self) -> &str {
        self.endpoint.url()
    }

    /// What the node is.
    pub(crate) async fn node(&mut self) -> anyhow::Result<Value> {
        let node: Value = self.get("/v1/node").await?;
        match node["product"] == "isolane" {
            true => Ok(node),
            false => bail!("what answers at {} is no Isolane node", self.url()),
        }
    }

    /// All workers.
    pub(crate) async fn workers(&mut self) -> anyhow::Result<Vec<Worker>> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut query = Serializer::new(String::new());
            query.append_pair("limit", &PAGE.to_string());
            if let Some(after) = &after {
                query.append_pair("after", after);
            }
            let page: Workers = self.get(&format!("/v1/workers?{}", query.finish())).await?;
            all.extend(page.workers);
            match page.next {
                None => return Ok(all),
                next => after = next,
            }
        }
    }

    /// A worker; `None` where it is not deployed.
    pub(crate) async fn worker(&mut self, name: &str) -> anyhow::Result<Option<Worker>> {
        match self.get(&path(name)).await {
            Ok(worker) => Ok(Some(worker)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A worker that has to be deployed.
    pub(crate) async fn deployed(&mut self, name: &str) -> anyhow::Result<Worker> {
        let found = self.worker(name).await?;
        found.with_context(|| format!("there is no worker {name} on {}", self.url()))
    }

    /// Its versions, the newest first; none where it is not known.
    pub(crate) async fn versions(&mut self, worker: &str) -> anyhow::Result<Vec<Version>> {
        match self.get::<Versions>(&format!("{}/versions", path(worker))).await {
            Ok(found) => Ok(found.versions),
            Err(error) if is_missing(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// One version, as the node says it, by its digits or the first of them.
    pub(crate) async fn version(&mut self, worker: &str, digits: &str) -> anyhow::Result<Value> {
        self.get(&version_path(worker, digits)).await
    }

    /// Its activations, the newest first.
    pub(crate) async fn deployments(&mut self, worker: &str) -> anyhow::Result<Vec<Deployment>> {
        let found: Deployments =
            self.get(&format!("{}/deployments?limit={PAGE}", path(worker))).await?;
        Ok(found.deployments)
    }

    /// Uploads an archive; `sent` is told of its bytes as they go.
    pub(crate) async fn upload(
        &mut self,
        (worker, id): (&str, &str),
        archive: Bytes,
        change: &[(&str, &str)],
        sent: impl Fn(u64) + Clone + Send + 'static,
    ) -> anyhow::Result<Uploaded> {
        let query = Serializer::new(String::new()).extend_pairs(change).finish();
        let mut ask = Ask::new(Method::PUT, format!("{}?{query}", version_path(worker, id)));
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
        ask.body = archive;
        parse(&self.attempt(&ask, sent).await.0?)
    }

    /// Makes a version the active one.
    pub(crate) async fn activate(
        &mut self,
        (worker, version): (&str, &str),
        expected: Expected,
        (who, message): (Option<&str>, Option<&str>),
    ) -> anyhow::Result<Worker> {
        let mut ask = Ask::new(Method::PUT, format!("{}/active", path(worker)));
        ask.expect(expected);
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (version, who, message) = (version.to_owned(), owned(who), owned(message));
        ask.body = serde_json::to_vec(&Activation { version, who, message })?.into();
        parse(&self.call(ask).await?)
    }

    /// Deletes a worker.
    pub(crate) async fn delete_worker(
        &mut self,
        worker: &str,
        expected: Expected,
    ) -> anyhow::Result<()> {
        let mut ask = Ask::new(Method::DELETE, path(worker));
        ask.expect(expected);
        self.delete(ask).await
    }

    /// The names of a worker's secrets.
    pub(crate) async fn secrets(&mut self, worker: &str) -> anyhow::Result<Vec<String>> {
        Ok(self.get::<Secrets>(&format!("{}/secrets", path(worker))).await?.secrets)
    }

    /// Sets a secret.
    pub(crate) async fn put_secret(
        &mut self,
        worker: &str,
        name: &str,
        value: String,
    ) -> anyhow::Result<()> {
        let mut ask = Ask::new(Method::PUT, secret_path(worker, name));
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        ask.body = value.into();
        self.call(ask).await.map(drop)
    }

    /// Deletes a secret.
    pub(crate) async fn delete_secret(&mut self, worker: &str, name: &str) -> anyhow::Result<()> {
        self.delete(Ask::new(Method::DELETE, secret_path(worker, name))).await
    }

    async fn get<T: DeserializeOwned>(&mut self, path: &str) -> anyhow::Result<T> {
        let body = self.call(Ask::new(Method::GET, path.to_owned())).await?;
        parse(&body)
    }

    /// What a repeated request does not find, the one before it has deleted.
    async fn delete(&mut self, ask: Ask) -> anyhow::Result<()> {
        let (told, was_lost) = self.attempt(&ask, |_| ()).await;
        match told {
            Err(error) if was_lost && is_gone(&error) => Ok(()),
            told => told.map(drop),
        }
    }

    async fn call(&mut self, ask: Ask) -> anyhow::Result<Bytes> {
        self.attempt(&ask, |_| ()).await.0
    }

    /// Makes a request until there is an answer for good; says whether one was lost before that.
    async fn attempt(
        &mut self,
        ask: &Ask,
        sent: impl Fn(u64) + Clone + Send + 'static,
    ) -> (anyhow::Result<Bytes>, bool) {
        let mut attempts = 1;
        let mut pause = FIRST_PAUSE;
        let mut was_lost = false;
        loop {
            match self.once(ask, sent.clone()).await {
                Err(error) if attempts < ATTEMPTS && self.is_for_now(&error) => {
                    was_lost |= refusal(&error).is_none();
                    self.client = None;
                    attempts += 1;
                    sleep(pause).await;
                    pause *= 2;
                }
                told => return (told, was_lost),
            }
        }
    }

    /// Whether the same request may end otherwise. A node that nobody has reached yet is not there.
    fn is_for_now(&self, error: &anyhow::Error) -> bool {
        refusal(error).map_or(self.is_reached, Refusal::is_for_now)
    }

    async fn once(
        &mut self,
        ask: &Ask,
        sent: impl Fn(u64) + Send + 'static,
    ) -> anyhow::Result<Bytes> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(self.endpoint.connect().await?),
        };
        self.is_reached = true;
        let (body, length) = match ask.body.is_empty() {
            true => (nothing(), None),
            false => (counted(ask.body.clone(), sent), Some(ask.body.len() as u64)),
        };
        let answer = client.send_with(ask.method.clone(), &ask.path, &ask.headers, body, length);
        let answer = answer.await.with_context(|| self.endpoint.url().to_owned())?;
        let body = answer.into_body().collect().await;
        Ok(body
            .with_context(|| format!("the answer of {} breaks off", self.endpoint.url()))?
            .to_bytes())
    }
}

impl Ask {
    fn new(method: Method, path: String) -> Self {
        Self { method, path, headers: HeaderMap::new(), body: Bytes::new() }
    }

    fn expect(&mut self, expected: Expected) {
        match expected {
            Expected::Any => {}
            Expected::Absent => {
                self.headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            }
            Expected::Revision(revision) => {
                let tag = format!("\"{revision}\"");
                let tag = HeaderValue::try_from(tag).expect("digits in quotes are visible ASCII");
                self.headers.insert(IF_MATCH, tag);
            }
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(body).context("what answers there is no Isolane node of this version")
}

fn is_missing(error: &anyhow::Error) -> bool {
    refusal(error).is_some_and(|refusal| refusal.status == StatusCode::NOT_FOUND)
}

/// Whether what was to be deleted, perhaps in one state alone, is not there.
fn is_gone(error: &anyhow::Error) -> bool {
    let is_absent = |refusal: &Refusal| {
        refusal.status == StatusCode::PRECONDITION_FAILED
            && refusal.details.get("revision").is_some_and(Value::is_null)
    };
    is_missing(error) || refusal(error).is_some_and(is_absent)
}

fn path(worker: &str) -> String {
    format!("/v1/workers/{}", utf8_percent_encode(worker, NON_ALPHANUMERIC))
}

fn version_path(worker: &str, version: &str) -> String {
    format!("{}/versions/{}", path(worker), utf8_percent_encode(version, NON_ALPHANUMERIC))
}

fn secret_path(worker: &str, name: &str) -> String {
    format!("{}/secrets/{}", path(worker), utf8_percent_encode(name, NON_ALPHANUMERIC))
}
