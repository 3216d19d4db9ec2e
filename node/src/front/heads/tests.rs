//! What hyper gets to read of what clients send.

use proptest::prelude::*;

use super::*;

/// What hyper gets of bytes that come in pieces of these lengths.
fn looked_at(bytes: &[u8], pieces: &[usize]) -> Vec<u8> {
    let mut heads = Heads::default();
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    for piece in pieces.iter().copied().chain([usize::MAX]) {
        let (piece, after) = rest.split_at_mut(piece.min(rest.len()));
        heads.look_at(piece);
        rest = after;
    }
    bytes
}

#[test]
fn a_line_end_without_its_first_byte_is_spoilt() {
    for request in [
        "GET / HTTP/1.1\nHost: a.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.test\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\n\nGET / HTTP/1.1\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\nGET /\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\nC: d\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
        "PRI / HTTP/1.1\r\nHost: a.test\n\r\n",
    ] {
        let looked = looked_at(request.as_bytes(), &[]);
        assert_eq!(looked.iter().filter(|byte| **byte == 0).count(), 1, "{request:?}");
    }
}

#[test]
fn a_length_that_means_something_to_hyper_is_merely_too_long() {
    let request = "POST / HTTP/1.1\r\ncontent-LENGTH:  18446744073709551615\r\n\r\n";
    let looked = looked_at(request.as_bytes(), &[]);
    let looked = std::str::from_utf8(&looked).unwrap();
    assert!(looked.ends_with(":  08446744073709551615\r\n\r\n"), "{looked}");
}

#[test]
fn a_head_with_a_length_and_a_coding_is_spoilt() {
    let (length, coding) = ("Content-Length: 3\r\n", "transfer-encoding: chunked\r\n");
    for (first, second) in [(length, coding), (coding, length)] {
        let request = format!("POST / HTTP/1.1\r\n{first}{second}\r\n0\r\n\r\n");
        let line_end = "POST / HTTP/1.1\r\n".len() + first.len() + second.len() - 1;
        // The head is still complete, unless its last bytes come one by one.
        for (pieces, at) in [
            (vec![], line_end - 2),
            (vec![40, 3], line_end - 2),
            (vec![1; request.len()], line_end),
        ] {
            let looked = looked_at(request.as_bytes(), &pieces);
            assert_eq!(looked.iter().position(|byte| *byte == 0), Some(at), "{request}");
        }
    }
}

#[test]
fn a_length_is_never_read_in_part() {
    let request = format!("POST / HTTP/1.1\r\nContent-Length:{:60}\r\n\r\n", 12345);
    assert_eq!(looked_at(request.as_bytes(), &[]), request.as_bytes());
    assert_eq!(looked_at(request.as_bytes(), &[20]).iter().filter(|it| **it == 0).count(), 1);
}

#[test]
fn what_has_come_of_a_head_counts_until_it_is_complete() {
    let mut heads = Heads::default();
    let mut bytes = |text: &str| {
        heads.look_at(&mut text.as_bytes().to_vec());
        heads.unfinished_bytes(1000)
    };
    assert_eq!(bytes("GET / HT"), 8);
    assert_eq!(bytes("TP/1.1\r\nA: b"), 20);
    assert_eq!(bytes("\r\n\r\nGET"), 3);
    assert_eq!(bytes(" / HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET"), 0);
    assert_eq!(bytes(" / HTT\r\n"), 2);
    assert_eq!(bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 0);
    assert_eq!(bytes("\0\0\x01\x01\0\0\0\0\x01a"), 1000);
    assert_eq!(bytes("\0\0\x01\x09\x04\0\0\0\x01a"), 0);
}

#[test]
fn what_a_piece_has_of_complete_heads_and_of_bodies_is_counted() {
    let mut heads = Heads::default();
    let mut seen = |text: &str| {
        heads.look_at(&mut text.as_bytes().to_vec());
        (heads.complete().heads, heads.complete().bytes, heads.take_of_bodies().bytes)
    };
    assert_eq!(seen("GET / HTTP/1.1\r\n"), (0, 0, 0));
    let (post, get) = ("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", "GET / HTTP/1.1\r\n\r\n");
    assert_eq!(seen("\r\n"), (1, get.len(), 0));
    assert_eq!(seen(&[get, get, post, "1234"].concat()), (3, 2 * get.len() + post.len(), 4));
    assert_eq!(seen("56789"), (0, 0, 5));
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(seen(&[chunked, "5;a\r\n12"].concat()), (1, chunked.len(), 2));
    assert_eq!(seen("345\r"), (0, 0, 3));
    assert_eq!(seen(&["\n1\r\n1\r\n0\r\n\r\n", get].concat()), (1, get.len(), 1));
    assert_eq!(seen("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), (0, 0, 0));
    assert_eq!(seen("\0\0\x03\0\0\0\0\0\x01ab"), (0, 0, 2));
}

#[test]
fn http_2_is_left_alone() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\n\n";
    assert_eq!(looked_at(preface, &[]), preface);
    assert_eq!(looked_at(preface, &[1, 1, 1, 7]), preface);
}

/// A well-formed request: its head, and its body.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let fields = prop::collection::vec("(?-u)[D-Zd-z-]{1,30}: [ -~]{0,90}\r\n", 0..4);
    let sized = prop::collection::vec(any::<u8>(), 0..80).prop_map(|body| {
        let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend(body);
        bytes
    });
    let chunks = prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..4);
    let chunked = (chunks, "(;[a-z]{0,9})?", "(A: b\r\n)?").prop_map(|(chunks, more, end)| {
        let mut bytes = b"transfer-encoding: chunked\r\n\r\n".to_vec();
        for chunk in chunks {
            bytes.extend(format!("{:X}{more}\r\n", chunk.len()).into_bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(format!("0\r\n{end}\r\n").into_bytes());
        bytes
    });
    let body = prop_oneof![Just(b"\r\n".to_vec()), sized, chunked];
    ("(GET|POST) /[a-z]{0,80} HTTP/1.1\r\n", fields, body).prop_map(|(line, fields, body)| {
        [line.into_bytes(), fields.concat().into_bytes(), body].concat()
    })
}

proptest! {
    #[test]
    fn well_formed_requests_pass_and_what_is_after_them_is_seen(
        requests in prop::collection::vec(request(), 1..5),
        pieces in prop::collection::vec(1..50usize, 0..60),
    ) {
        let mut bytes = requests.concat();
        prop_assert_eq!(&looked_at(&bytes, &pieces), &bytes);
        // Whatever the bodies were, the next head is found.
        bytes.extend(b"GET / HTTP/1.1\n");
        let looked = looked_at(&bytes, &pieces);
        prop_assert_eq!(looked.last(), Some(&0));
        prop_assert_eq!(looked.split_last().unwrap().1, bytes.split_last().unwrap().1);
    }

    #[test]
    fn no_bytes_are_too_odd(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        pieces in prop::collection::vec(0..9usize, 0..20),
    ) {
        prop_assert_eq!(looked_at(&bytes, &pieces).len(), bytes.len());
    }
}

#[test]
fn what_is_behind_a_head_that_asks_for_an_upgrade_is_not_looked_at() {
    let cases = [
        ("GET / HTTP/1.1\r\nUpGrade: x\r\nHost: a.test\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nUpgrade: x\r\nContent-Length: 0\r\n\r\n", true),
        ("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nupgrade:\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nUpgrades: x\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nx", false),
        ("GET / HTTP/1.1\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\nxGET / HTTP/1.1\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false),
    ];
    for (sent, asks) in cases {
        for piece in [1, 7, usize::MAX] {
            let mut heads = Heads::default();
            let mut bytes = sent.as_bytes().to_vec();
            let seen: usize =
                bytes.chunks_mut(piece.min(sent.len())).map(|piece| heads.look_at(piece)).sum();
            assert_eq!((seen, heads.are_behind_ask()), (sent.len(), asks), "{sent:?}");
        }
        // Where it gets none, what follows is looked at.
        let mut bytes = format!("{sent}GET / HTTP/1.1\n").into_bytes();
        let mut heads = Heads::default();
        let seen = heads.look_at(&mut bytes);
        assert_eq!(seen == sent.len(), asks, "{sent:?}");
        let (_, rest) = bytes.split_at_mut(seen);
        heads.look_at(rest);
        assert!(bytes.ends_with(&[NO_BYTE_OF_A_HEAD]), "{sent:?}");
    }
}
