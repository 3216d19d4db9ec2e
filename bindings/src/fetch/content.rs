//! Content codings of responses: which ones a body has, what takes each of them off and what that
//! holds of memory (Fetch standard, "handle content codings").
//! Not here: when a body is left as it is (`request.rs` decides by the request's headers), the
//! reading (`content/decoded.rs`).

mod decoded;
mod layer;

use std::io;

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use tokio::io::{AsyncBufRead, AsyncRead};

pub(crate) use decoded::{Decoded, Payer};

/// More than this many codings on top of each other are nobody's honest response.
const MAX_CODINGS: usize = 3;
/// The largest window of the coding `zstd` (RFC 9659): 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;
/// What a decoder of DEFLATE holds: a window of 32 KiB, tables and buffers.
const DEFLATE_BYTES: usize = 64 * 1024;
/// What the others hold beside their window.
const TABLES_BYTES: usize = 256 * 1024;

const LARGE_WINDOW: &str = "it is brotli with a large window, which is no content coding: \
     the server has to compress with a window of 16 MiB at most (lgwin = 24)";

/// One content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Deflate,
    Gzip,
    Zstd,
}

/// A body that can be read.
pub(crate) type BoxRead = Box<dyn AsyncBufRead + Unpin>;

/// The codings of a response, the one applied first at the front; empty if there are none
/// or if one of them is unknown, when the body is to be left as it is.
pub(crate) fn codings(headers: &HeaderMap) -> Vec<Coding> {
    // Some servers announce a coding for a body that is not there.
    if headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0") {
        return Vec::new();
    }
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let Ok(value) = value.to_str() else { return Vec::new() };
        for name in value.split(',').map(str::trim) {
            match name.to_ascii_lowercase().as_str() {
                "" | "identity" => {}
                "br" => codings.push(Coding::Brotli),
                "deflate" => codings.push(Coding::Deflate),
                "gzip" | "x-gzip" => codings.push(Coding::Gzip),
                "zstd" => codings.push(Coding::Zstd),
                _ => return Vec::new(),
            }
        }
    }
    if codings.len() > MAX_CODINGS { Vec::new() } else { codings }
}

/// What takes a coding off a body that begins with these bytes.
fn decoder(coding: Coding, is_zlib: bool, body: BoxRead) -> Box<dyn AsyncRead + Unpin> {
    match coding {
        Coding::Brotli => Box::new(BrotliDecoder::new(body)),
        Coding::Deflate if is_zlib => Box::new(ZlibDecoder::new(body)),
        Coding::Deflate => Box::new(DeflateDecoder::new(body)),
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(body);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Coding::Zstd => {
            let window = [DParameter::window_log_max(ZSTD_WINDOW_LOG)];
            Box::new(ZstdDecoder::with_params(body, &window))
        }
    }
}

/// What a decoder may hold, in bytes, of a body with this first byte: its window and its tables.
///
/// # Errors
///
/// For brotli with a window that is larger than the coding's.
fn held_bytes(coding: Coding, first: u8) -> io::Result<usize> {
    Ok(match coding {
        Coding::Deflate | Coding::Gzip => DEFLATE_BYTES,
        Coding::Brotli => brotli_window_bytes(first)? + TABLES_BYTES,
        Coding::Zstd => (1 << ZSTD_WINDOW_LOG) + TABLES_BYTES,
    })
}

/// The window that the header of brotli asks for (RFC 7932, section 9.1). The decoder would also take
/// "large windows" of up to a gigabyte, which are another format.
fn brotli_window_bytes(first: u8) -> io::Result<usize> {
    let bits = match (first & 1, (first >> 1) & 7, (first >> 4) & 7) {
        (0, _, _) => 16,
        (_, 0, 0) => 17,
        (_, 0, 1) => return Err(io::Error::new(io::ErrorKind::InvalidData, LARGE_WINDOW)),
        (_, 0, more) => 8 + u32::from(more),
        (_, few, _) => 17 + u32::from(few),
    };
    Ok(1 << bits)
}

/// Whether these bytes begin a zlib stream (RFC 1950, section 2.2), as `deflate` should.
/// Servers that send bare DEFLATE under that name are as old as the name.
fn is_zlib(start: &[u8]) -> bool {
    match start {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        [method] => method & 0x0f == 8,
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_compression::tokio::bufread as encode;
    use tokio::io::AsyncReadExt;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    async fn all(mut reader: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn decode(bytes: Vec<u8>, codings: &[Coding]) -> io::Result<Vec<u8>> {
        let body = Box::new(io::Cursor::new(bytes));
        all(Decoded::new(body, codings.to_vec(), None, None)).await
    }

    #[test]
    fn codings_are_read_in_the_order_they_were_applied() {
        let known = headers(&[("content-encoding", "GZIP, br"), ("content-encoding", "zstd")]);
        assert_eq!(codings(&known), [Coding::Gzip, Coding::Brotli, Coding::Zstd]);
    }

    #[test]
    fn a_body_with_an_unknown_coding_or_too_many_or_no_bytes_is_left_alone() {
        assert!(codings(&headers(&[("content-encoding", "gzip, secret")])).is_empty());
        assert!(codings(&headers(&[("content-encoding", "gzip,gzip,gzip,gzip")])).is_empty());
        let empty = headers(&[("content-encoding", "gzip"), ("content-length", "0")]);
        assert!(codings(&empty).is_empty());
    }

    #[tokio::test]
    async fn every_coding_comes_off() {
        let text: &[u8] = b"a text that repeats, a text that repeats, a text that repeats";
        let gzip = all(encode::GzipEncoder::new(text)).await.unwrap();
        let zlib = all(encode::ZlibEncoder::new(text)).await.unwrap();
        let bare = all(encode::DeflateEncoder::new(text)).await.unwrap();
        let brotli = all(encode::BrotliEncoder::new(text)).await.unwrap();
        let zstd = all(encode::ZstdEncoder::new(text)).await.unwrap();
        let both = all(encode::BrotliEncoder::new(gzip.as_slice())).await.unwrap();
        let two_members = [gzip.clone(), gzip.clone()].concat();
        assert_eq!(decode(gzip, &[Coding::Gzip]).await.unwrap(), text);
        assert_eq!(decode(two_members, &[Coding::Gzip]).await.unwrap(), text.repeat(2));
        assert_eq!(decode(zlib, &[Coding::Deflate]).await.unwrap(), text);
        assert_eq!(decode(bare, &[Coding::Deflate]).await.unwrap(), text);
        assert_eq!(decode(brotli, &[Coding::Brotli]).await.unwrap(), text);
        assert_eq!(decode(zstd, &[Coding::Zstd]).await.unwrap(), text);
        assert_eq!(decode(both, &[Coding::Gzip, Coding::Brotli]).await.unwrap(), text);
    }

    #[tokio::test]
    async fn an_empty_body_stays_empty_and_half_a_body_is_an_error() {
        assert!(decode(Vec::new(), &[Coding::Gzip]).await.unwrap().is_empty());
        let mut half = all(encode::GzipEncoder::new(&[7_u8; 1000][..])).await.unwrap();
        half.truncate(half.len() - 6);
        assert!(decode(half, &[Coding::Gzip]).await.is_err());
    }

    #[test]
    fn the_window_of_brotli_is_in_its_first_byte() {
        // 1 bit, 4 bits or 7 bits, in the order of the RFC's table.
        let kib = |first| brotli_window_bytes(first).map(|bytes| bytes / 1024).ok();
        let table = [(0, 64), (0b0000_0001, 128), (0b0011, 256), (0b1001, 2048), (0b1111, 16384)];
        for (first, size) in table {
            assert_eq!(kib(first), Some(size), "{first:#b}");
        }
        assert_eq!((kib(0b010_0001), kib(0b111_0001)), (Some(1), Some(32)));
        assert_eq!(kib(0x11), None);
        assert_eq!(kib(0x91), None);
    }

    #[tokio::test]
    async fn brotli_with_a_large_window_is_refused_before_it_is_decoded() {
        let error = decode(vec![0x11, 0x1e, 0, 0], &[Coding::Brotli]).await.unwrap_err();
        assert!(error.to_string().contains("16 MiB"), "{error}");
    }
}
