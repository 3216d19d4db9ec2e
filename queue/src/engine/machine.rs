//! What the writer thread does with jobs (`storage::Machine`): they become operations, which go into the
//! log and the tables, and are made known once they are on disk.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, WriteTransaction};
use storage::{Batches, Damaged, Fault, META, Machine, Measure, StoreKind};

use super::house::House;
use super::job::{Job, Owner};
use super::line::{Line, State};
use super::op;
use super::plan::{Book, Step};
use super::schema::{FORMAT, MESSAGES, META_NEXT_QUEUE, QUEUES, Row, SIZES, Size};
use super::shared::Shared;
use super::tables::{Effect, Measured, Tables, oldest_ms};

/// The writer's side of the engine.
pub(crate) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) book: Book,
    /// The queues by their numbers.
    pub(super) lines: HashMap<u32, Arc<Line>>,
    pub(super) house: House,
    /// What was planned for the group that is under way.
    planned: Option<Vec<Step>>,
}

/// What a group does.
pub(crate) struct Outcome {
    pub(super) done: Vec<Done>,
    pub(super) sizes: HashMap<u32, Measured>,
}

/// What was done for a job.
pub(super) struct Done {
    pub(super) step: Step,
    /// What its operations came to.
    pub(super) effects: Vec<Effect>,
    /// How much the queue had that is gone.
    pub(super) dropped: Size,
}

/// A queue as it was read.
struct Found {
    number: u32,
    row: Row,
    size: Size,
    oldest_ms: Option<u64>,
}

impl Keeper {
    /// For queues whose files are not open yet.
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let house = House::new(&*shared.clock);
        Self { shared, book: Book::default(), lines: HashMap::new(), house, planned: None }
    }

    /// What is done for a group, which is planned once.
    fn plan(&mut self, group: &[Job]) -> Vec<Step> {
        match self.planned.take() {
            Some(planned) if planned.len() == group.len() => planned,
            _ => self.book.plan(group, &self.shared.limits, self.shared.clock.now_ms()),
        }
    }

    /// Takes over what was read.
    fn take_over(&mut self, next_number: u32, found: Vec<Found>) {
        self.book = Book::new(next_number);
        self.lines.clear();
        self.planned = None;
        let mut lines = HashMap::with_capacity(found.len());
        for Found { number, row, size, oldest_ms } in found {
            let state = State::new(number, &row, size, oldest_ms);
            let line = match self.shared.line(&row.name) {
                Some(line) => {
                    line.state.lock().reopened(state);
                    line
                }
                None => Arc::new(Line::new(&row.name, state)),
            };
            self.lines.insert(number, Arc::clone(&line));
            lines.insert(Arc::clone(&row.name), line);
            self.book.add(number, row, size);
        }
        self.shared.replace(lines);
        self.house.opened();
    }
}

impl Machine for Keeper {
    type Owner = Owner;
    type Job = Job;
    type Outcome = Outcome;

    const KIND: StoreKind = StoreKind {
        name: "queue store",
        thread: "queue-writer",
        database: "queues.redb",
        log: "queues.log",
        magic: *b"IQUL",
        format: FORMAT,
        when_full: "queues answer with Storage Limit Exceeded (10251)",
    };

    fn make(&mut self, txn: &WriteTransaction) -> Result<(), Fault> {
        Tables::make_all(txn)
    }

    fn replay(&mut self, txn: &WriteTransaction, batches: &Batches) -> Result<usize, Fault> {
        let mut tables = Tables::open(txn)?;
        let mut replayed = 0;
        for batch in batches.iter() {
            let ops = op::decode(batch).ok_or(Damaged { what: "a batch of the log" })?;
            for op in &ops {
                tables.apply(op)?;
            }
            replayed += ops.len();
        }
        tables.finish()?;
        Ok(replayed)
    }

    fn opened(&mut self, database: &Database, replayed: usize) -> Result<(), Fault> {
        let (next_number, found) = read_all(database)?;
        let messages = found.iter().map(|queue| queue.size.count).sum::<u64>();
        tracing::info!(queues = found.len(), messages, replayed, "the queues are open");
        self.take_over(next_number, found);
        Ok(())
    }

    fn batch(
        &mut self,
        _database: &Database,
        group: &[Job],
        _epoch: u64,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let steps = self.plan(group);
        let is_logged = !steps.iter().any(Step::is_of_queues);
        let batch = is_logged.then(|| {
            let ops = steps.iter().flat_map(|step| &step.ops);
            let mut batch = Vec::with_capacity(ops.clone().map(op::Op::log_bytes).sum::<usize>());
            ops.for_each(|op| op.encode(&mut batch));
            batch
        });
        self.planned = Some(steps);
        Ok(batch)
    }

    fn apply(&mut self, txn: &WriteTransaction, group: &[Job]) -> Result<Outcome, Fault> {
        let mut tables = Tables::open(txn)?;
        let mut done = Vec::with_capacity(group.len());
        for step in self.plan(group) {
            let mut dropped = Size::default();
            if let Some(number) = step.dropped {
                dropped = tables.drop_queue(number)?;
            }
            if let Some((number, row)) = &step.made {
                tables.make(*number, row)?;
            }
            if let Some((number, row)) = &step.changed {
                tables.write_row(*number, row)?;
            }
            let mut effects = Vec::with_capacity(step.ops.len());
            for op in &step.ops {
                effects.push(tables.apply(op)?);
            }
            done.push(Done { step, effects, dropped });
        }
        Ok(Outcome { done, sizes: tables.finish()? })
    }

    fn publish(&mut self, group: Vec<Job>, outcome: Outcome) {
        self.make_known(group, outcome);
    }

    fn next_step(&self) -> Option<Instant> {
        Some(self.house.next())
    }

    fn is_overdue(&self) -> bool {
        self.house.is_overdue()
    }

    fn keep_house(&mut self, database: &Database) -> Result<Option<usize>, Fault> {
        self.take_step(database)
    }

    fn measured(&self, measure: Measure) {
        self.shared.figures.measured(measure);
    }
}

/// The number that the next queue gets, and all queues.
fn read_all(database: &Database) -> Result<(u32, Vec<Found>), Fault> {
    const DAMAGED: Damaged = Damaged { what: "the number of a queue" };
    let txn = database.begin_read()?;
    let next = txn.open_table(META)?.get(META_NEXT_QUEUE)?.ok_or(DAMAGED)?.value();
    let next_number = u32::try_from(next).map_err(|_| DAMAGED)?;
    let (sizes, messages) = (txn.open_table(SIZES)?, txn.open_table(MESSAGES)?);
    let mut found = Vec::new();
    for queue in txn.open_table(QUEUES)?.iter()? {
        let (number, row) = queue?;
        let (number, row) = (number.value(), Row::of_value(row.value()));
        let size = sizes.get(number)?.ok_or(DAMAGED)?;
        let size = Size::of_value(size.value());
        let oldest_ms = oldest_ms(&messages, number)?;
        found.push(Found { number, row, size, oldest_ms });
    }
    Ok((next_number, found))
}
