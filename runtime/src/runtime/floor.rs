//! What slow shards get of a machine that others use up: a small part of one core, in turns. At
//! idle priority alone they would stand still for as long as anybody else wants the cores.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Shared;
use crate::isolate::process;
use crate::shard::ShardHandle;

/// How often slow shards are looked at, and for how long one has its turn.
const TURN: Duration = Duration::from_millis(100);

/// How often it is looked whether there are any.
const IDLE: Duration = Duration::from_secs(1);

/// Slow shards that together got so much CPU time within a turn are not starved.
const LEAST: Duration = Duration::from_millis(10);

/// More urgent than the shards: the thread does little, and does it for those who wait.
const NICE: i32 = -10;

/// Starts the thread; it ends when the runtime does.
pub(super) fn spawn(shared: &Arc<Shared>) -> std::io::Result<()> {
    let weak = Arc::downgrade(shared);
    std::thread::Builder::new().name("floor".to_owned()).spawn(move || watch(&weak))?;
    Ok(())
}

fn watch(shared: &Weak<Shared>) {
    process::set_thread_nice(NICE);
    let mut floor = Floor::default();
    while let Some(shared) = shared.upgrade() {
        let slow = shared.slow.load_full();
        drop(shared);
        floor.look(&slow);
        std::thread::park_timeout(if slow.is_empty() { IDLE } else { TURN });
    }
}

#[derive(Default)]
struct Floor {
    /// The CPU time of each slow shard's thread at the last look, in nanoseconds.
    used_ns: HashMap<u64, u64>,
    /// Whose turn it is.
    lifted: Option<Arc<ShardHandle>>,
    /// The number of the last turn of each.
    turns: HashMap<u64, u64>,
    turn: u64,
}

impl Floor {
    fn look(&mut self, slow: &[Arc<ShardHandle>]) {
        let lifted = self.lifted.take();
        if let Some(thread) = lifted.as_ref().and_then(|shard| shard.thread()) {
            process::make_idle_priority(thread);
        }
        let mut gained_ns = 0;
        let mut used_ns = HashMap::new();
        for shard in slow {
            let Some(pulse) = shard.pulse() else { continue };
            let now_ns = pulse.cpu_ns();
            // What the one got that had its turn says nothing of the others.
            if lifted.as_ref().is_none_or(|lifted| lifted.id() != shard.id()) {
                let before_ns = self.used_ns.get(&shard.id()).copied().unwrap_or(now_ns);
                gained_ns += now_ns.saturating_sub(before_ns);
            }
            used_ns.insert(shard.id(), now_ns);
        }
        self.used_ns = used_ns;
        self.turns.retain(|id, _| self.used_ns.contains_key(id));
        if Duration::from_nanos(gained_ns) >= LEAST {
            return;
        }
        let waiting = slow.iter().filter(|shard| shard.load() > 0);
        let next = waiting.min_by_key(|shard| self.turns.get(&shard.id()).copied());
        let Some((shard, thread)) = next.and_then(|shard| Some((shard, shard.thread()?))) else {
            return;
        };
        if process::lift(thread) {
            self.turn += 1;
            self.turns.insert(shard.id(), self.turn);
            self.lifted = Some(shard.clone());
        }
    }
}
