//! Calls of other workers: each begins an event there, which is for the calls of this one.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;
use tokio::task::spawn_local;

use crate::dispatch::{Address, CallError, Dispatcher};
use crate::event::{CallContext, RpcSession, Trigger};
use crate::rpc::calls::{Calls, over};
use crate::rpc::frame::RpcError;
use crate::rpc::machine::{Machine, SessionId};
use crate::rpc::transport::{self, Transport, drive};
use crate::services;

/// Characters of the name of a method that are told to observers.
const METHOD_CHARACTERS: usize = 256;

/// A session, as its caller has it.
struct Connection {
    machine: Weak<RefCell<Machine>>,
    session: SessionId,
    to: Address,
    context: CallContext,
    calls: RpcSession,
}

/// Begins an event of the worker in that slot, on whose entrypoint a method is called. Answers a reference
/// to the entrypoint.
#[op2(nofast)]
#[smi]
pub(in crate::rpc) fn op_rpc_connect(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] slot: u32,
    method: v8::Local<'_, v8::String>,
) -> Result<u32, JsErrorBox> {
    let unknown = || JsErrorBox::generic("No other worker can be called here.");
    let (event, calls) = Calls::of(state, id).ok_or_else(over)?;
    let machine = calls.machine().ok_or_else(over)?;
    let service = services::at(state, slot).ok_or_else(unknown)?;
    let dispatcher = service.dispatcher().ok_or_else(unknown)?;
    let hops = event.call().hops.next();
    if hops.are_too_many() {
        return Err(JsErrorBox::generic(CallError::TooManyHops.to_string()));
    }
    if !event.charge_subrequest() {
        return Err(JsErrorBox::generic("Too many subrequests."));
    }
    let context = CallContext {
        entrypoint: service.to.entrypoint.clone(),
        props: service.props,
        given: service.given,
        hops,
        caller: Some(service.caller),
    };
    let (session, stub) = machine.borrow_mut().connect();
    let (ours, theirs) = transport::pair();
    let connection = Connection {
        machine: Rc::downgrade(&machine),
        session,
        to: service.to,
        context,
        calls: RpcSession::new(short(&method.to_rust_string_lossy(scope)), theirs),
    };
    connection.begin(&machine, ours, dispatcher);
    Ok(stub.get())
}

fn short(method: &str) -> &str {
    method.char_indices().nth(METHOD_CHARACTERS).map_or(method, |(end, _)| &method[..end])
}

impl Connection {
    /// In a task of its own: this is called while the caller's isolate is entered, and slices do not nest.
    fn begin(
        self,
        machine: &Rc<RefCell<Machine>>,
        ours: Transport,
        dispatcher: Arc<dyn Dispatcher>,
    ) {
        let carried = drive(machine, self.session, ours);
        let begun = self.calls.begun();
        spawn_local(async move {
            let mut answered = pin!(self.dispatch(dispatcher));
            let mut carried = pin!(carried);
            tokio::select! {
                // First whether there is an event at all: the end of the session says less of why.
                biased;
                // What the event has said of the session's end may still be on its way.
                () = &mut answered => carried.await,
                () = &mut carried => {
                    // It ends by itself, for its session is over. One that has not begun need not begin.
                    if begun.has_begun() {
                        answered.await;
                    }
                }
            }
        });
    }

    /// Has the event run to its end. Where there is none, the session ends with why.
    async fn dispatch(self, dispatcher: Arc<dyn Dispatcher>) {
        let Self { machine, session, to, context, calls } = self;
        let failed = match dispatcher.dispatch(to, Trigger::Rpc(calls), context).await {
            Ok(_) => return,
            Err(error) => error,
        };
        if let Some(machine) = machine.upgrade() {
            machine.borrow_mut().close_session(session, Some(reason(&failed)));
        }
    }
}

/// Why there is no event, as its caller is told.
fn reason(error: &CallError) -> RpcError {
    RpcError::error(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_method_is_not_longer_than_observers_want() {
        assert_eq!(short("greet"), "greet");
        assert_eq!(short(&"é".repeat(1000)).chars().count(), METHOD_CHARACTERS);
    }
}
