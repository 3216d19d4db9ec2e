//! The extension of the events and of what else a worker sees that is no binding: the list of its ops
//! and scripts. And the ops behind `event.js` and `context.js` that all kinds of events share. They look
//! the event up by its number; one whose event is over is not an error, for a worker may go on after
//! whoever called has gone.

use std::rc::Rc;

use deno_core::{OpState, op2};

use super::{Event, EventId, Events};

/// Answers of `op_event_charge_subrequest`.
const CHARGED: i32 = 0;
const TOO_MANY: i32 = 1;
const NO_EVENT: i32 = 2;

deno_core::extension!(
    isolane_bindings,
    deps = [deno_webidl, deno_web, deno_fetch, deno_crypto, isolane_kv],
    ops = [
        super::failures::op_event_abandon,
        super::kinds::fetch::op_event_body,
        super::kinds::fetch::op_event_body_length,
        super::client::op_event_cf,
        super::console::op_event_caches_used,
        op_event_charge_subrequest,
        super::console::op_event_console,
        super::console::op_event_console_colours,
        super::console::op_event_console_group,
        op_event_done,
        super::failures::op_event_fail,
        super::frame::op_event_frame,
        super::kinds::fetch::op_event_headers,
        op_event_needs_finish,
        op_event_none,
        super::kinds::fetch::op_event_on_abort,
        super::call::op_event_props,
        super::kinds::queue::op_event_queue_ack,
        super::kinds::queue::op_event_queue_ack_all,
        super::kinds::queue::op_event_queue_batch,
        super::kinds::queue::op_event_queue_fill,
        super::kinds::queue::op_event_queue_retry,
        super::kinds::queue::op_event_queue_retry_all,
        super::kinds::queue::op_event_queue_text,
        super::failures::op_event_report,
        super::answer::op_event_respond_bytes,
        super::answer::op_event_respond_empty,
        super::stream::op_event_respond_stream,
        super::answer::op_event_respond_text,
        super::kinds::scheduled::op_event_scheduled_cron,
        super::kinds::scheduled::op_event_scheduled_no_retry,
        super::kinds::scheduled::op_event_scheduled_time,
        super::kinds::tail::op_event_tail_items,
        super::kinds::fetch::op_event_url,
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
        "ext:isolane_bindings/context.js" = "event/context.js",
        "ext:isolane_bindings/date_formats.js" = "global/date_formats.js",
        "ext:isolane_bindings/define.js" = "global/define.js",
        "ext:isolane_bindings/digest_stream.js" = "global/digest_stream.js",
        "ext:isolane_bindings/event.js" = "event/event.js",
        "ext:isolane_bindings/extendable.js" = "event/extendable.js",
        "ext:isolane_bindings/extras.js" = "global/extras.js",
        "ext:isolane_bindings/frames.js" = "event/frames.js",
        "ext:isolane_bindings/fetch.js" = "global/fetch.js",
        "ext:isolane_bindings/integrity.js" = "global/integrity.js",
        "ext:isolane_bindings/request.js" = "global/request.js",
        "ext:isolane_bindings/switches.js" = "global/switches.js",
        "ext:isolane_bindings/forms.js" = "global/forms.js",
        "ext:isolane_bindings/handlers.js" = "event/handlers.js",
        "ext:isolane_bindings/hashing.js" = "global/hashing.js",
        "ext:isolane_bindings/header_entries.js" = "global/header_entries.js",
        "ext:isolane_bindings/hidden.js" = "global/hidden.js",
        "ext:isolane_bindings/header_text.js" = "global/header_text.js",
        "ext:isolane_bindings/importable.js" = "event/importable.js",
        "ext:isolane_bindings/incoming.js" = "event/incoming.js",
        "ext:isolane_bindings/inside.js" = "global/inside.js",
        "ext:isolane_bindings/kinds/fetch.js" = "event/kinds/fetch.js",
        "ext:isolane_bindings/kinds/queue.js" = "event/kinds/queue.js",
        "ext:isolane_bindings/kinds/rpc.js" = "event/kinds/rpc.js",
        "ext:isolane_bindings/kinds/scheduled.js" = "event/kinds/scheduled.js",
        "ext:isolane_bindings/kinds/tail.js" = "event/kinds/tail.js",
        "ext:isolane_bindings/loading.js" = "global/loading.js",
        "ext:isolane_bindings/locales.js" = "global/locales.js",
        "ext:isolane_bindings/members.js" = "global/members.js",
        "ext:isolane_bindings/missing_bindings.js" = "event/missing_bindings.js",
        "ext:isolane_bindings/modules.js" = "modules.js",
        "ext:isolane_bindings/node_globals.js" = "global/node_globals.js",
        "ext:isolane_bindings/planned.js" = "global/planned.js",
        "ext:isolane_bindings/shared_memory.js" = "global/shared_memory.js",
        "ext:isolane_bindings/signal.js" = "event/signal.js",
        "ext:isolane_bindings/streams/bodies.js" = "streams/bodies.js",
        "ext:isolane_bindings/streams/identity.js" = "streams/identity.js",
        "ext:isolane_bindings/streams/pipe.js" = "streams/pipe.js",
        "ext:isolane_bindings/stubs.js" = "event/stubs.js",
        "ext:isolane_bindings/temporal.js" = "global/temporal.js",
        "ext:isolane_bindings/timers.js" = "event/timers.js",
        "ext:isolane_bindings/trace.js" = "event/trace.js",
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
    state.borrow::<Events>().get(EventId::new(id)?)
}

/// What to say where something needs an event and there is none. `what` is what the worker called.
#[op2]
#[string]
fn op_event_none(state: &mut OpState, #[string] what: &str) -> String {
    state.borrow::<Events>().no_event_text(what)
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

/// Counts one subrequest against the event. Nobody else pays for what belongs to none.
#[op2(fast)]
#[smi]
fn op_event_charge_subrequest(state: &mut OpState, #[smi] id: u32) -> i32 {
    match find(state, id) {
        Some(event) if event.charge_subrequest() => CHARGED,
        Some(_) => TOO_MANY,
        None => NO_EVENT,
    }
}

/// Adds to the promises that keep the event alive; false where the event is over.
#[op2(fast)]
fn op_event_wait_until(state: &mut OpState, #[smi] id: u32, #[smi] change: i32) -> bool {
    let Some(event) = find(state, id).filter(|event| !event.abandoned.get()) else { return false };
    event.waiting.set(event.waiting.get().saturating_add_signed(change));
    if event.is_over() {
        state.borrow::<Events>().changed(&event);
    }
    true
}

/// The handler of an event that is no request has settled, and has not thrown. `is_early` asks that
/// whoever called is told before `waitUntil` is over.
#[op2(fast)]
fn op_event_done(state: &mut OpState, #[smi] id: u32, is_early: bool) {
    let Some(event) = find(state, id).filter(|event| !event.is_answered()) else { return };
    event.answered.set(true);
    if is_early {
        event.state.conclude_early();
    }
    state.borrow::<Events>().changed(&event);
}

/// Compares without a branch on the content.
#[op2(fast)]
fn op_timing_safe_equal(#[buffer] left: &[u8], #[buffer] right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0u8, |sum, (a, b)| sum | (a ^ b));
    left.len() == right.len() && std::hint::black_box(difference) == 0
}
