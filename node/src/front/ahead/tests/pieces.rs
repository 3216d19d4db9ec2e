//! Small pieces of bodies, which cost more than what is in them.

use super::streams::{body, came, give_up, pieces};
use super::*;
use crate::front::ahead::account::{MOST_KEPT_BYTES, MOST_PIECES, MOST_PIECES_OF_WIDE};
use crate::front::ahead::pieces::{BUFFER_BYTES, MOST_BUFFER_BYTES, PIECE_BYTES};
use crate::front::frames::LARGE_PIECE_BYTES;

/// The stream of a body.
const STREAM: u32 = 1;

/// What a connection holds beyond what each has.
fn held(purse: &Purse) -> usize {
    purse.account().bytes_of_note()
}

/// So many small pieces come at once. Answers whether the connection may go on.
fn come(purse: &Purse, more: usize) -> bool {
    came(purse, 0, &[pieces(STREAM, more)])
}

/// So many come with so much between them that each may keep as much as a piece can. Answers whether the
/// connection may go on and was not told to close.
fn come_alone(purse: &Purse, more: usize) -> bool {
    let one = || came(purse, MOST_BUFFER_BYTES, &[pieces(STREAM, 1)]);
    (0..more).all(|_| one()) && !purse.account().is_dismissed()
}

/// On a node with so much memory.
fn of_memory(bytes: usize) -> Arc<Ahead> {
    Ahead::new(&Limits { memory_bytes: Some(bytes), ..Limits::default() })
}

/// A connection of a proxy with the wide window, on which a body comes.
fn wide(ahead: &Arc<Ahead>) -> (Rc<Purse>, Coming) {
    let purse = purse(ahead, None);
    assert!(purse.account().widen());
    let body = body(&purse, STREAM);
    (purse, body)
}

#[test]
fn small_pieces_count_until_they_are_taken_or_their_bodies_given_up() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let first = body(&purse, STREAM);
    purse.body_came(3 + LARGE_PIECE_BYTES);
    assert!(come(&purse, 3));
    assert_eq!(held(&purse), 3 + LARGE_PIECE_BYTES + 3 * PIECE_BYTES + BUFFER_BYTES);
    first.taken(LARGE_PIECE_BYTES);
    assert_eq!(held(&purse), 3 + 3 * PIECE_BYTES + BUFFER_BYTES, "it is none of them");
    first.taken(0);
    first.taken(1);
    assert_eq!(held(&purse), 2 + 2 * PIECE_BYTES + BUFFER_BYTES);
    give_up(first, 2);
    let next = body(&purse, STREAM + 2);
    assert_eq!(held(&purse), 0);
    next.taken(1);
    assert_eq!(held(&purse), 0, "no more are taken than have come");
}

#[test]
fn pieces_count_with_the_buffer_that_they_share_or_have_alone() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let body = body(&purse, STREAM);
    assert!(came(&purse, 100, &[pieces(STREAM, 1)]));
    assert!(came(&purse, 100, &[pieces(STREAM, 1)]));
    let shared = BUFFER_BYTES + 200;
    assert_eq!(held(&purse), 2 * PIECE_BYTES + shared);
    // What comes between them for others may have made it larger.
    assert!(came(&purse, 20_000, &[]));
    assert!(came(&purse, 100, &[pieces(STREAM, 1)]));
    let alone = BUFFER_BYTES + 20_300;
    assert_eq!(held(&purse), 3 * PIECE_BYTES + shared + alone);
    assert!(came(&purse, 1 << 20, &[]));
    assert!(came(&purse, 100, &[pieces(STREAM, 1)]));
    assert_eq!(held(&purse), 4 * PIECE_BYTES + shared + alone + MOST_BUFFER_BYTES);
    body.taken(1);
    assert_eq!(held(&purse), 3 * PIECE_BYTES + shared + alone + MOST_BUFFER_BYTES);
    body.taken(1);
    // That is looked at when another buffer may have been begun.
    assert!(came(&purse, BUFFER_BYTES - 100, &[]));
    assert!(came(&purse, 0, &[pieces(STREAM, 1)]));
    let next = 2 * BUFFER_BYTES;
    assert_eq!(held(&purse), 3 * PIECE_BYTES + alone + MOST_BUFFER_BYTES + next);
    body.taken(1);
    body.taken(1);
    assert_eq!(held(&purse), PIECE_BYTES + MOST_BUFFER_BYTES, "one can keep no more");
    give_up(body, 1);
    assert_eq!(held(&purse), 0);
}

#[test]
fn a_piece_that_comes_when_nothing_was_kept_may_be_in_a_large_buffer() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let body = body(&purse, STREAM);
    assert!(came(&purse, 10_000, &[]));
    for _ in 0..2 {
        assert!(came(&purse, 10_000, &[pieces(STREAM, 1)]));
        body.taken(1);
    }
    assert!(came(&purse, 10_000, &[pieces(STREAM, 1)]));
    assert_eq!(held(&purse), PIECE_BYTES + BUFFER_BYTES + 40_000);
}

#[test]
fn no_window_limits_what_small_pieces_count() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let _body = body(&purse, STREAM);
    assert!(come(&purse, MOST_PIECES));
    assert_eq!(held(&purse), MOST_PIECES * PIECE_BYTES + BUFFER_BYTES);
    assert!(held(&purse) > CONNECTION_WINDOW_BYTES as usize);
}

#[test]
fn a_connection_with_too_many_small_pieces_is_told_to_close_and_cut_off_if_it_goes_on() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let body = body(&purse, STREAM);
    assert!(come(&purse, MOST_PIECES));
    body.taken(1);
    assert!(come(&purse, 1));
    assert!(!purse.account().is_dismissed());
    assert!(come(&purse, 1));
    assert!(purse.account().is_dismissed());
    assert!(come(&purse, MOST_PIECES - 1));
    assert!(!come(&purse, 1));
}

#[test]
fn what_is_nobodys_is_looked_at_before_a_connection_is_told_to_close() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let first = body(&purse, STREAM);
    let _second = body(&purse, STREAM + 2);
    assert!(come(&purse, MOST_PIECES));
    drop(first);
    assert!(came(&purse, 0, &[pieces(STREAM + 2, 1)]));
    assert!(!purse.account().is_dismissed());
    assert_eq!(held(&purse), PIECE_BYTES + BUFFER_BYTES);
}

#[test]
fn few_small_pieces_that_keep_too_much_are_a_reason_as_well() {
    const MOST: usize = MOST_KEPT_BYTES / MOST_BUFFER_BYTES;
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let _body = body(&purse, STREAM);
    assert!(come_alone(&purse, MOST));
    assert!(came(&purse, MOST_BUFFER_BYTES, &[pieces(STREAM, 1)]));
    assert!(purse.account().is_dismissed());
    let more = || came(&purse, MOST_BUFFER_BYTES, &[pieces(STREAM, 1)]);
    assert!((1..MOST).all(|_| more()));
    assert!(!more());
}

#[test]
fn a_connection_with_the_wide_window_holds_more_small_pieces() {
    let ahead = of_memory(64 << 30);
    let (purse, _body) = wide(&ahead);
    assert!(come(&purse, MOST_PIECES_OF_WIDE));
    assert!(!purse.account().is_dismissed());
    assert!(come(&purse, 1));
    assert!(purse.account().is_dismissed());
    assert!(!come(&purse, MOST_PIECES_OF_WIDE));
}

#[test]
fn connections_with_the_wide_window_have_a_figure_together_for_what_their_pieces_keep() {
    const OF_EACH: usize = MOST_KEPT_BYTES / MOST_BUFFER_BYTES;
    const OF_ALL: usize = WIDE_PIECES_BYTES / MOST_BUFFER_BYTES;
    let ahead = of_memory(64 << 30);
    let (first, body_of_first) = wide(&ahead);
    let (second, body_of_second) = wide(&ahead);
    let (third, body_of_third) = wide(&ahead);
    assert!(come_alone(&first, OF_EACH + OF_ALL / 2));
    assert!(come_alone(&second, OF_EACH + OF_ALL / 2));
    assert!(come_alone(&third, OF_EACH), "so much each has by itself");
    give_up(body_of_first, OF_EACH + OF_ALL / 2);
    assert!(come_alone(&third, OF_ALL / 2));
    assert!(!come_alone(&third, 1));
    assert!(third.account().is_dismissed());
    assert!(!second.account().is_dismissed(), "nothing has come on it since");
    assert!((1..OF_ALL).all(|_| came(&third, MOST_BUFFER_BYTES, &[pieces(STREAM, 1)])));
    assert!(!came(&third, MOST_BUFFER_BYTES, &[pieces(STREAM, 1)]));
    // What workers have of it is there until they leave it, though the connection is over.
    third.account().close();
    drop(third);
    assert!(ahead.kept_by_pieces() > WIDE_PIECES_BYTES);
    give_up(body_of_second, OF_EACH + OF_ALL / 2);
    assert!(ahead.kept_by_pieces() > WIDE_PIECES_BYTES / 2);
    drop(body_of_third);
    assert_eq!(ahead.kept_by_pieces(), 0);
    drop((first, second));
}

#[test]
fn the_figure_is_no_more_than_the_windows_that_a_node_has() {
    const OF_EACH: usize = MOST_KEPT_BYTES / MOST_BUFFER_BYTES;
    // One connection may have it.
    let ahead = of_memory(WIDE_PART * WIDE_WINDOW_BYTES as usize);
    let (purse, _body) = wide(&ahead);
    let of_window = WIDE_WINDOW_BYTES as usize / MOST_BUFFER_BYTES;
    assert!(come_alone(&purse, OF_EACH + of_window));
    assert!(!come_alone(&purse, 1));
}

#[test]
fn the_buffer_that_h2_reads_into_is_as_large_as_is_said() {
    use futures_util::{FutureExt, StreamExt};
    use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

    // As h2 has it.
    let frames = || {
        let mut frames = LengthDelimitedCodec::builder();
        frames.length_field_length(3).length_adjustment(9).num_skip(0);
        frames
    };
    // What frames have after their headers, again and again. Nothing of them is kept.
    let all = [[16_384; 3], [8_184, 16_384, 8_183], [7, 16_384, 8_192], [8_175, 9_000, 16_375]];
    for lengths in all {
        let of = |length: usize| {
            let [.., first, second, third] = length.to_be_bytes();
            let mut frame = vec![first, second, third, 0, 0, 0, 0, 0, 0];
            frame.resize(9 + length, 0);
            frame
        };
        let sent = lengths.map(of).concat().repeat(33);
        let mut read = FramedRead::new(sent.as_slice(), frames().new_codec());
        let mut come = 0;
        while let Some(frame) = read.next().now_or_never().unwrap() {
            come += frame.unwrap().len();
            let most = MOST_BUFFER_BYTES.min(BUFFER_BYTES + come);
            assert!(read.read_buffer().capacity() <= most, "{lengths:?} after {come} bytes");
        }
        assert_eq!(come, sent.len());
    }
}
