//! Modules that are no code, and what tells that they are.

use super::*;

const WASM: &str = "\0asm\u{1}\0\0\0";

#[test]
fn what_is_no_code_stays_a_module_of_its_own() {
    let folder = Folder::with(&[
        (
            "src/a.js",
            "import json from './a.json'; import text from './a.txt'; import html from '../a.html';\n\
             import bin from './a.bin'; import wasm from './a.wasm'; import b from './b.wasm?module';\n\
             import css from './a.css';\n\
             console.log(json, text, html, bin, wasm, b, css)",
        ),
        ("src/a.json", "\u{feff}{ \"x\": 1 }"),
        ("src/a.txt", "\u{feff}text"),
        ("a.html", "<p>"),
        ("src/a.css", "p {}"),
        ("src/a.wasm", WASM),
        ("src/b.wasm", WASM),
    ]);
    folder.write("src/a.bin", [0xff, 0xfe, 0x00]);
    let bundle = folder.load().unwrap();
    assert_eq!(
        specifiers(&bundle),
        ["a.js", "a.html", "src/a.bin", "src/a.css", "src/a.txt", "src/a.wasm", "src/b.wasm"]
    );
    let kind = |specifier| bundle.module(specifier).unwrap().kind;
    for text in ["a.html", "src/a.css", "src/a.txt"] {
        assert_eq!(kind(text), ModuleKind::Text, "{text}");
    }
    assert_eq!(kind("src/a.bin"), ModuleKind::Data);
    assert_eq!(kind("src/a.wasm"), ModuleKind::Wasm);
    assert_eq!(kind("src/b.wasm"), ModuleKind::Wasm);
    assert_eq!(bundle.module("src/a.txt").unwrap().text(), Some("text"));
    assert_eq!(*bundle.module("src/a.bin").unwrap().source, [0xff, 0xfe, 0x00]);
    let code = bundle.modules[0].text().unwrap();
    assert!(code.contains("x: 1"), "{code}");
    for (written, resolved) in &bundle.modules[0].imports {
        assert!(code.contains(&format!("from \"{written}\"")), "{written} is not in\n{code}");
        assert!(bundle.module(resolved).is_some(), "{resolved}");
    }
}

#[test]
fn such_a_module_can_be_imported_when_it_is_wanted_and_be_required() {
    let folder = Folder::with(&[
        ("a.js", "import b from './b.cjs'; export default [b, import('./later.txt')]"),
        ("b.cjs", "module.exports = require('./now.txt').length"),
        ("now.txt", ""),
        ("later.txt", ""),
    ]);
    let bundle = folder.load().unwrap();
    assert_eq!(specifiers(&bundle), ["a.js", "later.txt", "now.txt"]);
    assert_eq!(imports(&bundle.modules[0]), ["later.txt later.txt", "now.txt now.txt"]);
    let code = bundle.modules[0].text().unwrap();
    assert!(code.contains("from \"now.txt\"") && code.contains("import(\"later.txt\")"), "{code}");
}

#[test]
fn files_of_one_name_stay_apart_also_those_of_packages() {
    let folder = Folder::with(&[
        (
            "a/main.js",
            "import a from './x.txt'; import b from '../b/x.txt'; import c from 'pkg/x.txt';\n\
             import d from '../main.js'; console.log(a, b, c, d)",
        ),
        ("a/x.txt", "1"),
        ("b/x.txt", "2"),
        ("main.js", "4"),
        ("node_modules/pkg/x.txt", "3"),
    ]);
    folder.write(
        "isolane.toml",
        "main = 'a/main.js'\nrules = [{ type = 'Text', globs = ['main.js'], fallthrough = true }]",
    );
    let bundle = folder.load().unwrap();
    let text = |specifier| bundle.module(specifier).unwrap().text().unwrap();
    assert_eq!(text("a/x.txt"), "1");
    assert_eq!(text("b/x.txt"), "2");
    assert_eq!(text("node_modules/pkg/x.txt"), "3");
    assert_eq!(text("main.js%"), "4");
    assert_eq!(bundle.main, "main.js");
    assert_eq!(bundle.modules[0].imports["main.js"], "main.js%");
}

#[test]
fn a_rule_of_the_configuration_names_other_kinds() {
    let toml = "[[rules]]\ntype = 'Data'\nglobs = ['**/*.png', 'fonts/*']\nfallthrough = true\n\
                [[rules]]\ntype = 'ESModule'\nglobs = ['**/*.es']";
    let folder = Folder::configured(
        toml,
        &[
            (
                "a.js",
                "import a from './i/a.png'; import b from './fonts/b'; import c from './c.es'; console.log(a, b, c)",
            ),
            ("i/a.png", ""),
            ("fonts/b", ""),
            ("c.es", "export default 'see'"),
        ],
    );
    let bundle = folder.load().unwrap();
    assert_eq!(specifiers(&bundle), ["a.js", "fonts/b", "i/a.png"]);
    assert_eq!(bundle.modules[1].kind, ModuleKind::Data);
    assert!(bundle.modules[0].text().unwrap().contains("see"));
}

#[test]
fn additional_modules_are_found_by_the_rules() {
    let files = [
        (
            "src/a.ts",
            "import { shared } from './shared.js'; const names = ['lang/en.js', 'lang/de.mjs'];\n\
             const found = names.map((name) => import('./'.concat(name)));\n\
             console.log(shared, ...(await Promise.all(found)).map((m) => m.default));",
        ),
        ("src/shared.js", "export const shared = 'shared'"),
        ("src/lang/en.js", "import { shared } from '../shared.js'; export default shared + ' en'"),
        ("src/lang/de.mjs", "export default 'de'"),
        ("src/notes.txt", "text"),
        ("outside.txt", "not below the main module"),
    ];
    let rules = "rules = [{ type = 'ESModule', globs = ['**/lang/*.*js'] }]";
    let folder = Folder::configured(&format!("find_additional_modules = true\n{rules}"), &files);
    assert_eq!(folder.run(), "shared shared en de");
    let bundle = folder.load().unwrap();
    let found = specifiers(&bundle);
    assert_eq!(found.first(), Some(&"a.js"));
    for name in ["lang/de.mjs", "lang/en.js", "notes.txt"] {
        assert!(found.contains(&name), "{found:?}");
    }
    assert!(!found.contains(&"outside.txt") && !found.contains(&"%2E%2E/outside.txt"), "{found:?}");

    // What they name is below the main module's folder.
    for glob in ["lang/*.*js", "src/lang/*.*js"] {
        let rules = format!("rules = [{{ type = 'ESModule', globs = ['{glob}'] }}]");
        let toml = format!("find_additional_modules = true\n{rules}");
        assert_eq!(Folder::configured(&toml, &files).run(), "shared shared en de", "{glob}");
    }

    // Without a rule the scripts are none.
    let folder = Folder::configured("find_additional_modules = true", &files);
    assert_eq!(specifiers(&folder.load().unwrap()), ["a.js", "notes.txt"]);
    let folder = Folder::configured("no_bundle = true\nbase_dir = 'src/lang'", &files);
    let bundle = folder.load().unwrap();
    let found = specifiers(&bundle);
    assert!(found.contains(&"en.js") && found.contains(&"de.mjs"), "{found:?}");
    assert_eq!(bundle.folders, [folder.root().canonicalize().unwrap().join("src/lang")]);
}
