//! Small pieces of bodies, which cost more than what is in them.

use super::*;
use crate::front::ahead::account::{MOST_PIECES, MOST_PIECES_OF_WIDE, PIECE_BYTES};
use crate::front::frames::LARGE_PIECE_BYTES;

/// What a connection holds beyond what each has.
fn held(purse: &Purse) -> usize {
    purse.account().bytes_of_note()
}

#[test]
fn small_pieces_count_until_they_are_taken_or_their_bodies_given_up() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let body = purse.account().body();
    purse.body_came(3 + LARGE_PIECE_BYTES);
    assert!(purse.pieces_came(3));
    assert_eq!(held(&purse), 3 + LARGE_PIECE_BYTES + 3 * PIECE_BYTES);
    body.taken(LARGE_PIECE_BYTES);
    assert_eq!(held(&purse), 3 + 3 * PIECE_BYTES, "it is none of them");
    body.taken(0);
    body.taken(1);
    assert_eq!(held(&purse), 2 + 2 * PIECE_BYTES);
    drop(body);
    let next = purse.account().body();
    assert_eq!(held(&purse), 0);
    next.taken(1);
    assert_eq!(held(&purse), 0, "no more are taken than have come");
}

#[test]
fn no_window_limits_what_small_pieces_count() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let _body = purse.account().body();
    assert!(purse.pieces_came(MOST_PIECES));
    assert_eq!(held(&purse), MOST_PIECES * PIECE_BYTES);
    assert!(held(&purse) > CONNECTION_WINDOW_BYTES as usize);
}

#[test]
fn a_connection_with_too_many_small_pieces_is_told_to_close_and_cut_off_if_it_goes_on() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let body = purse.account().body();
    assert!(purse.pieces_came(MOST_PIECES));
    body.taken(1);
    assert!(purse.pieces_came(1));
    assert!(!purse.account().is_dismissed());
    assert!(purse.pieces_came(1));
    assert!(purse.account().is_dismissed());
    assert!(purse.pieces_came(MOST_PIECES - 1));
    assert!(!purse.pieces_came(1));
}

#[test]
fn a_connection_with_the_wide_window_holds_more_small_pieces() {
    let ahead = Ahead::new(&Limits { memory_bytes: Some(64 << 30), ..Limits::default() });
    let purse = purse(&ahead, None);
    assert!(purse.account().widen());
    let _body = purse.account().body();
    assert!(purse.pieces_came(MOST_PIECES_OF_WIDE));
    assert!(!purse.account().is_dismissed());
    assert!(purse.pieces_came(1));
    assert!(purse.account().is_dismissed());
    assert!(!purse.pieces_came(MOST_PIECES_OF_WIDE));
}

#[test]
fn small_pieces_of_no_body_are_thrown_away() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let request = purse.begin(100);
    assert!(purse.pieces_came(3 * MOST_PIECES));
    assert!(!purse.account().is_dismissed());
    assert_eq!(held(&purse), 0);
    drop(request);
    let _body = purse.account().body();
    assert_eq!(held(&purse), 0);
}
