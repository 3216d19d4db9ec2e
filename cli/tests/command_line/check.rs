//! `isolane check`, and what every command does with arguments and configurations at fault:
//! the exit code, and the place that is named.

#[path = "check/cases.rs"]
mod cases;

use std::process::{Command, ExitStatus};

use serde_json::Value;

use crate::folder::Folder;
use crate::process::output;

use self::cases::{CASES, GOOD};

#[test]
fn each_command_ends_with_its_code_and_says_why() {
    let mut wrong = Vec::new();
    for case in CASES {
        let folder = Folder::with(case.files);
        let (status, stdout, stderr) = run(&folder, case.arguments);
        let text = stdout + &stderr;
        let missing = case.says.iter().find(|part| !text.contains(**part));
        if status.code() != Some(case.code) || missing.is_some() {
            let (name, wanted) = (case.name, case.code);
            wrong.push(format!("{name}: {status}, not {wanted}; without {missing:?}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_go_to_standard_error_and_results_to_standard_output() {
    let folder = Folder::with(&[("good.js", GOOD), ("bad.js", "throw 1")]);
    let (_, stdout, stderr) = run(&folder, &["check", "good.js", "bad.js"]);
    assert!(stdout.starts_with("ok good ") && stdout.lines().count() == 1, "{stdout}");
    assert!(stderr.starts_with("error: worker bad "), "{stderr}");
}

#[test]
fn the_result_as_json_names_each_worker() {
    let folder = Folder::with(&[
        ("good.js", GOOD),
        ("bad.ts", "let a: number = 1;\nnull.x;\nexport default { fetch() {} }"),
        ("jobs.js", "export default { fetch() {}, email() {} }"),
    ]);
    let (status, stdout, _) = run(&folder, &["check", "--json", "good.js", "bad.ts", "jobs.js"]);
    assert_eq!(status.code(), Some(1), "{status}");
    let reports: Value = serde_json::from_str(&stdout).expect("JSON alone is on standard output");
    assert_eq!(reports[0]["worker"], "good");
    assert_eq!(reports[0]["ok"], true);
    assert_eq!(reports[0]["handlers"], serde_json::json!(["fetch"]));
    assert!(reports[0]["startup_cpu_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{stdout}");
    assert_eq!(reports[1]["worker"], "bad");
    assert_eq!(reports[1]["ok"], false);
    let stack = reports[1]["stack"].as_str().expect("there is a stack");
    assert!(stack.contains("bad.ts:2:6"), "{stack}");
    assert_eq!(reports[0]["warnings"], serde_json::json!([]));
    let warning = "jobs has the handler email, which Isolane does not call yet";
    assert_eq!(reports[2]["warnings"], serde_json::json!([warning]));
}

#[test]
fn a_fault_in_a_file_is_json_too_with_its_place() {
    let folder = Folder::with(&[("bad.ts", "export default {\n  fetch( {\n")]);
    let (status, stdout, _) = run(&folder, &["check", "--json", "bad.ts"]);
    assert_eq!(status.code(), Some(1), "{status}");
    let reports: Value = serde_json::from_str(&stdout).expect("JSON alone is on standard output");
    assert_eq!(reports[0]["ok"], false);
    assert_eq!(reports[0]["location"]["file"], "bad.ts");
    assert!(reports[0]["location"]["line"].is_u64(), "{stdout}");
}

fn run(folder: &Folder, arguments: &[&str]) -> (ExitStatus, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isolane"));
    command.args(arguments).current_dir(folder.path());
    let output = output(&mut command).expect("the isolane binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("what is printed is text");
    (output.status, text(output.stdout), text(output.stderr))
}

/// Code that parsers would call themselves too often for, in each position and file.
#[test]
fn what_is_nested_too_deeply_is_an_error_with_its_place() {
    let deep = |text: &str| text.repeat(200_000);
    let cases = [
        ("bad.js", deep("[")),
        ("bad.js", format!("const a = {}1{};", deep("("), deep(")"))),
        ("bad.js", format!("const a = {}1;", deep("!"))),
        ("bad.js", format!("const a = {}1;", deep("a=>"))),
        ("bad.js", format!("const a = {}1;", deep("a?b:"))),
        ("bad.js", format!("const a = 1{};", deep("+1"))),
        ("bad.js", format!("const a = {}", deep("`${"))),
        ("bad.js", deep("if(a)")),
        ("bad.js", format!("if(a)b{}", deep(";else if(a)b"))),
        ("bad.jsx", format!("const a = {}{}", deep("<a>"), deep("</a>"))),
        ("bad.ts", format!("let a: {}1{};", deep("A<B,"), deep(">"))),
    ];
    for (file, source) in cases {
        let folder = Folder::with(&[(file, &format!("// deep\n{source}\n{GOOD}"))]);
        let (status, _, stderr) = run(&folder, &["check", file]);
        let start: String = source.chars().take(20).collect();
        let shown: String = stderr.chars().take(400).collect();
        assert_eq!(status.code(), Some(1), "{start}: {status}: {shown}");
        assert!(stderr.contains(&format!("{file}:2:")), "{start}: {shown}");
        assert!(stderr.contains("nested deeper than"), "{start}: {shown}");
        assert!(stderr.len() < 2000, "{start}: {} bytes: {shown}", stderr.len());
    }
}

#[test]
fn data_and_configurations_that_are_nested_too_deeply_are_errors_too() {
    let deep = |text: &str| text.repeat(200_000);
    let main = "import data from './data.json'; export default { fetch() { data } }";
    let toml = format!("name = 'bad'\n[vars]\na = {}", deep("["));
    let json = format!("{{ \"name\": \"bad\", \"vars\": {{ \"a\": {}", deep("["));
    for (files, place, code) in [
        ([("bad/index.js", main), ("bad/data.json", &deep("["))], "data.json:1:", 1),
        ([("bad/index.js", main), ("bad/data.json", &deep("{\"a\":"))], "data.json:1:", 1),
        ([("bad/index.js", GOOD), ("bad/wrangler.jsonc", &json)], "wrangler.jsonc:1:", 2),
        ([("bad/index.js", GOOD), ("bad/wrangler.toml", &toml)], "wrangler.toml:3:", 2),
    ] {
        let folder = Folder::with(&files);
        let (status, _, stderr) = run(&folder, &["check", "bad"]);
        let shown: String = stderr.chars().take(400).collect();
        assert_eq!(status.code(), Some(code), "{place}: {status}: {shown}");
        assert!(stderr.contains(place), "{place}: {shown}");
    }
    for other in ["package.json", "tsconfig.json"] {
        let folder = Folder::with(&[("bad/index.js", GOOD), (&format!("bad/{other}"), &deep("["))]);
        let (status, _, stderr) = run(&folder, &["check", "bad"]);
        let shown: String = stderr.chars().take(400).collect();
        assert!(status.code().is_some(), "{other}: {status}: {shown}");
    }
}

#[test]
fn a_start_that_cannot_be_stopped_ends_the_check_and_no_other() {
    let endless = "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);";
    let fatal = "''.padEnd(2 ** 29 - 24, 'abc').split('');";
    let folder = Folder::with(&[
        ("endless.js", &format!("{endless} {GOOD}")),
        ("fatal.js", &format!("{fatal} {GOOD}")),
        ("good.js", GOOD),
    ]);
    let (status, stdout, stderr) = run(&folder, &["check", "endless.js", "fatal.js", "good.js"]);
    assert_eq!(status.code(), Some(1), "{status}: {stderr}");
    assert!(stdout.starts_with("ok good "), "{stdout}");
    for expected in ["worker endless ", "could not be stopped", "worker fatal ", "fatal error"] {
        assert!(stderr.contains(expected), "without {expected:?}: {stderr}");
    }
}
