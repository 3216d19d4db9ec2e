//! Who gives way to whom: connections as they are counted, and a listener that is flooded.

use std::net::{Ipv6Addr, SocketAddr};

use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::*;

/// Nothing here takes so long; a test that waits for it in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn seats(strangers: &Strangers, address: [u8; 4], count: usize) -> Vec<Arc<Seat>> {
    (0..count).map(|_| strangers.enter(address.into())).collect()
}

/// A connection to a listener with those that are kept.
fn place(strangers: &Arc<Strangers>, kept: &Arc<Kept>) -> Place {
    let seat = strangers.enter([10, 0, 0, 1].into());
    Place { seat, strangers: Arc::clone(strangers), kept: Arc::clone(kept) }
}

/// A connection that becomes that holder's, and whether they may have it.
fn kept_by(strangers: &Arc<Strangers>, kept: &Arc<Kept>, holder: &Holder) -> (bool, Leaves) {
    let place = place(strangers, kept);
    (place.keep(holder), Leaves(place))
}

#[test]
fn nobody_has_the_places_of_another() {
    let (strangers, kept) = (Arc::<Strangers>::default(), Arc::<Kept>::default());
    let named = |name: &str| Holder::Named(name.into());
    let mut places: Vec<_> = (0..MAX_OF_NAMED).map(|_| Leaves(place(&strangers, &kept))).collect();
    assert!(places.iter().all(|it| it.0.keep(&named("shop"))));
    let further = place(&strangers, &kept);
    assert!(!further.keep(&named("shop")));
    // It may have to give way as before, and those do not.
    assert_eq!(strangers.0.lock().len(), 1);
    assert!(places[0].0.keep(&named("shop")), "it is theirs already");
    assert!(place(&strangers, &kept).keep(&named("blog")));
    assert!(place(&strangers, &kept).keep(&Holder::Operator));
    places.pop();
    assert!(further.keep(&named("shop")));
}

#[test]
fn a_connection_counts_for_whom_it_serves_last() {
    let (strangers, kept) = (Arc::<Strangers>::default(), Arc::<Kept>::default());
    let shared = place(&strangers, &kept);
    for name in ["shop", "blog", "shop", "blog"] {
        assert!(shared.keep(&Holder::Named(name.into())));
    }
    let count = |name: &str| kept.0.lock().get(&Holder::Named(name.into())).map(Vec::len);
    assert_eq!((count("shop"), count("blog")), (Some(0), Some(1)));
    drop(Leaves(shared));
    assert_eq!(count("blog"), Some(0));
}

#[test]
fn where_nobody_is_known_who_has_moved_nothing_for_longest_gives_way() {
    let (strangers, kept) = (Arc::<Strangers>::default(), Arc::<Kept>::default());
    let kept_by = |holder: &Holder| kept_by(&strangers, &kept, holder);
    let places: Vec<_> = (0..MAX_OF_OPERATOR).map(|_| kept_by(&Holder::Anybody)).collect();
    for (at, (is_kept, leaves)) in places.iter().enumerate() {
        assert!(*is_kept, "{at}");
        if at != 3 {
            leaves.0.moved();
        }
    }
    let (is_kept, _further) = kept_by(&Holder::Anybody);
    assert!(is_kept);
    let seats: Vec<_> = places.iter().map(|(_, leaves)| Arc::clone(&leaves.0.seat)).collect();
    assert_eq!(gone(&seats), [3]);
    // Its end leaves the others theirs.
    drop(places);
    assert_eq!(kept.0.lock().get(&Holder::Anybody).map(Vec::len), Some(1));
    let operators: Vec<_> = (0..=MAX_OF_OPERATOR).map(|_| kept_by(&Holder::Operator)).collect();
    let refused = operators.iter().filter(|(is_kept, _)| !is_kept).count();
    assert_eq!(refused, 1, "who has shown a token has theirs");
}

#[test]
fn an_ipv6_network_is_one_client() {
    let strangers = Strangers::default();
    let first = seats(&strangers, [10, 0, 0, 1], 2);
    let network: Vec<_> = (0..MAX_STRANGERS as u16 - 2)
        .map(|at| strangers.enter(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, at, 0, 0, 1).into()))
        .collect();
    let further = seats(&strangers, [10, 0, 0, 2], 1);
    assert_eq!((gone(&first), gone(&network), gone(&further)), (vec![], vec![0], vec![]));
}

fn gone(seats: &[Arc<Seat>]) -> Vec<usize> {
    let gone = seats.iter().enumerate().filter(|(_, seat)| seat.gives_way.is_cancelled());
    gone.map(|(index, _)| index).collect()
}

#[test]
fn the_oldest_of_the_address_with_most_gives_way() {
    let strangers = Strangers::default();
    let first = seats(&strangers, [10, 0, 0, 1], 1);
    let flood = seats(&strangers, [10, 0, 0, 2], MAX_STRANGERS - 1);
    let more = seats(&strangers, [10, 0, 0, 3], 2);
    assert_eq!((gone(&first), gone(&flood), gone(&more)), (vec![], vec![0, 1], vec![]));
    strangers.leave(&flood[5]);
    assert_eq!(gone(&seats(&strangers, [10, 0, 0, 3], 1)), [0; 0]);
    assert_eq!(strangers.0.lock().len(), MAX_STRANGERS);
}

#[test]
fn where_nobody_is_known_the_node_goes_on_with_what_it_works_on() {
    let (strangers, kept) = (Arc::<Strangers>::default(), Arc::<Kept>::default());
    let anybody = || kept_by(&strangers, &kept, &Holder::Anybody);
    let places: Vec<_> = (0..MAX_OF_OPERATOR).map(|_| anybody().1).collect();
    let seats: Vec<_> = places.iter().map(|place| Arc::clone(&place.0.seat)).collect();
    // They have moved nothing for longest.
    let works: Vec<_> = places.iter().take(2).map(|place| place.0.works()).collect();
    let _first = anybody();
    assert_eq!(gone(&seats), [2]);
    // One of them is waited for, and may send nothing more.
    let waits = places[1].0.waits();
    let _second = anybody();
    assert_eq!(gone(&seats), [1, 2]);
    drop((waits, works));
    let _third = anybody();
    assert_eq!(gone(&seats), [0, 1, 2]);
}

#[test]
fn where_the_node_works_for_everybody_a_further_one_is_refused() {
    let (strangers, kept) = (Arc::<Strangers>::default(), Arc::<Kept>::default());
    let anybody = || kept_by(&strangers, &kept, &Holder::Anybody);
    let places: Vec<_> = (0..MAX_OF_OPERATOR).map(|_| anybody().1).collect();
    let seats: Vec<_> = places.iter().map(|place| Arc::clone(&place.0.seat)).collect();
    let mut works: Vec<_> = places.iter().map(|place| place.0.works()).collect();
    assert!(!anybody().0);
    assert_eq!(gone(&seats), [0; 0]);
    works.pop();
    assert!(anybody().0);
    assert_eq!(gone(&seats), [MAX_OF_OPERATOR - 1]);
}

/// Answers each byte with itself, to whom the connection is kept for after the first.
async fn echo(mut stream: TcpStream, place: Place) {
    let mut byte = [0];
    while stream.read_exact(&mut byte).await.is_ok() && place.keep(&Holder::Operator) {
        if stream.write_all(&byte).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn who_has_sent_a_request_is_heard_however_many_come_after() {
    let listening = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    listening.bind(&any.into()).unwrap();
    // They all are there before the first is accepted.
    listening.listen(1024).unwrap();
    listening.set_nonblocking(true).unwrap();
    let listener = TcpListener::from(listening);
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"a").await.unwrap();
    let silent = (0..MAX_STRANGERS + 32).map(|_| std::net::TcpStream::connect(address).unwrap());
    let _silent: Vec<_> = silent.collect();
    let asks = async {
        let mut answer = [0];
        client.read_exact(&mut answer).await.unwrap();
        // It is not cut off after the answer either.
        client.write_all(b"b").await.unwrap();
        client.read_exact(&mut answer).await.unwrap();
        answer
    };
    tokio::select! {
        () = each(listener, "the test", echo) => unreachable!("it accepts for ever"),
        answer = timeout(PATIENCE, asks) => assert_eq!(answer.expect("it is heard"), *b"b"),
    }
}
