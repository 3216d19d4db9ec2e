//! What is sent and what becomes of it: a message has a producer and a number, which say all.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use isolane_queue::{ConsumerSettings, Verdict};

pub(crate) const PRODUCERS: u64 = 8;
/// Numbers of a process begin at a multiple of this.
pub(crate) const ROUND: u64 = 1 << 32;
/// The queue that is consumed, and the one for what fails there.
pub(crate) const QUEUES: [&str; 2] = ["main", "dead"];

/// What names a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) producer: u64,
    pub(crate) number: u64,
}

impl Key {
    /// The body of the message.
    pub(crate) fn body(self) -> Vec<u8> {
        let draw = self.draw();
        let length = match draw % 32 {
            0 => 20_000 + draw % 100_000,
            1..6 => 1_000 + draw % 10_000,
            _ => draw % 200,
        };
        let mut body = format!("{self} ").into_bytes();
        body.extend((0..length).map(|at| (at ^ draw) as u8));
        body
    }

    /// Whose body that is, if it is whole.
    pub(crate) fn of(body: &[u8]) -> Option<Self> {
        let end = body.iter().position(|byte| *byte == b' ')?;
        let key: Self = std::str::from_utf8(&body[..end]).ok()?.parse().ok()?;
        (key.body() == body).then_some(key)
    }

    /// When it is delivered at the earliest, if that is not at once.
    pub(crate) fn delay(self) -> Option<Duration> {
        (self.draw() / 32).is_multiple_of(16).then_some(Duration::from_secs(1))
    }

    /// What a consumer of the first queue says of it.
    pub(crate) fn verdict(self, attempts: u32) -> Verdict {
        match self.draw() / 512 % 8 {
            0 => Verdict::Retry { delay: None },
            1 if attempts == 1 => Verdict::Retry { delay: Some(Duration::from_secs(1)) },
            2 if attempts == 1 => Verdict::Retry { delay: None },
            _ => Verdict::Ack,
        }
    }

    fn draw(self) -> u64 {
        let mut draw = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (self.producer + 1);
        for _ in 0..4 {
            draw ^= draw << 13;
            draw ^= draw >> 7;
            draw ^= draw << 17;
        }
        draw
    }
}

/// How the first queue is consumed.
pub(crate) fn settings() -> ConsumerSettings {
    ConsumerSettings {
        max_retries: 2,
        dead_letter_queue: Some(QUEUES[1].to_owned()),
        ..ConsumerSettings::default()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.producer, self.number)
    }
}

impl FromStr for Key {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (producer, number) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self { producer: producer.parse()?, number: number.parse()? })
    }
}
