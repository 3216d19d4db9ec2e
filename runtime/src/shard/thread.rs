//! The thread of a shard: its event loop, from start to stop.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::LocalSet;

use super::handle::{Kind, ShardHandle};
use super::message::Message;
use super::{SHARD, Shard};
use crate::fleet::Fleet;
use crate::isolate::pulse::Pulse;
use crate::isolate::{clock, cores, process, stack};
use crate::placement;

/// How much lower than the others those back shards run that start workers of which nothing is
/// known. Not by much: where front shards have all they can do, a start waits for them.
const NEWCOMERS_NICE: i32 = 5;

/// How much lower the check shard runs: nobody's request waits for it.
const CHECK_NICE: i32 = 15;

/// How often a shard looks for isolates that have been idle for too long, and for what any has
/// compiled that no file has.
const SWEEP: Duration = Duration::from_secs(1);

/// Threads of a shard for what blocks: reading and writing code caches. Web Crypto has threads of its
/// own.
const BLOCKING_THREADS: usize = 8;

/// Starts a shard. Its messages wait until the thread is up.
pub(crate) fn spawn(
    index: usize,
    kind: Kind,
    fleet: &Arc<Fleet>,
) -> std::io::Result<Arc<ShardHandle>> {
    start(Arc::new(ShardHandle::new(index, kind)), &kind.to_string(), fleet)
}

/// Starts a slow shard.
pub(crate) fn spawn_slow(index: usize, fleet: &Arc<Fleet>) -> std::io::Result<Arc<ShardHandle>> {
    let handle = Arc::new(ShardHandle::new(index, Kind::Back));
    let _was_slow = handle.make_slow();
    start(handle, "slow", fleet)
}

fn start(
    handle: Arc<ShardHandle>,
    kind: &str,
    fleet: &Arc<Fleet>,
) -> std::io::Result<Arc<ShardHandle>> {
    let index = handle.index();
    let (for_thread, fleet) = (handle.clone(), fleet.clone());
    std::thread::Builder::new()
        .name(format!("{kind}-{index}"))
        .stack_size(stack::STACK_BYTES)
        .spawn(move || run(for_thread, fleet))?;
    Ok(handle)
}

fn run(handle: Arc<ShardHandle>, fleet: Arc<Fleet>) {
    let config = &fleet.services.config;
    // A front shard may have started it.
    cores::use_all();
    match handle.kind() {
        Kind::Front => {
            process::shorten_turns(process::thread_id());
            if config.front_on_cores {
                cores::stay_on_one(handle.index(), config.front_shards);
            }
        }
        Kind::Back if handle.is_slow() => process::make_slow(process::thread_id()),
        Kind::Back if placement::is_steady(&handle, config.back_shards.max(1)) => {
            process::shorten_turns(process::thread_id());
        }
        Kind::Back => process::set_thread_nice(NEWCOMERS_NICE),
        Kind::Check => process::set_thread_nice(CHECK_NICE),
    }
    let watchdog = fleet.watchdog.clone();
    let pulse = Pulse::start(Box::new(move || watchdog.wake()), fleet.turns.clone());
    handle.set_pulse(pulse, process::thread_id());
    let watchdog = fleet.watchdog.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .on_thread_park(clock::thread_sleeps)
        .on_thread_unpark(move || watchdog.wake())
        .on_thread_start(cores::use_all)
        .enable_all()
        .build()
        .expect("a tokio runtime needs only a few file descriptors");
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let shard = Shard::new(handle, fleet);
        SHARD.with(|this| *this.borrow_mut() = Some(shard.clone()));
        shard.replenish();
        tokio::task::spawn_local(sweep(shard.clone()));
        serve(&shard).await;
        shard.clear();
        SHARD.with(|this| *this.borrow_mut() = None);
    });
}

async fn serve(shard: &Rc<Shard>) {
    let handle = shard.handle.clone();
    loop {
        while let Some(message) = handle.take() {
            match message {
                Message::Event(job) => shard.accept(*job),
                Message::Cancel { version, number } => shard.cancel(version, number),
                Message::Warm(version) => shard.warm(&version),
                Message::Check(job) => shard.check(job),
                Message::Retire(version) => shard.retire(version.key),
                Message::End { version } => shard.end(version),
                Message::Evict { version, expel } => shard.evict(version, expel),
                Message::Leave => shard.leave(),
                Message::Run(make) => {
                    tokio::task::spawn_local(make());
                }
            }
            if !handle.is_usable() {
                return;
            }
            // Between two events the isolates' own loops and the sockets get their turn.
            tokio::task::yield_now().await;
        }
        tokio::select! {
            () = handle.arrival() => {}
            () = handle.abandoned().cancelled() => return,
        }
    }
}

async fn sweep(shard: Rc<Shard>) {
    let mut idle_sweeps = 0;
    while shard.handle.is_usable() {
        tokio::time::sleep(SWEEP).await;
        shard.evict_idle();
        shard.keep_late_code();
        if shard.handle.is_slow() {
            idle_sweeps = if shard.handle.load() == 0 { idle_sweeps + 1 } else { 0 };
            shard.fleet.close_slow(&shard.handle, idle_sweeps);
        }
    }
}
