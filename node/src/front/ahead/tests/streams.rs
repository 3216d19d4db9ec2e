//! Of which body small pieces are.

use super::*;
use crate::front::ahead::pieces::{BUFFER_BYTES, PIECE_BYTES};
use crate::front::ahead::streams::MOST_UNKNOWN;
use crate::front::frames::{OfBodies, Seen};

/// So many bytes come on a connection at once, and with them this. Answers whether it may go on.
pub(super) fn came(purse: &Purse, bytes: usize, seen: &[Seen]) -> bool {
    let seen = seen.iter().copied().collect();
    purse.bodies_came(bytes, &OfBodies { bytes: 0, seen })
}

/// The body of a request that begins on its own.
pub(super) fn body(purse: &Purse, stream: u32) -> Coming {
    assert!(came(purse, 0, &[head(stream)]));
    let body = begun(purse);
    settle(purse);
    body
}

pub(super) fn pieces(stream: u32, pieces: usize) -> Seen {
    Seen::Pieces { stream, pieces }
}

/// A body is given up: what h2 has of it is taken before.
pub(super) fn give_up(body: Coming, pieces: usize) {
    (0..pieces).for_each(|_| body.taken(1));
}

fn head(stream: u32) -> Seen {
    Seen::Head { stream, has_body: true }
}

/// The body of the next request that begins.
fn begun(purse: &Purse) -> Coming {
    let mut body = purse.account().body();
    purse.begin_on_a_stream(Some(&mut body));
    body
}

/// hyper has got to all that has come.
fn settle(purse: &Purse) {
    purse.all_is_read();
    purse.settle_streams();
}

/// Whether a connection holds so many small pieces, all in one buffer.
fn holds(purse: &Purse, pieces: usize) -> bool {
    let kept = if pieces == 0 { 0 } else { BUFFER_BYTES };
    purse.account().bytes_of_note() == pieces * PIECE_BYTES + kept
}

/// Whether a connection holds no more than a small piece that comes on that stream next, after what fills a
/// buffer.
fn holds_one_more_alone(purse: &Purse, stream: u32) -> bool {
    assert!(came(purse, BUFFER_BYTES, &[]));
    assert!(came(purse, 0, &[pieces(stream, 1)]));
    purse.account().bytes_of_note() == PIECE_BYTES + 2 * BUFFER_BYTES
}

#[test]
fn pieces_are_of_the_body_on_whose_stream_they_come_and_nobodys_when_it_is_given_up() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let (first, second) = (body(&purse, 1), body(&purse, 3));
    assert!(came(&purse, 0, &[pieces(1, 3), pieces(3, 5)]));
    assert!(holds(&purse, 8));
    first.taken(1);
    assert!(holds(&purse, 7));
    give_up(second, 5);
    assert!(holds(&purse, 2));
    assert!(came(&purse, 0, &[pieces(3, 5), pieces(1, 1), pieces(3, 5), pieces(99, 5)]));
    assert!(holds(&purse, 3), "the first is open");
    give_up(first, 3);
    assert!(holds(&purse, 0));
    assert!(came(&purse, 0, &[pieces(1, 5), pieces(3, 5)]));
    assert!(holds(&purse, 0));
}

#[test]
fn pieces_that_come_when_their_body_is_just_given_up_are_forgotten_when_more_come() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let (first, second) = (body(&purse, 1), body(&purse, 3));
    assert!(came(&purse, 0, &[pieces(1, 7)]));
    drop(first);
    assert!(holds(&purse, 7));
    assert!(holds_one_more_alone(&purse, 3));
    drop(second);
}

#[test]
fn what_comes_before_its_request_begins_is_its_in_the_order_of_the_heads() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let without = Seen::Head { stream: 3, has_body: false };
    assert!(came(&purse, 0, &[head(1), pieces(1, 2), without, head(5), pieces(5, 1)]));
    assert!(holds(&purse, 3));
    let first = begun(&purse);
    purse.begin_on_a_stream(None);
    let third = begun(&purse);
    settle(&purse);
    give_up(first, 2);
    assert!(holds(&purse, 1));
    assert!(came(&purse, 0, &[pieces(1, 9), pieces(5, 1)]));
    assert!(holds(&purse, 2));
    give_up(third, 2);
    assert!(came(&purse, 0, &[pieces(5, 9)]));
    assert!(holds(&purse, 0));
}

#[test]
fn what_comes_for_a_request_that_has_no_body_is_nobodys() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    assert!(came(&purse, 0, &[head(1), pieces(1, 2)]));
    purse.begin_on_a_stream(None);
    settle(&purse);
    assert!(came(&purse, 0, &[pieces(1, 9)]));
    assert!(holds(&purse, 2));
    let _next = body(&purse, 3);
    assert!(holds_one_more_alone(&purse, 3));
}

#[test]
fn where_a_head_was_refused_pieces_count_until_all_are_over_that_may_have_them() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    assert!(came(&purse, 0, &[head(1), pieces(1, 2), head(3), pieces(3, 2)]));
    let one = begun(&purse);
    settle(&purse);
    assert!(came(&purse, 0, &[pieces(1, 1), pieces(3, 1)]));
    assert!(holds(&purse, 6));
    one.taken(1);
    assert!(holds(&purse, 5));
    // Others are known.
    let (first, second) = (body(&purse, 5), body(&purse, 7));
    assert!(came(&purse, 0, &[pieces(5, 1), pieces(7, 2)]));
    assert!(holds(&purse, 8));
    give_up(second, 2);
    assert!(came(&purse, 0, &[pieces(7, 9)]));
    assert!(holds(&purse, 6));
    drop(one);
    assert!(came(&purse, 0, &[pieces(1, 9), pieces(3, 9)]));
    assert!(holds(&purse, 6), "they are nobody's");
    give_up(first, 1);
    let _last = body(&purse, 9);
    assert!(holds_one_more_alone(&purse, 9));
}

#[test]
fn pieces_that_may_be_of_several_bodies_keep_nothing_when_all_are_taken() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    assert!(came(&purse, 0, &[head(1), head(3), pieces(3, 2)]));
    let one = begun(&purse);
    settle(&purse);
    (0..2).for_each(|_| one.taken(1));
    assert!(holds(&purse, 0));
    assert!(holds_one_more_alone(&purse, 3));
}

#[test]
fn where_h2_has_not_got_to_all_that_was_read_more_requests_may_have_the_pieces() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    assert!(came(&purse, 0, &[head(1), pieces(1, 2), head(3), pieces(3, 2)]));
    let one = begun(&purse);
    purse.settle_streams();
    drop(one);
    assert!(came(&purse, 0, &[pieces(3, 1)]));
    assert!(holds(&purse, 5));
    let another = begun(&purse);
    settle(&purse);
    assert!(came(&purse, 0, &[pieces(1, 1)]));
    assert!(holds(&purse, 6));
    drop(another);
    assert!(came(&purse, 0, &[pieces(1, 9), pieces(3, 9)]));
    assert!(holds(&purse, 6), "they are nobody's");
    let _known = body(&purse, 5);
    assert!(holds_one_more_alone(&purse, 5));
}

#[test]
fn a_connection_with_far_more_heads_than_may_begin_is_cut_off() {
    let heads = |has_body: bool, all: usize| {
        let streams = (1..).step_by(2).take(all);
        streams.map(|stream| Seen::Head { stream, has_body }).collect::<Vec<_>>()
    };
    let ahead = ahead();
    for has_body in [true, false] {
        let purse = purse(&ahead, client(1));
        assert!(came(&purse, 0, &heads(has_body, MOST_UNKNOWN)));
        assert!(!came(&purse, 0, &[Seen::Head { stream: 99_999, has_body }]));
    }
    // They do not add up, as long as h2 has got to them.
    let purse = purse(&ahead, client(1));
    let all = heads(true, 2 * MOST_UNKNOWN);
    for heads in all.chunks(MOST_UNKNOWN) {
        assert!(came(&purse, 0, heads));
        settle(&purse);
    }
    assert!(came(&purse, 0, &heads(true, MOST_UNKNOWN)));
    purse.settle_streams();
    assert!(came(&purse, 0, &[head(99_999)]));
    purse.settle_streams();
    assert!(!came(&purse, 0, &[]));
}
