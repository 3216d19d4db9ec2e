//! The messages that wait for a shard. What concerns no event is taken first; events are taken in
//! turns between workers, so that nobody waits for the whole queue of another, and whoever had
//! nothing waiting goes before those that had. Not here: waking the shard.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// So many turns of newcomers at a time, while others wait.
const NEWCOMERS_IN_A_ROW: u32 = 3;

/// The messages of one shard.
pub(super) struct Inbox<M> {
    control: VecDeque<M>,
    /// The messages of each worker, in the order of their arrival.
    queues: HashMap<Arc<str>, VecDeque<M>>,
    /// Workers of which nothing waited before.
    newcomers: VecDeque<Arc<str>>,
    /// Workers that have had a turn and still have messages.
    others: VecDeque<Arc<str>>,
    in_a_row: u32,
}

impl<M> Default for Inbox<M> {
    fn default() -> Self {
        Inbox {
            control: VecDeque::new(),
            queues: HashMap::new(),
            newcomers: VecDeque::new(),
            others: VecDeque::new(),
            in_a_row: 0,
        }
    }
}

impl<M> Inbox<M> {
    /// Adds a message of a worker, or one that concerns no worker's turn.
    pub(super) fn push(&mut self, worker: Option<&Arc<str>>, message: M) {
        let Some(worker) = worker else {
            self.control.push_back(message);
            return;
        };
        match self.queues.get_mut(worker) {
            Some(queue) => queue.push_back(message),
            None => {
                self.queues.insert(worker.clone(), VecDeque::from([message]));
                self.newcomers.push_back(worker.clone());
            }
        }
    }

    /// The next message.
    pub(super) fn pop(&mut self) -> Option<M> {
        if let Some(message) = self.control.pop_front() {
            return Some(message);
        }
        let worker = self.next_worker()?;
        let queue = self.queues.get_mut(&worker)?;
        let message = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&worker);
        } else {
            self.others.push_back(worker);
        }
        message
    }

    fn next_worker(&mut self) -> Option<Arc<str>> {
        let may_be_new = self.in_a_row < NEWCOMERS_IN_A_ROW || self.others.is_empty();
        if may_be_new && let Some(worker) = self.newcomers.pop_front() {
            self.in_a_row += 1;
            return Some(worker);
        }
        self.in_a_row = 0;
        self.others.pop_front().or_else(|| self.newcomers.pop_front())
    }

    /// How many such messages of workers wait.
    pub(super) fn count(&self, is_such: impl Fn(&M) -> bool) -> usize {
        self.queues.values().flatten().filter(|message| is_such(message)).count()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.control.is_empty() && self.queues.is_empty()
    }

    /// Takes the messages of all workers, in the order of the turns.
    pub(super) fn take_turns(&mut self) -> Vec<M> {
        let control = std::mem::take(&mut self.control);
        let messages = std::iter::from_fn(|| self.pop()).collect();
        self.control = control;
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(workers: &str) -> Inbox<char> {
        let mut inbox = Inbox::default();
        for worker in workers.chars() {
            push(&mut inbox, worker);
        }
        inbox
    }

    fn push(inbox: &mut Inbox<char>, worker: char) {
        inbox.push(Some(&worker.to_string().into()), worker);
    }

    fn taken(inbox: &mut Inbox<char>) -> String {
        std::iter::from_fn(|| inbox.pop()).collect()
    }

    #[test]
    fn workers_take_turns() {
        assert_eq!(taken(&mut inbox("aaaaabbc")), "abcabaaa");
        assert_eq!(inbox("aaaaabbc").take_turns().len(), 8);
    }

    #[test]
    fn whoever_had_nothing_waiting_goes_first() {
        let mut inbox = inbox("aaabbb");
        inbox.pop();
        inbox.pop();
        push(&mut inbox, 'c');
        assert_eq!(taken(&mut inbox), "cabab");
    }

    #[test]
    fn newcomers_do_not_shut_the_others_out() {
        let mut inbox = inbox("aa");
        inbox.pop();
        for worker in ['b', 'c', 'd', 'e', 'f'] {
            push(&mut inbox, worker);
        }
        assert!(taken(&mut inbox).find('a').is_some_and(|turn| turn <= 3));
    }

    #[test]
    fn what_concerns_no_turn_goes_first_and_stays() {
        let mut inbox = inbox("ab");
        inbox.push(None, 'x');
        assert_eq!(inbox.take_turns(), ['a', 'b']);
        assert!(!inbox.is_empty());
        assert_eq!(taken(&mut inbox), "x");
    }
}
