//! Whether the book can be walked through: the index lists each page, and each link leads
//! somewhere.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::page;

/// Texts outside of the book whose links are looked at, too.
const BESIDE: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "architecture/add-a-binding.md",
    "architecture/add-an-event-kind.md",
    "examples/README.md",
];

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("links::the_index_lists_every_page", every_page_is_listed),
        Trial::test("links::every_link_leads_somewhere", every_link_leads_somewhere),
    ]
}

fn every_page_is_listed() -> Result<(), Failed> {
    let index = page::read(&page::folder().join("README.md"))?;
    let listed: Vec<_> = page::links(&index).into_iter().map(|(_, target)| target).collect();
    let missing: Vec<_> = page::names()
        .into_iter()
        .filter(|name| name != "README.md" && !listed.contains(name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("docs/README.md does not list {}", missing.join(", ")).into())
}

fn every_link_leads_somewhere() -> Result<(), Failed> {
    let pages = page::names().into_iter().map(|name| format!("docs/{name}"));
    let mut faults = Vec::new();
    for path in pages.chain(BESIDE.map(str::to_owned)) {
        let text = page::read(&page::root().join(&path))?;
        for (at, target) in page::links(&text) {
            if let Some(problem) = fault(&path, &text, &target) {
                faults.push(format!("{path}:{at}: {target}: {problem}"));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// What is wrong with a link in that file.
fn fault(path: &str, text: &str, target: &str) -> Option<&'static str> {
    if target.starts_with("https://") || target.starts_with("http://") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = match file {
        "" => page::root().join(path),
        file => page::root().join(Path::new(path).parent().unwrap_or(Path::new(""))).join(file),
    };
    if !file.exists() {
        return Some("there is no such file");
    }
    if anchor.is_empty() {
        return None;
    }
    let other = if file.ends_with(path) { Ok(text.to_owned()) } else { page::read(&file) };
    let has_anchor =
        other.is_ok_and(|text| page::anchors(&text).iter().any(|heading| heading == anchor));
    (!has_anchor).then_some("there is no such heading")
}
