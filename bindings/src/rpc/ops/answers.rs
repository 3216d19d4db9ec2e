//! What a worker answers to calls of others.

use deno_core::{OpState, op2, v8};

use super::calls::on;
use super::{error_of, gives};
use crate::rpc::calls::with;
use crate::rpc::desk::Desk;
use crate::rpc::machine::{AnswerId, Message, QuestionId, StubId};
use crate::rpc::told::ToldValue;

/// The arguments of a call, once. Nothing, where they were taken.
#[op2]
pub(in crate::rpc) fn op_rpc_args(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] answer: u32,
) -> ToldValue {
    let args = with(state, id, |machine| machine.take_args(AnswerId::new(answer)));
    match args.flatten() {
        Some(delivered) => ToldValue::of(delivered, state.borrow_mut::<Desk>()),
        None => ToldValue::default(),
    }
}

/// Answers with what lies written, which refers to what `caps` gives. What is pipelined on it lands on the
/// reference `pipeline`; on nothing below zero.
#[op2]
pub(in crate::rpc) fn op_rpc_answer(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] answer: u32,
    #[serde] caps: Vec<u32>,
    #[smi] pipeline: i32,
) {
    let data = state.borrow_mut::<Desk>().take_written();
    let message = Message { data, caps: gives(&caps) };
    let pipeline = u32::try_from(pipeline).ok().map(StubId::new);
    with(state, id, |machine| machine.answer(AnswerId::new(answer), Ok(message), pipeline));
}

/// Answers with an error; with `has_data` it carries what lies written.
#[op2(nofast)]
pub(in crate::rpc) fn op_rpc_fail(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] answer: u32,
    #[string] name: &str,
    message: v8::Local<'_, v8::String>,
    has_data: bool,
) {
    let error = error_of(scope, state.borrow_mut::<Desk>(), name, message, has_data);
    with(state, id, |machine| machine.answer(AnswerId::new(answer), Err(error), None));
}

/// Answers with the result of a call that the worker has made.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_link(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] answer: u32,
    #[smi] question: u32,
) {
    with(state, id, |machine| machine.link(AnswerId::new(answer), QuestionId::new(question)));
}

/// Has the call made on something else, with its arguments as they came.
#[op2]
pub(in crate::rpc) fn op_rpc_pass_on(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] answer: u32,
    is_promise: bool,
    #[smi] number: u32,
    #[serde] path: Vec<String>,
) {
    with(state, id, |machine| {
        machine.pass_on(AnswerId::new(answer), on(is_promise, number), path);
    });
}
