//! The references that a worker has, and the calls that it makes on them.

use deno_core::{OpState, op2};
use deno_error::JsErrorBox;

use super::gives;
use crate::rpc::calls::{over, thrown, with};
use crate::rpc::desk::Desk;
use crate::rpc::machine::{Message, On, QuestionId, StubId};

/// On what a call is made.
pub(super) fn on(is_promise: bool, number: u32) -> On {
    match is_promise {
        true => On::Promise(QuestionId::new(number)),
        false => On::Stub(StubId::new(number)),
    }
}

/// A handle for an object of the event, and a reference to it.
#[op2]
pub(in crate::rpc) fn op_rpc_wrap(state: &mut OpState, #[smi] id: u32) -> (u32, u32) {
    let wrapped = with(state, id, |machine| machine.wrap());
    wrapped.map_or((0, 0), |(handle, stub)| (handle.get(), stub.get()))
}

/// Another reference to the same.
#[op2(fast)]
#[smi]
pub(in crate::rpc) fn op_rpc_dup(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] stub: u32,
) -> Result<u32, JsErrorBox> {
    let dup = with(state, id, |machine| machine.dup(StubId::new(stub))).ok_or_else(over)?;
    dup.map(StubId::get).map_err(|error| thrown(&error))
}

/// Drops a reference.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_dispose(state: &mut OpState, #[smi] id: u32, #[smi] stub: u32) {
    with(state, id, |machine| machine.dispose(StubId::new(stub)));
}

/// Makes a call. Its arguments lie written, if it has any, and refer to what `caps` gives; without any it
/// asks for a property.
#[op2]
#[smi]
pub(in crate::rpc) fn op_rpc_call(
    state: &mut OpState,
    #[smi] id: u32,
    is_promise: bool,
    #[smi] number: u32,
    #[serde] path: Vec<String>,
    has_args: bool,
    #[serde] caps: Vec<u32>,
) -> Result<u32, JsErrorBox> {
    let args = has_args.then(|| {
        let data = state.borrow_mut::<Desk>().take_written();
        Message { data, caps: gives(&caps) }
    });
    let called = with(state, id, |machine| machine.call(on(is_promise, number), path, args));
    let question = called.ok_or_else(over)?.map_err(|error| thrown(&error))?;
    Ok(question.get())
}

/// Nothing more is wanted of a call.
#[op2(fast)]
pub(in crate::rpc) fn op_rpc_finish(state: &mut OpState, #[smi] id: u32, #[smi] question: u32) {
    with(state, id, |machine| machine.finish(QuestionId::new(question)));
}

/// How many references to other events the worker has not disposed of.
#[op2(fast)]
#[smi]
pub(in crate::rpc) fn op_rpc_undisposed(state: &mut OpState, #[smi] id: u32) -> u32 {
    let undisposed = with(state, id, |machine| machine.undisposed()).unwrap_or_default();
    u32::try_from(undisposed).unwrap_or(u32::MAX)
}
