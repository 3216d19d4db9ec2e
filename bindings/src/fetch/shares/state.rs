//! The books of `shares.rs`: who has how many places, who waits for one, who is next, and who has
//! most. Not here: waiting itself.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Bounds, Holder, PRESS_EVERY, Share, Shortage};

#[derive(Default)]
pub(super) struct State {
    taken: usize,
    workers: HashMap<Arc<str>, Worker>,
    /// The workers that wait and are not at their ceiling: by how many they have, and of equals by
    /// how long it is since they got one or began to wait.
    turns: BTreeSet<(usize, u64, Arc<str>)>,
    /// All that have any, by how many that is without those that are being given up.
    having: BTreeSet<(usize, Arc<str>)>,
    next_number: u64,
}

#[derive(Default)]
struct Worker {
    taken: usize,
    waiting: BTreeMap<u64, Wanted>,
    /// The number of the last place that it got, or of the request with which it began to wait.
    since: u64,
    holders: BTreeMap<u64, Arc<dyn Holder>>,
    /// Those that were made to give up their place and still have it.
    leaving: HashSet<u64>,
    /// When another worker last gave one up for this one.
    pressed_ms: Option<u64>,
}

/// A place that somebody waits for.
pub(super) struct Wanted {
    sender: oneshot::Sender<Share>,
    holder: Option<Arc<dyn Holder>>,
}

/// A place that was counted to somebody who waits.
pub(super) struct Granted {
    pub(super) worker: Arc<str>,
    pub(super) number: u64,
    pub(super) sender: oneshot::Sender<Share>,
}

pub(super) enum Asked {
    Granted,
    Queued(oneshot::Receiver<Share>),
}

impl State {
    /// The places that are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Those of one worker.
    pub(super) fn taken_by(&self, name: &Arc<str>) -> usize {
        self.workers.get(name).map_or(0, |worker| worker.taken)
    }

    /// Counts a place to the worker if there is one, else has it wait. Answers the number of the
    /// place or of the request.
    pub(super) fn ask(
        &mut self,
        bounds: &Bounds,
        name: &Arc<str>,
        holder: Option<Arc<dyn Holder>>,
    ) -> Result<(u64, Asked), Shortage> {
        let number = self.next_number;
        self.next_number += 1;
        let taken = self.taken;
        let asked = self.update(bounds, name, |worker| {
            if worker.waiting.is_empty() && bounds.have_room(taken, worker.taken) {
                worker.take(number, holder);
                return Ok(Asked::Granted);
            }
            worker.wait(bounds, number, holder).map(Asked::Queued)
        })?;
        if matches!(asked, Asked::Granted) {
            self.taken += 1;
        }
        Ok((number, asked))
    }

    /// Counts free places to those whose turn it is.
    pub(super) fn grant(&mut self, bounds: &Bounds) -> Vec<Granted> {
        let mut granted = Vec::new();
        // Where there is none for whoever has fewest, there is none for anybody.
        while let Some((taken, _, worker)) = self.turns.first().cloned()
            && bounds.have_room(self.taken, taken)
        {
            let number = self.next_number;
            self.next_number += 1;
            let next = self.update(bounds, &worker, |worker| {
                let (_, Wanted { sender, holder }) = worker.waiting.pop_first()?;
                worker.take(number, holder);
                Some(sender)
            });
            let Some(sender) = next else { break };
            self.taken += 1;
            granted.push(Granted { worker, number, sender });
        }
        granted
    }

    /// Takes a place back. Its holder is to be dropped without the lock.
    pub(super) fn give_back(
        &mut self,
        bounds: &Bounds,
        name: &Arc<str>,
        number: u64,
    ) -> Option<Arc<dyn Holder>> {
        self.taken -= 1;
        self.update(bounds, name, |worker| {
            worker.taken -= 1;
            worker.leaving.remove(&number);
            worker.holders.remove(&number)
        })
    }

    /// Forgets a request that waited, if it still does.
    pub(super) fn leave_queue(
        &mut self,
        bounds: &Bounds,
        name: &Arc<str>,
        number: u64,
    ) -> Option<Wanted> {
        if !self.workers.get(name)?.waiting.contains_key(&number) {
            return None;
        }
        self.update(bounds, name, |worker| worker.waiting.remove(&number))
    }

    /// Whoever is to give up a place for a worker that has few and waits, if somebody is: of the
    /// worker that has most, the one where nothing has happened for longest. That worker keeps at
    /// least as many as this one then has.
    pub(super) fn displace(
        &mut self,
        bounds: &Bounds,
        name: &Arc<str>,
        now_ms: u64,
    ) -> Option<Arc<dyn Holder>> {
        let worker = self.workers.get_mut(name)?;
        let pause_ms = PRESS_EVERY.as_millis() as u64;
        let is_soon = worker.pressed_ms.is_some_and(|last| now_ms < last + pause_ms);
        if is_soon || worker.waiting.is_empty() || !bounds.is_few(worker.taken) {
            return None;
        }
        let (most, greediest) = self.having.last()?.clone();
        if most < worker.taken + 2 {
            return None;
        }
        worker.pressed_ms = Some(now_ms);
        self.update(bounds, &greediest, Worker::displace)
    }

    /// Changes a worker, and keeps the orders and the table as that requires.
    fn update<R>(
        &mut self,
        bounds: &Bounds,
        name: &Arc<str>,
        change: impl FnOnce(&mut Worker) -> R,
    ) -> R {
        let worker = self.workers.entry(name.clone()).or_default();
        if let Some((taken, since)) = worker.turn(bounds) {
            self.turns.remove(&(taken, since, name.clone()));
        }
        self.having.remove(&(worker.has(), name.clone()));
        let result = change(worker);
        if let Some((taken, since)) = worker.turn(bounds) {
            self.turns.insert((taken, since, name.clone()));
        }
        if worker.has() > 0 {
            self.having.insert((worker.has(), name.clone()));
        }
        if worker.taken == 0 && worker.waiting.is_empty() {
            self.workers.remove(name);
        }
        result
    }
}

impl Worker {
    fn take(&mut self, number: u64, holder: Option<Arc<dyn Holder>>) {
        self.taken += 1;
        self.since = number;
        if let Some(holder) = holder {
            self.holders.insert(number, holder);
        }
    }

    fn wait(
        &mut self,
        bounds: &Bounds,
        number: u64,
        holder: Option<Arc<dyn Holder>>,
    ) -> Result<oneshot::Receiver<Share>, Shortage> {
        let (what, waiting) = (bounds.what, self.waiting.len());
        if waiting >= bounds.waiting_per_worker {
            return Err(Shortage::Queue { what, count: self.taken, waiting });
        }
        if waiting == 0 {
            self.since = number;
        }
        let (sender, granted) = oneshot::channel();
        self.waiting.insert(number, Wanted { sender, holder });
        Ok(granted)
    }

    fn displace(&mut self) -> Option<Arc<dyn Holder>> {
        let stillest = self.holders.iter().min_by_key(|(_, holder)| holder.moved_ms());
        let number = stillest.map(|(number, _)| *number)?;
        self.leaving.insert(number);
        self.holders.remove(&number)
    }

    /// Where it stands among those that wait, if it waits and may have one more.
    fn turn(&self, bounds: &Bounds) -> Option<(usize, u64)> {
        let waits = !self.waiting.is_empty() && self.taken < bounds.per_worker;
        waits.then_some((self.taken, self.since))
    }

    /// How many it has, without those that are being given up.
    fn has(&self) -> usize {
        self.taken - self.leaving.len()
    }
}

/// For tests of what is left behind.
#[cfg(test)]
impl State {
    pub(super) fn workers(&self) -> usize {
        self.workers.len()
    }

    /// Whether the orders agree with the table, nobody has more than may be, and nobody waits for
    /// what is there.
    pub(super) fn check(&self, bounds: &Bounds) {
        let taken = self.workers.values().map(|worker| worker.taken).sum::<usize>();
        assert_eq!(taken, self.taken);
        assert!(taken <= bounds.all);
        assert!(self.workers.values().all(|worker| worker.taken <= bounds.per_worker));
        let having = self.workers.iter().filter(|(_, worker)| worker.has() > 0);
        let having: BTreeSet<_> = having.map(|(name, it)| (it.has(), name.clone())).collect();
        assert_eq!(having, self.having);
        let turns = self.workers.iter().filter_map(|(name, worker)| {
            let (taken, since) = worker.turn(bounds)?;
            Some((taken, since, name.clone()))
        });
        assert_eq!(turns.collect::<BTreeSet<_>>(), self.turns);
        let is_idle = |turn: &(usize, u64, Arc<str>)| bounds.have_room(taken, turn.0);
        assert!(!self.turns.iter().any(is_idle), "somebody waits for a place that is free");
    }
}
