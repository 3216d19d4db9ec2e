//! What is refused, how it is said and where.

use super::*;

#[test]
fn a_missing_import_names_the_importer_and_what_was_tried() {
    check_error(
        &[("src/a.ts", "type X = 1;\nimport { b } from \"./b\";\nb();")],
        "app/src/a.ts:2:19: cannot find \"./b\"\n\
         \x20 1 | type X = 1;\n\
         > 2 | import { b } from \"./b\";\n\
         \x20   |                   ^\n\
         help: there is no src/b, no src/b.ts, no src/b.tsx, no src/b.js and so on",
    );
    let error = Folder::with(&[("src/a.ts", "import { b } from './b.js';\nb();")]).error();
    assert!(error.starts_with("app/src/a.ts:1:19: cannot find \"./b.js\""), "{error}");
}

#[test]
fn a_package_that_is_not_installed_is_named_with_the_command() {
    for (written, package) in
        [("hono", "hono"), ("hono/logger", "hono"), ("@scope/x/y/z", "@scope/x")]
    {
        let error = Folder::with(&[("a.js", &format!("import x from '{written}'; x()"))]).error();
        let start = format!("app/a.js:1:15: cannot find the package \"{package}\"\n");
        assert!(error.starts_with(&start), "{error}");
        assert!(error.contains(&format!("\nhelp: npm install {package}")), "{error}");
    }
}

#[test]
fn what_a_package_does_not_export_is_said() {
    let error = Folder::with(&[
        ("a.js", "import x from 'pkg/inner'; x"),
        ("node_modules/pkg/package.json", "{ \"exports\": { \".\": \"./a.js\" } }"),
        ("node_modules/pkg/inner.js", ""),
    ])
    .error();
    assert!(error.starts_with("app/a.js:1:15: cannot import \"pkg/inner\""), "{error}");
    assert!(error.contains("the package pkg does not export \"./inner\""), "{error}");
}

#[test]
fn what_is_no_path_and_no_package_is_refused_with_the_next_step() {
    for (written, message, help) in [
        ("https://esm.sh/hono", "cannot import \"https://esm.sh/hono\"", "modules are not fetched"),
        ("/lib/gone.js", "cannot find \"/lib/gone.js\"", "there is no such file; a path below"),
        (
            "virtual:x",
            "cannot find the module \"virtual:x\"",
            "what begins with \"virtual:\" is made by a build tool",
        ),
    ] {
        let error = Folder::with(&[("a.js", &format!("import x from '{written}'; x"))]).error();
        assert!(error.starts_with(&format!("app/a.js:1:15: {message}\n")), "{error}");
        assert!(error.contains(&format!("\nhelp: {help}")), "{error}");
    }
}

#[test]
fn an_import_that_is_required_or_dynamic_has_to_lead_somewhere_unless_it_is_guarded() {
    for (text, place) in [
        ("export default require('gone')", "1:24"),
        ("export default import('gone')", "1:23"),
        ("export default require('./gone')", "1:24"),
        ("try { require('gone') } catch {}\nrequire('gone');", "2:9"),
    ] {
        let error = Folder::with(&[("a.js", text)]).error();
        assert!(error.starts_with(&format!("app/a.js:{place}: cannot find")), "{text}: {error}");
    }
    let folder = Folder::with(&[
        ("a.js", "import './b.cjs'; import('gone').catch(() => console.log('caught'))"),
        ("b.cjs", "try { require('gone') } catch { console.log('tried') }"),
    ]);
    assert_eq!(folder.run(), "tried\ncaught");
}

#[test]
fn a_package_that_is_listed_and_not_there_is_to_be_installed() {
    let import = ("a.js", "import { Hono } from 'hono/tiny'; Hono");
    let listed = ("package.json", "{ \"dependencies\": { \"hono\": \"^4\" } }");
    let folder = Folder::with(&[import, listed]);
    let error = folder.error();
    assert!(error.starts_with("app/a.js:1:22: cannot find the package \"hono\"\n"), "{error}");
    assert!(error.contains("\nhelp: package.json lists it: run npm install in app"), "{error}");
    let other = ("package.json", "{ \"dependencies\": { \"hono-x\": \"^4\" } }");
    let error = Folder::with(&[import, other]).error();
    assert!(error.contains("\nhelp: npm install hono, or import"), "{error}");
}

#[test]
fn a_file_of_no_known_kind_is_refused() {
    let error = Folder::with(&[("a.js", "import './b.png'"), ("b.png", "")]).error();
    assert!(error.starts_with("app/a.js:1:8: cannot tell what \"./b.png\" is"), "{error}");
    assert!(error.contains("\"rules\""), "{error}");
}

#[test]
fn a_file_whose_rule_another_replaces_is_refused_with_that_rule() {
    let rules = "rules = [{ type = 'Data', globs = ['**/*.png', 'x/*'] },\n\
                 { type = 'Data', globs = ['**/*.pdf'] }]";
    let files = [("a.js", "import './b.bin'"), ("b.bin", ""), ("c.pdf", "")];
    let folder = Folder::configured(rules, &files);
    let help = |glob: &str, setting: &str| {
        format!(
            "\nhelp: the rule of type Data for **/*.png and x/* replaces the one for {glob}; with \
             {setting} both count"
        )
    };
    let error = folder.error();
    assert!(error.starts_with("app/a.js:1:8: cannot tell what \"./b.bin\" is"), "{error}");
    assert!(error.ends_with(&help("**/*.bin", "fallthrough = true")), "{error}");

    folder.write("a.js", "import './c.pdf'");
    assert!(folder.error().ends_with(&help("**/*.pdf", "fallthrough = true")));

    fs::remove_file(folder.root().join("isolane.toml")).unwrap();
    let json = "{ \"main\": \"a.js\", \"rules\": [{ \"type\": \"Data\", \
                \"globs\": [\"**/*.png\", \"x/*\"] }, \
                { \"type\": \"Data\", \"globs\": [\"**/*.pdf\"] }] }";
    folder.write("wrangler.json", json);
    assert!(folder.error().ends_with(&help("**/*.pdf", "\"fallthrough\": true")));
}

#[test]
fn a_file_that_is_not_what_it_says_is_an_error_at_its_place() {
    check_error(
        &[("a.ts", "import './b.ts'"), ("b.ts", "\u{feff}let ç = 1;\nlet x = ;")],
        "app/b.ts:2:9: Unexpected token\n\
         \x20 1 | let ç = 1;\n\
         > 2 | let x = ;\n\
         \x20   |         ^",
    );
    check_error(
        &[("a.js", "import './b.json'"), ("b.json", "{\n  \"a\": x\n}")],
        "app/b.json:2:8: expected value\n\
         \x20 1 | {\n\
         > 2 |   \"a\": x\n\
         \x20   |        ^",
    );
    let error = Folder::with(&[("a.js", "import './b.wasm'"), ("b.wasm", "text")]).error();
    assert!(error.starts_with("app/b.wasm:1:1: the file is not compiled Wasm"), "{error}");

    let folder = Folder::with(&[("a.js", "import './b.txt'")]);
    folder.write("b.txt", b"ok\nno \xff");
    let error = folder.error();
    assert!(error.starts_with("app/b.txt:2:4: the file is not UTF-8"), "{error}");
}

#[test]
fn a_name_that_a_module_does_not_export_is_an_error_at_its_place() {
    let error = Folder::with(&[
        ("a.js", "let ç = 1;\nimport { gone } from './b.js'; gone()"),
        ("b.js", "export let here"),
    ])
    .error();
    assert!(error.starts_with("app/a.js:2:10: "), "{error}");
    assert!(error.contains("\"gone\" is not exported by \"b.js\""), "{error}");
}

#[test]
fn a_name_that_typescript_uses_as_a_value_has_to_be_exported() {
    let types = ("b.ts", "export interface T {} export const here = 1;");
    let reexports = ("c.ts", "export { T } from './b'; import { U } from './b'; export { U };");
    check_error(
        &[("a.ts", "import type { T } from './b';\nimport { nope } from './b';\nnope();"), types],
        "app/a.ts:2:10: \"nope\" is not exported by \"b.ts\", imported by \"a.ts\".\n\
         \x20 1 | import type { T } from './b';\n\
         > 2 | import { nope } from './b';\n\
         \x20   |          ^",
    );
    for (text, place, name) in [
        ("import { here, T as X } from './b'; console.log(here, X);", "1:16", "T"),
        ("import x from './b'; console.log(x);", "1:8", "default"),
        ("import { x } from './b'; class Y extends x {}; new Y();", "1:10", "x"),
        ("import { T } from './b'; export { T }; console.log(T);", "1:10", "T"),
        ("import { T } from './b'; export default T;", "1:10", "T"),
        ("import { T } from './c'; console.log(T);", "1:10", "T"),
        ("import { U } from './c'; console.log(U);", "1:10", "U"),
    ] {
        let error = Folder::with(&[("x/a.ts", &text.replace("./", "../")), types, reexports]);
        let error = error.error();
        let start = format!("app/x/a.ts:{place}: \"{name}\" is not exported by");
        assert!(error.starts_with(&start), "{text}: {error}");
    }
}

#[test]
fn of_several_faults_the_same_one_is_always_told() {
    let folder = Folder::with(&[
        ("a.js", "import './b.js'; import './c.js'; import './gone.js';"),
        ("b.js", "let x = ;"),
        ("c.js", "import 'missing';"),
    ]);
    let error = folder.error();
    for _ in 0..20 {
        assert_eq!(folder.error(), error);
    }
    folder.write("tsconfig.json", "{ nonsense");
    assert!(folder.error().contains("tsconfig.json"), "{}", folder.error());
}

#[test]
fn a_definition_that_is_no_expression_is_an_error() {
    let error = Folder::configured("define = { A = '(' }", &[("a.js", "A")]).error();
    assert!(error.contains("cannot be bundled"), "{error}");
}
