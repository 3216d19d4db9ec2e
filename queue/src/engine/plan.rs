//! What jobs come to: which operations, with numbers and times that do not depend on when they are
//! done, and what is refused. Doing them is the business of `tables`.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use queue_rules::check_name;

use crate::clock::milliseconds;
use crate::delivery::Change;
use crate::error::QueueError;
use crate::fate::Fate;
use crate::limits::Limits;
use crate::message::MessageId;

use super::entry::Place;
use super::job::{Job, Sending, Settle};
use super::line::Line;
use super::op::{Op, Put};
use super::schema::{Row, Size};

/// What a message counts for among the bytes of a queue's bound, beside its body.
const MESSAGE_BYTES: u64 = 100;
/// When a message is tried again that its dead-letter queue has no room for.
const WHEN_DEAD_LETTERS_ARE_FULL: Duration = Duration::from_secs(60);

/// What is done for a job.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Why nothing is.
    pub(super) refused: Option<QueueError>,
    /// The number of a queue that is gone.
    pub(super) dropped: Option<u32>,
    /// A queue that is made.
    pub(super) made: Option<(u32, Row)>,
    /// A queue of which something is set.
    pub(super) changed: Option<(u32, Row)>,
    pub(super) ops: Vec<Op>,
}

/// What has to be known of all queues to plan: as it will be after what was planned.
#[derive(Debug, Default)]
pub(super) struct Book {
    queues: HashMap<Arc<str>, Known>,
    next_number: u32,
    /// What all queues count for among the bytes of the bound of all.
    total_bytes: u64,
    ids: Ids,
}

/// A queue.
#[derive(Debug)]
struct Known {
    number: u32,
    row: Row,
    next_seq: u64,
    /// What it counts for among the bytes of its bound.
    taken_bytes: u64,
}

/// Gives identities to messages.
#[derive(Debug, Default)]
struct Ids {
    /// Its keys are random, and other ones in each process.
    state: RandomState,
    next: u64,
}

impl Step {
    fn refused(error: QueueError) -> Self {
        Self { refused: Some(error), ..Self::default() }
    }

    /// The identities of messages that come.
    pub(super) fn ids(&self) -> impl Iterator<Item = MessageId> {
        self.ops.iter().filter_map(|op| match op {
            Op::Put(put) => Some(put.id),
            _ => None,
        })
    }

    /// Whether it changes what queues there are, or what is set of one, which is in no log.
    pub(super) fn is_of_queues(&self) -> bool {
        self.dropped.is_some() || self.made.is_some() || self.changed.is_some()
    }
}

impl Book {
    /// Of no queues yet; the next one gets that number.
    pub(super) fn new(next_number: u32) -> Self {
        Self { next_number, ..Self::default() }
    }

    /// Adds a queue that was read.
    pub(super) fn add(&mut self, number: u32, row: Row, size: Size) {
        let taken_bytes = taken_bytes(size);
        self.total_bytes = self.total_bytes.saturating_add(taken_bytes);
        let name = Arc::clone(&row.name);
        self.queues.insert(name, Known { number, row, next_seq: size.next_seq, taken_bytes });
    }

    /// Takes over how much a queue really has.
    pub(super) fn sized(&mut self, name: &str, number: u32, size: Size) {
        if let Some(known) = self.queues.get_mut(name)
            && known.number == number
        {
            let taken_bytes = taken_bytes(size);
            self.total_bytes = self.total_bytes.saturating_sub(known.taken_bytes);
            self.total_bytes = self.total_bytes.saturating_add(taken_bytes);
            known.taken_bytes = taken_bytes;
        }
    }

    /// What the jobs come to, at that moment.
    pub(super) fn plan(&mut self, jobs: &[Job], limits: &Limits, now_ms: u64) -> Vec<Step> {
        let lease_of = |job: &Job| match job {
            Job::Settle(settle) => Some(settle.lease),
            _ => None,
        };
        let over: HashSet<u64> = jobs.iter().filter_map(lease_of).collect();
        jobs.iter().map(|job| self.step(job, &over, limits, now_ms)).collect()
    }

    /// `over`: the deliveries that the group settles.
    fn step(&mut self, job: &Job, over: &HashSet<u64>, limits: &Limits, now_ms: u64) -> Step {
        match job {
            Job::Send(sending) => self.send(sending, limits, now_ms),
            Job::Settle(settle) => self.settle(settle, limits, now_ms),
            Job::Mark { lease, .. } if over.contains(lease) => Step::default(),
            Job::Mark { line, lease } => mark(line, *lease, |attempts| attempts),
            Job::Release { line, lease } => mark(line, *lease, |before| before.saturating_sub(1)),
            Job::Declare { queue, .. } if self.queues.contains_key(queue) => Step::default(),
            Job::Declare { queue, .. } => match self.make(queue, limits, now_ms) {
                Ok(made) => Step { made: Some(made), ..Step::default() },
                Err(error) => Step::refused(error),
            },
            Job::Set { queue, change, .. } => self.set(queue, *change),
            Job::Purge { queue, .. } => self.purge(queue),
            Job::Delete { queue, .. } => match self.queues.remove(queue) {
                Some(gone) => {
                    self.total_bytes = self.total_bytes.saturating_sub(gone.taken_bytes);
                    Step { dropped: Some(gone.number), ..Step::default() }
                }
                None => Step::refused(QueueError::not_found(queue)),
            },
        }
    }

    fn send(&mut self, sending: &Sending, limits: &Limits, now_ms: u64) -> Step {
        let Some(known) = self.queues.get_mut(&sending.queue) else {
            return Step::refused(QueueError::not_found(&sending.queue));
        };
        let messages = &sending.messages;
        let added = sending.body_bytes() as u64 + messages.len() as u64 * MESSAGE_BYTES;
        let (of_queue, of_all) = (known.taken_bytes + added, self.total_bytes + added);
        if of_queue > limits.queue_bytes || of_all > limits.total_bytes {
            return Step::refused(QueueError::Full);
        }
        (known.taken_bytes, self.total_bytes) = (of_queue, of_all);
        let mut ops = Vec::with_capacity(messages.len());
        for message in messages {
            let of_queue = known.row.settings.delivery_delay();
            let delay = message.delay.or(sending.batch_delay).unwrap_or(of_queue);
            let seq = known.new_seq();
            let place = if delay.is_zero() {
                Place::ready(seq)
            } else {
                Place::timed(now_ms.saturating_add(milliseconds(delay)), seq)
            };
            ops.push(Op::Put(Put {
                queue: known.number,
                place,
                since_ms: now_ms,
                id: self.ids.draw(),
                content_type: message.content_type,
                body: message.body.clone(),
            }));
        }
        Step { ops, ..Step::default() }
    }

    fn settle(&mut self, settle: &Settle, limits: &Limits, now_ms: u64) -> Step {
        let (name, queue) = (&settle.line.name, settle.number);
        if self.queues.get(name).is_none_or(|known| known.number != queue) {
            return Step::refused(QueueError::unknown_lease(name));
        }
        let mut step = Step::default();
        let mut are_full = false;
        for judged in &settle.judged {
            let (place, attempts) = (judged.entry.place, judged.entry.attempts);
            let again = |delay: Duration| {
                let due_ms = now_ms.saturating_add(milliseconds(delay));
                Op::Again { queue, place, due_ms, attempts }
            };
            let op = match (judged.fate, &settle.dead_letter_queue) {
                (Fate::Gone | Fate::Dropped, _) | (Fate::DeadLetter, None) => {
                    Op::Gone { queue, place }
                }
                (Fate::Again { delay }, _) => again(delay),
                (Fate::DeadLetter, Some(dead_letters)) => {
                    let added = u64::from(judged.entry.bytes) + MESSAGE_BYTES;
                    let room = self.room_in(dead_letters, added, &mut step, limits, now_ms);
                    are_full |= room.is_none();
                    room.map_or_else(
                        || again(WHEN_DEAD_LETTERS_ARE_FULL),
                        |(to, seq)| Op::Move { queue, place, to, seq, since_ms: now_ms },
                    )
                }
            };
            step.ops.push(op);
        }
        if are_full {
            tracing::warn!(
                queue = &**name,
                dead_letter_queue = settle.dead_letter_queue.as_deref(),
                "the dead-letter queue is full or cannot be made: messages stay where they are, \
                 and are tried again in a minute"
            );
        }
        step
    }

    /// A place in a dead-letter queue, which is made if there is none: its number and the message's.
    fn room_in(
        &mut self,
        dead_letters: &Arc<str>,
        added: u64,
        step: &mut Step,
        limits: &Limits,
        now_ms: u64,
    ) -> Option<(u32, u64)> {
        if !self.queues.contains_key(dead_letters) {
            step.made = Some(self.make(dead_letters, limits, now_ms).ok()?);
        }
        let known = self.queues.get_mut(dead_letters)?;
        let taken_bytes = known.taken_bytes + added;
        if taken_bytes > limits.queue_bytes {
            return None;
        }
        // That the other queue has so much less is known when it has happened.
        known.taken_bytes = taken_bytes;
        self.total_bytes = self.total_bytes.saturating_add(added);
        Some((known.number, known.new_seq()))
    }

    fn make(
        &mut self,
        name: &Arc<str>,
        limits: &Limits,
        now_ms: u64,
    ) -> Result<(u32, Row), QueueError> {
        check_name(name)?;
        if self.queues.len() >= limits.queues {
            return Err(QueueError::TooMany { most: limits.queues });
        }
        let row = Row::new(name, now_ms);
        let number = self.new_number();
        let known = Known { number, row: row.clone(), next_seq: 1, taken_bytes: 0 };
        self.queues.insert(Arc::clone(name), known);
        Ok((number, row))
    }

    fn set(&mut self, queue: &Arc<str>, change: Change) -> Step {
        let Some(known) = self.queues.get_mut(queue) else {
            return Step::refused(QueueError::not_found(queue));
        };
        let settings = &mut known.row.settings;
        if let Some(delay) = change.delivery_delay {
            settings.delivery_delay_s = seconds(delay);
        }
        if let Some(retention) = change.retention {
            settings.retention_s = seconds(retention);
        }
        if let Some(is_paused) = change.paused {
            settings.is_paused = is_paused;
        }
        Step { changed: Some((known.number, known.row.clone())), ..Step::default() }
    }

    /// A queue that is emptied goes on under another number, so that nothing of what it had is taken for
    /// what it gets.
    fn purge(&mut self, queue: &Arc<str>) -> Step {
        let number = self.next_number;
        let Some(known) = self.queues.get_mut(queue) else {
            return Step::refused(QueueError::not_found(queue));
        };
        self.total_bytes = self.total_bytes.saturating_sub(known.taken_bytes);
        let dropped = Some(known.number);
        (known.number, known.next_seq, known.taken_bytes) = (number, 1, 0);
        let made = Some((number, known.row.clone()));
        self.next_number += 1;
        Step { dropped, made, ..Step::default() }
    }

    fn new_number(&mut self) -> u32 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }
}

impl Known {
    fn new_seq(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }
}

impl Ids {
    fn draw(&mut self) -> MessageId {
        let next = self.next;
        self.next = next.wrapping_add(1);
        let half = |which: u8| u128::from(self.state.hash_one((next, which)));
        MessageId::new((half(0) << 64) | half(1))
    }
}

/// Writes down how many deliveries have begun of messages that are on their way, unless they are not any
/// more. `attempts` makes that of the number which has the present one.
fn mark(line: &Line, lease: u64, attempts: impl Fn(u32) -> u32) -> Step {
    let state = line.state.lock();
    let queue = state.number;
    let ops = state.leased(lease).into_iter().flatten().map(|entry| Op::Mark {
        queue,
        place: entry.place,
        attempts: attempts(entry.attempts),
    });
    Step { ops: ops.collect(), ..Step::default() }
}

fn taken_bytes(size: Size) -> u64 {
    size.bytes.saturating_add(size.count.saturating_mul(MESSAGE_BYTES))
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}
