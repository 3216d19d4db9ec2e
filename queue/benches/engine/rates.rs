//! How many messages a second are stored, and are stored and delivered, by how many are in a call. A
//! round lasts as long as the command line says. The time of a call is that of one `send`, or of one
//! delivery from taking it to its being settled.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use isolane_queue::{
    Broker as _, ConsumerSettings, ContentType, NewMessage, Queues, SendError, Verdict,
};
use tokio::runtime::Runtime;

use crate::figures::{self, Round};
use crate::{Failed, Options, QUEUE, open};

/// How many messages are in a call.
const BATCHES: [usize; 3] = [1, 10, 100];
/// How many send at a time.
const SENDERS: [usize; 3] = [1, 16, 256];
/// The length of a body, and of a long one.
const BODY_BYTES: usize = 100;
const LONG_BODY_BYTES: usize = 2_000;

/// What the operations work with.
struct Bench<'a> {
    options: &'a Options,
    folder: PathBuf,
    runtime: Runtime,
    queues: Queues,
}

/// Measures all operations.
pub(crate) fn run(folder: &Path, options: &Options) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let queues = open(folder)?;
    runtime.block_on(queues.declare(QUEUE))?;
    let bench = Bench { options, folder: folder.to_owned(), runtime, queues };
    figures::header();
    for senders in SENDERS {
        for batch in BATCHES {
            let name = format!("send {batch}, {senders} at a time");
            bench.operation(&name, || bench.send(batch, BODY_BYTES, senders))?;
        }
    }
    let name = format!("send 100 of {LONG_BODY_BYTES} B");
    bench.operation(&name, || bench.send(100, LONG_BODY_BYTES, 1))?;
    for batch in BATCHES {
        let name = format!("deliver {batch}");
        bench.operation(&name, || bench.deliver(batch, 1))?;
        let name = format!("deliver {batch}, 16 at a time");
        bench.operation(&name, || bench.deliver(batch, 16))?;
    }
    let disk_mib = figures::disk_mib(&bench.folder)?;
    println!("disk {disk_mib} MiB, RSS {} MiB", figures::rss_mib()?);
    Ok(())
}

impl Bench<'_> {
    /// Runs the rounds of one operation, each on an empty queue.
    fn operation(
        &self,
        name: &str,
        round: impl Fn() -> Result<Round, Failed>,
    ) -> Result<(), Failed> {
        if self.options.only.as_ref().is_some_and(|only| !name.contains(only)) {
            return Ok(());
        }
        let mut rounds = Vec::new();
        for _ in 0..self.options.rounds {
            rounds.push(round()?);
            self.runtime.block_on(self.queues.purge(QUEUE))?;
        }
        figures::row(name, &rounds);
        Ok(())
    }

    /// Sends, with so many senders that each wait for their answer before the next call.
    fn send(&self, batch: usize, bytes: usize, senders: usize) -> Result<Round, Failed> {
        let started = Instant::now();
        let ends = started + self.options.round;
        let senders: Vec<_> = (0..senders)
            .map(|sender| {
                let (queues, messages) = (self.queues.clone(), messages(batch, bytes));
                self.runtime.spawn(async move {
                    let from = Arc::from(format!("sender {sender}"));
                    let mut each = Vec::new();
                    while Instant::now() < ends {
                        let began = Instant::now();
                        queues.send(QUEUE, messages.clone(), None, &from).await?;
                        each.push(began.elapsed());
                    }
                    Ok::<Vec<Duration>, SendError>(each)
                })
            })
            .collect();
        let each = self.runtime.block_on(async {
            let mut each = Vec::new();
            for sender in senders {
                each.extend(sender.await??);
            }
            Ok::<Vec<Duration>, Failed>(each)
        })?;
        let all = started.elapsed();
        let info = self.queues.info(QUEUE).ok_or("the queue is gone")?;
        let stored = (each.len() * batch) as u64;
        check(info.metrics.backlog_count == stored, "what was sent is not there")?;
        Ok(Round { each, all, in_each: batch })
    }

    /// Takes and settles what is there, with so many deliveries on their way.
    fn deliver(&self, batch: usize, deliveries: usize) -> Result<Round, Failed> {
        // Enough for the round, and no more than fits in a minute.
        let enough = self.options.round.as_millis() as usize * 20 * batch.min(10);
        let from = Arc::from("sender");
        for _ in 0..enough.div_ceil(100) {
            let messages = messages(100, BODY_BYTES);
            self.runtime.block_on(self.queues.send(QUEUE, messages, None, &from))?;
        }
        let started = Instant::now();
        let ends = started + self.options.round;
        let consumers = (0..deliveries).map(|_| self.consume(batch, ends));
        let consumed = self.runtime.block_on(join_all(consumers));
        let all = started.elapsed();
        let mut each = Vec::new();
        for consumed in consumed {
            each.extend(consumed?);
        }
        Ok(Round { each, all, in_each: batch })
    }

    /// Takes and settles until that moment, or until there is nothing.
    async fn consume(&self, batch: usize, ends: Instant) -> Result<Vec<Duration>, Failed> {
        let settings = ConsumerSettings::default();
        let mut each = Vec::new();
        while Instant::now() < ends {
            let began = Instant::now();
            let Some(delivery) = self.queues.take(QUEUE, batch) else { break };
            let verdicts = vec![Verdict::Ack; delivery.messages.len()];
            self.queues.settle(QUEUE, delivery.lease, verdicts, &settings).await?;
            each.push(began.elapsed());
        }
        Ok(each)
    }
}

/// So many messages of that length.
pub(crate) fn messages(count: usize, bytes: usize) -> Vec<NewMessage> {
    vec![NewMessage::new(ContentType::Bytes, vec![b'm'; bytes]); count]
}

fn check(is_right: bool, what: &str) -> Result<(), Failed> {
    if is_right { Ok(()) } else { Err(what.into()) }
}
