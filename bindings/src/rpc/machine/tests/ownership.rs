//! Who holds what, and until when.

use super::super::{Effect, Give, Handle, On, QuestionId, StubId};
use super::support::{Joined, Net, Run, give, run_of, say, stub_of};
use crate::rpc::frame::{Path, RpcError};

/// The caller of a session passes an object of its own as an argument: the object, the call, how that runs, and
/// the callee's stub.
fn passed(net: &mut Net, joined: &Joined) -> (Handle, QuestionId, Run, StubId) {
    let (object, own) = net.machines[0].wrap();
    let question = net.call(0, joined.stub, give("", vec![Give::Move(own)]));
    let run = net.run(1);
    let stub = stub_of(&net.machines[1].take_args(run.answer).unwrap());
    (object, question, run, stub)
}

#[test]
fn stubs_of_parameters_are_disposed_of_when_the_call_returns() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    for is_kept in [false, true] {
        let (object, own) = net.machines[0].wrap();
        let question = net.call(0, joined.stub, give("", vec![Give::Dup(own)]));
        let run = net.run(1);
        let stub = stub_of(&net.machines[1].take_args(run.answer).unwrap());
        let kept = is_kept.then(|| net.machines[1].dup(stub).unwrap());
        net.machines[1].answer(run.answer, Ok(say("")), None);
        assert!(!net.machines[1].is_alive(stub));
        assert_eq!(net.machines[1].undisposed(), usize::from(is_kept));
        net.settled(0).1.unwrap();
        net.machines[0].finish(question);
        // The sender has kept its own.
        assert!(net.machines[0].dispose(own));
        if let Some(kept) = kept {
            assert!(net.effects(0).is_empty());
            net.machines[1].dispose(kept);
        }
        assert_eq!(net.effect(0), Effect::Dispose { target: object });
    }
}

#[test]
fn what_is_moved_is_no_longer_the_giver_s() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let (object, own) = net.machines[0].wrap();
    net.call(0, joined.stub, give("", vec![Give::Move(own)]));
    assert!(!net.machines[0].is_alive(own));
    let again = give("", vec![Give::Move(own)]);
    let refused = net.machines[0].call(On::Stub(joined.stub), Path::new(), Some(again));
    assert_eq!(refused, Err(RpcError::stub_disposed()));
    let run = net.run(1);
    net.machines[1].take_args(run.answer).unwrap();
    net.machines[1].answer(run.answer, Ok(say("")), None);
    let effects = net.effects(0);
    assert!(effects.contains(&Effect::Dispose { target: object }), "{effects:?}");
}

#[test]
fn a_result_belongs_to_the_caller() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let question = net.call(0, joined.stub, say(""));
    let run = net.run(1);
    let (object, own) = net.machines[1].wrap();
    net.machines[1].answer(run.answer, Ok(give("", vec![Give::Move(own)])), None);
    let stub = stub_of(&net.settled(0).1.unwrap());
    net.machines[0].finish(question);
    net.machines[0].dispose(joined.stub);
    let copy = net.machines[0].dup(stub).unwrap();
    net.machines[0].dispose(stub);
    assert!(net.effects(1).is_empty(), "it is held by a duplicate");
    assert_eq!(net.machines[0].local_target(copy), None);
    net.machines[0].dispose(copy);
    assert_eq!(net.effects(1)[0], Effect::Dispose { target: object });
    assert!(matches!(net.effect(0), Effect::Closed { .. }));
    net.assert_at_rest();
}

#[test]
fn a_call_holds_the_object_on_which_it_runs() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let (object, _, outer, stub) = passed(&mut net, &joined);
    let inner = net.call(1, stub, say(""));
    net.machines[1].finish(inner);
    net.machines[1].answer(outer.answer, Ok(say("")), None);
    // The call, and the result of the other; not the end of the object.
    let effects = net.effects(0);
    let [Effect::Deliver { answer, target, .. }, Effect::Settle { .. }] = effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(target, object);
    net.machines[0].answer(answer, Ok(say("")), None);
    assert_eq!(net.effect(0), Effect::Dispose { target: object });
}

#[test]
fn a_result_that_nobody_takes_any_more_is_released() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let question = net.call(0, joined.stub, say(""));
    let run = net.run(1);
    let (object, own) = net.machines[1].wrap();
    net.machines[1].answer(run.answer, Ok(give("", vec![Give::Move(own)])), None);
    net.carry_all();
    // It is there, and JavaScript disposes of the promise before it takes it.
    net.machines[0].finish(question);
    assert!(net.effects(0).is_empty());
    assert_eq!(net.effect(1), Effect::Dispose { target: object });
}

#[test]
fn what_comes_home_is_the_object_itself() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let (object, question, run, stub) = passed(&mut net, &joined);
    net.machines[1].answer(run.answer, Ok(give("", vec![Give::Move(stub)])), None);
    let home = stub_of(&net.settled(0).1.unwrap());
    assert_eq!(net.machines[0].local_target(home), Some(object));
    net.machines[0].finish(question);
    net.machines[0].dispose(joined.stub);
    // The session is over; the object is called all the same.
    assert!(matches!(net.effect(0), Effect::Closed { .. }));
    net.call(0, home, say(""));
    assert_eq!(net.run(0).target, object);
}

#[test]
fn what_comes_home_does_not_overtake_what_was_pipelined_on_its_way() {
    let mut net = Net::new(2);
    let joined = net.join(0, 1);
    let (object, question, run, stub) = passed(&mut net, &joined);
    let copy = net.machines[1].dup(stub).unwrap();
    net.machines[1].answer(run.answer, Ok(give("", vec![Give::Move(stub)])), Some(copy));
    // Made before the result is here, and carried after it.
    net.pipeline(0, question, "first");
    while net.carry(0, 1) {}
    let effect = net.machines[0].take_effect();
    let Some(Effect::Settle { result: Ok(value), .. }) = effect else { panic!("{effect:?}") };
    let home = stub_of(&value);
    assert_eq!(net.machines[0].local_target(home), None, "it goes the way around");
    net.machines[0].call(On::Stub(home), vec!["second".to_owned()], Some(say(""))).unwrap();
    let names: Vec<_> =
        net.effects(0).into_iter().map(run_of).map(|run| (run.target, run.path.concat())).collect();
    assert_eq!(names, [(object, "first".to_owned()), (object, "second".to_owned())]);
}
