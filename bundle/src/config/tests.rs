//! What configurations are accepted, refused and warned about.

mod build;
mod compatibility;
mod events;

use std::path::Path;

use serde_json::json;

use super::*;
use crate::settings::{KvNamespace, Limits};

/// The day of these tests.
const TODAY: &str = "2026-08-20";

const FULL_TOML: &str = r#"
name = "shop"
main = "src/worker.ts"
compatibility_date = 2026-08-01
compatibility_flags = ["nodejs_compat"]
routes = ["shop.example.com", { pattern = "example.com/shop/*", zone_name = "example.com" }]
unsafe_eval = true
jsx_factory = "h"
jsx_fragment = "Fragment"
kv_namespaces = [{ binding = "KV" }]

[vars]
GREETING = "hello"
RETRIES = 0x10
RATIO = 1.5
FLAGS = { beta = true, since = 2026-01-02 }
LIST = [1, "two"]

[[kv_namespaces_not]]
x = 1

[limits]
cpu_ms = 300000
memory_mb = 8
subrequests = 0
"#;

const FULL_JSON: &str = r#"
// The same in the other syntax.
{
  "$schema": "node_modules/wrangler/config-schema.json",
  "name": "shop",
  "main": "src/worker.ts",
  "compatibility_date": "2026-08-01",
  "compatibility_flags": ["nodejs_compat"],
  "routes": [
    "shop.example.com",
    { "pattern": "example.com/shop/*", "custom_domain": true },
  ],
  "unsafe_eval": true,
  "jsx_factory": "h",
  "jsx_fragment": "Fragment",
  "kv_namespaces": [{ "binding": "KV", "preview_id": "x" }],
  "vars": {
    "GREETING": "hello", "RETRIES": 16, "RATIO": 1.5, "LIST": [1, "two"],
    "FLAGS": { "beta": true, "since": "2026-01-02" } /* and so on */
  },
  "kv_namespaces_not": [],
  "limits": { "cpu_ms": 300000, "memory_mb": 8, "subrequests": 0 },
}
"#;

fn toml(text: &str) -> Result<Config, BundleError> {
    parse(Path::new("app/wrangler.toml"), text, Syntax::Toml, None, TODAY)
}

fn json(text: &str) -> Result<Config, BundleError> {
    parse(Path::new("app/wrangler.jsonc"), text, Syntax::Json, None, TODAY)
}

#[track_caller]
fn check_error(result: Result<Config, BundleError>, expected: &str) {
    let error = result.expect_err(expected);
    assert_eq!(error.to_string(), expected);
    assert!(error.location().is_some());
}

#[track_caller]
fn check_warnings(result: Result<Config, BundleError>, expected: &[&str]) {
    let warnings = result.unwrap().warnings;
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, expected);
}

#[test]
fn a_binding_that_is_not_supported_is_named_and_known() {
    let config = toml(
        "kv_namespaces = [{ binding = 'KV' }]\n\
         d1_databases = [{ binding = 'DB' }, { binding = 'LOG', database_name = 'x' }]\n\
         ai = { binding = 'AI' }\nr2_buckets = [{ binding = 'KV' }, { bucket_name = 'x' }]\n\
         [[workflows]]\nbinding = 'FLOW'\n[[durable_objects.bindings]]\nname = 'ROOM'\n",
    )
    .unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "app/wrangler.toml:2:1: \"d1_databases\" is not supported yet: env.DB, env.LOG throw when \
             used",
            "app/wrangler.toml:3:1: \"ai\" is not supported yet: env.AI throws when used",
            "app/wrangler.toml:4:1: \"r2_buckets\" is not supported yet",
            "app/wrangler.toml:5:3: \"workflows\" is not supported yet: env.FLOW throws when used",
            "app/wrangler.toml:7:3: \"durable_objects\" is not supported yet: env.ROOM throws when \
             used",
        ]
    );
    let missing: Vec<_> = config.settings.missing_bindings.into_iter().collect();
    let expected = [
        ("AI", "ai"),
        ("DB", "d1_databases"),
        ("FLOW", "workflows"),
        ("LOG", "d1_databases"),
        ("ROOM", "durable_objects"),
    ];
    assert_eq!(missing, expected.map(|(name, key)| (name.to_owned(), key.to_owned())));
}

#[test]
fn both_syntaxes_say_the_same() {
    for config in [toml(FULL_TOML).unwrap(), json(FULL_JSON).unwrap()] {
        assert_eq!(config.name.as_deref(), Some("shop"));
        assert_eq!(config.main.unwrap().path, "src/worker.ts");
        assert_eq!(config.build.jsx_factory.as_deref(), Some("h"));
        assert_eq!(config.build.jsx_fragment.as_deref(), Some("Fragment"));
        let vars = json!({
            "GREETING": "hello", "RETRIES": 16, "RATIO": 1.5, "LIST": [1, "two"],
            "FLAGS": { "beta": true, "since": "2026-01-02" },
        });
        let expected = Settings {
            compatibility_date: Some("2026-08-01".to_owned()),
            compatibility_flags: vec!["nodejs_compat".to_owned()],
            routes: vec!["shop.example.com".to_owned(), "example.com/shop/*".to_owned()],
            vars: serde_json::from_value(vars).unwrap(),
            kv_namespaces: vec![KvNamespace { binding: "KV".to_owned(), id: None }],
            limits: Limits { cpu_ms: Some(300_000), memory_mb: Some(8), subrequests: Some(0) },
            unsafe_eval: true,
            ..Settings::default()
        };
        assert_eq!(config.settings, expected);
        assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    }
}

#[test]
fn a_single_route_is_a_pattern_or_a_table() {
    for text in ["route = 'a.b/*'", "routes = 'a.b/*'", "[route]\npattern = 'a.b/*'"] {
        assert_eq!(toml(text).unwrap().settings.routes, ["a.b/*"], "{text}");
    }
}

#[test]
fn tables_written_apart_are_lists() {
    let text = "[[kv_namespaces]]\nbinding = 'A'\nid = '1'\n[[kv_namespaces]]\nbinding = 'B'";
    let expected = [("A", Some("1")), ("B", None)].map(|(binding, id)| KvNamespace {
        binding: binding.to_owned(),
        id: id.map(str::to_owned),
    });
    assert_eq!(toml(text).unwrap().settings.kv_namespaces, expected);
}

#[test]
fn toml_errors_name_place_expectation_and_finding() {
    let cases = [
        ("a = 1\n\nmain = 5", "3:8: expected a string for \"main\", found an integer"),
        ("name = ''", "1:8: \"name\" is empty"),
        (
            "name = '--'",
            "1:8: expected a DNS label for \"name\" (1 to 63 lower-case letters, digits and \
             hyphens), found \"--\"",
        ),
        (
            "[limits]\ncpu_ms = 0",
            "2:10: expected an integer from 1 to 300000 for \"limits.cpu_ms\", found 0",
        ),
        (
            "limits = { memory_mb = 5000 }",
            "1:24: expected an integer from 8 to 4096 for \"limits.memory_mb\", found 5000",
        ),
        (
            "limits.cpu_ms = 1.5",
            "1:17: expected an integer from 1 to 300000 for \"limits.cpu_ms\", found 1.5",
        ),
        (
            "limits.subrequests = -1",
            "1:22: expected an integer of 0 or more for \"limits.subrequests\", found -1",
        ),
        (
            "limits.subrequests = true",
            "1:22: expected an integer of 0 or more for \"limits.subrequests\", found a boolean",
        ),
        ("limits = 50", "1:10: expected a table for \"limits\", found an integer"),
        ("unsafe_eval = 'yes'", "1:15: expected true or false for \"unsafe_eval\", found a string"),
        (
            "compatibility_date = '2026-02-30'",
            "1:22: expected a day as YYYY-MM-DD for \"compatibility_date\", found \"2026-02-30\"",
        ),
        (
            "compatibility_flags = ['a', 2]",
            "1:29: expected a string for \"compatibility_flags[1]\", found an integer",
        ),
        (
            "compatibility_flags = 'a'",
            "1:23: expected a list for \"compatibility_flags\", found a string",
        ),
        (
            "routes = [1]",
            "1:11: expected a pattern or { pattern = \"...\" } for \"routes[0]\", found an integer",
        ),
        ("routes = [{ zone_name = 'x' }]", "1:11: expected a \"pattern\" in the route"),
        ("route = 'a'\nroutes = ['b']", "2:10: expected \"route\" or \"routes\", found both"),
        ("kv_namespaces = [{ id = 'x' }]", "1:18: expected a \"binding\" in the KV namespace"),
        (
            "vars = { A = 1 }\nkv_namespaces = [{ binding = 'A' }]",
            "2:30: \"A\" is bound twice: env can have it once",
        ),
        ("vars = { A = inf }", "1:14: expected a finite number"),
        ("vars = { A = 99999999999999999999 }", "1:14: the integer does not fit in 64 bits"),
    ];
    for (text, expected) in cases {
        check_error(toml(text), &format!("app/wrangler.toml:{expected}"));
    }
}

#[test]
fn json_errors_name_place_expectation_and_finding() {
    let cases = [
        ("{\n  \"main\": null\n}", "2:11: expected a string for \"main\", found null"),
        ("[]", "1:1: expected a table, found a list"),
        ("// nothing", "1:1: expected a table, found an empty file"),
        ("{ \"name\": \"a\", \"name\": \"b\" }", "1:16: \"name\" is given twice"),
        (
            "{ \"limits\": { \"cpu_ms\": \"50\" } }",
            "1:25: expected an integer from 1 to 300000 for \"limits.cpu_ms\", found a string",
        ),
        ("{ \"main\": \"a\" \"name\": \"b\" }", "1:14: expected comma"),
        ("{ \"main\": 'a' }", "1:11: single-quoted strings are not allowed"),
    ];
    for (text, expected) in cases {
        check_error(json(text), &format!("app/wrangler.jsonc:{expected}"));
    }
}

#[test]
fn a_toml_syntax_error_has_its_place() {
    let error = toml("name = \"a\"\nmain = \n").unwrap_err();
    let location = error.location().unwrap();
    assert_eq!((location.line, location.column), (2, 8), "{error}");
}

#[test]
fn a_byte_order_mark_is_no_syntax_error_and_moves_no_column() {
    check_error(
        toml("\u{feff}main = 5"),
        "app/wrangler.toml:1:8: expected a string for \"main\", found an integer",
    );
}

#[test]
fn keys_without_effect_warn_by_name_in_the_order_of_the_file() {
    check_warnings(
        toml("zzz = 1\nnmae = 'x'\n[d1_databases]\nx = 1\n[limits]\ncpu = 5\n"),
        &[
            "app/wrangler.toml:1:1: unknown key \"zzz\"",
            "app/wrangler.toml:2:1: unknown key \"nmae\"; did you mean \"name\"?",
            "app/wrangler.toml:3:2: \"d1_databases\" is not supported yet",
            "app/wrangler.toml:6:1: unknown key \"limits.cpu\"; did you mean \"cpu_ms\"?",
        ],
    );
    check_warnings(
        json(
            r#"{ "workflows": [1], "account_id": "x", "kv_namespaces": [{ "binding": "A", "ids": "" }] }"#,
        ),
        &[
            "app/wrangler.jsonc:1:3: \"workflows\" is not supported yet",
            "app/wrangler.jsonc:1:76: unknown key \"kv_namespaces[0].ids\"; did you mean \"id\"?",
        ],
    );
}

#[test]
fn a_name_that_is_no_label_becomes_one_with_a_warning() {
    let config = toml("name = 'My_Shop'").unwrap();
    assert_eq!(config.name.as_deref(), Some("my-shop"));
    check_warnings(
        toml("name = 'My_Shop'"),
        &["app/wrangler.toml:1:8: the worker's name is \"my-shop\": a name has only lower-case \
           letters, digits and hyphens, and \"My_Shop\" has not"],
    );
    assert!(toml(&format!("name = '{}'", "a".repeat(63))).is_ok());
    assert!(toml(&format!("name = '{}'", "a".repeat(64))).is_err());
}

#[test]
fn the_first_configuration_file_wins_and_the_others_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let shown = Path::new("app");
    assert!(File::of_folder(folder.path(), shown).is_none());
    for (name, text) in [
        ("wrangler.jsonc", "{ \"name\": \"d\" }"),
        ("wrangler.json", "{ \"name\": \"c\" } // comments are allowed here too"),
        ("wrangler.toml", "name = 'b'"),
        ("isolane.toml", "name = 'a'"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
        let file = File::of_folder(folder.path(), shown).unwrap();
        assert_eq!((&file.path, &file.shown), (&folder.path().join(name), &shown.join(name)));
        let config = file.read(None).unwrap();
        assert_eq!(config.name.unwrap(), text.split(['"', '\'']).rev().nth(1).unwrap());
    }
    let config = File::of_folder(folder.path(), shown).unwrap().read(None).unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["wrangler.toml", "wrangler.json", "wrangler.jsonc"]
            .map(|name| format!("app/{name} is not read: isolane.toml is"))
    );
}

#[test]
fn what_is_not_supported_warns_only_when_it_is_used() {
    check_warnings(
        json(
            r#"{ "services": [], "queues": { "producers": [] }, "triggers": { "crons": null },
                 "assets": {}, "d1_databases": [], "no_bundle": false, "observability": { "x": 1 },
                 "$schema": "x", "workers_dev": true, "dev": { "port": 1 } }"#,
        ),
        &[],
    );
    check_warnings(
        toml(
            "[assets]\ndirectory = 'x'\n[[streaming_tail_consumers]]\nservice = 'logs'\n\
             [[durable_objects.bindings]]",
        ),
        &[
            "app/wrangler.toml:1:2: \"assets\" is not supported yet",
            "app/wrangler.toml:3:3: \"streaming_tail_consumers\" is not supported yet",
            "app/wrangler.toml:5:3: \"durable_objects\" is not supported yet",
        ],
    );
}

#[test]
fn an_environment_takes_over_what_is_inherited_and_warns_of_the_rest() {
    let text = "route = 'a.b'\nvars = { A = 1 }\ncompatibility_date = '2026-01-01'\n\
                kv_namespaces = [{ binding = 'K' }]\n\
                [env.live]\nroutes = ['c.d']\nkv_namespaces = [{ binding = 'L' }]\nnmae = 'x'\n\
                [env.test.limits]\ncpu_ms = 0\n";
    let parse = |environment| {
        parse(Path::new("app/wrangler.toml"), text, Syntax::Toml, Some(environment), TODAY)
    };
    let config = parse("live").unwrap();
    assert_eq!(config.settings.routes, ["c.d"]);
    assert_eq!(config.settings.compatibility_date.as_deref(), Some("2026-01-01"));
    assert!(config.settings.vars.is_empty());
    assert_eq!(config.settings.kv_namespaces[0].binding, "L");
    assert_eq!(config.settings.kv_namespaces.len(), 1);
    check_warnings(
        parse("live"),
        &[
            "app/wrangler.toml:2:1: \"vars\" is not inherited by environments: the worker has \
             none of it; repeat it as \"env.live.vars\"",
            "app/wrangler.toml:8:1: unknown key \"env.live.nmae\"; did you mean \"name\"?",
        ],
    );
    check_error(
        parse("test"),
        "app/wrangler.toml:10:10: expected an integer from 1 to 300000 for \
         \"env.test.limits.cpu_ms\", found 0",
    );
    assert_eq!(toml(text).unwrap().settings.routes, ["a.b"]);
}
