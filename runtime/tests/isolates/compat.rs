//! The `node:` modules in real isolates: each case of `tests/compat/cases` answers what Node
//! has answered (`tests/compat/expected`, written by `regenerate.mjs`).

use std::path::{Path, PathBuf};

use isolane_runtime::ModuleSource;
use libtest_mimic::Trial;

use crate::support::{Worker, trial};

/// Imports a case and reports on it.
const MAIN: &str = r#"
    import expressions from "./case.js";
    import { report } from "./show.js";
    export default { fetch: async () => new Response(await report(expressions)) };
"#;

pub fn trials() -> Vec<Trial> {
    let cases = std::fs::read_dir(folder().join("cases")).expect("the cases are there");
    let mut names: Vec<String> = cases
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| trial(&format!("compat::cases::{name}"), move || answers_as_node(name)))
        .collect()
}

async fn answers_as_node(name: String) {
    let read = |path: &Path| std::fs::read_to_string(path).expect("it is part of the tests");
    let case = read(&folder().join("cases").join(format!("{name}.js")));
    let expected = read(&folder().join("expected").join(format!("{name}.txt")));
    let show = read(&folder().join("show.js"));
    let worker = Worker::from_source(MAIN)
        .with_module("./case.js", ModuleSource::EsModule(case.into()))
        .with_module("./show.js", ModuleSource::EsModule(show.into()))
        .with_node_compat()
        .with_cpu_ms(10_000)
        .build();
    let reply = worker.get("/").await.unwrap_or_else(|failure| panic!("{failure:?}"));
    let differences = differences(&expected, reply.text());
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n"));
}

fn differences(expected: &str, given: &str) -> Vec<String> {
    let expected: Vec<_> = expected.lines().collect();
    let given: Vec<_> = given.lines().collect();
    (0..expected.len().max(given.len()))
        .filter(|line| expected.get(*line) != given.get(*line))
        .map(|line| {
            let expression = expected.get(line.saturating_sub(1)).unwrap_or(&"");
            let one = |lines: &[&str]| lines.get(line).copied().unwrap_or("nothing").to_owned();
            format!("{expression}\n  Node:    {}\n  Isolane: {}", one(&expected), one(&given))
        })
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat")
}
