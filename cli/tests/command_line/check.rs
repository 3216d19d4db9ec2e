//! `isolane check`, and what every command does with arguments and configurations at fault:
//! the exit code, and the place that is named.

use std::process::{Command, ExitStatus};

use serde_json::Value;

use crate::folder::Folder;

const GOOD: &str = "export default { fetch() { return new Response('x') } }";

/// What a command is to end with.
struct Case<'a> {
    /// What is tried, for the message of a failure.
    name: &'a str,
    files: &'a [(&'a str, &'a str)],
    arguments: &'a [&'a str],
    code: i32,
    /// Each is part of what is printed.
    says: &'a [&'a str],
}

const CASES: &[Case<'_>] = &[
    Case {
        name: "a good project",
        files: &[("good/index.js", GOOD)],
        arguments: &["check", "good"],
        code: 0,
        says: &["ok good starts in", "handlers: fetch"],
    },
    Case {
        name: "a good project with a key that nothing knows",
        files: &[("good/index.js", GOOD), ("good/isolane.toml", "name = \"good\"\nmian = \"x\"")],
        arguments: &["check", "good"],
        code: 0,
        says: &["good/isolane.toml:2:1", "unknown key \"mian\"; did you mean \"main\"?"],
    },
    Case {
        name: "a project that throws at its start",
        files: &[(
            "bad/index.ts",
            "const no: string = 'no';\n\nthrow new Error(no);\nexport default {}",
        )],
        arguments: &["check", "bad"],
        code: 1,
        says: &["worker bad ", "cannot start: Error: no\n", "at index.ts:3:7"],
    },
    Case {
        name: "a project that never gets ready",
        files: &[(
            "bad/index.js",
            "globalThis.turns = 0;\nwhile (true) globalThis.turns += 1;\nexport default { fetch() {} }",
        )],
        arguments: &["check", "bad"],
        code: 1,
        says: &["exceeded its limits while starting", "1000 ms of CPU time"],
    },
    Case {
        name: "a project without a handler",
        files: &[("bad/index.js", "export default {}")],
        arguments: &["check", "bad"],
        code: 1,
        says: &["The worker has no fetch handler"],
    },
    Case {
        name: "a module that is not well formed",
        files: &[("bad/index.ts", "export default {\n  fetch() { return new Response('x' }\n}")],
        arguments: &["check", "bad"],
        code: 1,
        says: &["bad/index.ts:2:37"],
    },
    Case {
        name: "an import that leads nowhere",
        files: &[(
            "bad/index.ts",
            "import x from './gone.ts';\nexport default { fetch() { x() } }",
        )],
        arguments: &["check", "bad"],
        code: 1,
        says: &["bad/index.ts:1:15", "./gone.ts"],
    },
    Case {
        name: "a project's configuration with a wrong type",
        files: &[("bad/index.js", GOOD), ("bad/isolane.toml", "name = \"bad\"\nmain = 7")],
        arguments: &["check", "bad"],
        code: 2,
        says: &["bad/isolane.toml:2:8: expected a string for \"main\", found an integer"],
    },
    Case {
        name: "the same in JSON with comments",
        files: &[
            ("bad/index.js", GOOD),
            ("bad/wrangler.jsonc", "{\n  // the entry\n  \"main\": [],\n}"),
        ],
        arguments: &["dev", "bad"],
        code: 2,
        says: &["bad/wrangler.jsonc:3:11: expected a string for \"main\""],
    },
    Case {
        name: "a project that is not there",
        files: &[],
        arguments: &["dev", "nowhere"],
        code: 2,
        says: &["error: cannot read nowhere: No such file or directory (os error 2)\n"],
    },
    Case {
        name: "two workers of one name",
        files: &[("a/index.js", GOOD), ("b/a.js", GOOD)],
        arguments: &["check", "a", "b/a.js"],
        code: 2,
        says: &["two workers are named a: a and b/a.js"],
    },
    Case {
        name: "a node's configuration with a wrong type",
        files: &[("node.toml", "log = \"json\"\ndata = 7")],
        arguments: &["serve"],
        code: 2,
        says: &["node.toml:2:8: expected path string, found integer `7`"],
    },
    Case {
        name: "a node's configuration with a key that nothing knows",
        files: &[("node.toml", "[limits]\nisolate = 7")],
        arguments: &["check", "--config", "node.toml"],
        code: 2,
        says: &["node.toml:2:1: expected one of", "unknown key `isolate`"],
    },
    Case {
        name: "a node's configuration that is not there",
        files: &[],
        arguments: &["serve", "--config", "nowhere.toml"],
        code: 2,
        says: &["error: cannot read nowhere.toml: No such file or directory (os error 2)\n"],
    },
    Case {
        name: "a worker that no route leads to",
        files: &[("a/index.js", GOOD), ("node.toml", "[[workers]]\npath = \"a\"")],
        arguments: &["serve"],
        code: 2,
        says: &["worker a has no routes"],
    },
    Case {
        name: "one route for two workers",
        files: &[
            ("a/index.js", GOOD),
            ("b/index.js", GOOD),
            (
                "node.toml",
                "[[workers]]\npath = \"a\"\nroutes = [\"x.test\"]\n\
                 [[workers]]\npath = \"b\"\nroutes = [\"X.test.\"]",
            ),
        ],
        arguments: &["serve"],
        code: 2,
        says: &["worker b: ", "x.test"],
    },
    Case {
        name: "a port that is taken by nobody's right",
        files: &[("a/index.js", GOOD)],
        arguments: &["dev", "a", "--host", "203.0.113.1", "--port", "0"],
        code: 1,
        says: &["cannot listen on 203.0.113.1:0"],
    },
    Case {
        name: "an option that nothing knows",
        files: &[],
        arguments: &["dev", "--prot", "1", "a"],
        code: 2,
        says: &["unexpected argument '--prot'", "'--port'"],
    },
    Case {
        name: "a value that is no port",
        files: &[],
        arguments: &["dev", "--port", "65536", "a"],
        code: 2,
        says: &["invalid value '65536' for '--port <PORT>'"],
    },
    Case {
        name: "a command that nothing knows",
        files: &[],
        arguments: &["server"],
        code: 2,
        says: &["unrecognized subcommand 'server'", "'serve'"],
    },
    Case {
        name: "nothing to check",
        files: &[],
        arguments: &["check"],
        code: 2,
        says: &["Usage:"],
    },
    Case {
        name: "no command",
        files: &[],
        arguments: &[],
        code: 2,
        says: &["Usage:", "dev", "serve"],
    },
    Case {
        name: "help",
        files: &[],
        arguments: &["--help"],
        code: 0,
        says: &["Examples:", "Exit codes: 0 success, 1 failure, 2 bad arguments"],
    },
    Case {
        name: "the version",
        files: &[],
        arguments: &["--version"],
        code: 0,
        says: &[concat!("isolane ", env!("CARGO_PKG_VERSION"), "\n")],
    },
];

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
    ]);
    let (status, stdout, _) = run(&folder, &["check", "--json", "good.js", "bad.ts"]);
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
    let output = Command::new(env!("CARGO_BIN_EXE_isolane"))
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .expect("the isolane binary starts");
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
