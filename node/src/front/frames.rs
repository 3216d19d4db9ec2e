//! Whether an HTTP/2 client has begun a request's head and not ended it, how much it sends of bodies,
//! and on which streams they begin and come in small pieces: seen in the headers of its frames, and the
//! length of their padding (RFC 9113 sections 4.1 and 6). What is in them is for h2 alone.

use smallvec::SmallVec;

/// What is left of the connection's preface after its first line (RFC 9113 section 3.4).
const PREFACE_REST: usize = b"\r\nSM\r\n\r\n".len();
const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
/// What of a stream's number counts; the other bit means nothing.
const STREAM: u32 = 0x7fff_ffff;

/// From so many bytes on a piece of a body counts for what is in it alone: it seldom keeps more than twice
/// that, and never more than sixteen times, and the windows of HTTP/2 say how many of them there are.
pub(super) const LARGE_PIECE_BYTES: usize = 4 << 10;

/// Whether a piece of a body with so many bytes costs much beside them. One without any is seldom, as h2
/// sees to.
pub(super) fn is_small(bytes: usize) -> bool {
    (1..LARGE_PIECE_BYTES).contains(&bytes)
}

/// What has come of bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OfBodies {
    /// Without padding.
    pub(super) bytes: usize,
    /// What has come on streams, in its order; nothing in HTTP/1.
    pub(super) seen: SmallVec<[Seen; 4]>,
}

/// Something that has come on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The whole head of a request, which opens the stream.
    Head { stream: u32, has_body: bool },
    /// The beginnings of so many DATA frames that are small without their padding, see [`is_small`].
    Pieces { stream: u32, pieces: usize },
}

impl OfBodies {
    fn see_small_piece(&mut self, of: u32) {
        if let Some(Seen::Pieces { stream, pieces }) = self.seen.last_mut()
            && *stream == of
        {
            *pieces += 1;
        } else {
            self.seen.push(Seen::Pieces { stream: of, pieces: 1 });
        }
    }
}

/// Where in a connection's frames the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frames {
    /// So many bytes of a payload are left.
    left: usize,
    /// What has come of the next frame's header.
    header: [u8; HEADER_BYTES],
    come: usize,
    /// So many of them come first and are a body's.
    left_of_body: usize,
    /// They are a body's and padding: how many are padding is in the next byte.
    is_padded: bool,
    /// The stream that the frame is of.
    stream: u32,
    /// A head goes on in a further frame.
    in_head: bool,
    /// What has come when the head is complete; `None` where it is trailers.
    head: Option<Seen>,
    /// The stream that was opened last; their numbers rise.
    opened: u32,
}

impl Frames {
    /// After the first line of the preface.
    pub(super) fn new() -> Self {
        Self {
            left: PREFACE_REST,
            header: [0; HEADER_BYTES],
            come: 0,
            left_of_body: 0,
            is_padded: false,
            stream: 0,
            in_head: false,
            head: None,
            opened: 0,
        }
    }

    /// Whether a head goes on in a further frame.
    pub(super) fn is_in_head(&self) -> bool {
        self.in_head
    }

    /// Looks at the next bytes of the connection, and adds what of them is bodies'.
    pub(super) fn look_at(&mut self, mut bytes: &[u8], of_bodies: &mut OfBodies) {
        loop {
            if self.is_padded {
                let Some((padding, rest)) = bytes.split_first() else { return };
                bytes = rest;
                self.is_padded = false;
                self.left -= 1;
                self.begin_data(self.left.saturating_sub(usize::from(*padding)), of_bodies);
            }
            let (passed, rest) = bytes.split_at(self.left.min(bytes.len()));
            self.left -= passed.len();
            let of_body = passed.len().min(self.left_of_body);
            self.left_of_body -= of_body;
            of_bodies.bytes += of_body;
            if self.left == 0 && !self.in_head {
                of_bodies.seen.extend(self.head.take());
            }
            let (header, rest) = rest.split_at(rest.len().min(HEADER_BYTES - self.come));
            for (to, from) in self.header.iter_mut().skip(self.come).zip(header) {
                *to = *from;
            }
            self.come += header.len();
            if self.come < HEADER_BYTES {
                return;
            }
            self.begin(of_bodies);
            bytes = rest;
        }
    }

    /// A frame's header is complete.
    fn begin(&mut self, of_bodies: &mut OfBodies) {
        let [first, second, third, kind, flags, stream @ ..] = self.header;
        self.left = usize::from(first) << 16 | usize::from(second) << 8 | usize::from(third);
        self.come = 0;
        self.stream = u32::from_be_bytes(stream) & STREAM;
        let stream = self.stream;
        // Without a payload it is an error, which is h2's.
        self.is_padded = kind == DATA && flags & PADDED != 0 && self.left > 0;
        let is_plain = kind == DATA && flags & PADDED == 0;
        self.begin_data(if is_plain { self.left } else { 0 }, of_bodies);
        if kind == HEADERS {
            // A head on a stream that was opened before is its trailers.
            let head = Seen::Head { stream, has_body: flags & END_STREAM == 0 };
            self.head = (stream > self.opened).then_some(head);
            self.opened = self.opened.max(stream);
        }
        if kind == HEADERS || kind == CONTINUATION {
            self.in_head = flags & END_HEADERS == 0;
        }
    }

    /// So much of a payload is a body's, which is all that a worker gets of it.
    fn begin_data(&mut self, bytes: usize, of_bodies: &mut OfBodies) {
        self.left_of_body = bytes;
        if is_small(bytes) {
            of_bodies.see_small_piece(self.stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1][..], payload].concat()
    }

    fn small_pieces(of_bodies: &OfBodies) -> usize {
        let pieces = |seen: &Seen| match seen {
            Seen::Pieces { pieces, .. } => *pieces,
            Seen::Head { .. } => 0,
        };
        of_bodies.seen.iter().map(pieces).sum()
    }

    #[test]
    fn a_head_is_open_until_a_frame_ends_it_however_the_bytes_come() {
        let settings = frame(4, 0, &[]);
        let data = frame(DATA, 4, &[HEADERS; 30]);
        let (open, goes_on) = (frame(HEADERS, 0, b"abc"), frame(CONTINUATION, 0, &[0; 20]));
        let end = frame(CONTINUATION, END_HEADERS, b"d");
        let whole = frame(HEADERS, END_HEADERS, b"abc");
        let all = [b"\r\nSM\r\n\r\n".to_vec(), settings, whole, data, open, goes_on, end];
        let expected = [false, false, false, false, true, true, false];
        for piece in [1, 2, 7, 1000] {
            let (mut frames, mut of_bodies) = (Frames::new(), OfBodies::default());
            for (bytes, expected) in all.iter().zip(expected) {
                bytes.chunks(piece).for_each(|bytes| frames.look_at(bytes, &mut of_bodies));
                assert_eq!(frames.is_in_head(), expected, "{bytes:?} in pieces of {piece}");
            }
            let counted = (of_bodies.bytes, small_pieces(&of_bodies));
            assert_eq!(counted, (30, 1), "in pieces of {piece}");
        }
    }

    #[test]
    fn pieces_of_bodies_are_small_by_what_is_in_them() {
        let small = |length: usize| {
            let (mut frames, mut of_bodies) = (Frames::new(), OfBodies::default());
            let [.., first, second, third] = length.to_be_bytes();
            let header = [first, second, third, DATA, 0, 0, 0, 0, 1];
            frames.look_at(&[&b"\r\nSM\r\n\r\n"[..], &header].concat(), &mut of_bodies);
            small_pieces(&of_bodies)
        };
        assert_eq!([0, 1, LARGE_PIECE_BYTES - 1].map(small), [0, 1, 1]);
        assert_eq!(small(LARGE_PIECE_BYTES), 0);
        assert!(!is_small(0) && is_small(1) && !is_small(LARGE_PIECE_BYTES));
    }

    #[test]
    fn padding_is_no_part_of_a_body_however_the_bytes_come() {
        let preface = b"\r\nSM\r\n\r\n";
        // What a frame has of a body, its padding, and the pieces that it is.
        let large = LARGE_PIECE_BYTES;
        let small = [(0, 0_u8, 0), (0, 255, 0), (1, 0, 1), (1, 255, 1), (large - 1, 9, 1)];
        let all = small.into_iter().chain([(large, 0, 0), (large, 255, 0)]);
        for (bytes, padding, pieces) in all {
            let length = 1 + bytes + usize::from(padding);
            let [.., first, second, third] = length.to_be_bytes();
            let header = [first, second, third, DATA, PADDED, 0, 0, 0, 1, padding];
            let mut sent = [&preface[..], &header].concat();
            sent.resize(sent.len() + bytes + usize::from(padding), HEADERS);
            // What comes after it has its place.
            sent.extend(frame(HEADERS, 0, b"abc"));
            for piece in [1, 7, 1 << 20] {
                let (mut frames, mut of_bodies) = (Frames::new(), OfBodies::default());
                sent.chunks(piece).for_each(|bytes| frames.look_at(bytes, &mut of_bodies));
                let told = format!("{bytes} and {padding} in pieces of {piece}");
                assert_eq!((of_bodies.bytes, small_pieces(&of_bodies)), (bytes, pieces), "{told}");
                assert!(frames.is_in_head(), "{told}");
            }
        }
    }

    #[test]
    fn a_frame_with_more_padding_than_payload_has_nothing_of_a_body() {
        let (mut frames, mut of_bodies) = (Frames::new(), OfBodies::default());
        let too_much = frame(DATA, PADDED, &[9, 0]);
        let sent = [b"\r\nSM\r\n\r\n".to_vec(), frame(DATA, PADDED, b""), too_much].concat();
        frames.look_at(&sent, &mut of_bodies);
        assert_eq!(of_bodies, OfBodies::default());
    }

    #[test]
    fn what_comes_on_streams_is_seen_when_it_is_complete_however_the_bytes_come() {
        let on = |stream: u8, kind, flags, payload: &[u8]| {
            let mut frame = frame(kind, flags, payload);
            frame[HEADER_BYTES - 1] = stream;
            frame
        };
        let head = |stream: u32, has_body: bool| Seen::Head { stream, has_body };
        let pieces = |stream: u32, pieces: usize| Seen::Pieces { stream, pieces };
        let all = [
            (b"\r\nSM\r\n\r\n".to_vec(), vec![]),
            (on(0, 4, 0, &[]), vec![]),
            (on(1, HEADERS, END_HEADERS, b"abc"), vec![head(1, true)]),
            (on(3, HEADERS, END_HEADERS | END_STREAM, b""), vec![head(3, false)]),
            // What is begun with one frame is complete with another.
            (on(5, HEADERS, END_STREAM, b"abc"), vec![]),
            (on(5, CONTINUATION, END_HEADERS, b"d"), vec![head(5, false)]),
            (on(7, HEADERS, 0, b"abc"), vec![]),
            (on(7, CONTINUATION, 0, b"d"), vec![]),
            (on(7, CONTINUATION, END_HEADERS, b"e"), vec![head(7, true)]),
            (on(1, DATA, 0, b"one").repeat(2), vec![pieces(1, 2)]),
            (on(7, DATA, PADDED, b"\x02one--"), vec![pieces(7, 1)]),
            (on(1, DATA, PADDED | END_STREAM, b"\x02one--"), vec![pieces(1, 1)]),
            (on(7, HEADERS, END_HEADERS | END_STREAM, b"trailers"), vec![]),
            (on(9, HEADERS, END_HEADERS, b"abc"), vec![head(9, true)]),
            (on(9, DATA, END_STREAM, b""), vec![]),
            (on(11, HEADERS, END_HEADERS, b"abc"), vec![head(11, true)]),
        ];
        for piece in [1, 2, 7, 1000] {
            let mut frames = Frames::new();
            for (bytes, expected) in &all {
                let (last, rest) = bytes.split_last().unwrap();
                let mut of_bodies = OfBodies::default();
                rest.chunks(piece).for_each(|bytes| frames.look_at(bytes, &mut of_bodies));
                let is_whole = |seen: &Seen| !matches!(seen, Seen::Pieces { .. });
                assert!(!of_bodies.seen.iter().any(is_whole), "{bytes:?} lacks a byte");
                frames.look_at(&[*last], &mut of_bodies);
                assert_eq!(of_bodies.seen.as_slice(), expected, "{bytes:?} in pieces of {piece}");
            }
        }
    }
}
