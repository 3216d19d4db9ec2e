//! What hyper accepts in the head of an HTTP/1 request and RFC 9112 does not, or what it refuses in
//! a way that says the wrong thing: seen in the bytes before hyper reads them. Requests are framed
//! and judged by hyper and by `front/request.rs`; what is done here can only make a head worse.

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::frames::{Frames, OfBodies};

/// In no part of a head is this byte allowed, so hyper answers 400 and closes.
const NO_BYTE_OF_A_HEAD: u8 = 0;
/// So much of a line that comes in pieces is kept: enough for the fields that frame a body.
const KEPT_BYTES: usize = 64;
const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
const UPGRADE: &[u8] = b"upgrade:";
/// The first line of a connection's preface in HTTP/2 (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// Where in a connection's requests the next byte is.
pub(super) struct Heads {
    place: Place,
    /// The beginning of a line that is not complete.
    line: SmallVec<[u8; KEPT_BYTES]>,
    /// The last byte of the piece before.
    last: u8,
    /// What the head that is being read says of its body.
    body: Body,
    /// Whether it has an `Upgrade`.
    asks: bool,
    /// Whether the head has a line.
    has_line: bool,
    /// How many bytes have come of it.
    unfinished_bytes: usize,
    /// What the last piece has brought to their end.
    complete: Complete,
    /// What it had of bodies.
    of_bodies: OfBodies,
}

/// Heads that are complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Complete {
    pub(super) heads: usize,
    /// What they have together; at least that, once some have been begun.
    pub(super) bytes: usize,
}

impl Complete {
    /// What is left when one of them is begun. The bytes stay, as in hyper's buffer, until none is left.
    pub(super) fn without_one(self) -> Self {
        match self.heads {
            0 | 1 => Self::default(),
            heads => Self { heads: heads - 1, ..self },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    /// Behind a head that asks for an upgrade: what comes may be of another protocol.
    BehindAsk,
    /// So many bytes of a body are left.
    Sized(u64),
    Chunks(Chunks),
    /// It is HTTP/2.
    Frames(Frames),
    /// It is something that hyper refuses: nothing is looked at any more.
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
    /// In a line of the trailers that has so many bytes; what the last byte was.
    Trailer { length: u64, after_cr: bool },
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
            asks: false,
            has_line: false,
            unfinished_bytes: 0,
            complete: Complete::default(),
            of_bodies: OfBodies::default(),
        }
    }
}

impl Heads {
    /// How many bytes have come of a head that is not complete. In HTTP/2, where a few bytes may stand
    /// for many, `most_bytes` while it goes on in a further frame.
    pub(super) fn unfinished_bytes(&self, most_bytes: usize) -> usize {
        match self.place {
            Place::Head => self.unfinished_bytes,
            Place::Frames(frames) if frames.is_in_head() => most_bytes,
            _ => 0,
        }
    }

    /// The heads that the last piece has brought to their end; none in HTTP/2, where all begin at once.
    pub(super) fn complete(&self) -> Complete {
        self.complete
    }

    /// Takes what the last piece had of bodies.
    pub(super) fn take_of_bodies(&mut self) -> OfBodies {
        std::mem::take(&mut self.of_bodies)
    }

    /// Whether what was looked at last ends with a head that asks for an upgrade. Where it gets one, nothing
    /// is to be looked at any more.
    pub(super) fn are_behind_ask(&self) -> bool {
        self.place == Place::BehindAsk
    }

    /// Looks at the next bytes of the connection, and spoils what has to be refused. Answers at how many: at
    /// none that are behind a head that asks for an upgrade.
    pub(super) fn look_at(&mut self, mut bytes: &mut [u8]) -> usize {
        (self.complete, self.of_bodies) = (Complete::default(), OfBodies::default());
        if self.are_behind_ask() {
            self.place = Place::Head;
        }
        let came = bytes.len();
        while !bytes.is_empty() {
            let looked = match self.place {
                Place::Head => self.head(bytes),
                Place::BehindAsk => return came - bytes.len(),
                Place::Sized(left) => {
                    let skipped = left.min(bytes.len() as u64);
                    self.place = match left - skipped {
                        0 => Place::Head,
                        left => Place::Sized(left),
                    };
                    self.of_bodies.bytes += skipped as usize;
                    skipped as usize
                }
                Place::Chunks(chunks) => {
                    let (place, looked) = skip_chunks(chunks, bytes, &mut self.of_bodies.bytes);
                    self.place = place;
                    looked
                }
                Place::Frames(mut frames) => {
                    frames.look_at(bytes, &mut self.of_bodies);
                    self.place = Place::Frames(frames);
                    return came;
                }
                Place::Unknown => return came,
            };
            let (_, rest) = bytes.split_at_mut(looked.min(bytes.len()));
            bytes = rest;
        }
        came
    }

    /// Looks at one line, or at what is there of it. Answers how long that is.
    fn head(&mut self, bytes: &mut [u8]) -> usize {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            let room = KEPT_BYTES.saturating_sub(self.line.len());
            self.line.extend(bytes.iter().copied().take(room));
            self.last = bytes.last().copied().unwrap_or(self.last);
            self.unfinished_bytes += bytes.len();
            return bytes.len();
        };
        self.unfinished_bytes += end + 1;
        let before = end.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(self.last);
        // RFC 9112 section 2.2 lets a recipient take a lone LF for a line's end; who stands before this
        // server may not.
        let spoilt = if before != b'\r' {
            Some(end)
        } else if !self.line_until(end, bytes) {
            // Not its end, which may be the head's: hyper reads a head when it is complete.
            Some(end.checked_sub(2).unwrap_or(end))
        } else {
            None
        };
        if let Some(at) = spoilt {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = NO_BYTE_OF_A_HEAD;
            }
            self.place = Place::Unknown;
        }
        end + 1
    }

    /// One line, which ends with the byte at `end`. Answers whether it may stand.
    fn line_until(&mut self, end: usize, bytes: &mut [u8]) -> bool {
        self.last = 0;
        if self.line.is_empty() {
            let (line, _) = bytes.split_at_mut(end.saturating_sub(1));
            self.line_of(line, true)
        } else {
            let mut line = std::mem::take(&mut self.line);
            let room = KEPT_BYTES.saturating_sub(line.len());
            line.extend(bytes.iter().copied().take(end).take(room));
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            self.line_of(&mut line, false)
        }
    }

    /// One line without its end; `whole` where changing it changes what hyper reads. Answers whether it
    /// may stand.
    fn line_of(&mut self, line: &mut [u8], whole: bool) -> bool {
        if line.is_empty() {
            // Empty lines before a head are passed over (RFC 9112 section 2.2).
            if std::mem::replace(&mut self.has_line, false) {
                self.complete.heads += 1;
                self.complete.bytes += std::mem::take(&mut self.unfinished_bytes);
                let asks = std::mem::take(&mut self.asks);
                self.place = match std::mem::replace(&mut self.body, Body::None) {
                    Body::None | Body::Sized(0) if asks => Place::BehindAsk,
                    Body::None | Body::Sized(0) => Place::Head,
                    Body::Sized(length) => Place::Sized(length),
                    Body::Chunked => Place::Chunks(Chunks::Length(0)),
                };
            }
            return true;
        }
        if !std::mem::replace(&mut self.has_line, true) {
            // Whatever else begins with the word is HTTP/1 to hyper.
            if line == PREFACE {
                self.place = Place::Frames(Frames::new());
            }
            return true;
        }
        let is_cut = !whole && line.len() >= KEPT_BYTES;
        match line.first() {
            // What was kept of it may not be all of its digits.
            Some(b'c' | b'C') if is_field(line, CONTENT_LENGTH) && is_cut => false,
            Some(b'c' | b'C') if is_field(line, CONTENT_LENGTH) => {
                let (_, value) = line.split_at_mut(CONTENT_LENGTH.len());
                let digits = value.trim_ascii();
                let length = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok());
                match length {
                    None => return false,
                    // A length that is said twice is one; with a coding it is refused, see below.
                    Some(length) if self.body != Body::None => {
                        return self.body == Body::Sized(length);
                    }
                    Some(length) => self.body = Body::Sized(length),
                }
                if whole && matches!(length, Some(u64::MAX | 0xffff_ffff_ffff_fffe)) {
                    // hyper says of these two that the head is too long.
                    shorten(value);
                }
                true
            }
            Some(b't' | b'T') if is_field(line, TRANSFER_ENCODING) => {
                // RFC 9112 section 6.1 lets a server go by the chunks where there is a length, too;
                // who stands before it may go by the length.
                !matches!(std::mem::replace(&mut self.body, Body::Chunked), Body::Sized(_))
            }
            Some(b'u' | b'U') => {
                self.asks |= is_field(line, UPGRADE);
                true
            }
            _ => true,
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

/// Goes on in a body in chunks, and spoils what has to be refused. Answers where it is then, and how many
/// bytes that took; adds those that are the body's.
fn skip_chunks(mut chunks: Chunks, bytes: &mut [u8], body_bytes: &mut usize) -> (Place, usize) {
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
                // The line end is not.
                let of_body = |left: u64| left.saturating_sub(LINE_END_BYTES);
                *body_bytes += (of_body(left) - of_body(left - skipped)) as usize;
                chunks = match left - skipped {
                    0 => Chunks::Length(0),
                    left => Chunks::Data(left),
                };
                continue;
            }
            Chunks::Trailer { after_cr: false, .. } if byte == b'\n' => {
                // hyper waits for a CR, so that the line goes on for it.
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = NO_BYTE_OF_A_HEAD;
                }
                return (Place::Unknown, at + 1);
            }
            Chunks::Trailer { length: 0, .. } if byte == b'\n' => return (Place::Head, at + 1),
            Chunks::Trailer { .. } if byte == b'\n' => Some(TRAILER),
            Chunks::Trailer { length, .. } if byte == b'\r' => {
                Some(Chunks::Trailer { length, after_cr: true })
            }
            Chunks::Trailer { length, .. } => {
                Some(Chunks::Trailer { length: length.saturating_add(1), after_cr: false })
            }
        };
        match next {
            Some(next) => chunks = next,
            None => return (Place::Unknown, bytes.len()),
        }
        at += 1;
    }
    (Place::Chunks(chunks), at)
}

/// What ends a chunk.
const LINE_END_BYTES: u64 = b"\r\n".len() as u64;

/// Where a line of the trailers begins.
const TRAILER: Chunks = Chunks::Trailer { length: 0, after_cr: false };

fn after_length(length: u64) -> Chunks {
    match length.checked_add(LINE_END_BYTES) {
        // The last chunk, which is empty.
        Some(LINE_END_BYTES) | None => TRAILER,
        Some(length) => Chunks::Data(length),
    }
}
