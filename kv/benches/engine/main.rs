//! The embedded engine alone, without a runtime and without HTTP: what each operation costs, and
//! what very many keys cost. How figures are shown is in `figures`, the many keys are in `many`.

mod data;
mod figures;
mod many;
mod operations;

use std::path::PathBuf;
use std::time::Duration;

type Failed = Box<dyn std::error::Error>;

const USAGE: &str = "\
cargo bench -p isolane-kv --bench engine -- [OPTIONS]
  --only TEXT      only operations whose name has this in it
  --rounds N       rounds of each operation, one after the other (default: 5)
  --seconds N      how long a round is (default: 1)
  --keys N         load so many keys of 100 bytes instead, and show what they cost
  --folder DIR     where the data goes and is removed again (default: the system's temporary folder)";

/// What the command line asks for.
struct Options {
    only: Option<String>,
    rounds: usize,
    round: Duration,
    keys: Option<u64>,
    folder: PathBuf,
}

fn main() -> Result<(), Failed> {
    let Some(options) = Options::read(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    std::fs::create_dir_all(&options.folder)?;
    let folder = tempfile::Builder::new().prefix("kv-engine-").tempdir_in(&options.folder)?;
    match options.keys {
        Some(keys) => many::run(folder.path(), keys),
        None => operations::run(folder.path(), &options),
    }
}

impl Options {
    /// Reads the command line; `None` when it asks for help.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Failed> {
        // Without `--bench`, which `cargo bench` gives, it is a test that everything works.
        let mut options = Self {
            only: None,
            rounds: 1,
            round: Duration::from_millis(10),
            keys: None,
            folder: std::env::temp_dir(),
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--bench" => (options.rounds, options.round) = (5, Duration::from_secs(1)),
                "--only" => options.only = Some(value()?),
                "--rounds" => options.rounds = value()?.parse::<usize>()?.max(1),
                "--seconds" => options.round = Duration::from_secs(value()?.parse()?),
                "--keys" => options.keys = Some(value()?.parse()?),
                "--folder" => options.folder = value()?.into(),
                "--help" => return Ok(None),
                _ => return Err(format!("unknown argument {argument}\n{USAGE}").into()),
            }
        }
        Ok(Some(options))
    }
}
