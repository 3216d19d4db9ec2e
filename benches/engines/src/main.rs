//! Compares storage engines for what a durable KV store does: `engines [ENGINE ..] [--keys N]
//! [--folder DIR]`. Each engine runs in processes of its own, one of which is killed at work, so
//! that what the next start costs is seen. What is measured is in `phases`.

mod data;
mod engine;
mod figures;
mod phases;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use engine::{Engine, Fjall, Redb, RedbBehindLog, RedbQuickRepair};

type Failed = Box<dyn std::error::Error>;

const ENGINES: [&str; 4] = [Redb::NAME, RedbQuickRepair::NAME, RedbBehindLog::NAME, Fjall::NAME];
const DEFAULT_KEYS: u64 = 1_000_000;

/// What the command line asks for.
struct Options {
    engines: Vec<String>,
    keys: u64,
    folder: PathBuf,
    /// Given to the processes that do the work.
    phase: Option<String>,
}

fn main() -> Result<(), Failed> {
    let options = Options::read(std::env::args().skip(1))?;
    if let (Some(phase), [engine]) = (&options.phase, options.engines.as_slice()) {
        return work(engine, phase, &options.folder, options.keys);
    }
    for engine in &options.engines {
        println!("\n{engine}, {} keys of {} bytes", options.keys, data::VALUE_BYTES);
        let folder = options.folder.join(format!("engines-{engine}"));
        std::fs::create_dir_all(&folder)?;
        let done = phases::ALL.iter().try_for_each(|phase| run(engine, phase, &folder, &options));
        std::fs::remove_dir_all(&folder)?;
        done?;
    }
    Ok(())
}

/// Runs a phase in a process, which is killed once it says that it has nothing more to show.
fn run(engine: &str, phase: &str, folder: &Path, options: &Options) -> Result<(), Failed> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([engine, "--phase", phase, "--keys", &options.keys.to_string(), "--folder"])
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("the process has no output")?;
    let mut was_killed = false;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if line == phases::TO_BE_KILLED {
            child.kill()?;
            was_killed = true;
        } else {
            println!("  {line}");
        }
    }
    let status = child.wait()?;
    if was_killed || status.success() { Ok(()) } else { Err(format!("{engine}: {status}").into()) }
}

fn work(engine: &str, phase: &str, folder: &Path, keys: u64) -> Result<(), Failed> {
    match engine {
        Redb::NAME => phases::run::<Redb>(phase, folder, keys)?,
        RedbQuickRepair::NAME => phases::run::<RedbQuickRepair>(phase, folder, keys)?,
        RedbBehindLog::NAME => phases::run::<RedbBehindLog>(phase, folder, keys)?,
        Fjall::NAME => phases::run::<Fjall>(phase, folder, keys)?,
        _ => {
            return Err(format!("unknown engine {engine}; there are {}", ENGINES.join(", ")).into());
        }
    }
    Ok(std::io::stdout().flush()?)
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failed> {
        let mut options = Self {
            engines: Vec::new(),
            keys: DEFAULT_KEYS,
            folder: std::env::temp_dir(),
            phase: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--keys" => options.keys = value()?.parse()?,
                "--folder" => options.folder = value()?.into(),
                "--phase" => options.phase = Some(value()?),
                engine if ENGINES.contains(&engine) => options.engines.push(argument),
                _ => {
                    let names = ENGINES.join("|");
                    return Err(format!(
                        "{argument}? engines [{names} ..] [--keys N] [--folder DIR]"
                    )
                    .into());
                }
            }
        }
        if options.engines.is_empty() {
            options.engines = ENGINES.map(str::to_owned).into();
        }
        Ok(options)
    }
}
