//! What a large backlog costs: sending it, opening the queues with it, and draining it, in time, disk
//! and memory.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isolane_queue::{Broker as _, ConsumerSettings, Queues, Verdict};
use tokio::runtime::Runtime;

use crate::figures::{disk_mib, rss_mib};
use crate::rates::messages;
use crate::{Failed, QUEUE, open};

const BODY_BYTES: usize = 100;
const BATCH: usize = 100;
/// So many batches wait at a time, so that the writer is never without one.
const BATCHES_AT_A_TIME: usize = 64;
/// So many deliveries are on their way at a time.
const DELIVERIES_AT_A_TIME: usize = 8;

/// Shows what a backlog of so many messages costs.
pub(crate) fn run(folder: &Path, count: u64) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let started = Instant::now();
    let queues = open(folder)?;
    runtime.block_on(queues.declare(QUEUE))?;
    show(folder, "opened, empty", started.elapsed(), 0)?;
    let started = Instant::now();
    send(&runtime, &queues, count)?;
    show(folder, "sent", started.elapsed(), count)?;
    let started = Instant::now();
    queues.close();
    drop(queues);
    show(folder, "closed", started.elapsed(), 0)?;
    let started = Instant::now();
    let queues = open(folder)?;
    show(folder, "opened", started.elapsed(), 0)?;
    let started = Instant::now();
    let first = queues.take(QUEUE, BATCH).ok_or("nothing is delivered")?;
    show(folder, "first delivery", started.elapsed(), 0)?;
    queues.release(QUEUE, first.lease);
    let started = Instant::now();
    let drained = drain(&runtime, &queues)?;
    show(folder, "drained", started.elapsed(), drained)?;
    if drained != count {
        return Err(format!("{drained} messages of {count} were delivered").into());
    }
    Ok(())
}

fn send(runtime: &Runtime, queues: &Queues, count: u64) -> Result<(), Failed> {
    let from = Arc::from("sender");
    let mut waiting = VecDeque::new();
    let mut left = usize::try_from(count)?;
    while left > 0 {
        let batch = BATCH.min(left);
        left -= batch;
        waiting.push_back(queues.send(QUEUE, messages(batch, BODY_BYTES), None, &from));
        if waiting.len() == BATCHES_AT_A_TIME
            && let Some(send) = waiting.pop_front()
        {
            runtime.block_on(send)?;
        }
    }
    for send in waiting {
        runtime.block_on(send)?;
    }
    Ok(())
}

fn drain(runtime: &Runtime, queues: &Queues) -> Result<u64, Failed> {
    let settings = ConsumerSettings::default();
    let mut settling = VecDeque::new();
    let mut drained = 0;
    loop {
        let delivery = queues.take(QUEUE, BATCH);
        if let Some(delivery) = &delivery {
            let verdicts = vec![Verdict::Ack; delivery.messages.len()];
            settling.push_back(queues.settle(QUEUE, delivery.lease, verdicts, &settings));
        }
        if (delivery.is_none() || settling.len() == DELIVERIES_AT_A_TIME)
            && let Some(settled) = settling.pop_front()
        {
            drained += runtime.block_on(settled)?.acked as u64;
        }
        if delivery.is_none() && settling.is_empty() {
            return Ok(drained);
        }
    }
}

fn show(folder: &Path, what: &str, took: Duration, messages: u64) -> Result<(), Failed> {
    let (disk, memory) = (disk_mib(folder)?, rss_mib()?);
    let took_s = took.as_secs_f64();
    let rate = match messages {
        0 => String::new(),
        messages => format!("{:.0}/s", messages as f64 / took_s),
    };
    println!("{what:<16} {took_s:>9.3} s {rate:>12}   disk {disk:>6} MiB   RSS {memory:>5} MiB");
    Ok(())
}
