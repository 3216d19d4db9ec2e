//! Streams between events: bytes, credit, and the end of either side.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use proptest::prelude::*;

use super::super::{Effect, Give, Got, Limits, On, StreamId};
use super::support::{Net, give, say, stub_of};
use crate::rpc::frame::{CHUNK_BYTES, RpcError, StreamMessage};

const WINDOW_BYTES: usize = 10_000;

fn net(machines: usize) -> Net {
    Net::with(machines, Limits { window_bytes: WINDOW_BYTES, ..Limits::default() })
}

/// The messages of streams among what JavaScript has to do.
fn told(net: &mut Net, machine: usize) -> Vec<(StreamId, StreamMessage)> {
    let of_stream = |effect| match effect {
        Effect::Stream { stream, message } => Some((stream, message)),
        _ => None,
    };
    net.effects(machine).into_iter().filter_map(of_stream).collect()
}

/// A stream from the first event to the second: its ends, and what carries it.
fn readable(net: &mut Net) -> (StreamId, StreamId) {
    let joined = net.join(0, 1);
    let from = net.machines[0].open_readable();
    net.call(0, joined.stub, give("", vec![Give::Readable(from)]));
    let run = net.run(1);
    let args = net.machines[1].take_args(run.answer).unwrap();
    let [Got::Readable(to)] = args.caps[..] else { panic!("{args:?}") };
    net.machines[1].answer(run.answer, Ok(say("")), None);
    (from, to)
}

#[test]
fn a_readable_is_written_as_far_as_the_other_end_has_room() {
    let mut net = net(2);
    let (from, to) = readable(&mut net);
    let credit = (from, StreamMessage::Credit(WINDOW_BYTES));
    assert_eq!(told(&mut net, 0), [credit]);
    let data = Bytes::from(vec![7; 2 * WINDOW_BYTES]);
    let rest = net.machines[0].write(from, data).unwrap().unwrap();
    assert_eq!(rest.len(), WINDOW_BYTES + CHUNK_BYTES);
    assert_eq!(net.machines[0].write(from, rest.clone()), Ok(Some(rest.clone())));
    let told_reader = told(&mut net, 1);
    let [(stream, StreamMessage::Chunk(chunk))] = &told_reader[..] else {
        panic!("{told_reader:?}")
    };
    assert_eq!((*stream, chunk.len()), (to, WINDOW_BYTES - CHUNK_BYTES));

    // What is taken makes room.
    assert!(told(&mut net, 0).is_empty());
    net.machines[1].consumed(to, chunk.len());
    assert_eq!(told(&mut net, 0), [(from, StreamMessage::Credit(WINDOW_BYTES))]);
    let rest = net.machines[0].write(from, rest).unwrap().unwrap();
    assert_eq!(rest.len(), 2 * CHUNK_BYTES);
    let chunk = told(&mut net, 1).pop().unwrap();
    assert!(matches!(chunk, (_, StreamMessage::Chunk(_))));
    net.machines[1].consumed(to, WINDOW_BYTES - CHUNK_BYTES);
    net.carry_all();
    assert_eq!(net.machines[0].write(from, rest), Ok(None));
    net.machines[0].end(from);
    assert!(net.machines[0].write(from, Bytes::from_static(b"x")).is_err());
    assert_eq!(told(&mut net, 1)[1], (to, StreamMessage::End));
    net.machines[1].done(to);
    let told_writer = told(&mut net, 0);
    assert_eq!(told_writer.last(), Some(&(from, StreamMessage::Done)));
    for machine in &net.machines {
        assert_eq!((machine.pipes.pipes.len(), machine.pipes.ends.len()), (0, 0));
    }
}

#[test]
fn a_writable_is_written_by_who_gets_it() {
    let mut net = net(2);
    let joined = net.join(0, 1);
    let to = net.machines[0].open_writable();
    net.call(0, joined.stub, give("", vec![Give::Writable(to)]));
    let run = net.run(1);
    let args = net.machines[1].take_args(run.answer).unwrap();
    let [Got::Writable(from)] = args.caps[..] else { panic!("{args:?}") };
    assert_eq!(told(&mut net, 1), [(from, StreamMessage::Credit(WINDOW_BYTES))]);
    let data = Bytes::from_static(b"data");
    assert_eq!(net.machines[1].write(from, data.clone()), Ok(None));
    assert_eq!(told(&mut net, 0), [(to, StreamMessage::Chunk(data))]);
    let error = RpcError::error("disk full");
    net.machines[0].cancel(to, error.clone());
    net.machines[0].consumed(to, 4);
    assert_eq!(told(&mut net, 1), [(from, StreamMessage::Cancel(error))]);
    assert!(net.machines[1].write(from, Bytes::from_static(b"more")).is_err());
    net.machines[1].end(from);
    assert!(told(&mut net, 0).is_empty());
}

#[test]
fn a_stream_can_be_sent_once() {
    let mut net = net(2);
    let joined = net.join(0, 1);
    let stream = net.machines[0].open_readable();
    net.call(0, joined.stub, give("", vec![Give::Readable(stream)]));
    net.run(1);
    let again = give("", vec![Give::Readable(stream)]);
    let on = On::Stub(joined.stub);
    assert!(net.machines[0].call(on, Vec::new(), Some(again)).is_err());
    // Nor can one that came.
    let (_, received) = readable(&mut net);
    let (_, stub) = net.machines[1].wrap();
    let on = On::Stub(stub);
    let again = give("", vec![Give::Readable(received)]);
    assert!(net.machines[1].call(on, Vec::new(), Some(again)).is_err());
}

#[test]
fn what_is_aborted_before_anybody_has_it_is_aborted_for_who_gets_it() {
    let mut net = net(2);
    let joined = net.join(0, 1);
    let stream = net.machines[0].open_readable();
    net.call(0, joined.stub, give("", vec![Give::Readable(stream)]));
    let run = net.run(1);
    let error = RpcError::error("no more");
    net.machines[0].abort(stream, error.clone());
    assert!(told(&mut net, 1).is_empty());
    let args = net.machines[1].take_args(run.answer).unwrap();
    let [Got::Readable(received)] = args.caps[..] else { panic!("{args:?}") };
    assert_eq!(told(&mut net, 1), [(received, StreamMessage::Abort(error))]);
    assert_eq!(net.machines[1].pipes.pipes.len(), 0);
}

#[test]
fn a_stream_that_is_never_sent_or_taken_ends() {
    let mut net = net(2);
    let joined = net.join(0, 1);
    let unsent = net.machines[0].open_writable();
    net.machines[0].cancel(unsent, RpcError::error("no"));
    assert_eq!(net.machines[0].pipes.pipes.len(), 0);
    let untaken = net.machines[0].open_readable();
    net.call(0, joined.stub, give("", vec![Give::Readable(untaken)]));
    let run = net.run(1);
    net.machines[1].answer(run.answer, Ok(say("")), None);
    let told = told(&mut net, 0);
    assert!(matches!(told[..], [(stream, StreamMessage::Cancel(_))] if stream == untaken));
}

#[test]
fn the_end_of_a_session_ends_its_streams_in_words_that_are_known() {
    let mut net = net(2);
    let joined = net.join(0, 1);
    let (readable, writable) = (net.machines[0].open_readable(), net.machines[0].open_writable());
    let caps = vec![Give::Readable(readable), Give::Writable(writable)];
    net.call(0, joined.stub, give("", caps));
    let run = net.run(1);
    let args = net.machines[1].take_args(run.answer).unwrap();
    let [Got::Readable(to), Got::Writable(from)] = args.caps[..] else { panic!("{args:?}") };
    net.effects(0);
    net.effects(1);
    net.cut(0);
    let sent = told(&mut net, 0);
    assert!(sent.contains(&(readable, StreamMessage::Cancel(RpcError::gone()))), "{sent:?}");
    assert!(sent.contains(&(writable, StreamMessage::Abort(RpcError::gone()))), "{sent:?}");
    let received = told(&mut net, 1);
    let text = "ReadableStream received over RPC disconnected prematurely.";
    let abort = StreamMessage::Abort(RpcError::error(text));
    assert!(received.contains(&(to, abort)), "{received:?}");
    let text = "WritableStream received over RPC was disconnected because the remote execution \
                context has ended.";
    let cancel = StreamMessage::Cancel(RpcError::error(text));
    assert!(received.contains(&(from, cancel)), "{received:?}");
}

#[test]
fn open_streams_keep_the_session() {
    let mut net = net(2);
    let (from, to) = readable(&mut net);
    let session = net.wires[0].ends[0].1;
    for effect in net.effects(0) {
        if let Effect::Settle { question, .. } = effect {
            net.machines[0].finish(question);
        }
    }
    let stub = net.machines[0].stubs.keys().next().unwrap();
    net.machines[0].dispose(stub);
    assert!(net.machines[0].is_open(session));
    net.machines[0].end(from);
    net.effects(1);
    net.machines[1].done(to);
    net.effects(0);
    assert!(!net.machines[0].is_open(session));
    net.assert_at_rest();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A stream from the third event to the second, through the first, which only introduced them.
    #[test]
    fn a_stream_arrives_whole_and_in_order_and_holds_no_more_than_its_window(
        pieces in prop::collection::vec(0_usize..3 * WINDOW_BYTES, 0..12),
        schedule in prop::collection::vec((0_usize..4, 0_usize..2), 0..300),
    ) {
        let mut net = net(3);
        let second = net.join(0, 1).stub;
        let third = net.join(0, 2).stub;
        net.call(0, second, give("", vec![Give::Move(third)]));
        let run = net.run(1);
        let stub = stub_of(&net.machines[1].take_args(run.answer).unwrap());
        net.call(1, stub, say("give me a stream"));
        let inner = net.run(2);
        let from = net.machines[2].open_readable();
        let result = give("", vec![Give::Readable(from)]);
        net.machines[2].answer(inner.answer, Ok(result), None);
        let Effect::Settle { result: Ok(value), .. } = net.effect(1) else { panic!("no result") };
        let [Got::Readable(to)] = value.caps[..] else { panic!("{value:?}") };

        let data: Vec<u8> = (0..pieces.iter().sum::<usize>()).map(|index| index as u8).collect();
        let mut unsent: Vec<Bytes> = Vec::new();
        let mut at = 0;
        for piece in &pieces {
            unsent.push(Bytes::copy_from_slice(&data[at..at + piece]));
            at += piece;
        }
        unsent.reverse();
        let (mut got, mut is_ended) = (Vec::new(), false);
        let mut act = |what: usize, from_end: usize, net: &mut Net| match what {
            0 => {
                if let Some(piece) = unsent.pop() {
                    unsent.extend(net.machines[2].write(from, piece).unwrap());
                } else {
                    net.machines[2].end(from);
                }
            }
            1 => {
                if let Some(Effect::Stream { message, .. }) = net.machines[1].take_effect() {
                    match message {
                        StreamMessage::Chunk(chunk) => {
                            net.machines[1].consumed(to, chunk.len());
                            got.extend_from_slice(&chunk);
                        }
                        StreamMessage::End => {
                            net.machines[1].done(to);
                            is_ended = true;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
            wire => {
                net.carry(wire - 2, from_end);
            }
        };
        for (what, from_end) in schedule {
            act(what, from_end, &mut net);
            let held: usize =
                net.counters.iter().map(|counter| counter.load(Ordering::Relaxed)).sum();
            prop_assert!(held < WINDOW_BYTES + 20_000, "{} bytes are held", held);
        }
        for _ in 0..2000 {
            for (what, from_end) in [(0, 0), (2, 0), (2, 1), (3, 0), (3, 1), (1, 0)] {
                act(what, from_end, &mut net);
            }
        }
        prop_assert!(is_ended);
        prop_assert_eq!(got, data);
        net.effects(2);
        for machine in &net.machines {
            prop_assert_eq!(machine.pipes.pipes.len(), 0);
        }
    }
}
