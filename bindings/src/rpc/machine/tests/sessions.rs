//! The end of sessions and events, and what bounds them.

use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use super::super::{Effect, Give, Limits, On};
use super::support::{Net, give, run_of, say, stub_of};
use crate::rpc::frame::{Frame, Path, Question, RpcError};

#[test]
fn the_loss_of_the_other_end_fails_what_is_open_and_releases_what_it_held() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let (object, own) = net.machines[0].wrap();
    let question = net.call(0, joined.stub, give("", vec![Give::Move(own)]));
    let pipelined = net.pipeline(0, question, "x");
    let run = net.run(1);
    let stub = stub_of(&net.machines[1].take_args(run.answer).unwrap());
    let kept = net.machines[1].dup(stub).unwrap();
    net.cut(0);
    let gone = |question| Effect::Settle { question, result: Err(RpcError::gone()) };
    let dispose = Effect::Dispose { target: object };
    let closed = Effect::Closed { session: joined.caller, reason: None };
    assert_eq!(net.effects(0), [gone(question), gone(pipelined), dispose, closed]);
    let late = net.call(0, joined.stub, say(""));
    assert_eq!(net.effect(0), gone(late));

    // The call still runs there, and what it holds leads nowhere.
    assert!(matches!(net.effect(1), Effect::Closed { .. }));
    let back = net.call(1, kept, say(""));
    assert_eq!(net.effect(1), gone(back));
    net.machines[1].answer(run.answer, Ok(say("")), None);
    assert_eq!(net.effect(1), Effect::Dispose { target: joined.root });
    assert!(!net.machines[1].is_alive(stub) && net.machines[1].is_alive(kept));
}

#[test]
fn calls_that_have_come_run_in_spite_of_the_end_of_who_made_them() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    net.call(0, joined.stub, say("last"));
    net.machines[0].close(None);
    assert_eq!(net.machines[0].take_effect(), None);
    let effects = net.effects(1);
    assert!(matches!(effects[..], [Effect::Deliver { .. }, Effect::Closed { .. }]), "{effects:?}");
}

#[test]
fn the_reason_of_an_end_is_that_of_the_calls_that_are_open() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let question = net.call(0, joined.stub, say(""));
    net.carry_all();
    let reason = RpcError::type_error("aborted").with_data(bytes::Bytes::from_static(b"x"));
    net.machines[1].close(Some(reason.clone()));
    let settled = Effect::Settle { question, result: Err(reason.clone()) };
    let closed = Effect::Closed { session: joined.caller, reason: Some(reason.clone()) };
    assert_eq!(net.effects(0), [settled, closed]);
    let late = net.call(0, joined.stub, say(""));
    assert_eq!(net.settled(0), (late, Err(RpcError::gone())));
}

#[test]
fn a_callee_that_was_never_there_fails_the_calls() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let question = net.call(0, joined.stub, say(""));
    let reason = RpcError::error("Worker \"b\" not found.");
    net.machines[0].close_session(joined.caller, Some(reason.clone()));
    let effects = net.effects(0);
    assert_eq!(effects[0], Effect::Settle { question, result: Err(reason) });
}

#[test]
fn a_machine_that_is_over_refuses_everything_and_says_so_once_more_when_it_is_dropped() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let other = net.join(0, 1);
    let machine = &mut net.machines[0];
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(machine.poll_effect(&mut cx), Poll::Pending);
    machine.close(None);
    assert_eq!(machine.poll_effect(&mut cx), Poll::Ready(None));
    let refused = machine.call(On::Stub(other.stub), Path::new(), None);
    assert_eq!(refused, Err(RpcError::stub_disposed()));
    let (session, stub) = machine.connect();
    assert!(!machine.is_open(session));
    let refused = machine.call(On::Stub(stub), Path::new(), None);
    assert_eq!(refused, Err(RpcError::gone()));
    net.carry_all();
    assert!(!net.machines[1].is_open(joined.callee) && !net.machines[1].is_open(other.callee));

    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let outbox = net.machines[0].outbox(joined.caller).unwrap();
    net.call(0, joined.stub, say("last words"));
    drop(net.machines.remove(0));
    assert!(outbox.is_closed() && !outbox.is_over());
    assert!(matches!(outbox.take().unwrap().frame, Frame::Call { .. }));
    assert_eq!(outbox.take().unwrap().frame, Frame::Close { reason: None });
    assert!(outbox.is_over());
    assert_eq!(net.counters[0].load(Ordering::Relaxed), 0);
}

#[test]
fn a_frame_that_cannot_be_meant_ends_the_session() {
    let frames = [
        Frame::Finish { question: Question::new(7) },
        Frame::Return { question: Question::new(7), result: Err(RpcError::gone()) },
        Frame::Release { export: crate::rpc::frame::Export::new(7) },
    ];
    for frame in frames {
        let mut net = Net::new(2);
        let joined = net.join(0, 1);
        net.machines[1].receive(joined.callee, frame);
        let reason = Some(RpcError::broken_protocol());
        let closed = Effect::Closed { session: joined.caller, reason };
        assert_eq!(net.effect(0), closed);
        assert!(!net.machines[1].is_open(joined.callee));
    }
}

#[test]
fn what_is_open_in_a_session_is_bounded() {
    let limits = Limits { questions: 2, exports: 2, streams: 1, ..Limits::default() };
    let mut net = Net::with(2, limits);
    let joined = net.join(0, 1);
    let question = net.call(0, joined.stub, say(""));
    net.call(0, joined.stub, say(""));
    net.call(0, joined.stub, say(""));
    let (_, Err(error)) = net.settled(0) else { panic!("it is one too many") };
    assert!(error.message.starts_with("Too many RPC calls"), "{error}");

    // One ends, and there is room for another.
    let runs: Vec<_> = net.effects(1).into_iter().map(run_of).collect();
    net.machines[1].answer(runs[0].answer, Ok(say("")), None);
    net.settled(0).1.unwrap();
    net.machines[0].finish(question);
    let mut refuse = |caps| {
        net.call(0, joined.stub, give("", caps));
        let (question, Err(error)) = net.settled(0) else { panic!("it is one too many") };
        net.machines[0].finish(question);
        error.message
    };
    let stub = joined.stub;
    let message = refuse(vec![Give::Dup(stub), Give::Dup(stub), Give::Dup(stub)]);
    assert!(message.starts_with("Too many RPC stubs"), "{message}");
    let (one, two) = (net.machines[0].open_readable(), net.machines[0].open_writable());
    net.call(0, stub, give("", vec![Give::Readable(one), Give::Writable(two)]));
    let effects = net.effects(0);
    let refusals: Vec<_> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Settle { result: Err(error), .. } => Some(error.message.to_string()),
            _ => None,
        })
        .collect();
    assert!(matches!(&refusals[..], [one] if one.starts_with("Too many streams")), "{effects:?}");
    assert_eq!(net.machines[0].pipes.pipes.len(), 0);
    assert!(net.machines[0].is_open(joined.caller));
}

#[test]
fn bytes_that_wait_are_bounded_and_counted() {
    let limits = Limits { outbox_bytes: 3000, waiting_bytes: 3000, ..Limits::default() };
    let mut net = Net::with(2, limits);
    let joined = net.join(0, 1);
    let large = "x".repeat(2000);
    let first = net.call(0, joined.stub, say(&large));
    assert!(net.counters[0].load(Ordering::Relaxed) >= 2000);
    let second = net.call(0, joined.stub, say(&large));
    let Some(Effect::Settle { question, result: Err(error) }) = net.machines[0].take_effect()
    else {
        panic!("it is too much")
    };
    assert_eq!(question, second);
    assert!(error.message.starts_with("Too many bytes wait to be sent"), "{error}");
    net.carry_all();
    assert!(net.counters[1].load(Ordering::Relaxed) >= 2000, "it is with the callee now");

    for _ in 0..2 {
        net.machines[0].call(On::Promise(first), Path::new(), Some(say(&large))).unwrap();
        net.carry_all();
    }
    let (_, Err(error)) = net.settled(0) else { panic!("it is too much") };
    assert!(error.message.starts_with("Too many bytes of pipelined"), "{error}");
}

#[test]
fn nothing_is_received_before_javascript_has_taken_what_is_there() {
    let mut net = Net::with(2, Limits { inbox_bytes: 1000, ..Limits::default() });
    let joined = net.join(0, 1);
    assert!(net.machines[1].has_room());
    net.call(0, joined.stub, say(&"x".repeat(1000)));
    net.carry_all();
    assert!(!net.machines[1].has_room());
    assert!(net.machines[1].take_effect().is_some());
    assert!(net.machines[1].has_room());
}
