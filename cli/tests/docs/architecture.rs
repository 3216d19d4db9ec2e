//! Whether what is said of the tree is so: each file and folder that ARCHITECTURE.md and the pages of
//! `architecture/` name is there, the code map has each crate, and the lists of files that a kind of event
//! and a binding touch have those that name one, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::page;

/// The text with the code map.
const MAP: &str = "ARCHITECTURE.md";
/// Its heading.
const MAP_BEGINS: &str = "## Code map";

/// The pages that say which files to touch.
const BINDING: &str = "architecture/add-a-binding.md";
const EVENT_KIND: &str = "architecture/add-an-event-kind.md";

/// What the name of a file ends with that is written without its folder.
const ENDINGS: [&str; 4] = [".js", ".md", ".py", ".rs"];

/// Folders in which nothing is this project's own, or nothing is kept.
const FOREIGN: [&str; 3] = ["node_modules", "target", "vendor"];

/// A list of files, between `<!-- files: NAME -->` and `<!-- end -->`.
struct List {
    page: &'static str,
    name: &'static str,
    /// A source file is on it that has one of these words.
    words: &'static [&'static str],
}

static LISTS: [List; 3] = [
    List {
        page: EVENT_KIND,
        name: "tail",
        words: &[
            "Detail::Tail",
            "Kind::Tail",
            "KindResult::Tail",
            "State::Tail",
            "Trigger::Tail",
            "TailBatch",
            // The script, its op, and what the handler is called.
            "kinds/tail.js",
            "op_event_tail_items",
            "\"tail\", \"trace\"",
        ],
    },
    List { page: EVENT_KIND, name: "tail_consumers", words: &["tail_consumers"] },
    List {
        page: BINDING,
        name: "service",
        words: &[
            "kinds::SERVICE",
            "\"service\"",
            "\"services\"",
            "settings.services",
            "services: Vec<Service>",
            "EnvKind::Service",
            "pub mod services",
            "with(Services::new",
            "services::extension",
            "isolane_services",
            // What of it is done by `fetch()`.
            "Departing",
            "op_services_depart",
        ],
    },
];

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("architecture::words_are_found_as_a_whole", words_are_found_as_a_whole),
        Trial::test("architecture::the_code_map_has_each_crate", the_code_map_has_each_crate),
        Trial::test("architecture::what_is_named_is_there", || {
            named(MAP, |tree, path| tree.iter().any(|there| is_end_of(path, there)))
        }),
    ];
    for page in [BINDING, EVENT_KIND] {
        trials.push(Trial::test(
            format!("architecture::what_is_named_is_there::{page}"),
            move || named(page, |tree, path| tree.iter().any(|there| bare(there) == bare(path))),
        ));
    }
    for list in &LISTS {
        let name = format!("architecture::the_list_is_whole::{}", list.name);
        trials.push(Trial::test(name, move || check(list)));
    }
    trials
}

/// Looks whether each path that a text names is there.
fn named(text: &str, is_there: impl Fn(&BTreeSet<String>, &str) -> bool) -> Result<(), Failed> {
    let tree = tree()?;
    let read = page::read(&page::root().join(text))?;
    let paths = read.lines().enumerate().flat_map(|(index, line)| {
        let codes = codes(line).filter(|code| is_path(code));
        codes.map(move |path| (index + 1, path))
    });
    let gone: Vec<_> = paths
        .filter(|(_, path)| !is_there(&tree, path))
        .map(|(at, path)| format!("{text}:{at}: there is no {path}"))
        .collect();
    if gone.is_empty() { Ok(()) } else { Err(gone.join("\n").into()) }
}

fn the_code_map_has_each_crate() -> Result<(), Failed> {
    let tree = tree()?;
    let text = page::read(&page::root().join(MAP))?;
    let rows = text.lines().skip_while(|line| *line != MAP_BEGINS).skip(1);
    let rows = rows.take_while(|line| !line.starts_with("## "));
    let folders: BTreeSet<_> = rows.flat_map(first_cell).map(str::to_owned).collect();
    let gone: Vec<_> = folders.difference(&tree).cloned().collect();
    assert!(gone.is_empty(), "the code map has {gone:?}, which are not there");
    let crates = tree.iter().filter_map(|path| path.strip_suffix("Cargo.toml"));
    let crates = crates.filter(|folder| folder.matches('/').count() == 1);
    let missing: Vec<_> = crates.filter(|folder| !folders.contains(*folder)).collect();
    assert!(missing.is_empty(), "the code map has no row for {missing:?}");
    Ok(())
}

/// Compares a list with the source.
fn check(list: &List) -> Result<(), Failed> {
    let List { page, name, words } = list;
    let text = page::read(&page::root().join(page))?;
    let (begins, ends) = (format!("<!-- files: {name} -->"), "<!-- end -->");
    let rows = text.lines().skip_while(|line| *line != begins).skip(1);
    let rows = rows.take_while(|line| *line != ends);
    let listed: BTreeSet<_> = rows.flat_map(first_cell).map(str::to_owned).collect();
    let mut found = BTreeSet::new();
    for path in tree()?.into_iter().filter(|path| is_source(path)) {
        let source = page::read(&page::root().join(&path))?;
        if words.iter().any(|word| has(&source, word)) {
            found.insert(path);
        }
    }
    let missing: Vec<_> = found.difference(&listed).collect();
    let needless: Vec<_> = listed.difference(&found).collect();
    if missing.is_empty() && needless.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{page}: the list \"{name}\" lacks {missing:?}, and has {needless:?}, in which there is none of \
         {words:?}"
    )
    .into())
}

/// Whether a file is one of the product, and not of its tests.
fn is_source(path: &str) -> bool {
    let is_code = path.ends_with(".rs") || path.ends_with(".js");
    let is_built = path.contains("/src/") || path.ends_with("/build.rs");
    is_code && is_built && !path.contains("/tests/") && !path.ends_with("/tests.rs")
}

/// Whether a text has a word that goes on on neither side.
fn has(text: &str, word: &str) -> bool {
    let goes_on = |next: Option<char>, edge: Option<char>| {
        let is_of_name = |it: Option<char>| it.is_some_and(|it| it.is_alphanumeric() || it == '_');
        is_of_name(next) && is_of_name(edge)
    };
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !goes_on(before.chars().next_back(), word.chars().next())
            && !goes_on(after.chars().next(), word.chars().next_back())
    })
}

/// What stands between backticks in a line.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The codes in the first cell of a row.
fn first_cell(line: &str) -> impl Iterator<Item = &str> {
    let cell = line.strip_prefix("| `").and_then(|_| line.split('|').nth(1));
    codes(cell.unwrap_or_default())
}

/// Whether a code is a path, and not a type, a value or what stands for several.
fn is_path(code: &str) -> bool {
    let is_of_path = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let has_folder = code.contains('/') && !code.starts_with('/');
    code.chars().all(is_of_path) && (has_folder || ENDINGS.iter().any(|end| code.ends_with(end)))
}

/// Whether a path is the end of another.
fn is_end_of(path: &str, whole: &str) -> bool {
    let before = bare(whole).strip_suffix(bare(path));
    before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// A path without the slash that says that it is a folder.
fn bare(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// The files and the folders of the repository; those end with a slash.
fn tree() -> Result<BTreeSet<String>, Failed> {
    let mut tree = BTreeSet::new();
    collect(&page::root(), "", &mut tree)?;
    Ok(tree)
}

fn collect(folder: &Path, below: &str, tree: &mut BTreeSet<String>) -> Result<(), Failed> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type()?.is_dir() {
            tree.insert(format!("{below}{name}"));
            continue;
        }
        let is_hidden = name.starts_with('.') && name != ".ci";
        if !is_hidden && !FOREIGN.contains(&name.as_str()) {
            let inner = format!("{below}{name}/");
            collect(&entry.path(), &inner, tree)?;
            tree.insert(inner);
        }
    }
    Ok(())
}

fn words_are_found_as_a_whole() -> Result<(), Failed> {
    assert!(has("match Kind::Tail => 1", "Kind::Tail"));
    assert!(has("KindResult::Tail, Kind::Tail", "Kind::Tail"));
    assert!(!has("EnvKind::Tail", "Kind::Tail") && !has("Kind::Tails", "Kind::Tail"));
    assert!(has("a(\"service\")", "\"service\"") && !has("\"services\"", "\"service\""));
    assert!(is_path("node/src") && is_path("lib.rs") && is_path("init/templates/"));
    assert!(!is_path("/metrics") && !is_path("kv::Store") && !is_path("<data>/kv"));
    assert!(is_end_of("shard/slot.rs", "runtime/src/shard/slot.rs"));
    assert!(!is_end_of("lot.rs", "runtime/src/shard/slot.rs"));
    assert!(is_end_of("tls/", "node/src/tls/") && is_end_of("node/src/tls", "node/src/tls/"));
    let cell: Vec<_> = first_cell("| `a/`, `b.rs` | `c` |").collect();
    assert_eq!(cell, ["a/", "b.rs"]);
    Ok(())
}
