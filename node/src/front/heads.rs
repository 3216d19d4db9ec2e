//! What hyper accepts in the head of an HTTP/1 request and RFC 9112 does not, or what it refuses in
//! a way that says the wrong thing: seen in the bytes before hyper reads them. Requests are framed
//! and judged by hyper and by `front/request.rs`; what is done here can only make a head worse.

use smallvec::SmallVec;

/// In no part of a head is this byte allowed, so hyper answers 400 and closes.
const NO_BYTE_OF_A_HEAD: u8 = 0;
/// So much of a line that comes in pieces is kept: enough for the fields that frame a body.
const KEPT_BYTES: usize = 64;
const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";

/// Where in a connection's requests the next byte is.
pub(super) struct Heads {
    place: Place,
    /// The beginning of a line that is not complete.
    line: SmallVec<[u8; KEPT_BYTES]>,
    /// The last byte of the piece before.
    last: u8,
    /// What the head that is being read says of its body.
    body: Body,
    /// Whether the head has a line.
    has_line: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    /// So many bytes of a body are left.
    Sized(u64),
    Chunks(Chunks),
    /// It is HTTP/2, or something that hyper refuses: nothing is looked at any more.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunks {
    /// In the digits of a chunk's length.
    Length(u64),
    /// After them, before the line's end.
    Extension(u64),
    /// So many bytes of a chunk are left, its line end included.
    Data(u64),
    /// In the trailers, where a line has so many bytes.
    Trailer(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    None,
    Sized(u64),
    Chunked,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            place: Place::Head,
            line: SmallVec::new(),
            last: 0,
            body: Body::None,
            has_line: false,
        }
    }
}

impl Heads {
    /// Looks at the next bytes of the connection, and spoils what has to be refused.
    pub(super) fn look_at(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let looked = match self.place {
                Place::Head => self.head(bytes),
                Place::Sized(left) => {
                    let skipped = left.min(bytes.len() as u64);
                    self.place = match left - skipped {
                        0 => Place::Head,
                        left => Place::Sized(left),
                    };
                    skipped as usize
                }
                Place::Chunks(chunks) => {
                    let (place, looked) = skip_chunks(chunks, bytes);
                    self.place = place;
                    looked
                }
                Place::Unknown => return,
            };
            let (_, rest) = bytes.split_at_mut(looked.min(bytes.len()));
            bytes = rest;
        }
    }

    /// Looks at one line, or at what is there of it. Answers how long that is.
    fn head(&mut self, bytes: &mut [u8]) -> usize {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            let room = KEPT_BYTES.saturating_sub(self.line.len());
            self.line.extend(bytes.iter().copied().take(room));
            self.last = bytes.last().copied().unwrap_or(self.last);
            return bytes.len();
        };
        let before = end.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(self.last);
        if before != b'\r' {
            // RFC 9112 section 2.2 lets a recipient take it for a line's end; who stands before
            // this server may not.
            if let Some(byte) = bytes.get_mut(end) {
                *byte = NO_BYTE_OF_A_HEAD;
            }
            self.place = Place::Unknown;
            return end + 1;
        }
        self.last = 0;
        if self.line.is_empty() {
            let (line, _) = bytes.split_at_mut(end.saturating_sub(1));
            self.line_of(line, true);
        } else {
            let mut line = std::mem::take(&mut self.line);
            let room = KEPT_BYTES.saturating_sub(line.len());
            line.extend(bytes.iter().copied().take(end).take(room));
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            self.line_of(&mut line, false);
        }
        end + 1
    }

    /// One line without its end; `whole` where changing it changes what hyper reads.
    fn line_of(&mut self, line: &mut [u8], whole: bool) {
        if line.is_empty() {
            // Empty lines before a head are passed over (RFC 9112 section 2.2).
            if std::mem::replace(&mut self.has_line, false) {
                self.place = match std::mem::replace(&mut self.body, Body::None) {
                    Body::None | Body::Sized(0) => Place::Head,
                    Body::Sized(length) => Place::Sized(length),
                    Body::Chunked => Place::Chunks(Chunks::Length(0)),
                };
            }
            return;
        }
        if !std::mem::replace(&mut self.has_line, true) {
            if line.starts_with(b"PRI ") {
                self.place = Place::Unknown;
            }
            return;
        }
        match line.first() {
            Some(b'c' | b'C') if is_field(line, CONTENT_LENGTH) => {
                let (_, value) = line.split_at_mut(CONTENT_LENGTH.len());
                let digits = value.trim_ascii();
                let length = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
                match length {
                    // hyper says of these two that the head is too long.
                    Some(u64::MAX | 0xffff_ffff_ffff_fffe) if whole => shorten(value),
                    Some(length) if self.body == Body::None => self.body = Body::Sized(length),
                    Some(length) if self.body == Body::Sized(length) => {}
                    // Both: hyper goes by the chunks, and by nothing after this request.
                    Some(_) if self.body == Body::Chunked => {}
                    _ => self.place = Place::Unknown,
                }
            }
            Some(b't' | b'T') if is_field(line, TRANSFER_ENCODING) => self.body = Body::Chunked,
            _ => {}
        }
    }
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len()).is_some_and(|it| it.eq_ignore_ascii_case(name))
}

/// Makes a length that hyper has a meaning of its own for one that is merely far too long.
fn shorten(value: &mut [u8]) {
    if let Some(digit) = value.iter_mut().find(|byte| byte.is_ascii_digit()) {
        *digit = b'0';
    }
}

/// Goes on in a body in chunks. Answers where it is then, and how many bytes that took.
fn skip_chunks(mut chunks: Chunks, bytes: &[u8]) -> (Place, usize) {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = match chunks {
            Chunks::Length(length) => match (char::from(byte).to_digit(16), byte) {
                (Some(digit), _) => {
                    length.checked_mul(16).map(|it| Chunks::Length(it + u64::from(digit)))
                }
                (None, b'\n') => Some(after_length(length)),
                (None, _) => Some(Chunks::Extension(length)),
            },
            Chunks::Extension(length) if byte == b'\n' => Some(after_length(length)),
            Chunks::Extension(length) => Some(Chunks::Extension(length)),
            Chunks::Data(left) => {
                let skipped = left.min((bytes.len() - at) as u64);
                at += skipped as usize;
                chunks = match left - skipped {
                    0 => Chunks::Length(0),
                    left => Chunks::Data(left),
                };
                continue;
            }
            Chunks::Trailer(0) if byte == b'\n' => return (Place::Head, at + 1),
            Chunks::Trailer(_) if byte == b'\n' => Some(Chunks::Trailer(0)),
            Chunks::Trailer(length) if byte == b'\r' => Some(Chunks::Trailer(length)),
            Chunks::Trailer(length) => Some(Chunks::Trailer(length.saturating_add(1))),
        };
        match next {
            Some(next) => chunks = next,
            None => return (Place::Unknown, bytes.len()),
        }
        at += 1;
    }
    (Place::Chunks(chunks), at)
}

fn after_length(length: u64) -> Chunks {
    match length.checked_add(2) {
        // The last chunk, which is empty.
        Some(2) | None => Chunks::Trailer(0),
        Some(length) => Chunks::Data(length),
    }
}

#[cfg(test)]
mod tests {
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
}
