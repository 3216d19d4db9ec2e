//! `isolane init`: a folder with a project that runs. What is in it is in `init/templates/`.

mod templates;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use crate::admin;
use crate::failure::BadArgument;
use crate::output::{printed, say};
use crate::terminal::{DIM, GOOD};

use self::templates::Template;

/// The longest name of a worker, which is a label of DNS (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 63;
/// The worker's name where the folder's has no letter.
const FALLBACK_NAME: &str = "worker";
/// What stands for the worker's name in a template.
const NAME: &str = "{{name}}";
/// What stands for the day whose behaviour a new project asks for.
const DATE: &str = "{{date}}";
/// That day: the newest that is known here, as the templates of Workers have the newest that is known
/// there. From 2026-08-04 on what is of Node.js needs no flag, which those templates set.
const COMPATIBILITY_DATE: &str = "2026-08-22";

/// Begin a project: write a worker that runs into a folder. Nothing that is there is changed.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder.
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
    /// What to begin with.
    #[arg(short, long, default_value = "hello")]
    template: Template,
    /// The worker's name; without it, the folder's.
    #[arg(long)]
    name: Option<String>,
    /// Print the result as one JSON document.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    admin::run(args.json, async { init(args) })
}

fn init(args: &InitArgs) -> anyhow::Result<()> {
    let name = match &args.name {
        Some(name) if is_name(name) => name.clone(),
        Some(name) => {
            let message = format!(
                "expected a name of up to {MAX_NAME_BYTES} lower-case letters, digits and \
                 hyphens, found {name:?}"
            );
            return Err(BadArgument(message).into());
        }
        None => name_of(&std::path::absolute(&args.folder)?),
    };
    let files = args.template.files();
    let there: Vec<_> = files
        .iter()
        .map(|(path, _)| args.folder.join(path))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if !there.is_empty() {
        let message = format!(
            "{} there already, and nothing is overwritten: name another folder",
            match there.as_slice() {
                [one] => format!("{one} is"),
                several => format!("{} are", several.join(", ")),
            }
        );
        return Err(BadArgument(message).into());
    }
    for (path, text) in files {
        let path = args.folder.join(path);
        write(&path, &text.replace(NAME, &name).replace(DATE, COMPATIBILITY_DATE))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let paths: Vec<_> = files.iter().map(|(path, _)| *path).collect();
    if args.json {
        let done = json!({ "name": name, "folder": args.folder, "files": paths });
        return say(true, &done, String::new);
    }
    printed(greet(args, &name, &paths))
}

fn greet(args: &InitArgs, name: &str, paths: &[&str]) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    let folder = args.folder.display();
    writeln!(out, "{GOOD}created{GOOD:#} the worker {name} in {folder}")?;
    writeln!(out, "{DIM}  {}{DIM:#}", paths.join("  "))?;
    writeln!(out, "\nNext:")?;
    if args.folder != Path::new(".") {
        writeln!(out, "  cd {folder}")?;
    }
    if paths.contains(&"package.json") {
        writeln!(out, "  npm install")?;
    }
    writeln!(out, "  isolane dev .      {DIM}serve it here, reload on change{DIM:#}")?;
    writeln!(out, "  isolane deploy     {DIM}put it on a node (first: isolane login URL){DIM:#}")
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    plain
        && (1..=MAX_NAME_BYTES).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// The name that a folder gives to its worker: in lower case, with hyphens for what no label of
/// DNS can have.
fn name_of(folder: &Path) -> String {
    let text = folder.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let words: Vec<_> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut name = words.join("-");
    name.truncate(MAX_NAME_BYTES);
    let name = name.trim_end_matches('-');
    if name.is_empty() { FALLBACK_NAME.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_worker_a_name() {
        let long = format!("/{}", "a-".repeat(40));
        for (folder, expected) in [
            ("/home/ada/My App", "my-app"),
            ("/a/__x__", "x"),
            ("/a/größe", "gr-e"),
            ("/", "worker"),
            (&long, "a-".repeat(32).trim_end_matches('-')),
        ] {
            let name = name_of(Path::new(folder));
            assert_eq!(name, expected);
            assert!(is_name(&name), "{name}");
        }
    }

    #[test]
    fn a_name_is_a_label() {
        for name in ["", "A", "a_b", "-a", "a-", "a.b", &"a".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
