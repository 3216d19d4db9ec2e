//! Who has the wide window of HTTP/2, and what is counted of it.

use super::*;
use crate::front::connection::WIDE_WINDOW_BYTES;

/// On a node that has enough memory for all that may have the window.
fn large() -> Arc<Ahead> {
    Ahead::new(&Limits { memory_bytes: Some(64 << 30), ..Limits::default() })
}

#[test]
fn not_more_than_a_few_connections_have_the_wide_window() {
    let ahead = large();
    assert!(!Account::new(&ahead, client(1)).widen());
    let another = || Some(purse(&ahead, None)).filter(|purse| purse.account().widen());
    let mut wide: Vec<_> = std::iter::from_fn(another).collect();
    assert_eq!(wide.len(), WIDE_CONNECTIONS);
    drop(wide.pop());
    wide.extend(another());
    assert_eq!(wide.len(), WIDE_CONNECTIONS, "one had ended");
    assert!(wide[0].came(Complete { heads: 1, bytes: 100 }, 0));
    wide.extend(another());
    assert_eq!(wide.len(), WIDE_CONNECTIONS + 1, "one was of HTTP/1");
    wide[1].account().close();
    wide[1].account().close();
    wide.extend([another(), another()].into_iter().flatten());
    assert_eq!(wide.len(), WIDE_CONNECTIONS + 2, "one was lost");
    drop(wide);
    assert_eq!(ahead.wide.load(Ordering::Relaxed), 0);
}

#[test]
fn bodies_fill_the_wide_window_where_a_connection_has_it() {
    let ahead = large();
    let purse = purse(&ahead, None);
    assert!(purse.account().widen());
    let _bodies: Vec<_> = (0..100).map(|_| purse.account().body()).collect();
    purse.body_came(usize::MAX);
    assert_eq!(purse.account().bytes() - FREE_BYTES, WIDE_WINDOW_BYTES as usize);
}

#[test]
fn wide_windows_are_a_part_of_the_nodes_memory() {
    const GIB: usize = 1 << 30;
    assert_eq!(most_wide(None), 0);
    let most_wide = |bytes: usize| most_wide(Some(bytes));
    assert_eq!([GIB / 4, GIB / 2 - 1, GIB / 2, GIB, 2 * GIB].map(most_wide), [0, 0, 1, 2, 4]);
    assert_eq!([8 * GIB, 64 * GIB].map(most_wide), [WIDE_CONNECTIONS; 2]);
    let small = Ahead::new(&Limits { memory_bytes: Some(GIB / 4), ..Limits::default() });
    assert!(!Account::new(&small, None).widen());
}
