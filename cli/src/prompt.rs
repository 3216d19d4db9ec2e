//! What a person is asked on the terminal: a question, or a secret that nobody sees.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, bail};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};

use crate::failure::BadArgument;

/// The longest secret that is read.
const MAX_SECRET_BYTES: u64 = 1 << 20;

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const CTRL_U: u8 = 0x15;
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

/// Asks whether to go on; anything but yes is an error that says what did not happen. Where nobody
/// can be asked, `what` happens only by `--yes`.
pub(crate) fn confirm(question: &str, what: &str, otherwise: &'static str) -> anyhow::Result<()> {
    let mut stderr = io::stderr();
    if !io::stdin().is_terminal() || !stderr.is_terminal() {
        let message = format!("{what}: say --yes where nobody can be asked");
        return Err(BadArgument(message).into());
    }
    write!(stderr, "{question} [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => bail!(otherwise),
    }
}

/// Reads a secret: typed by a person, who does not see it, or else all of the standard input
/// without the line end at its end.
pub(crate) fn secret(name: &str) -> anyhow::Result<String> {
    let text = if io::stdin().is_terminal() { typed(name)? } else { piped(name)? };
    match text.is_empty() {
        true => {
            Err(BadArgument(format!("expected {name} on the standard input, found nothing")).into())
        }
        false => Ok(text),
    }
}

fn piped(name: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = io::stdin().take(MAX_SECRET_BYTES).read_to_string(&mut text);
    read.with_context(|| format!("cannot read {name} from the standard input"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn typed(name: &str) -> anyhow::Result<String> {
    let mut stderr = io::stderr();
    write!(stderr, "{name}: ")?;
    stderr.flush()?;
    let silence = Silence::begin().context("cannot hide what is typed")?;
    let line = line(io::stdin().lock().bytes());
    drop(silence);
    writeln!(stderr)?;
    let line = line?.context("interrupted")?;
    String::from_utf8(line).context("what was typed is no text")
}

/// A line of keys; `None` when the person wants none of it.
fn line(keys: impl Iterator<Item = io::Result<u8>>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    for key in keys {
        match key? {
            b'\n' | b'\r' | CTRL_D => break,
            CTRL_C => return Ok(None),
            CTRL_U => line.clear(),
            BACKSPACE | DELETE => {
                // The rest of a character goes with its first byte.
                while line.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
            }
            key => line.push(key),
        }
    }
    Ok(Some(line))
}

/// A terminal that shows nothing and takes each key as one, until this is dropped. An interrupt
/// is a key, too, so that it cannot leave the terminal in this state.
struct Silence(Termios);

impl Silence {
    fn begin() -> rustix::io::Result<Self> {
        let before = termios::tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        termios::tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nothing else to try.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Option<String> {
        let line = line(keys.iter().copied().map(Ok)).unwrap();
        line.map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn keys_make_a_line() {
        assert_eq!(typed(b"abc\nrest").as_deref(), Some("abc"));
        assert_eq!(typed("aü\u{7f}b\u{8}c\r".as_bytes()).as_deref(), Some("ac"));
        assert_eq!(typed(b"wrong\x15right\x04").as_deref(), Some("right"));
        assert_eq!(typed(b"\x7f\x7fa").as_deref(), Some("a"));
        assert_eq!(typed(b"abc\x03\n"), None);
    }
}
