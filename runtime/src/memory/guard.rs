//! The thread that watches the node's memory and its mappings, and acts before they are used up.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::admission::{self, Looks};
use super::measure::Measure;
use super::programs::LeavingPrograms;
use super::trimming::Trimming;
use super::{Holding, Tenancy, mappings_limit, system};
use crate::fleet::Fleet;
use crate::incident::{Incident, IncidentKind, Resource};
use crate::isolate::process;
use crate::outcome::Failure;
use crate::services::Services;
use crate::shard::Message;
use crate::watchdog;

/// How often memory is looked at: often enough that what two cores can fill meanwhile fits in
/// between the steps.
const TICK: Duration = Duration::from_millis(20);
/// The same where less than half is in use.
const CALM_TICK: Duration = Duration::from_millis(100);

/// Idle isolates are evicted from this share of the ceiling on, in percent.
const EVICT_FROM: usize = 85;
/// So many are evicted that this share is in use.
const EVICT_TO: usize = 75;
/// From this share of the ceiling on the worker that has the most loses its isolates.
const EXPEL_FROM: usize = 95;

/// Of the mappings that the system allows, in percent, as above.
const EVICT_FROM_MAPPINGS: usize = 50;
const EXPEL_FROM_MAPPINGS: usize = 70;
/// Fewer mappings than these are no reason to blame anybody.
const MAPPINGS_OF_NOTE: usize = 256;
/// Less memory than this share of the ceiling, in percent, is no reason to blame anybody.
const SHARE_OF_NOTE: usize = 5;
/// So many bytes in no worker's account are a reason to ask clients for some, where that share is more: it
/// may be gigabytes on a large node, and one client's.
const CLIENTS_OF_NOTE: usize = 64 << 20;

/// How often mappings are counted, at most; and of the time it takes, what passes in between.
const COUNT_EVERY: Duration = Duration::from_millis(250);
const COUNT_SHARE: u32 = 50;

/// What is evicted or expelled has so long to be gone before anything else is.
const SETTLE: Duration = Duration::from_millis(500);
/// A worker that was expelled gets no isolate for so long.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// Memory that no worker's account explains and that stays for so long is lost: clients that take
/// nothing have been given up by then, and free memory went back to the system.
const FOREIGN_FOR_LONG: Duration = Duration::from_secs(90);
/// What the node's own caches may come to have, which no worker's account explains either: of KV and
/// its pages, of decoded source maps and of compiled code, as they are by default.
const OWN_CACHES: usize = 1 << 30;
/// Between two reports that nothing can be done.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// An isolate with less than this, in bytes, is small: its eviction is counted (`eviction.rs`), and no
/// incident.
const EVICTION_OF_NOTE: usize = 16 << 20;

/// Starts the thread; it ends when the runtime does.
pub(crate) fn spawn(fleet: &Arc<Fleet>) -> std::io::Result<()> {
    let weak = Arc::downgrade(fleet);
    std::thread::Builder::new().name("memory".to_owned()).spawn(move || watch(&weak))?;
    Ok(())
}

fn watch(fleet: &Weak<Fleet>) {
    let mut guard = Guard::new();
    loop {
        let Some(fleet) = fleet.upgrade() else { return };
        let pause = guard.look(&fleet);
        drop(fleet);
        std::thread::park_timeout(pause);
    }
}

struct Guard {
    /// What was told to go: it counts as gone until it has had its time.
    leaving: Vec<(Weak<Holding>, Instant)>,
    /// The programs that go with it.
    leaving_programs: LeavingPrograms,
    count_at: Instant,
    report_at: Instant,
    /// What of the memory in use is in no worker's account; `None` while the accounts are not of this
    /// moment, because a slice does not come to its look.
    foreign: Option<usize>,
    /// Since when that is most of it and too much.
    foreign_since: Option<Instant>,
    trimming: Trimming,
    looks: Looks,
}

impl Guard {
    fn new() -> Guard {
        let now = Instant::now();
        Guard {
            leaving: Vec::new(),
            leaving_programs: LeavingPrograms::default(),
            count_at: now,
            report_at: now,
            foreign: None,
            foreign_since: None,
            trimming: Trimming::new(now),
            looks: Looks::default(),
        }
    }

    /// Looks once; answers how long to wait.
    fn look(&mut self, fleet: &Fleet) -> Duration {
        let services = &*fleet.services;
        let memory = &services.memory;
        let now = Instant::now();
        self.leaving.retain(|(holding, until)| holding.strong_count() > 0 && now < *until);
        if self.leaving_programs.forget(now) {
            self.trimming.want();
        }
        let ceiling = memory.ceiling_bytes;
        let used = system::resident_bytes().unwrap_or_default();
        self.looks.look(used);
        memory.measure_height(used);
        if used < ceiling / 100 * EXPEL_FROM {
            self.foreign_since = None;
        }
        self.foreign = None;
        if !watchdog::is_any_deaf(&fleet.all_shards()) {
            let outgoing = usize::try_from(services.outgoing.bytes()).unwrap_or(usize::MAX);
            memory.explain(used, outgoing, fleet.abandoned() > 0);
            self.foreign = Some(memory.foreign.load(Ordering::Relaxed));
        }
        self.act(
            services,
            Measure {
                resource: Resource::Memory,
                of: Tenancy::bytes,
                used,
                coming: admission::coming_bytes(),
                evict_from: ceiling / 100 * EVICT_FROM,
                evict_to: ceiling / 100 * EVICT_TO,
                expel_from: ceiling / 100 * EXPEL_FROM,
                of_note: ceiling / 100 * SHARE_OF_NOTE,
                of_note_in_one: EVICTION_OF_NOTE,
            },
        );
        if self.trimming.is_time(&memory.trims, now, !self.leaving.is_empty()) {
            process::trim_memory();
        }
        if now >= self.count_at {
            self.count_mappings(services);
        }
        if used * 2 < ceiling { CALM_TICK } else { TICK }
    }

    fn count_mappings(&mut self, services: &Services) {
        let began = Instant::now();
        let mappings = system::mappings().unwrap_or_default();
        self.count_at = Instant::now() + COUNT_EVERY.max(began.elapsed() * COUNT_SHARE);
        let limit = mappings_limit();
        self.act(
            services,
            Measure {
                resource: Resource::Mappings,
                of: Tenancy::mappings,
                used: mappings,
                coming: 0,
                evict_from: limit / 100 * EVICT_FROM_MAPPINGS,
                evict_to: limit / 100 * EVICT_FROM_MAPPINGS,
                expel_from: limit / 100 * EXPEL_FROM_MAPPINGS,
                of_note: MAPPINGS_OF_NOTE,
                of_note_in_one: MAPPINGS_OF_NOTE,
            },
        );
    }

    fn act(&mut self, services: &Services, measure: Measure) {
        if measure.expected() < measure.evict_from {
            measure.is_lost(&services.memory).store(false, Ordering::Relaxed);
            return;
        }
        if let Resource::Memory = measure.resource
            && services.memory.is_short()
        {
            self.trimming.want();
        }
        let tenancies: Vec<Tenancy> = services.memory.tenancies.lock().clone();
        self.evict(services, measure, &tenancies);
        if measure.used >= measure.expel_from {
            self.expel(services, measure, &tenancies);
        }
    }

    fn is_leaving(&self, tenancy: &Tenancy) -> bool {
        let holding = Arc::as_ptr(&tenancy.holding);
        self.leaving.iter().any(|(leaving, _)| std::ptr::eq(leaving.as_ptr(), holding))
    }

    /// What the isolates have that were told to go, and the programs that go with them.
    fn leaving_of(&self, measure: Measure, tenancies: &[Tenancy]) -> usize {
        let isolates = tenancies.iter().filter(|one| self.is_leaving(one));
        let isolates: usize = isolates.map(measure.of).sum();
        match measure.resource {
            Resource::Memory => isolates + self.leaving_programs.bytes(),
            _ => isolates,
        }
    }

    fn leaves(&mut self, tenancy: &Tenancy) {
        self.trimming.want();
        self.leaving.push((Arc::downgrade(&tenancy.holding), Instant::now() + SETTLE));
    }

    /// Evicts the idle isolates that have the most, until enough is free.
    fn evict(&mut self, services: &Services, measure: Measure, tenancies: &[Tenancy]) {
        let leaving = self.leaving_of(measure, tenancies);
        let mut excess =
            measure.expected().saturating_sub(measure.evict_to).saturating_sub(leaving);
        let mut idle: Vec<&Tenancy> = tenancies
            .iter()
            .filter(|one| one.is_idle() && one.is_live() && !self.is_leaving(one))
            .collect();
        idle.sort_by_key(|one| std::cmp::Reverse((measure.of)(one)));
        let all_idle: usize = idle.iter().map(|one| (measure.of)(one)).sum();
        if all_idle < excess {
            // Somebody at work has the rest: small isolates would go for nothing, and come again.
            idle.retain(|one| (measure.of)(one) >= measure.of_note_in_one);
        }
        for tenancy in idle {
            let has = (measure.of)(tenancy);
            if excess == 0 || has == 0 {
                return;
            }
            excess = excess.saturating_sub(has);
            self.leaves(tenancy);
            tenancy.shard().send(Message::Evict { version: tenancy.version.key, expel: false });
            if tenancy.bytes() >= EVICTION_OF_NOTE {
                services.observers.incident(&Incident {
                    kind: IncidentKind::Evicted(measure.resource),
                    worker: Some(tenancy.version.worker().clone()),
                    detail: format!(
                        "an idle isolate with {} MiB was evicted, for {}",
                        tenancy.bytes() >> 20,
                        described(services, measure)
                    ),
                });
            }
        }
    }

    /// Takes its isolates from the worker that has the most, and refuses it new ones for a while; where
    /// that is enough, only those of versions that were replaced.
    fn expel(&mut self, services: &Services, measure: Measure, tenancies: &[Tenancy]) {
        let used = measure.used.saturating_sub(self.leaving_of(measure, tenancies));
        if used < measure.expel_from {
            return;
        }
        let at_work = |one: &&Tenancy| one.is_live() && !self.is_leaving(one);
        let held = measure.held(tenancies.iter().filter(at_work), &self.leaving_programs);
        let of_workers: usize = held.values().map(|has| has.all).sum();
        // More than half of it is nobody's who could be ended: clients', or lost.
        let is_of_workers = match (measure.resource, self.foreign) {
            (Resource::Memory, Some(foreign)) => foreign.saturating_sub(OWN_CACHES) <= of_workers,
            _ => true,
        };
        let greediest = held.into_iter().max_by_key(|(_, has)| has.all);
        let greediest = greediest.filter(|(_, has)| has.all >= measure.of_note);
        let Some((worker, has)) = greediest.filter(|_| is_of_workers) else {
            let has_greediest = greediest.is_some();
            let is_lost = match measure.resource {
                Resource::Memory => {
                    let take = || services.take_from_clients();
                    self.is_memory_lost(Instant::now(), has_greediest, measure.of_note, take)
                }
                _ => !has_greediest,
            };
            if self.leaving.is_empty() && is_lost {
                self.report_helpless(services, measure);
            }
            return;
        };
        let only_replaced = has.is_enough_in_replaced(used.saturating_sub(measure.evict_from));
        for tenancy in tenancies {
            let is_theirs = &**tenancy.version.worker() == worker && tenancy.is_live();
            if !is_theirs || (only_replaced && !tenancy.is_replaced()) {
                continue;
            }
            if !only_replaced {
                let failure = Failure::NodeMemory { worker: worker.to_owned() };
                tenancy.version.refuse_for(failure, REFUSED_FOR);
            }
            tenancy.holding.expelled.store(true, Ordering::Relaxed);
            tenancy.shard().send(Message::Evict { version: tenancy.version.key, expel: true });
            tenancy.shard().skip_turns();
            self.leaves(tenancy);
            if let Resource::Memory = measure.resource {
                self.leaving_programs.add(&tenancy.version.standing, Instant::now());
            }
        }
        let amount = match measure.resource {
            Resource::Memory => format!("{} MiB", has.all >> 20),
            _ => has.all.to_string(),
        };
        let (kind, ended) = if only_replaced {
            let ended = "the events of its versions that were replaced were ended".to_owned();
            (IncidentKind::Evicted(measure.resource), ended)
        } else {
            let pause_s = REFUSED_FOR.as_secs();
            let ended = format!("its isolates were ended, and it gets none for {pause_s} s");
            (IncidentKind::Refused(measure.resource), ended)
        };
        services.observers.incident(&Incident {
            kind,
            worker: Some(worker.into()),
            detail: format!(
                "it had the most, {amount}, of {}: {ended}",
                described(services, measure)
            ),
        });
    }

    /// No worker who runs is to blame for most of the memory in use: clients are asked for some, unless it
    /// is known that nobody but workers has as much as `of_note`, or as [`CLIENTS_OF_NOTE`] where that is
    /// less. Answers whether only a new process brings it back, because that was of no use for long, or there
    /// is nobody to ask.
    fn is_memory_lost(
        &mut self,
        now: Instant,
        has_greediest: bool,
        of_note: usize,
        take_from_clients: impl FnOnce() -> bool,
    ) -> bool {
        let since = *self.foreign_since.get_or_insert(now);
        let is_for_long = now.duration_since(since) >= FOREIGN_FOR_LONG;
        let of_note = of_note.min(CLIENTS_OF_NOTE);
        let may_be_clients = self.foreign.is_none_or(|foreign| foreign >= of_note);
        let is_taken = may_be_clients && take_from_clients();
        if is_taken {
            self.trimming.want();
        }
        is_for_long || (!has_greediest && !is_taken)
    }

    /// Says that nobody who still runs is to blame: what is lost comes back with a new process.
    fn report_helpless(&mut self, services: &Services, measure: Measure) {
        measure.is_lost(&services.memory).store(true, Ordering::Relaxed);
        let now = Instant::now();
        if now < self.report_at {
            return;
        }
        self.report_at = now + REPORT_EVERY;
        let lost = services.memory.lost_bytes();
        services.observers.incident(&Incident {
            kind: IncidentKind::RestartDue,
            worker: None,
            detail: format!(
                "no worker that runs is to blame for {}; shards that were given up have {} MiB, and \
                 {} MiB are in no worker's account",
                described(services, measure),
                lost >> 20,
                services.memory.foreign.load(Ordering::Relaxed) >> 20
            ),
        });
    }
}

fn described(services: &Services, measure: Measure) -> String {
    match measure.resource {
        Resource::Memory => format!(
            "{} of {} MiB of the node's memory in use",
            measure.used >> 20,
            services.memory.ceiling_bytes >> 20
        ),
        _ => format!("{} of {} memory mappings in use", measure.used, mappings_limit()),
    }
}

#[cfg(test)]
mod tests;
