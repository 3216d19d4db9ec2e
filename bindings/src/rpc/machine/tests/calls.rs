//! Calls and their results between two events.

use bytes::Bytes;

use super::super::{Effect, Give, Limits, On};
use super::support::{Net, give, run_of, say};
use crate::rpc::frame::{Path, RpcError};

#[test]
fn a_call_runs_and_its_result_comes_back() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let path = vec!["add".to_owned()];
    let question =
        net.machines[0].call(On::Stub(joined.stub), path.clone(), Some(say("2 + 3"))).unwrap();
    let run = net.run(1);
    assert_eq!((run.target, run.path, run.has_args), (joined.root, path, true));
    let args = net.machines[1].take_args(run.answer).unwrap();
    assert_eq!((&args.data[..], args.caps.len()), (&b"2 + 3"[..], 0));
    assert_eq!(net.machines[1].take_args(run.answer), None);
    net.machines[1].answer(run.answer, Ok(say("5")), None);
    net.machines[1].answer(run.answer, Ok(say("6")), None);
    let (settled, result) = net.settled(0);
    assert_eq!(settled, question);
    assert_eq!(&result.unwrap().data[..], b"5");

    net.machines[0].finish(question);
    net.machines[0].finish(question);
    assert!(net.machines[0].is_open(joined.caller));
    net.machines[0].dispose(joined.stub);
    let closed = |session| Effect::Closed { session, reason: None };
    assert_eq!(net.effect(0), closed(joined.caller));
    let disposed = Effect::Dispose { target: joined.root };
    assert_eq!(net.effects(1), [disposed, closed(joined.callee)]);
    net.assert_at_rest();
}

#[test]
fn the_value_of_a_property_is_asked_for_without_arguments() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    net.machines[0].call(On::Stub(joined.stub), vec!["name".to_owned()], None).unwrap();
    let run = net.run(1);
    assert!(!run.has_args);
    assert_eq!(net.machines[1].take_args(run.answer), None);
}

#[test]
fn what_is_pipelined_on_a_result_runs_on_it_in_order() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let first = net.call(0, joined.stub, say(""));
    let second = net.pipeline(0, first, "a");
    let third = net.pipeline(0, first, "b");
    // The result of the second fails, and this one with it.
    let fourth = net.pipeline(0, second, "c");
    let run = net.run(1);
    let (object, stub) = net.machines[1].wrap();
    net.machines[1].answer(run.answer, Ok(say("object")), Some(stub));
    let runs: Vec<_> = net.effects(1).into_iter().map(run_of).collect();
    let names: Vec<_> = runs.iter().map(|run| (run.target, run.path.concat())).collect();
    assert_eq!(names, [(object, "a".to_owned()), (object, "b".to_owned())]);
    let error = RpcError::type_error("no").with_data(Bytes::from_static(b"more"));
    net.machines[1].answer(runs[1].answer, Ok(say("b")), None);
    net.machines[1].answer(runs[0].answer, Err(error.clone()), None);
    let results: Vec<_> = net
        .effects(0)
        .into_iter()
        .map(|effect| match effect {
            Effect::Settle { question, result } => (question, result.err()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected =
        [(first, None), (third, None), (second, Some(error.clone())), (fourth, Some(error))];
    assert_eq!(results, expected);

    // The object is there as long as it may be pipelined on.
    assert!(net.effects(1).is_empty());
    net.machines[0].finish(first);
    assert_eq!(net.effect(1), Effect::Dispose { target: object });
}

#[test]
fn nothing_can_be_called_on_a_result_that_is_no_object() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let first = net.call(0, joined.stub, say(""));
    let second = net.pipeline(0, first, "a");
    let run = net.run(1);
    net.machines[1].answer(run.answer, Ok(say("5")), None);
    let effects = net.effects(0);
    let Effect::Settle { question, result: Ok(_) } = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(*question, first);
    let failed = Effect::Settle { question: second, result: Err(RpcError::no_object()) };
    assert_eq!(effects[1..], [failed]);
}

#[test]
fn what_cannot_be_sent_is_refused_at_once() {
    let mut net = Net::with(2, Limits { payload_bytes: 10, path: 2, ..Limits::default() });
    let joined = net.join(0, 1);
    let machine = &mut net.machines[0];
    let on = On::Stub(joined.stub);
    let (_, spare) = machine.wrap();
    let deep: Path = ["a", "b", "c"].map(str::to_owned).to_vec();
    assert_eq!(machine.call(on, deep, None), Err(RpcError::path_too_deep(2)));
    let large = give("eleven bytes", vec![Give::Move(spare)]);
    let refused = machine.call(on, Path::new(), Some(large));
    assert_eq!(refused, Err(RpcError::too_large(12)));
    assert!(!machine.is_alive(spare), "what was to be given is gone");
    let question = machine.call(on, Path::new(), Some(say(""))).unwrap();
    machine.finish(question);
    let late = machine.call(On::Promise(question), Path::new(), None);
    assert_eq!(late, Err(RpcError::promise_disposed()));
    machine.dispose(joined.stub);
    assert_eq!(machine.call(on, Path::new(), None), Err(RpcError::stub_disposed()));
    assert_eq!(machine.dup(joined.stub), Err(RpcError::stub_disposed()));
    assert!(!machine.dispose(joined.stub));
}

#[test]
fn a_result_that_is_too_large_is_an_error_of_the_caller() {
    let mut net = Net::with(2, Limits { payload_bytes: 200, ..Limits::default() });
    let joined = net.join(0, 1);
    net.call(0, joined.stub, say(""));
    net.call(0, joined.stub, say(""));
    let runs: Vec<_> = net.effects(1).into_iter().map(run_of).collect();
    net.machines[1].answer(runs[0].answer, Ok(say(&"x".repeat(201))), None);
    let error = RpcError::error("x".repeat(201));
    let bytes = error.cost();
    net.machines[1].answer(runs[1].answer, Err(error), None);
    let errors: Vec<_> = net
        .effects(0)
        .into_iter()
        .map(|effect| match effect {
            Effect::Settle { result, .. } => result.unwrap_err(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(errors, [RpcError::too_large(201), RpcError::too_large(bytes)]);
}

#[test]
fn a_call_whose_result_nobody_wants_runs_all_the_same() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let question = net.call(0, joined.stub, say(""));
    net.machines[0].finish(question);
    net.machines[0].dispose(joined.stub);
    let run = net.run(1);
    assert!(net.machines[0].is_open(joined.caller), "it waits for the end of the call");
    let (object, stub) = net.machines[1].wrap();
    net.machines[1].answer(run.answer, Ok(give("", vec![Give::Move(stub)])), None);
    let closed = Effect::Closed { session: joined.caller, reason: None };
    assert_eq!(net.effect(0), closed);
    assert_eq!(net.effects(1)[0], Effect::Dispose { target: object });
    net.assert_at_rest();
}

#[test]
fn an_object_of_the_event_itself_is_called_alike() {
    let mut net = Net::new(1);
    let (object, stub) = net.machines[0].wrap();
    let question = net.call(0, stub, say("args"));
    let run = net.run(0);
    assert_eq!(run.target, object);
    assert_eq!(&net.machines[0].take_args(run.answer).unwrap().data[..], b"args");
    net.machines[0].answer(run.answer, Ok(say("result")), None);
    let (settled, result) = net.settled(0);
    assert_eq!((settled, &result.unwrap().data[..]), (question, &b"result"[..]));
    net.machines[0].finish(question);
    net.machines[0].dispose(stub);
    assert_eq!(net.effect(0), Effect::Dispose { target: object });
    net.assert_at_rest();
}
