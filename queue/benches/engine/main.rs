//! The engine alone, without a runtime and without HTTP: how many messages a second it stores and
//! delivers, and what a large backlog costs. How figures are shown is in `figures`, the backlog is in
//! `backlog`.

mod backlog;
mod figures;
mod rates;

use std::path::{Path, PathBuf};
use std::time::Duration;

use isolane_queue::{Limits, Queues};

type Failed = Box<dyn std::error::Error>;

const USAGE: &str = "\
cargo bench -p isolane-queue --bench engine -- [OPTIONS]
  --only TEXT      only operations whose name has this in it
  --rounds N       rounds of each operation, one after the other (default: 5)
  --seconds N      how long a round is (default: 1)
  --backlog N      send so many messages of 100 bytes instead, and show what they cost
  --folder DIR     where the data goes and is removed again (default: the system's temporary folder)";

/// The queue that everything goes through.
const QUEUE: &str = "bench";

/// What the command line asks for.
struct Options {
    only: Option<String>,
    rounds: usize,
    round: Duration,
    backlog: Option<u64>,
    folder: PathBuf,
}

fn main() -> Result<(), Failed> {
    let Some(options) = Options::read(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    std::fs::create_dir_all(&options.folder)?;
    let folder = tempfile::Builder::new().prefix("queue-engine-").tempdir_in(&options.folder)?;
    match options.backlog {
        Some(messages) => backlog::run(folder.path(), messages),
        None => rates::run(folder.path(), &options),
    }
}

/// Opens the queues, which take as much as they can.
fn open(folder: &Path) -> Result<Queues, Failed> {
    let limits = Limits { messages_per_second: u32::MAX, ..Limits::default() };
    Ok(Queues::open(isolane_queue::Options { limits, ..isolane_queue::Options::new(folder) })?)
}

impl Options {
    /// Reads the command line; `None` when it asks for help.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Failed> {
        // Without `--bench`, which `cargo bench` gives, it is a test that everything works.
        let mut options = Self {
            only: None,
            rounds: 1,
            round: Duration::from_millis(10),
            backlog: None,
            folder: std::env::temp_dir(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--bench" => (options.rounds, options.round) = (5, Duration::from_secs(1)),
                "--only" => options.only = Some(value()?),
                "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
                "--seconds" => options.round = Duration::from_secs(value()?.parse()?),
                "--backlog" => options.backlog = Some(value()?.parse()?),
                "--folder" => options.folder = value()?.into(),
                "--help" => return Ok(None),
                _ => return Err(format!("unknown argument {argument}\n{USAGE}").into()),
            }
        }
        Ok(Some(options))
    }
}
