//! What is answered to a request with a body that is there as a whole: the ops behind `answer.js`. They
//! look the event up by its number; one whose event is over is not an error, for a worker may go on
//! after the client has gone.
//! Not here: bodies that are streams (`stream.rs`).

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use super::body::ResponseBody;
use super::ops::find;
use super::outgoing::{self, Outgoing, Untaken};
use super::{Events, Thrown};
use crate::headers::{self, TooMuch};

fn answer(state: &OpState, id: u32, response: Response<ResponseBody>) {
    if let Some(event) = find(state, id) {
        event.answer_with(Ok(response));
        state.borrow::<Events>().changed(&event);
    }
}

/// Builds the head. `fields` alternates names and values.
///
/// # Errors
/// A `TypeError` where there are more headers than a response may have.
pub(super) fn head(
    status: u16,
    fields: &[String],
    body: ResponseBody,
) -> Result<Response<ResponseBody>, JsErrorBox> {
    let refused = |error: TooMuch| JsErrorBox::type_error(format!("The response has {error}."));
    let pairs = fields.chunks_exact(2);
    headers::check(pairs.clone().map(|pair| (pair[0].as_bytes(), pair[1].as_bytes())))
        .map_err(refused)?;
    let mut map = HeaderMap::with_capacity(pairs.len() + 1);
    for pair in pairs {
        let name = HeaderName::from_bytes(pair[0].as_bytes());
        let value = HeaderValue::from_bytes(pair[1].as_bytes());
        // JavaScript's Headers class has refused what HTTP does not allow; what the http
        // crate refuses beyond that is left out.
        if let (Ok(name), Ok(value)) = (name, value) {
            headers::append(&mut map, name, value).map_err(refused)?;
        }
    }
    // The length of a whole body is known better than a worker can say it.
    if matches!(body, ResponseBody::Full(_)) {
        map.remove(CONTENT_LENGTH);
    }
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = map;
    Ok(response)
}

/// A plain text response with the default head of `new Response("text")`.
pub fn plain_text(text: bytes::Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(text));
    let value = HeaderValue::from_static("text/plain;charset=UTF-8");
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}

/// The answer is not made: too much of the worker's others waits for clients.
fn refuse(state: &OpState, id: u32, untaken: Untaken) {
    if let Some(event) = find(state, id) {
        if let Some(fetch) = event.fetch() {
            fetch.refused.set(Some(untaken));
        }
        let message = "the clients have not taken what the worker answered before".to_owned();
        event.answer_with(Err(Thrown { message, stack: String::new() }));
        state.borrow::<Events>().changed(&event);
    }
}

#[op2]
pub(super) fn op_event_respond_text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] id: u32,
    #[smi] status: u16,
    #[serde] headers: Option<Vec<String>>,
    text: v8::Local<'s, v8::String>,
) -> Result<(), JsErrorBox> {
    let outgoing = state.borrow().try_borrow::<Outgoing>().cloned();
    let state = state.borrow();
    let text = match outgoing::text(outgoing.as_ref(), scope, text) {
        Ok(text) => text,
        Err(untaken) => {
            refuse(&state, id, untaken);
            return Ok(());
        }
    };
    let response = match headers {
        None => plain_text(text),
        Some(headers) => head(status, &headers, ResponseBody::Full(text))?,
    };
    answer(&state, id, response);
    Ok(())
}

#[op2]
pub(super) fn op_event_respond_bytes(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] status: u16,
    #[serde] headers: Vec<String>,
    #[buffer] bytes: &[u8],
) -> Result<(), JsErrorBox> {
    let outgoing = state.try_borrow::<Outgoing>().cloned();
    let copy = || bytes::Bytes::copy_from_slice(bytes);
    let body = match outgoing.map_or_else(|| Ok(copy()), |it| it.body(bytes.len(), copy)) {
        Ok(body) => ResponseBody::Full(body),
        Err(untaken) => {
            refuse(state, id, untaken);
            return Ok(());
        }
    };
    answer(state, id, head(status, &headers, body)?);
    Ok(())
}

#[op2]
pub(super) fn op_event_respond_empty(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] status: u16,
    #[serde] headers: Vec<String>,
) -> Result<(), JsErrorBox> {
    answer(state, id, head(status, &headers, ResponseBody::Empty)?);
    Ok(())
}
