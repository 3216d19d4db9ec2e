//! What is said of bundling and of development.

use super::*;

#[test]
fn where_a_project_wants_to_be_served_in_development_is_read() {
    let text = "[dev]\nport = 9333\nip = '::1'\nlocal_protocol = 'https'\ninspector_port = 1";
    let config = toml(text).unwrap();
    let expected = DevServer { ip: Some("::1".parse().unwrap()), port: Some(9333), https: true };
    assert_eq!(config.dev, expected);
    check_warnings(Ok(config), &[]);
    for (text, ip) in [("localhost", "127.0.0.1"), ("*", "0.0.0.0"), ("10.0.0.1", "10.0.0.1")] {
        let dev = toml(&format!("dev.ip = '{text}'\ndev.local_protocol = 'http'")).unwrap().dev;
        assert_eq!(dev, DevServer { ip: Some(ip.parse().unwrap()), port: None, https: false });
    }
    for (text, expected) in [
        ("dev = 1", "1:7: expected a table for \"dev\", found an integer"),
        (
            "dev.port = 65536",
            "1:12: expected an integer from 0 to 65535 for \"dev.port\", found 65536",
        ),
        ("dev.ip = 'here'", "1:10: expected an IP address for \"dev.ip\", found \"here\""),
        (
            "dev.local_protocol = 'ftp'",
            "1:22: expected http or https for \"dev.local_protocol\", found \"ftp\"",
        ),
    ] {
        check_error(toml(text), &format!("app/wrangler.toml:{expected}"));
    }
    check_warnings(
        toml("dev.prot = 1"),
        &["app/wrangler.toml:1:5: unknown key \"dev.prot\"; did you mean \"port\"?"],
    );
}

#[test]
fn how_modules_are_bundled_is_read() {
    let text = r#"
minify = true
keep_names = false
tsconfig = "ts/web.json"
define = { VERSION = "'1'" }
alias = { a = "./b", "a/c" = "d" }
rules = [
  { type = "Text", globs = ["**/*.tmpl"], fallthrough = true },
  { type = "CompiledWasm", globs = ["**/*.w"] },
]
"#;
    let build = toml(text).unwrap().build;
    assert!(build.minify);
    assert_eq!(build.keep_names, Some(false));
    assert_eq!(build.tsconfig.as_ref().unwrap().0, Path::new("ts/web.json"));
    assert_eq!(build.define, [("VERSION".to_owned(), "'1'".to_owned())]);
    assert_eq!(build.rules.len(), 2);
    assert!(build.rules[0].fallthrough && !build.rules[1].fallthrough);
    for (specifier, other) in
        [("a", Some("./b")), ("a/x", Some("./b/x")), ("ab", None), ("a/c", Some("./b/c"))]
    {
        assert_eq!(build.aliased(specifier).as_deref(), other, "{specifier}");
    }
    for (text, expected) in [
        ("minify = 1", "1:10: expected true or false for \"minify\", found an integer"),
        ("define = { A = 1 }", "1:16: expected a string for \"define.A\", found an integer"),
        ("alias = []", "1:9: expected a table for \"alias\", found a list"),
        ("rules = [{ globs = ['x'] }]", "1:10: expected a \"type\" in the rule"),
        ("rules = [{ type = 'Text' }]", "1:10: expected \"globs\" in the rule"),
        (
            "rules = [{ type = 'Txt', globs = ['x'] }]",
            "1:19: expected one of ESModule, CommonJS, Text, Data and CompiledWasm, found \"Txt\"",
        ),
        (
            "triggers = { crons = [1] }",
            "1:23: expected a string for \"triggers.crons[0]\", found an integer",
        ),
        ("queues = []", "1:10: expected a table for \"queues\", found a list"),
        ("env = { a = 1 }", "1:13: expected a table for \"env.a\", found an integer"),
    ] {
        check_error(toml(text), &format!("app/wrangler.toml:{expected}"));
    }
}

#[test]
fn a_command_that_makes_the_modules_is_read() {
    let build = |text: &str| toml(text).unwrap().custom_build;
    let found = build("[build]\ncommand = 'npm run build'\ncwd = 'a'\nwatch_dir = 'b'").unwrap();
    assert_eq!((&*found.command, found.folder), ("npm run build", "a".into()));
    assert_eq!(found.watched, [Path::new("b")]);
    assert_eq!(build("build.watch_dir = []"), None);
    assert_eq!(build("build.command = ''"), None);
    for (text, expected) in [
        ("build = 'x'", "1:9: expected a table for \"build\", found a string"),
        ("build.command = 1", "1:17: expected a string for \"build.command\", found an integer"),
        (
            "build.watch_dir = 1",
            "1:19: expected a folder or a list of folders for \"build.watch_dir\", found an integer",
        ),
        ("build.cwd = ''", "1:13: \"build.cwd\" is empty"),
    ] {
        check_error(toml(text), &format!("app/wrangler.toml:{expected}"));
    }
    check_warnings(
        toml("build.comand = 'x'"),
        &["app/wrangler.toml:1:7: unknown key \"build.comand\"; did you mean \"command\"?"],
    );
}
