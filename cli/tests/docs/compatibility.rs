//! Whether the table of compatibility has a row for each program that `benches/compatibility.py`
//! compares: one that is added, renamed or left out is seen here.

use std::collections::BTreeSet;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::page;

/// Folders of programs, as in `benches/compat/applications.py`.
const PROGRAMS: [&str; 3] =
    ["cli/tests/apps", "cli/tests/apps/frameworks", "cli/tests/apps/popular"];

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("compatibility::every_program_has_a_row", every_program_has_a_row)]
}

fn every_program_has_a_row() -> Result<(), Failed> {
    let mut programs = BTreeSet::new();
    for folder in PROGRAMS {
        programs.extend(programs_of(&page::root().join(folder))?);
    }
    let rows = rows(&page::read(&page::folder().join("compatibility.md"))?);
    let differing: Vec<_> = programs.symmetric_difference(&rows).cloned().collect();
    if differing.is_empty() {
        return Ok(());
    }
    let named = differing.join(", ");
    Err(format!("docs/compatibility.md does not fit the programs: {named}; see benches/README.md")
        .into())
}

/// The names of the folders that say what is asked.
fn programs_of(folder: &Path) -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().join("checks.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// The first cells of the first table, without its heading.
fn rows(page: &str) -> BTreeSet<String> {
    let lines = page.lines().skip_while(|line| !line.starts_with("| program |"));
    let rows = lines.skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.split('|').nth(1)).map(|cell| cell.trim().to_owned()).collect()
}
