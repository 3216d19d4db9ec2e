//! The parts of the book that are made of the code: what each is called, whether a page has it as
//! it is, and writing it.

use std::fs;

use libtest_mimic::{Failed, Trial};

use crate::{codes, commands, limits, metrics, node_keys, page, project_keys, workers_api};

/// The variable by which the parts are written and not compared.
const WRITE: &str = "ISOLANE_WRITE_DOCS";
const COMMAND: &str = "ISOLANE_WRITE_DOCS=1 cargo test --release --workspace --test docs";

type Make = fn() -> Result<String, Failed>;

/// The parts: what pages call them, and how they are made.
const PARTS: [(&str, Make); 19] = [
    ("commands", commands::table),
    ("project-keys", project_keys::served),
    ("keys-planned", project_keys::planned),
    ("keys-not-planned", project_keys::not_planned),
    ("keys-ignored", project_keys::ignored),
    ("queue-consumers", project_keys::consumers),
    ("compatibility-flags", project_keys::flags),
    ("limits-of-workers", limits::of_workers),
    ("limits-side-by-side", limits::side_by_side),
    ("limits-of-kv", limits::of_kv),
    ("codes", codes::of_requests),
    ("outcomes", codes::outcomes),
    ("codes-of-the-admin-api", codes::of_the_admin_api),
    ("node-keys", node_keys::table_of_keys),
    ("metrics", metrics::table),
    ("globals", workers_api::globals),
    ("globals-in-part", workers_api::globals_in_part),
    ("modules", workers_api::modules),
    ("context", workers_api::context),
];

/// Compares the parts of a page with what they should be, or writes them.
pub(crate) fn check(name: &str) -> Result<(), Failed> {
    let path = page::folder().join(name);
    let text = page::read(&path)?;
    let fresh = written(&text)?;
    if fresh == text {
        return Ok(());
    }
    if std::env::var_os(WRITE).is_some() {
        return Ok(fs::write(path, fresh)?);
    }
    let differs = text.lines().zip(fresh.lines()).position(|(there, should)| there != should);
    let at = differs.unwrap_or(text.lines().count().min(fresh.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("nothing").to_owned();
    let (there, should) = (line(&text), line(&fresh));
    Err(format!(
        "docs/{name}:{}: the code says otherwise\n--- there\n{there}\n--- should be\n{should}\n---\n\
         write it anew: {COMMAND}",
        at + 1
    )
    .into())
}

/// A page with all its parts as they should be.
fn written(text: &str) -> Result<String, Failed> {
    let mut fresh = String::new();
    let mut inside = None;
    for line in text.lines() {
        match (inside, begins(line)) {
            (None, Some(part)) => {
                let (_, make) = PARTS
                    .iter()
                    .find(|(name, _)| *name == part)
                    .ok_or_else(|| format!("there is no part {part}"))?;
                fresh.push_str(&format!("{line}\n\n{}\n", make()?));
                inside = Some(part);
            }
            (Some(part), Some(other)) => {
                return Err(format!("{other} begins before {part} has ended").into());
            }
            (Some(_), None) if line == "<!-- end -->" => {
                fresh.push_str("<!-- end -->\n");
                inside = None;
            }
            (Some(_), None) => {}
            (None, None) if line == "<!-- end -->" => return Err("nothing ends here".into()),
            (None, None) => fresh.extend([line, "\n"]),
        }
    }
    match inside {
        Some(part) => Err(format!("{part} has no end").into()),
        None => Ok(fresh),
    }
}

fn begins(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- generated: ")?.strip_suffix(" -->")
}

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("generated::each_part_is_on_a_page", || {
            let pages: Result<Vec<_>, _> =
                page::names().iter().map(|name| page::read(&page::folder().join(name))).collect();
            let pages = pages?.concat();
            let shown: Vec<_> = pages.lines().filter_map(begins).collect();
            let missing: Vec<_> =
                PARTS.iter().map(|(name, _)| *name).filter(|name| !shown.contains(name)).collect();
            assert!(missing.is_empty(), "no page has {missing:?}");
            Ok(())
        }),
        Trial::test("generated::what_is_around_a_part_stays", || {
            let text = "a\n<!-- generated: compatibility-flags -->\nold\n<!-- end -->\nb\n";
            let fresh = written(text)?;
            assert!(fresh.starts_with("a\n<!-- generated: compatibility-flags -->\n\n| flag"));
            assert!(fresh.ends_with("\n\n<!-- end -->\nb\n"), "{fresh}");
            assert_eq!(written(&fresh)?, fresh);
            for text in ["<!-- end -->\n", "<!-- generated: codes -->\n", "<!-- generated: x -->\n"]
            {
                assert!(written(text).is_err(), "{text}");
            }
            Ok(())
        }),
    ]
}
