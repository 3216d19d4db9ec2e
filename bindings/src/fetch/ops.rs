//! The ops that deno_fetch's JavaScript calls: `op_fetch` prepares a request inside the call
//! of the worker, `op_fetch_send` sends it. Not here: what they do it with (`network.rs`, `service.rs`).

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use deno_core::convert::{ByteString, Uint8Array};
use deno_core::url::Url;
use deno_core::{CancelHandle, OpDecl, OpState, Resource, ResourceId, ToV8, op2, v8};
use deno_fetch::data_url::DataUrl;
use deno_fetch::{FetchCancelHandle, FetchReturn};
use http::{HeaderMap, Method, StatusCode, response};
use hyper::ext::ReasonPhrase;
use tokio_util::sync::CancellationToken;

use super::error::FetchError;
use super::request::Content;
use super::response_body::{ResponseBody, Source};
use super::upload::UploadSource;
use super::{network, service};
use crate::binding::Asker;
use crate::headers::{self, HeaderText, Listed};
use crate::memory::{Charge, Meter};
use crate::services::{Departing, take_departing};

/// Characters of a URL that is fetched: as many as one that is parsed may have (`global/bounds.js`).
const MAX_URL_CHARACTERS: usize = 2 << 20;
/// What a request takes beside its URL, its headers and its body, in bytes.
const REQUEST_BYTES: usize = 2048;
/// What a header takes beside its name and its value, in bytes: its entry in `http`'s map, which is
/// there twice where the request may be repeated, and the allocations of both.
const FIELD_BYTES: usize = 300;
/// Room is asked for when what waits has grown by so much, in bytes.
const STEP_BYTES: usize = 1 << 20;

/// The ops, under the names of those they replace.
pub(crate) fn declarations() -> [OpDecl; 3] {
    [op_fetch(), op_fetch_send(), op_fetch_custom_client()]
}

/// A request between the two ops.
struct Pending {
    url: Url,
    what: What,
    /// Until the response begins: the request may wait for a connection, and for its server.
    _charge: Option<Charge>,
}

enum What {
    /// The content of a `data:` URL and its type.
    Data(Bytes, String),
    Network(Box<network::Departure>),
    /// To another worker.
    Service(Box<service::Departure>),
}

/// What a worker asks for.
struct Asked {
    method: Method,
    url: Url,
    headers: Vec<(String, String)>,
    content: Content,
}

/// A request that is charged: what it is, what aborts it, and what its event gave it.
type Departed = (What, Rc<CancelHandle>, Option<Charge>);

/// What deno_fetch's JavaScript learns of a response: its `FetchResponse`, but for headers that may be
/// any text.
#[derive(ToV8)]
struct Received {
    status: u16,
    status_text: String,
    headers: Vec<(ByteString, HeaderText)>,
    url: String,
    response_rid: ResourceId,
    content_length: Option<u64>,
    body_decoded: bool,
    /// Always `null`: the op itself fails.
    error: Option<String>,
}

impl Resource for Pending {
    fn name(&self) -> Cow<'_, str> {
        "fetchRequest".into()
    }
}

#[op2]
#[allow(clippy::too_many_arguments, reason = "what deno_fetch's JavaScript passes")]
fn op_fetch(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[scoped] method: ByteString,
    url: v8::Local<'_, v8::String>,
    #[scoped] headers: Listed,
    #[smi] client_rid: Option<u32>,
    has_body: bool,
    data: Option<Uint8Array>,
    #[smi] resource: Option<ResourceId>,
) -> Result<FetchReturn, FetchError> {
    crate::event::note_running(scope, &state.borrow());
    // First of all, so that a stream is closed whatever happens next.
    let content = match (has_body, data, resource) {
        // It may wait for a connection, or for its server.
        (true, Some(data), _) => {
            Content::Bytes(waiting(data.0.into(), state.borrow().try_borrow()))
        }
        (true, None, Some(rid)) => {
            Content::Stream(UploadSource::new(state.borrow_mut().resource_table.take_any(rid)?))
        }
        _ => Content::None,
    };
    let departing = match client_rid {
        None => None,
        // Announced by the script of the binding; nobody else has a client.
        Some(_) => Some(take_departing(&mut state.borrow_mut()).ok_or(FetchError::OwnClient)?),
    };
    let method =
        Method::from_bytes(&method).map_err(|error| FetchError::invalid("the method", error))?;
    let url = url_of(scope, url)?;
    match url.scheme() {
        "http" | "https" => {
            let headers = headers.0;
            let headers = headers.map_err(|it| FetchError::invalid("the list of headers", it))?;
            let asked = Asked { method, url: url.clone(), headers, content };
            let (what, abort, charge) = match departing {
                None => to_network(scope, &state, asked)?,
                Some(departing) => to_worker(scope, &state, departing, asked)?,
            };
            let mut state = state.borrow_mut();
            Ok(FetchReturn {
                request_rid: state.resource_table.add(Pending { url, what, _charge: charge }),
                cancel_handle_rid: Some(state.resource_table.add(FetchCancelHandle(abort))),
            })
        }
        "data" if departing.is_none() => {
            let what = data_content(&url, state.borrow().try_borrow::<Meter>())?;
            let pending = Pending { url, what, _charge: None };
            let request_rid = state.borrow_mut().resource_table.add(pending);
            Ok(FetchReturn { request_rid, cancel_handle_rid: None })
        }
        // Those that exist are resolved in JavaScript.
        "blob" if departing.is_none() => Err(FetchError::BlobNotFound),
        scheme => Err(FetchError::Scheme(scheme.to_owned())),
    }
}

fn to_network(
    scope: &mut v8::PinScope<'_, '_>,
    state: &RefCell<OpState>,
    asked: Asked,
) -> Result<Departed, FetchError> {
    let Asked { method, url, headers, content } = asked;
    let departure = network::depart(&state.borrow(), method, url.clone(), headers, content)?;
    let ready = &departure.ready;
    let bytes = bytes_of(&url, ready.request.headers()) + ready.host.len();
    let charge = charged(scope, departure.meter.as_ref(), bytes)?;
    let abort = departure.abort.clone();
    Ok((What::Network(Box::new(departure)), abort, charge))
}

fn to_worker(
    scope: &mut v8::PinScope<'_, '_>,
    state: &RefCell<OpState>,
    departing: Departing,
    asked: Asked,
) -> Result<Departed, FetchError> {
    let asker = Asker::running(scope, &state.borrow(), "fetch()").map_err(FetchError::Limit)?;
    let cf_bytes = departing.cf.as_ref().map_or(0, String::len);
    let Asked { method, url, headers, content } = asked;
    let request = service::RequestParts { method, url: &url, headers, content };
    let departure = service::depart(&state.borrow(), asker, departing, request)?;
    let bytes = bytes_of(&url, departure.headers()) + cf_bytes;
    let charge = charged(scope, departure.meter.as_ref(), bytes)?;
    let abort = departure.abort.clone();
    Ok((What::Service(Box::new(departure)), abort, charge))
}

/// The URL of a text that is not copied where it is too long. It is not taken as a `String`: for those
/// deno_core has a buffer on each thread, which stays as long as the longest text that was ever passed.
fn url_of(
    scope: &mut v8::PinScope<'_, '_>,
    text: v8::Local<'_, v8::String>,
) -> Result<Url, FetchError> {
    if text.length() > MAX_URL_CHARACTERS {
        let reason = format!("it has more than {MAX_URL_CHARACTERS} characters");
        return Err(FetchError::invalid("the URL", reason));
    }
    let text = text.to_rust_string_lossy(scope);
    Url::parse(&text).map_err(|error| FetchError::invalid("the URL", error))
}

#[op2]
async fn op_fetch_send(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
) -> Result<Received, FetchError> {
    let pending = state.borrow_mut().resource_table.take::<Pending>(rid)?;
    let Ok(Pending { url, what, _charge }) = Rc::try_unwrap(pending) else {
        return Err(FetchError::invalid("the request", "it is being sent already"));
    };
    match what {
        What::Data(bytes, mime_type) => {
            let length_bytes = Some(bytes.len() as u64);
            let source = Source::Whole(bytes);
            let nothing = CancellationToken::new();
            let meter = state.borrow().try_borrow::<Meter>().cloned();
            let body = ResponseBody::new(String::new(), source, length_bytes, nothing, None, meter);
            Ok(Received {
                status: StatusCode::OK.as_u16(),
                status_text: "OK".to_owned(),
                headers: vec![("content-type".into(), HeaderText::of(mime_type.as_bytes()))],
                url: url.into(),
                response_rid: state.borrow_mut().resource_table.add(body),
                content_length: length_bytes,
                body_decoded: false,
                error: None,
            })
        }
        What::Network(departure) => {
            let answer = network::travel(*departure).await?;
            Ok(received(&mut state.borrow_mut(), url, answer))
        }
        What::Service(departure) => {
            let answer = service::travel(*departure).await?;
            Ok(received(&mut state.borrow_mut(), url, answer))
        }
    }
}

fn received(
    state: &mut OpState,
    url: Url,
    (head, body, body_decoded): (response::Parts, ResponseBody, bool),
) -> Received {
    Received {
        status: head.status.as_u16(),
        status_text: reason(&head),
        headers: headers::texts(&head.headers),
        url: url.into(),
        content_length: body.size_hint().1,
        response_rid: state.resource_table.add(body),
        body_decoded,
        error: None,
    }
}

/// Clients with proxies and certificates of their own would go past the policy.
#[op2(fast)]
#[smi]
fn op_fetch_custom_client(
    _state: &mut OpState,
    _options: v8::Local<v8::Value>,
    _keys: v8::Local<v8::Value>,
) -> Result<ResourceId, FetchError> {
    Err(FetchError::OwnClient)
}

/// What a request takes while it waits, beside its body, in bytes. Its URL is there twice.
fn bytes_of(url: &Url, headers: &HeaderMap) -> usize {
    let fields = headers.iter();
    let fields = fields.map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES);
    REQUEST_BYTES + 2 * url.as_str().len() + fields.sum::<usize>()
}

/// Charges the isolate with what waits, and asks for room with each step. That may collect garbage:
/// nobody has borrowed the isolate's state meanwhile.
///
/// # Errors
/// There is no room: the running event ends.
fn charged(
    isolate: &mut v8::Isolate,
    meter: Option<&Meter>,
    bytes: usize,
) -> Result<Option<Charge>, FetchError> {
    let Some(meter) = meter else { return Ok(None) };
    let charge = Charge::new(bytes, meter.queued());
    let after = meter.queued_bytes();
    let is_full = after / STEP_BYTES != after.saturating_sub(bytes) / STEP_BYTES;
    if is_full && !meter.demand(isolate, 0) {
        return Err(FetchError::NoMemory);
    }
    Ok(Some(charge))
}

/// Bytes that wait to be sent or read.
fn waiting(bytes: Vec<u8>, meter: Option<&Meter>) -> Bytes {
    match meter {
        Some(meter) => meter.queue(bytes),
        None => bytes.into(),
    }
}

fn data_content(url: &Url, meter: Option<&Meter>) -> Result<What, FetchError> {
    let invalid = |reason: String| FetchError::invalid("the data: URL", reason);
    let data = DataUrl::process(url.as_str()).map_err(|error| invalid(error.to_string()))?;
    let (bytes, _fragment) = data.decode_to_vec().map_err(|error| invalid(error.to_string()))?;
    Ok(What::Data(waiting(bytes, meter), data.mime_type().to_string()))
}

/// The reason that the server gave, or the standard's for the status.
fn reason(head: &response::Parts) -> String {
    match head.extensions.get::<ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    }
}
