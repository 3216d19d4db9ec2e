//! A file of records or keys on its way to a node: a JSON array, as wrangler has it, or one per
//! line. What a record is, the node knows; here it is any JSON.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::bail;
use bytes::Bytes;
use serde::Deserializer as _;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::admin::client::{Body, from_thread};
use crate::failure::BadArgument;
use crate::progress::Progress;

/// Records are gathered up to so many bytes before they are sent.
const CHUNK_BYTES: usize = 64 << 10;

/// What is wrong with a file, as far as it has been read.
pub(super) struct Fault(oneshot::Receiver<anyhow::Error>);

/// A file that is open to be sent.
pub(super) struct Records {
    reader: Box<dyn BufRead + Send>,
    name: String,
}

impl Records {
    /// Opens a file, or the standard input for `-`; `progress` is told how much has been read.
    pub(super) fn open(path: &Path, progress: &Progress) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            let reader = Box::new(BufReader::new(io::stdin()));
            return Ok(Self { reader, name: "the standard input".to_owned() });
        }
        let name = path.display().to_string();
        let unfit = |error: io::Error| BadArgument(format!("cannot read {name}: {error}"));
        let file = File::open(path).map_err(unfit)?;
        let found = file.metadata().map_err(unfit)?;
        if found.is_dir() {
            return Err(BadArgument(format!("{name} is a folder")).into());
        }
        progress.expect_bytes(found.len());
        let reader = progress.reading(file);
        Ok(Self { reader: Box::new(BufReader::with_capacity(CHUNK_BYTES, reader)), name })
    }

    /// The records as lines, read while they are sent. What is wrong in the file ends them, so that
    /// the node stores what comes before; and then it is known here.
    pub(super) fn into_body(self) -> (Body, Fault) {
        let Self { reader, name } = self;
        let (found, fault) = oneshot::channel();
        let body = from_thread(move |sender| {
            let mut send = |piece| sender.blocking_send(Ok(piece)).is_ok();
            if let Err(error) = copy(reader, &mut send) {
                // Nobody asks for it after another failure.
                let _ = found.send(error.context(name));
            }
        });
        (body, Fault(fault))
    }
}

impl Fault {
    /// The fault, if there was one, with what was done of the file all the same. To be asked when
    /// the body has been read.
    pub(super) async fn check(self, done: &str) -> anyhow::Result<()> {
        match self.0.await {
            Ok(fault) => bail!("{fault:#} (before that, {done})"),
            Err(_) => Ok(()),
        }
    }
}

/// Gives each record of `reader` to `send` as a line, several at a time.
fn copy(reader: impl BufRead, send: &mut dyn FnMut(Bytes) -> bool) -> anyhow::Result<()> {
    let mut lines = Lines { gathered: Vec::new(), send };
    let copied = lines.add_all(reader);
    lines.flush();
    copied
}

/// The first byte that is no white space, which stays to be read. A byte order mark is left out.
fn first_byte(reader: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
            continue;
        }
        match buffer.first() {
            Some(byte) if byte.is_ascii_whitespace() => reader.consume(1),
            byte => return Ok(byte.copied()),
        }
    }
}

struct Lines<'a> {
    gathered: Vec<u8>,
    send: &'a mut dyn FnMut(Bytes) -> bool,
}

impl Lines<'_> {
    fn add_all(&mut self, mut reader: impl BufRead) -> anyhow::Result<()> {
        let is_array = first_byte(&mut reader)? == Some(b'[');
        let mut json = serde_json::Deserializer::from_reader(reader);
        if is_array {
            json.deserialize_seq(EachOf(self))?;
            return Ok(json.end()?);
        }
        for record in json.into_iter::<Box<RawValue>>() {
            if !self.add(&record?) {
                break;
            }
        }
        Ok(())
    }

    /// Adds a record; `false` when nobody wants more.
    fn add(&mut self, record: &RawValue) -> bool {
        // In JSON a line end can only be between tokens.
        let record = record.get().bytes();
        self.gathered.extend(record.map(|byte| match byte {
            b'\n' | b'\r' => b' ',
            byte => byte,
        }));
        self.gathered.push(b'\n');
        self.gathered.len() < CHUNK_BYTES || self.flush()
    }

    fn flush(&mut self) -> bool {
        let chunk = std::mem::take(&mut self.gathered);
        chunk.is_empty() || (self.send)(chunk.into())
    }
}

/// Adds each element of an array as it is read, so that the array is never in memory.
struct EachOf<'a, 'b>(&'a mut Lines<'b>);

impl<'de> Visitor<'de> for EachOf<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        while let Some(record) = records.next_element::<Box<RawValue>>()? {
            if !self.0.add(&record) {
                // Nobody hears of it: the request is over. It only ends the reading.
                return Err(A::Error::custom("nobody wants more"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<String, String> {
        let mut all = Vec::new();
        let mut send = |piece: Bytes| {
            all.extend_from_slice(&piece);
            true
        };
        let copied = copy(text.as_bytes(), &mut send);
        copied.map(|()| String::from_utf8(all).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_array_and_lines_are_the_same() {
        let expected = "{\"key\":\"[a\\n\"}\n{\"b\": 1.50}\n\"c\"\n";
        let array = "\u{feff} [{\"key\":\"[a\\n\"},{\"b\": 1.50} , \"c\"]\n";
        let rows = "{\"key\":\"[a\\n\"}\n\n{\"b\": 1.50}\r\n\"c\"";
        assert_eq!(lines(array).as_deref(), Ok(expected));
        assert_eq!(lines(rows).as_deref(), Ok(expected));
        assert_eq!(lines("[{\"a\":\n1}]").as_deref(), Ok("{\"a\": 1}\n"));
        assert_eq!(lines("").as_deref(), Ok(""));
        assert_eq!(lines("[]").as_deref(), Ok(""));
    }

    #[test]
    fn a_mistake_has_its_place() {
        assert_eq!(lines("[1,\n2").unwrap_err(), "EOF while parsing a list at line 2 column 1");
        assert_eq!(lines("[1] 2").unwrap_err(), "trailing characters at line 1 column 5");
        assert_eq!(lines("{}\n{x}").unwrap_err(), "key must be a string at line 2 column 2");
    }

    #[test]
    fn a_long_array_is_sent_as_it_is_read() {
        let text = format!("[{}0]", "1234567,".repeat(20_000));
        let mut sent = Vec::new();
        let mut send = |piece: Bytes| {
            sent.push(piece.len());
            true
        };
        copy(text.as_bytes(), &mut send).unwrap();
        assert_eq!(sent.iter().sum::<usize>(), 20_000 * 8 + 2);
        assert!(sent.iter().all(|length| *length <= CHUNK_BYTES + 8), "{sent:?}");
    }
}
