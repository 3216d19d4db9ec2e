//! What connections keep, and what comes back of it.

mod pieces;
mod streams;
mod wide;

use std::rc::Rc;

use super::purse::{CONNECTION_BODIES_BYTES, CONNECTION_HEADS_BYTES, Kept, LEAST_HEADS_BYTES};
use super::*;
use crate::front::connection::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES};
use crate::front::heads::Complete;

const BODY_BYTES: usize = 64 << 10;
const NONE: Complete = Complete { heads: 0, bytes: 0 };

fn ahead() -> Arc<Ahead> {
    Ahead::new(&Limits::default())
}

fn client(last: u32) -> Option<Client> {
    Some(Client::of(std::net::Ipv4Addr::from_bits(0x0a00_0000 + last).into()))
}

fn purse(ahead: &Arc<Ahead>, client: Option<Client>) -> Rc<Purse> {
    Purse::new(Account::new(ahead, client))
}

/// What is kept beyond what each connection has: its bytes, and how many addresses have some.
fn kept(ahead: &Ahead) -> (usize, usize) {
    (ahead.kept.load(Ordering::Relaxed), ahead.of.len())
}

/// The bodies that one client gets read ahead, each on a connection of its own.
fn bodies(ahead: &Arc<Ahead>, client: Option<Client>) -> Vec<Kept> {
    std::iter::from_fn(|| purse(ahead, client).keep(BODY_BYTES)).collect()
}

#[test]
fn what_comes_in_one_piece_is_not_counted() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let body = purse.keep(FREE_BYTES - 100).unwrap();
    assert!(purse.came(NONE, 100));
    assert_eq!(kept(&ahead), (0, 0));
    assert!(purse.came(NONE, 101));
    assert_eq!(kept(&ahead), (STEP_BYTES, 1));
    drop(body);
    assert_eq!(kept(&ahead), (0, 0));
}

#[test]
fn a_connection_keeps_no_more_than_its_part() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let bodies: Vec<_> = std::iter::from_fn(|| purse.keep(BODY_BYTES)).collect();
    assert_eq!(bodies.len(), CONNECTION_BODIES_BYTES / BODY_BYTES);
    drop(bodies);
    let begin = || Some(purse.begin(BODY_BYTES)).filter(Begun::has_room);
    let heads: Vec<_> = std::iter::from_fn(begin).collect();
    assert_eq!(heads.len(), CONNECTION_HEADS_BYTES / BODY_BYTES);
}

#[test]
fn an_address_has_a_share_and_leaves_the_rest_to_others() {
    let ahead = ahead();
    let bodies = bodies(&ahead, client(1));
    assert_eq!(bodies.len(), ADDRESS_BYTES / (BODY_BYTES - FREE_BYTES));
    assert!(!purse(&ahead, client(1)).came(NONE, LEAST_HEADS_BYTES + 1));
    assert!(purse(&ahead, client(1)).came(NONE, LEAST_HEADS_BYTES), "the node has room");
    assert!(!purse(&ahead, client(1)).begin(LEAST_HEADS_BYTES + 1).has_room());
    assert!(purse(&ahead, client(1)).begin(FREE_BYTES).has_room());
    assert!(purse(&ahead, client(2)).keep(BODY_BYTES).is_some());
    drop(bodies);
    assert_eq!(kept(&ahead), (0, 0));
}

#[test]
fn the_nodes_last_part_is_for_addresses_that_have_little() {
    let ahead = ahead();
    let many: Vec<_> = (0..20).map(|last| bodies(&ahead, client(last))).collect();
    assert!(kept(&ahead).0 <= NODE_BYTES);
    let late = many.last().unwrap().len() * (BODY_BYTES - FREE_BYTES);
    assert!(late > 0 && late <= FEW_BYTES, "{late} bytes");
}

#[test]
fn a_crowd_behind_one_address_has_its_heads_served_while_the_node_has_room() {
    let ahead = ahead();
    let begin =
        |last| Some(purse(&ahead, client(last)).begin(LEAST_HEADS_BYTES)).filter(Begun::has_room);
    let crowd: Vec<_> = std::iter::from_fn(|| begin(1)).collect();
    assert_eq!(crowd.len(), CROWD_BYTES / (LEAST_HEADS_BYTES - FREE_BYTES));
    assert!(purse(&ahead, client(1)).keep(BODY_BYTES).is_none(), "it can stream");
    // It has not taken all.
    assert!(begin(2).is_some());
    assert!(purse(&ahead, client(2)).keep(BODY_BYTES).is_some());
    drop(crowd);
    assert_eq!(kept(&ahead), (0, 0));
}

#[test]
fn crowds_leave_half_of_the_nodes_to_addresses_with_no_more_than_their_share() {
    let ahead = ahead();
    let heads_of = |last| {
        let begin = || Some(purse(&ahead, client(last)).begin(LEAST_HEADS_BYTES));
        std::iter::from_fn(|| begin().filter(Begun::has_room)).collect::<Vec<_>>()
    };
    let crowds = [heads_of(1), heads_of(2)];
    let of_each = LEAST_HEADS_BYTES - FREE_BYTES;
    let shares = [CROWD_BYTES, ADDRESS_BYTES].map(|share| share / of_each);
    assert_eq!(crowds.each_ref().map(Vec::len), shares, "there is no room for a second crowd");
    assert!(!purse(&ahead, client(2)).came(NONE, LEAST_HEADS_BYTES));
    assert_eq!(bodies(&ahead, client(3)).len(), ADDRESS_BYTES / of_each);
    drop(crowds);
    assert_eq!(kept(&ahead), (0, 0));
}

#[test]
fn trusted_proxies_have_a_part_that_others_do_not_use_up() {
    let ahead = ahead();
    let others = all_of_the_nodes(&ahead);
    let before = kept(&ahead).0;
    let bodies = bodies(&ahead, None);
    assert_eq!(bodies.len(), PROXIES_BYTES / (BODY_BYTES - FREE_BYTES));
    assert_eq!(kept(&ahead).0, before, "nor do they use up what others have");
    drop(others);
    assert_eq!(kept(&ahead), (0, 1));
    drop(bodies);
    assert_eq!(kept(&ahead), (0, 0));
}

#[test]
fn a_connection_that_ends_in_a_head_gives_its_bytes_back() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    assert!(purse.came(NONE, 100 << 10));
    assert!(kept(&ahead).0 > 0);
    drop(purse);
    assert_eq!(kept(&ahead), (0, 0));
}

#[test]
fn a_head_counts_until_its_request_is_answered() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let mut running: Vec<_> = (0..4).map(|_| purse.begin(BODY_BYTES)).collect();
    assert_eq!(kept(&ahead), (4 * BODY_BYTES - FREE_BYTES, 1));
    running.truncate(1);
    assert_eq!(kept(&ahead), (BODY_BYTES - FREE_BYTES, 1));
    drop(running);
    assert_eq!(kept(&ahead), (0, 0));
}

#[test]
fn what_goes_up_and_down_seldom_asks_and_keeps_nothing_when_it_is_over() {
    const HEAD_BYTES: usize = 1 << 10;
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let asked = |running: &mut Vec<Begun>, requests: usize| {
        let mut asked = 0;
        while running.len() != requests {
            let before = kept(&ahead).0;
            if running.len() < requests {
                running.push(purse.begin(HEAD_BYTES));
            } else {
                running.pop();
            }
            asked += usize::from(kept(&ahead).0 != before);
        }
        asked
    };
    let mut running = Vec::new();
    assert_eq!(asked(&mut running, 100), 6, "from 4 KiB to 128");
    assert_eq!(asked(&mut running, 70), 0);
    assert_eq!(asked(&mut running, 100), 0);
    assert!(kept(&ahead).0 <= 2 * running.len() * HEAD_BYTES);
    running.clear();
    assert_eq!(kept(&ahead), (0, 0));
}

/// What the bodies of so many clients have that leave nothing of the node's.
fn all_of_the_nodes(ahead: &Arc<Ahead>) -> Vec<Kept> {
    let all: Vec<_> = (100..200).flat_map(|last| bodies(ahead, client(last))).collect();
    assert!(NODE_BYTES - kept(ahead).0 < BODY_BYTES - FREE_BYTES);
    all
}

#[test]
fn heads_are_served_though_others_have_all_of_the_nodes() {
    let ahead = ahead();
    let others = all_of_the_nodes(&ahead);
    let before = kept(&ahead);
    let purse_of_one = purse(&ahead, client(1));
    let request = purse_of_one.begin(LEAST_HEADS_BYTES);
    assert!(request.has_room());
    assert!(!purse_of_one.begin(LEAST_HEADS_BYTES).has_room(), "that is more");
    assert!(purse_of_one.keep(BODY_BYTES).is_none(), "it can stream");
    assert_eq!(kept(&ahead), (before.0, before.1 + 1));
    // Their address has no more than its part.
    let begin = || Some(purse(&ahead, client(1)).begin(LEAST_HEADS_BYTES)).filter(Begun::has_room);
    let more: Vec<_> = std::iter::from_fn(begin).collect();
    assert_eq!(more.len() + 1, ADDRESS_BYTES / (LEAST_HEADS_BYTES - FREE_BYTES));
    drop(more);
    assert_eq!(kept(&ahead), (before.0, before.1 + 1));
    // It counts when there is room again.
    drop(others);
    assert_eq!(kept(&ahead), (0, 1));
    let another = purse(&ahead, client(1)).begin(LEAST_HEADS_BYTES);
    assert_eq!(kept(&ahead), (2 * (LEAST_HEADS_BYTES - FREE_BYTES), 1));
    drop((request, another));
    assert_eq!(kept(&ahead), (0, 0));
}

#[test]
fn no_pipeline_is_cut_off_because_others_have_all_of_the_nodes() {
    let ahead = ahead();
    let _others = all_of_the_nodes(&ahead);
    let of_bytes = |bytes: usize| Complete { heads: 3, bytes };
    let purse_of_one = purse(&ahead, client(1));
    let _running = purse_of_one.begin(100);
    assert!(purse_of_one.came(of_bytes(BODY_BYTES / 2), 1000));
    assert!(!purse_of_one.came(of_bytes(BODY_BYTES), 1000));
    // Nothing is lost yet of one that has but begun.
    assert!(!purse(&ahead, client(2)).came(NONE, BODY_BYTES / 2));
}

#[test]
fn trusted_proxies_have_room_for_heads_in_any_case() {
    let ahead = ahead();
    let _others = bodies(&ahead, None);
    assert!(purse(&ahead, None).begin(LEAST_HEADS_BYTES).has_room());
    let purse = purse(&ahead, None);
    let _running = purse.begin(LEAST_HEADS_BYTES);
    assert!(purse.came(NONE, purse.head_bytes()), "one in HTTP/2 that goes on");
    assert!(!purse.came(NONE, purse.head_bytes() + BODY_BYTES));
    assert!(purse.keep(BODY_BYTES).is_none());
}

#[test]
fn heads_that_wait_behind_a_request_count_until_the_last_of_them_is_begun() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    // One alone waits for nobody.
    assert!(purse.came(Complete { heads: 1, bytes: BODY_BYTES }, 0));
    assert_eq!(kept(&ahead), (0, 0));
    let running = purse.begin(100);
    assert!(purse.came(Complete { heads: 2, bytes: BODY_BYTES }, 0));
    assert!(kept(&ahead).0 > BODY_BYTES - FREE_BYTES);
    drop(running);
    drop(purse.begin(100));
    assert!(kept(&ahead).0 > 0, "there is another");
    drop(purse.begin(100));
    assert_eq!(kept(&ahead), (0, 0));
    assert!(purse.came(Complete { heads: 3, bytes: BODY_BYTES }, 0));
    assert!(kept(&ahead).0 > 0, "the first is begun, and others are behind it");
}

#[test]
fn what_a_closed_account_had_comes_back_once_and_it_gets_nothing_more() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let other = purse_of_a_body(&ahead);
    let before = kept(&ahead);
    let (body, request) = (purse.keep(BODY_BYTES).unwrap(), purse.begin(BODY_BYTES));
    purse.account().close();
    assert_eq!(kept(&ahead), before);
    assert!(purse.keep(BODY_BYTES).is_none() && !purse.begin(BODY_BYTES).has_room());
    purse.account().close();
    drop((body, request, purse));
    assert_eq!(kept(&ahead), before);
    drop(other);
    assert_eq!(kept(&ahead), (0, 0));
}

/// A body of the same address on another connection.
fn purse_of_a_body(ahead: &Arc<Ahead>) -> Kept {
    purse(ahead, client(1)).keep(BODY_BYTES).unwrap()
}

#[test]
fn bodies_count_for_their_connection_until_they_are_taken_or_given_up() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let held = || purse.account().bytes() - FREE_BYTES;
    let (first, second) = (purse.begin(100), purse.begin(100));
    let (taken, given_up) = (purse.account().body(), purse.account().body());
    purse.body_came(300);
    taken.taken(100);
    assert_eq!(held(), 200);
    purse.body_came(usize::MAX);
    assert_eq!(held(), 2 * STREAM_WINDOW_BYTES as usize);
    drop(given_up);
    assert_eq!(held(), STREAM_WINDOW_BYTES as usize, "the other has no more");
    drop(taken);
    assert_eq!(held(), 0);
    // What was on its way of it comes all the same.
    purse.body_came(100);
    assert_eq!(held(), 0, "it is thrown away");
    drop(first);
    assert_eq!(held(), 0, "though another request runs");
    drop(second);
    assert_eq!(kept(&ahead), (0, 0), "no budget is asked for it");
}

#[test]
fn bodies_hold_no_more_than_the_window_of_their_connection() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let _bodies: Vec<_> = (0..100).map(|_| purse.account().body()).collect();
    purse.body_came(usize::MAX);
    assert_eq!(purse.account().bytes() - FREE_BYTES, CONNECTION_WINDOW_BYTES as usize);
}

#[test]
fn what_comes_of_a_body_after_its_answer_is_nobodys() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let held = || purse.account().bytes() - FREE_BYTES;
    let (request, body) = (purse.begin(100), purse.account().body());
    drop((body, request));
    purse.body_came(usize::MAX);
    assert_eq!(held(), 0, "nothing runs, and its client may ask nothing more for long");
    let next = (purse.begin(100), purse.account().body());
    assert!(held() <= STREAM_WINDOW_BYTES as usize);
    drop(next);
    purse.body_came(100);
    let _next = (purse.begin(100), purse.account().body());
    assert_eq!(held(), 100, "no more is left of what came before");
}

#[test]
fn what_comes_of_a_body_before_its_request_begins_counts() {
    let ahead = ahead();
    let purse = purse(&ahead, client(1));
    let held = || purse.account().bytes() - FREE_BYTES;
    // As HTTP/2 does it, which reads on before.
    purse.body_came(300);
    let request = (purse.begin(100), purse.account().body());
    assert_eq!(held(), 300);
    drop(request);
    assert_eq!(held(), 0);
    // As HTTP/1 does it, which begins one after another.
    let running = purse.begin(100);
    purse.body_came(300);
    assert!(purse.came(Complete { heads: 1, bytes: 100 }, 0));
    assert_eq!(held(), 300);
    drop(running);
    assert_eq!(held(), 300, "the next one has it");
    let request = (purse.begin(100), purse.account().body());
    assert_eq!(held(), 300);
    drop(request);
    assert_eq!(held(), 0);
}
