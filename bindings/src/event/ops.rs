//! The ops behind `event.js`. They look the event up by its id; an id whose event is over
//! is not an error, for a worker may go on after the client has gone.

use std::rc::Rc;

use deno_core::convert::ByteString;
use deno_core::{OpState, ResourceId, op2, v8};
use deno_error::JsErrorBox;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use super::body::{RequestBody, ResponseBody};
use super::outgoing::{self, Outgoing, Untaken};
use super::resource::RequestBodyResource;
use super::{Event, Events, Thrown};
use crate::headers::{self, HeaderText, TooMuch};

deno_core::extension!(
    isolane_bindings,
    deps = [deno_webidl, deno_web, deno_fetch, deno_crypto, isolane_kv],
    ops = [
        op_event_body,
        op_event_body_length,
        super::client::op_event_cf,
        super::console::op_event_caches_used,
        op_event_charge_subrequest,
        super::console::op_event_console,
        super::console::op_event_console_colours,
        super::console::op_event_console_group,
        super::failures::op_event_fail,
        super::frame::op_event_frame,
        op_event_headers,
        op_event_needs_finish,
        op_event_on_abort,
        super::failures::op_event_report,
        op_event_respond_bytes,
        op_event_respond_empty,
        super::stream::op_event_respond_stream,
        op_event_respond_text,
        op_event_url,
        op_event_wait_until,
        op_timing_safe_equal,
        crate::clock::op_clock_later,
        crate::clock::op_clock_steady,
        crate::clock::op_clock_wall,
        crate::clone::op_clone_hold,
        crate::clone::op_clone_trust,
        crate::compat::op_compat_load_failed,
        crate::crypto::op_crypto_call,
        crate::crypto::op_crypto_end,
        crate::crypto::op_crypto_ended,
        crate::crypto::op_crypto_own,
        crate::crypto::op_crypto_rsa_key,
        crate::crypto::op_crypto_soon,
        crate::crypto::op_crypto_turn,
        crate::crypto::op_crypto_used_up,
        crate::forms::op_form_parts,
        crate::hidden::op_hidden_brand,
        crate::hidden::op_hidden_symbol,
        crate::intl::op_intl_date_format,
        crate::modules::op_module_data,
        crate::modules::op_module_wasm,
        crate::memory::op_memory_demand,
        crate::memory::op_memory_has_room,
        crate::memory::op_memory_hold,
        crate::memory::op_memory_limit,
        crate::memory::op_memory_release,
        crate::memory::op_memory_stack_give,
        crate::memory::op_memory_stack_hold,
        crate::memory::op_memory_stack_take,
        crate::streams::op_stream_closed,
        crate::streams::op_stream_end,
        crate::streams::op_stream_fail,
        crate::streams::op_stream_move,
        crate::streams::op_stream_open,
        crate::streams::op_stream_room,
        crate::streams::op_stream_write,
        crate::streams::op_stream_write_text,
        crate::wasm::op_wasm_bounded,
        crate::wasm::op_wasm_is_memory,
        crate::wasm::op_wasm_memories,
    ],
    esm_entry_point = "ext:isolane_bindings/main.js",
    esm = [dir "src", "ext:isolane_bindings/main.js" = "global/main.js"],
    lazy_loaded_js = [
        dir "src",
        "ext:isolane_bindings/console/console.js" = "console/console.js",
        "ext:isolane_bindings/console/options.js" = "console/options.js",
        "ext:isolane_bindings/console/weigh.js" = "console/weigh.js",
        "ext:isolane_bindings/entrypoint.js" = "event/entrypoint.js",
        "ext:isolane_bindings/answer.js" = "event/answer.js",
        "ext:isolane_bindings/array_buffers.js" = "global/array_buffers.js",
        "ext:isolane_bindings/bounds.js" = "global/bounds.js",
        "ext:isolane_bindings/bytes.js" = "global/bytes.js",
        "ext:isolane_bindings/clock.js" = "global/clock.js",
        "ext:isolane_bindings/coding.js" = "event/coding.js",
        "ext:isolane_bindings/compression.js" = "global/compression.js",
        "ext:isolane_bindings/date_formats.js" = "global/date_formats.js",
        "ext:isolane_bindings/define.js" = "global/define.js",
        "ext:isolane_bindings/digest_stream.js" = "global/digest_stream.js",
        "ext:isolane_bindings/event.js" = "event/event.js",
        "ext:isolane_bindings/extras.js" = "global/extras.js",
        "ext:isolane_bindings/frames.js" = "event/frames.js",
        "ext:isolane_bindings/fetch.js" = "global/fetch.js",
        "ext:isolane_bindings/integrity.js" = "global/integrity.js",
        "ext:isolane_bindings/request.js" = "global/request.js",
        "ext:isolane_bindings/switches.js" = "global/switches.js",
        "ext:isolane_bindings/forms.js" = "global/forms.js",
        "ext:isolane_bindings/hashing.js" = "global/hashing.js",
        "ext:isolane_bindings/header_entries.js" = "global/header_entries.js",
        "ext:isolane_bindings/hidden.js" = "global/hidden.js",
        "ext:isolane_bindings/header_text.js" = "global/header_text.js",
        "ext:isolane_bindings/incoming.js" = "event/incoming.js",
        "ext:isolane_bindings/inside.js" = "global/inside.js",
        "ext:isolane_bindings/loading.js" = "global/loading.js",
        "ext:isolane_bindings/locales.js" = "global/locales.js",
        "ext:isolane_bindings/missing_bindings.js" = "event/missing_bindings.js",
        "ext:isolane_bindings/modules.js" = "modules.js",
        "ext:isolane_bindings/node_globals.js" = "global/node_globals.js",
        "ext:isolane_bindings/planned.js" = "global/planned.js",
        "ext:isolane_bindings/shared_memory.js" = "global/shared_memory.js",
        "ext:isolane_bindings/signal.js" = "event/signal.js",
        "ext:isolane_bindings/streams/bodies.js" = "streams/bodies.js",
        "ext:isolane_bindings/streams/identity.js" = "streams/identity.js",
        "ext:isolane_bindings/streams/pipe.js" = "streams/pipe.js",
        "ext:isolane_bindings/temporal.js" = "global/temporal.js",
        "ext:isolane_bindings/timers.js" = "event/timers.js",
        "ext:isolane_bindings/uncaught.js" = "event/uncaught.js",
        "ext:isolane_bindings/url_search.js" = "global/url_search.js",
        "ext:isolane_bindings/variables.js" = "event/variables.js",
        "ext:isolane_bindings/waiting.js" = "event/waiting.js",
        "ext:isolane_bindings/web_assembly.js" = "global/web_assembly.js",
        "ext:isolane_bindings/crypto_arguments.js" = "global/crypto_arguments.js",
        "ext:isolane_bindings/crypto_keys.js" = "global/crypto_keys.js",
        "ext:isolane_bindings/web_crypto.js" = "global/web_crypto.js",
        "ext:isolane_bindings/workers.js" = "event/workers.js",
    ],
    synthetic_esm = [
        "cloudflare:workers" = "ext:isolane_bindings/workers.js",
        "isolane:modules" = "ext:isolane_bindings/modules.js",
    ],
    middleware = |op| match op.name {
        // deno_core ends the isolate's run on an exception that nobody has handled; here it
        // is the running event's.
        "op_dispatch_exception" => {
            op.with_implementation_from(&super::failures::op_event_unhandled())
        }
        "op_destructure_error" => {
            op.with_implementation_from(&super::failures::op_event_destructure())
        }
        // It fills a list while it holds what a rejection needs: a setter on lists would reject.
        // What it does not take is delivered all the same.
        "op_drain_pending_rejections" => {
            op.with_implementation_from(&super::failures::op_event_no_rejections())
        }
        "op_now" => op.with_implementation_from(&crate::clock::op_clock_elapsed()),
        // Not to be talked into calling, or aborting over, what a tenant has made.
        "op_deserialize" => op.with_implementation_from(&crate::clone::op_clone_deserialize()),
        "op_serialize" => op.with_implementation_from(&crate::clone::op_clone_serialize()),
        "op_structured_clone" => op.with_implementation_from(&crate::clone::op_clone_value()),
        _ => op,
    },
    state = |state| {
        state.put(Events::default());
        state.put(crate::clock::Clock::default());
        state.put(crate::memory::Meter::default());
        state.put(crate::clone::Describers::default());
        state.put(crate::streams::Pipes::default());
        state.put(std::rc::Rc::<crate::crypto::Crypto>::default());
    },
);

pub(super) fn find(state: &OpState, id: u32) -> Option<Rc<Event>> {
    state.borrow::<Events>().get(id)
}

#[op2]
#[string]
fn op_event_url(state: &mut OpState, #[smi] id: u32) -> String {
    find(state, id)
        .and_then(|event| event.head.borrow().as_ref().map(|head| head.uri.to_string()))
        .unwrap_or_default()
}

#[op2]
fn op_event_headers(state: &mut OpState, #[smi] id: u32) -> Vec<(ByteString, HeaderText)> {
    let event = find(state, id);
    let head = event.as_ref().map(|event| event.head.borrow());
    let head = head.as_ref().and_then(|head| head.as_ref());
    head.map_or_else(Vec::new, |head| headers::texts(&head.headers))
}

#[op2(fast)]
#[smi]
fn op_event_body(state: &mut OpState, #[smi] id: u32) -> Result<ResourceId, JsErrorBox> {
    let event = find(state, id);
    let body = event.as_ref().map(|event| std::mem::take(&mut *event.body.borrow_mut()));
    match (body, event) {
        (Some(RequestBody::Stream(body)), Some(event)) => {
            Ok(state.resource_table.add(RequestBodyResource::new(body, &event)))
        }
        _ => Err(JsErrorBox::type_error("The request is over: its body can no longer be read.")),
    }
}

/// The length of the body in bytes; -1 where it is not known.
#[op2(fast)]
fn op_event_body_length(state: &mut OpState, #[smi] id: u32) -> f64 {
    let length = find(state, id).and_then(|event| match &*event.body.borrow() {
        RequestBody::Stream(body) => body.size_hint().exact(),
        RequestBody::Empty => None,
    });
    length.map_or(-1.0, |bytes| bytes as f64)
}

/// Registers interest in the client's going away. Answers 1 where JavaScript will be told, 2 where it
/// has gone already, 0 where the event is over.
#[op2(fast)]
#[smi]
fn op_event_on_abort(state: &mut OpState, #[smi] id: u32) -> i32 {
    match find(state, id) {
        None => 0,
        Some(event) if event.aborted.get() => 2,
        Some(event) => {
            event.listens_for_abort.set(true);
            event.needs_finish.set(true);
            1
        }
    }
}

/// JavaScript keeps something for the event that it has to let go at the end; false where the event
/// is over.
#[op2(fast)]
fn op_event_needs_finish(state: &mut OpState, #[smi] id: u32) -> bool {
    let event = find(state, id);
    if let Some(event) = &event {
        event.needs_finish.set(true);
    }
    event.is_some()
}

#[op2(fast)]
fn op_event_charge_subrequest(state: &mut OpState, #[smi] id: u32) -> bool {
    let event = state.borrow::<Events>().get_or_oldest(id);
    event.is_some_and(|event| event.charge_subrequest())
}

/// Adds to the promises that keep the event alive; false where the event is over.
#[op2(fast)]
fn op_event_wait_until(state: &mut OpState, #[smi] id: u32, #[smi] change: i32) -> bool {
    let Some(event) = find(state, id) else { return false };
    event.waiting.set(event.waiting.get().saturating_add_signed(change));
    if event.is_over() {
        state.borrow::<Events>().changed(&event);
    }
    true
}

fn answer(state: &mut OpState, id: u32, response: Response<ResponseBody>) {
    let events = state.borrow::<Events>();
    if let Some(event) = events.get(id) {
        event.answer_with(Ok(response));
        events.changed(&event);
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
    let events = state.borrow::<Events>();
    if let Some(event) = events.get(id) {
        event.refused.set(Some(untaken));
        let message = "the clients have not taken what the worker answered before".to_owned();
        event.answer_with(Err(Thrown { message, stack: String::new() }));
        events.changed(&event);
    }
}

#[op2]
fn op_event_respond_text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<std::cell::RefCell<OpState>>,
    #[smi] id: u32,
    #[smi] status: u16,
    #[serde] headers: Option<Vec<String>>,
    text: v8::Local<'s, v8::String>,
) -> Result<(), JsErrorBox> {
    let outgoing = state.borrow().try_borrow::<Outgoing>().cloned();
    let mut state = state.borrow_mut();
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
    answer(&mut state, id, response);
    Ok(())
}

#[op2]
fn op_event_respond_bytes(
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
fn op_event_respond_empty(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] status: u16,
    #[serde] headers: Vec<String>,
) -> Result<(), JsErrorBox> {
    answer(state, id, head(status, &headers, ResponseBody::Empty)?);
    Ok(())
}

/// Compares without a branch on the content.
#[op2(fast)]
fn op_timing_safe_equal(#[buffer] left: &[u8], #[buffer] right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0u8, |sum, (a, b)| sum | (a ^ b));
    left.len() == right.len() && std::hint::black_box(difference) == 0
}
