//! Places in running code and the places in the project that they come from.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::{Module, Project};

const TYPESCRIPT: &str = "\
interface Env { KV: unknown }
type Nothing = never;

export function fail(env: Env): never {
  throw new Error('no');
}
";

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Project::open(folder.path()).unwrap().load().unwrap()
}

/// The line and column of a text, both from 1.
fn place_of(needle: &str, text: &str) -> (u32, u32) {
    crate::text::line_column(text, text.find(needle).unwrap())
}

#[test]
fn a_place_in_transpiled_code_is_one_in_its_source() {
    let bundle = bundle(&[("src/index.ts", TYPESCRIPT)]);
    let maps = SourceMaps::of(&bundle);
    let code = bundle.modules[0].text().unwrap();
    for needle in ["throw", "new Error", "fail("] {
        let (line, column) = place_of(needle, code);
        let (source_line, source_column) = place_of(needle, TYPESCRIPT);
        assert_ne!(line, source_line);
        let expected =
            Position { file: "src/index.ts".into(), line: source_line, column: source_column };
        assert_eq!(maps.map("index.js", line, column), Some(expected), "{needle}");
    }
}

#[test]
fn a_place_in_code_that_runs_as_written_is_itself() {
    let mut bundle = bundle(&[("index.js", "")]);
    bundle.modules[0].source_map = None;
    let maps = SourceMaps::of(&bundle);
    let expected = Position { file: "index.js".into(), line: 7, column: 9 };
    assert_eq!(maps.map("index.js", 7, 9), Some(expected));
}

#[test]
fn a_place_that_no_source_stands_behind_is_none() {
    let maps = SourceMaps::of(&bundle(&[("index.ts", TYPESCRIPT)]));
    for (specifier, line, column) in
        [("absent.js", 1, 1), ("index.js", 9999, 1), ("index.js", 0, 1), ("index.js", 1, 0)]
    {
        assert_eq!(maps.map(specifier, line, column), None, "{specifier} {line} {column}");
    }
}

#[test]
fn a_stack_shows_the_project() {
    let mut bundle = bundle(&[("index.ts", TYPESCRIPT)]);
    let as_written =
        Module { specifier: "a b(1).js".to_owned(), source_map: None, ..bundle.modules[0].clone() };
    bundle.modules.push(as_written);
    let (line, column) = place_of("new Error", bundle.modules[0].text().unwrap());
    let linked = module_url("a b(1).js");
    let stack = format!(
        "Error: worker:///index.js is broken\n    \
         at fail (worker:///index.js:{line}:{column})\n    \
         at async Object.fetch ({linked}:3:4)\n    \
         at {linked}:1:2\n    \
         at eval (eval at run ({linked}:5:6), <anonymous>:1:1)\n    \
         at absent (worker:///absent.js:1:1)\n    \
         at core (ext:core/01_core.js:1:2)"
    );
    let expected = "Error: worker:///index.js is broken\n    \
         at fail (index.ts:5:9)\n    \
         at async Object.fetch (a b(1).js:3:4)\n    \
         at a b(1).js:1:2\n    \
         at eval (eval at run (a b(1).js:5:6), <anonymous>:1:1)\n    \
         at absent (worker:///absent.js:1:1)\n    \
         at core (ext:core/01_core.js:1:2)";
    assert_eq!(SourceMaps::of(&bundle).map_stack(&stack), expected);
}

#[test]
fn the_map_of_a_module_that_cannot_be_decoded_maps_nothing() {
    let mut bundle = bundle(&[("index.ts", TYPESCRIPT)]);
    bundle.modules[0].source_map = Some("{}".into());
    assert_eq!(SourceMaps::of(&bundle).map("index.js", 1, 1), None);
}

#[test]
fn a_map_may_name_any_place() {
    let mut bundle = bundle(&[("index.ts", TYPESCRIPT)]);
    // The largest line and column that there are.
    let json = r#"{"version":3,"sources":["a.ts"],"names":[],"mappings":"AA+/////H+/////H"}"#;
    bundle.modules[0].source_map = Some(json.into());
    let expected = Position { file: "a.ts".into(), line: u32::MAX, column: u32::MAX };
    assert_eq!(SourceMaps::of(&bundle).map("index.js", 1, 1), Some(expected));
}

proptest! {
    #[test]
    fn a_modules_url_leads_back_to_it(specifier in "[^\u{0}]{0,40}") {
        let url = module_url(&specifier);
        prop_assert_eq!(specifier_of_url(&url), Some(specifier));
        prop_assert!(!url.contains([' ', '(', ')', '\n']));
    }

    #[test]
    fn any_text_passes_for_a_stack(text in "(worker:///|index.ts|:|[0-9]|\\(| |é|.){0,30}") {
        let maps = SourceMaps { modules: HashMap::new() };
        prop_assert_eq!(maps.map_stack(&text), text);
    }
}
