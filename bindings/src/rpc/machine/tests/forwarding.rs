//! Calls that lead through an event into another one.

use super::super::{Effect, Give, On, StubId};
use super::support::{Net, give, run_of, say, stub_of};
use crate::rpc::frame::{Path, RpcError};

/// The first event of three has a stub of the third, and passes it to the second: `(net, the second's stub,
/// the first's stub of the second)`.
fn introduced() -> (Net, StubId, StubId) {
    let mut net = Net::new(3);
    let second = net.join(0, 1).stub;
    let third = net.join(0, 2).stub;
    let question = net.call(0, second, give("", vec![Give::Move(third)]));
    let run = net.run(1);
    let args = net.machines[1].take_args(run.answer).unwrap();
    let stub = net.machines[1].dup(stub_of(&args)).unwrap();
    net.machines[1].answer(run.answer, Ok(say("")), None);
    net.settled(0).1.unwrap();
    net.machines[0].finish(question);
    (net, stub, second)
}

#[test]
fn a_stub_that_was_passed_on_is_called_through_who_introduced_it() {
    let (mut net, stub, second) = introduced();
    let question = net.call(1, stub, say("hello"));
    // Nothing of it is for JavaScript of the first.
    assert!(net.effects(0).is_empty());
    let run = net.run(2);
    assert_eq!(&net.machines[2].take_args(run.answer).unwrap().data[..], b"hello");
    net.machines[2].answer(run.answer, Ok(say("bye")), None);
    let (settled, result) = net.settled(1);
    assert_eq!((settled, &result.unwrap().data[..]), (question, &b"bye"[..]));
    net.machines[1].finish(question);

    // What the first no longer holds itself is held by the second, and so are both sessions.
    net.machines[0].dispose(second);
    assert!(net.effects(0).is_empty());
    net.machines[1].dispose(stub);
    assert!(matches!(net.effects(0)[..], [Effect::Closed { .. }, Effect::Closed { .. }]));
    net.effects(1);
    net.effects(2);
    net.assert_at_rest();
}

#[test]
fn a_stub_dies_with_the_event_that_introduced_it() {
    let (mut net, stub, _second) = introduced();
    net.machines[0].close(Some(RpcError::error("aborted")));
    net.effects(1);
    net.call(1, stub, say(""));
    assert_eq!(net.settled(1).1, Err(RpcError::gone()));
}

#[test]
fn a_promise_that_is_returned_takes_what_is_pipelined_with_it() {
    let mut net = Net::new(3);
    let second = net.join(0, 1).stub;
    let third = net.join(1, 2).stub;
    let first = net.call(0, second, say(""));
    let early = net.pipeline(0, first, "early");
    let run = net.run(1);
    let inner = net.call(1, third, say(""));
    net.machines[1].link(run.answer, inner);
    let late = net.pipeline(0, first, "late");

    // All of it is there before anything has returned, and no JavaScript of the second was needed.
    let run = net.run(2);
    let (object, stub) = net.machines[2].wrap();
    let result = give("", vec![Give::Dup(stub)]);
    net.machines[2].answer(run.answer, Ok(result), Some(stub));
    let runs: Vec<_> = net.effects(2).into_iter().map(run_of).collect();
    let names: Vec<_> = runs.iter().map(|run| (run.target, run.path.concat())).collect();
    assert_eq!(names, [(object, "early".to_owned()), (object, "late".to_owned())]);
    let (settled, result) = net.settled(0);
    assert_eq!(settled, first);
    let stub = stub_of(&result.unwrap());
    assert!(net.effects(1).is_empty());

    // A call on the result itself takes the same way.
    net.machines[0].finish(first);
    let direct = net.call(0, stub, say(""));
    let last = net.run(2);
    assert_eq!(last.target, object);
    for run in runs.iter().chain([&last]) {
        net.machines[2].answer(run.answer, Ok(say("")), None);
    }
    assert_eq!(net.effects(0).len(), 3);
    for question in [early, late, direct] {
        net.machines[0].finish(question);
    }
    for (machine, stub) in [(0, stub), (0, second), (1, third)] {
        net.machines[machine].dispose(stub);
    }
    assert!(net.effects(2).contains(&Effect::Dispose { target: object }));
    net.effects(0);
    net.effects(1);
    net.assert_at_rest();
}

#[test]
fn a_promise_that_has_its_result_already_may_be_returned_as_long_as_it_was_not_taken() {
    let mut net = Net::new(2);
    let second = net.join(0, 1).stub;
    let (_, local) = net.machines[1].wrap();
    for is_taken in [false, true] {
        let outer = net.call(0, second, say(""));
        let run = net.run(1);
        let inner = net.call(1, local, say(""));
        let inner_run = net.run(1);
        net.machines[1].answer(inner_run.answer, Ok(say("5")), None);
        if is_taken {
            net.settled(1).1.unwrap();
        }
        net.machines[1].link(run.answer, inner);
        assert!(net.effects(1).is_empty());
        let (settled, result) = net.settled(0);
        assert_eq!(settled, outer);
        match result {
            Ok(value) => assert_eq!((is_taken, &value.data[..]), (false, &b"5"[..])),
            Err(error) => assert_eq!((is_taken, error), (true, RpcError::promise_disposed())),
        }
        net.machines[0].finish(outer);
        net.machines[1].finish(inner);
    }
    net.carry_all();
    assert_eq!(net.machines[1].calls.len(), 0);
}

#[test]
fn a_promise_of_the_method_itself_cannot_be_its_result() {
    let mut net = Net::new(1);
    let (_, stub) = net.machines[0].wrap();
    let question = net.call(0, stub, say(""));
    let run = net.run(0);
    net.machines[0].link(run.answer, question);
    assert_eq!(net.settled(0), (question, Err(RpcError::cycle())));
    net.machines[0].finish(question);
    assert_eq!(net.machines[0].calls.len(), 0);

    let first = net.call(0, stub, say(""));
    let run = net.run(0);
    let second = net.pipeline(0, first, "x");
    let third = net.pipeline(0, second, "y");
    net.machines[0].link(run.answer, third);
    let results: Vec<_> = net
        .effects(0)
        .into_iter()
        .map(|effect| match effect {
            Effect::Settle { question, result } => (question, result.map(|_| ())),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(results, [first, second, third].map(|question| (question, Err(RpcError::cycle()))));
}

#[test]
fn a_path_that_leads_to_a_stub_goes_on_there_with_the_arguments_as_they_came() {
    let mut net = Net::new(3);
    let second = net.join(0, 1).stub;
    let third = net.join(1, 2).stub;
    let (callback, own) = net.machines[0].wrap();
    let stream = net.machines[0].open_readable();
    let args = give("args", vec![Give::Move(own), Give::Readable(stream)]);
    let path: Path = vec!["third".to_owned(), "method".to_owned()];
    let question = net.machines[0].call(On::Stub(second), path, Some(args)).unwrap();
    let run = net.run(1);
    net.machines[1].pass_on(run.answer, On::Stub(third), vec!["method".to_owned()]);
    assert!(net.effects(1).is_empty());
    let run = net.run(2);
    assert_eq!(run.path, ["method"]);
    let args = net.machines[2].take_args(run.answer).unwrap();
    assert_eq!((&args.data[..], args.caps.len()), (&b"args"[..], 2));
    net.machines[2].answer(run.answer, Ok(say("done")), None);
    let effects = net.effects(0);
    let is_settled = |effect: &Effect| match effect {
        Effect::Settle { question: settled, result } => *settled == question && result.is_ok(),
        _ => false,
    };
    assert!(effects.iter().any(is_settled), "{effects:?}");
    // The parameters were disposed of when the call had returned.
    assert!(effects.contains(&Effect::Dispose { target: callback }), "{effects:?}");
}
