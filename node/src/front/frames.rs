//! Whether an HTTP/2 client has begun a request's head and not ended it, and how much it sends of
//! bodies: seen in the headers of its frames (RFC 9113 section 4.1). What is in them is for h2 alone.

/// What is left of the connection's preface after its first line (RFC 9113 section 3.4).
const PREFACE_REST: usize = b"\r\nSM\r\n\r\n".len();
const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Where in a connection's frames the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frames {
    /// So many bytes of a payload are left.
    left: usize,
    /// What has come of the next frame's header.
    header: [u8; HEADER_BYTES],
    come: usize,
    /// The payload is of a body.
    in_body: bool,
    in_head: bool,
}

impl Frames {
    /// After the first line of the preface.
    pub(super) fn new() -> Self {
        Self {
            left: PREFACE_REST,
            header: [0; HEADER_BYTES],
            come: 0,
            in_body: false,
            in_head: false,
        }
    }

    /// Whether a head goes on in a further frame.
    pub(super) fn is_in_head(&self) -> bool {
        self.in_head
    }

    /// Looks at the next bytes of the connection. Answers how many of them are bodies'.
    pub(super) fn look_at(&mut self, mut bytes: &[u8]) -> usize {
        let mut body_bytes = 0;
        loop {
            let (passed, rest) = bytes.split_at(self.left.min(bytes.len()));
            self.left -= passed.len();
            if self.in_body {
                body_bytes += passed.len();
            }
            let (header, rest) = rest.split_at(rest.len().min(HEADER_BYTES - self.come));
            for (to, from) in self.header.iter_mut().skip(self.come).zip(header) {
                *to = *from;
            }
            self.come += header.len();
            if self.come < HEADER_BYTES {
                return body_bytes;
            }
            self.begin();
            bytes = rest;
        }
    }

    /// A frame's header is complete.
    fn begin(&mut self) {
        let [first, second, third, kind, flags, ..] = self.header;
        self.left = usize::from(first) << 16 | usize::from(second) << 8 | usize::from(third);
        self.come = 0;
        self.in_body = kind == DATA;
        if kind == HEADERS || kind == CONTINUATION {
            self.in_head = flags & END_HEADERS == 0;
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
            let (mut frames, mut of_bodies) = (Frames::new(), 0);
            for (bytes, expected) in all.iter().zip(expected) {
                of_bodies += bytes.chunks(piece).map(|bytes| frames.look_at(bytes)).sum::<usize>();
                assert_eq!(frames.is_in_head(), expected, "{bytes:?} in pieces of {piece}");
            }
            assert_eq!(of_bodies, 30, "in pieces of {piece}");
        }
    }
}
