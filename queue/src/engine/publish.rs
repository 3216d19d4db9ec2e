//! Making known what is on disk: first to those who take messages, then to those who wait for an
//! answer.

use std::collections::HashMap;
use std::sync::Arc;

use crate::delivery::{Sent, Settled};
use crate::fate::Fate;

use super::entry::Entry;
use super::job::{Job, Settle};
use super::line::{Line, State};
use super::machine::{Done, Keeper, Outcome};
use super::plan::Step;
use super::schema::{Row, Size};
use super::tables::{Effect, Measured};

impl Keeper {
    /// Makes a committed group known, and answers it.
    pub(super) fn make_known(&mut self, group: Vec<Job>, outcome: Outcome) {
        let Outcome { done, sizes } = outcome;
        self.take_sizes(&sizes);
        for (job, mut done) in group.into_iter().zip(done) {
            self.know_queues(&done.step, &sizes);
            match done.step.refused.take() {
                Some(error) => {
                    if let Job::Send(sending) = &job {
                        self.shared.figures.refused(sending.messages.len());
                    }
                    job.refuse(error);
                }
                None => self.answer(job, &done),
            }
        }
    }

    /// Takes over how much those queues have that were there before.
    pub(super) fn take_sizes(&mut self, sizes: &HashMap<u32, Measured>) {
        for (number, sized) in sizes {
            let Some(line) = self.lines.get(number) else { continue };
            let mut state = line.state.lock();
            if state.number == *number {
                state.sized(sized);
                self.book.sized(&line.name, *number, sized.size);
            }
        }
    }

    /// Takes note of queues that have come, are emptied or are gone, or of which something is set.
    fn know_queues(&mut self, step: &Step, sizes: &HashMap<u32, Measured>) {
        let before = step.dropped.and_then(|number| self.lines.remove(&number));
        if let Some((number, row)) = &step.made {
            let line = match &before {
                Some(line) => {
                    line.state.lock().emptied(*number, row);
                    Arc::clone(line)
                }
                None => self.come(*number, row),
            };
            if let Some(sized) = sizes.get(number) {
                line.state.lock().sized(sized);
                self.book.sized(&line.name, *number, sized.size);
            }
            line.tell();
            self.lines.insert(*number, line);
        } else if let Some(gone) = before {
            self.shared.go(&gone.name);
        }
        if let Some((number, row)) = &step.changed
            && let Some(line) = self.lines.get(number)
        {
            let mut state = line.state.lock();
            state.settings = row.settings;
            // What has expired may not have, and the reverse.
            state.close_windows();
            drop(state);
            line.tell();
        }
    }

    fn come(&self, number: u32, row: &Row) -> Arc<Line> {
        let state = State::new(number, row, Size::default(), None);
        let line = Arc::new(Line::new(&row.name, state));
        self.shared.come(&line);
        line
    }

    fn answer(&self, job: Job, done: &Done) {
        // Who does not wait any more needs no answer.
        let _unwanted = match job {
            Job::Send(sending) => {
                self.shared.figures.sent(sending.messages.len());
                let line = self.shared.line(&sending.queue);
                let metrics = line.map(|line| {
                    let mut state = line.state.lock();
                    done.effects.iter().for_each(|effect| arrive(&mut state, *effect));
                    let metrics = state.metrics();
                    drop(state);
                    line.tell();
                    metrics
                });
                let ids = done.step.ids().collect();
                let sent = Sent { ids, metrics: metrics.unwrap_or_default() };
                sending.reply.send(Ok(sent)).is_err()
            }
            Job::Settle(settle) => {
                let settled = self.settled(&settle, &done.effects);
                self.shared.figures.settled(settled);
                settle.reply.send(Ok(settled)).is_err()
            }
            Job::Mark { .. } => false,
            Job::Release { line, lease } => {
                line.release(lease);
                false
            }
            Job::Purge { reply, .. } => reply.send(Ok(done.dropped.count)).is_err(),
            Job::Declare { reply, .. } | Job::Set { reply, .. } | Job::Delete { reply, .. } => {
                reply.send(Ok(())).is_err()
            }
        };
    }

    /// Takes note of the end of a delivery, and counts what came of it.
    fn settled(&self, settle: &Settle, effects: &[Effect]) -> Settled {
        let mut settled = Settled::default();
        let mut is_whole = true;
        let mut state = settle.line.state.lock();
        let is_same = state.number == settle.number;
        if is_same {
            state.end(settle.lease);
        }
        let mut dead = Vec::new();
        for (judged, effect) in settle.judged.iter().zip(effects) {
            match (judged.fate, *effect) {
                (Fate::Gone, Effect::Gone(_)) => settled.acked += 1,
                (_, Effect::Gone(_)) => settled.dropped += 1,
                (_, Effect::Again(entry)) => {
                    settled.retried += 1;
                    if is_same {
                        state.arrived(entry);
                    }
                }
                (_, Effect::Moved(entry)) => {
                    settled.dead_lettered += 1;
                    dead.push(entry);
                }
                (_, Effect::Nothing | Effect::Put(_) | Effect::Marked) => is_whole = false,
            }
        }
        if !is_whole && is_same {
            // A settling that failed may have come to the disk: what is where is read again.
            state.close_windows();
        }
        drop(state);
        settle.line.tell();
        if let Some(queue) = settle.dead_letter_queue.as_ref().filter(|_| !dead.is_empty())
            && let Some(line) = self.shared.line(queue)
        {
            let mut state = line.state.lock();
            dead.into_iter().for_each(|entry| state.arrived(entry));
            drop(state);
            line.tell();
        }
        settled
    }

    /// Takes note of messages of a queue that have expired.
    pub(super) fn know_expired(&self, number: u32, gone: &[Entry]) {
        self.shared.figures.expired(gone.len());
        if let Some(line) = self.lines.get(&number) {
            let mut state = line.state.lock();
            gone.iter().for_each(|entry| state.left(entry.place));
        }
    }
}

/// Takes note of a message that has come.
fn arrive(state: &mut State, effect: Effect) {
    if let Effect::Put(entry) = effect {
        state.arrived(entry);
    }
}
