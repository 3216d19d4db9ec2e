//! Which modules a project has, where their imports lead, and what is refused.

use tempfile::TempDir;

use super::*;
use crate::VersionId;

const WASM: &str = "\0asm\u{1}\0\0\0";

/// A project of those files; the first is the main module.
struct Folder {
    temporary: TempDir,
}

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self { temporary: tempfile::tempdir().unwrap() };
        let (main, _) = files.first().unwrap();
        folder.write("isolane.toml", format!("name = 'app'\nmain = '{main}'"));
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn root(&self) -> PathBuf {
        self.temporary.path().join("app")
    }

    fn load(&self) -> Result<Bundle, BundleError> {
        Project::open(&self.root())?.load()
    }

    /// What is wrong, with the folder as `app`.
    fn error(&self) -> String {
        let error = self.load().unwrap_err().to_string();
        error.replace(self.root().to_str().unwrap(), "app")
    }
}

#[track_caller]
fn check_resolution(files: &[(&str, &str)], written: &str, expected: &str) {
    let bundle = Folder::with(files).load().unwrap();
    assert_eq!(bundle.modules[0].imports[written], expected);
    assert!(bundle.module(expected).is_some());
}

#[track_caller]
fn check_error(files: &[(&str, &str)], expected: &str) {
    assert_eq!(Folder::with(files).error(), expected);
}

#[test]
fn one_file_is_one_module() {
    let folder = Folder::with(&[("src/index.ts", "export default { a: 1 as number };\n")]);
    let bundle = folder.load().unwrap();
    assert_eq!(bundle.name, "app");
    assert_eq!(bundle.main, "src/index.ts");
    let [module] = bundle.modules.as_slice() else { panic!("{:?}", bundle.modules) };
    assert_eq!(module.specifier, "src/index.ts");
    assert_eq!(module.kind, ModuleKind::EsModule);
    assert_eq!(module.text(), Some("export default { a: 1 };\n"));
    assert!(module.source_map.is_some());
    let root = folder.root().canonicalize().unwrap();
    assert_eq!(bundle.inputs, [root.join("isolane.toml"), root.join("src/index.ts")]);
}

#[test]
fn imports_are_followed_from_module_to_module_in_circles_too() {
    let bundle = Folder::with(&[
        ("a.js", "import './lib/b.js'; import('./c.js'); import 'cloudflare:workers';"),
        ("lib/b.js", "export * from '../a.js'; import '../c.js'; import './/../c.js';"),
        ("c.js", ""),
        ("unused.js", "import './absent.js'"),
    ])
    .load()
    .unwrap();
    let specifiers: Vec<&str> = bundle.modules.iter().map(|m| m.specifier.as_str()).collect();
    assert_eq!(specifiers, ["a.js", "lib/b.js", "c.js"]);
    let imports = |specifier| {
        let imports = &bundle.module(specifier).unwrap().imports;
        imports.iter().map(|(w, r)| format!("{w} {r}")).collect::<Vec<_>>()
    };
    assert_eq!(
        imports("a.js"),
        ["./c.js c.js", "./lib/b.js lib/b.js", "cloudflare:workers cloudflare:workers"]
    );
    assert_eq!(imports("lib/b.js"), ["../a.js a.js", "../c.js c.js", ".//../c.js c.js"]);
}

#[test]
fn every_kind_of_module_is_what_its_extension_says() {
    let folder = Folder::with(&[
        (
            "a.js",
            "import './a.json'; import './a.txt'; import './a.html'; import './a.sql';\n\
             import './a.css'; import './a.bin'; import './a.wasm'; import './b.wasm?module';",
        ),
        ("a.json", "\u{feff}{ \"x\": 1 }"),
        ("a.txt", "text"),
        ("a.html", "<p>"),
        ("a.sql", "SELECT 1"),
        ("a.css", "p {}"),
        ("a.wasm", WASM),
        ("b.wasm", WASM),
    ]);
    folder.write("a.bin", [0xff, 0xfe, 0x00]);
    let bundle = folder.load().unwrap();
    let kind = |specifier| bundle.module(specifier).unwrap().kind;
    assert_eq!(kind("a.json"), ModuleKind::Json);
    for text in ["a.txt", "a.html", "a.sql", "a.css"] {
        assert_eq!(kind(text), ModuleKind::Text, "{text}");
    }
    assert_eq!(kind("a.bin"), ModuleKind::Data);
    assert_eq!(kind("a.wasm"), ModuleKind::Wasm);
    assert_eq!(kind("b.wasm"), ModuleKind::Wasm);
    assert_eq!(bundle.modules[0].imports["./b.wasm?module"], "b.wasm");
    assert_eq!(bundle.module("a.json").unwrap().text(), Some("{ \"x\": 1 }"));
    assert_eq!(*bundle.module("a.bin").unwrap().source, [0xff, 0xfe, 0x00]);
    assert_eq!(bundle.module("a.bin").unwrap().text(), None);
}

#[test]
fn an_extension_can_be_left_out_or_be_that_of_the_compiled_file() {
    let cases: [(&str, &[&str], &str); 11] = [
        ("./x.ts", &["x.ts"], "x.ts"),
        ("./x", &["x.ts"], "x.ts"),
        ("./x", &["x.ts", "x.js", "x/index.ts"], "x.ts"),
        ("./x", &["x/index.ts"], "x/index.ts"),
        ("./x/", &["x.ts", "x/index.js"], "x/index.js"),
        ("./x.js", &["x.js", "x.ts"], "x.js"),
        ("./x.js", &["x.ts"], "x.ts"),
        ("./x.jsx", &["x.tsx"], "x.tsx"),
        ("./x.mjs", &["x.mts"], "x.mts"),
        ("./x.y", &["x.y.ts"], "x.y.ts"),
        ("..", &["index.ts"], "index.ts"),
    ];
    for (written, present, expected) in cases {
        let folder = if written == ".." { "src/" } else { "" };
        let main = format!("{folder}main.js");
        let text = format!("import {written:?};");
        let mut files = vec![(main.as_str(), text.as_str())];
        files.extend(present.iter().map(|name| (*name, "export {};")));
        check_resolution(&files, written, expected);
    }
}

#[test]
fn a_missing_import_names_the_importer_and_what_was_tried() {
    check_error(
        &[("src/a.ts", "type X = 1;\nimport { b } from \"./b\";\nb();")],
        "app/src/a.ts:2:19: cannot find \"./b\"\n\
         \x20 1 | type X = 1;\n\
         > 2 | import { b } from \"./b\";\n\
         \x20   |                   ^\n\
         help: there is no src/b, no src/b.ts, no src/b.tsx, no src/b.mts and so on",
    );
}

#[test]
fn what_is_no_relative_path_is_refused_with_the_next_step() {
    for (written, help) in [
        ("hono", "packages are not bundled yet"),
        ("@scope/x", "packages are not bundled yet"),
        ("node:fs", "the modules that the runtime provides are cloudflare:workers"),
        ("cloudflare:sockets", "the modules that the runtime provides are cloudflare:workers"),
        ("https://esm.sh/hono", "modules are not fetched"),
        ("/etc/passwd", "import by a path that starts with ./ or ../"),
    ] {
        let error = Folder::with(&[("a.js", &format!("import x from '{written}'"))]).error();
        let start = format!("app/a.js:1:15: cannot import \"{written}\"\n");
        assert!(error.starts_with(&start), "{error}");
        assert!(error.contains(&format!("\nhelp: {help}")), "{error}");
    }
}

#[test]
fn no_import_leaves_the_folder() {
    for written in ["../secret.js", "./x/../../secret.js", "../../../../../../../../etc/passwd"] {
        let folder = Folder::with(&[("a.js", &format!("import '{written}'"))]);
        fs::write(folder.temporary.path().join("secret.js"), "").unwrap();
        let error = folder.error();
        let start = format!("app/a.js:1:8: \"{written}\" is outside of the project's folder");
        assert!(error.starts_with(&start), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder() {
    let folder = Folder::with(&[("a.js", "import './link.js'")]);
    let secret = folder.temporary.path().join("secret.js");
    fs::write(&secret, "").unwrap();
    std::os::unix::fs::symlink(&secret, folder.root().join("link.js")).unwrap();
    assert!(folder.error().contains("is outside of the project's folder"));
}

#[test]
fn a_file_of_no_known_kind_is_refused() {
    let error = Folder::with(&[("a.js", "import './b.png'"), ("b.png", "")]).error();
    assert!(error.starts_with("app/a.js:1:8: cannot tell what \"./b.png\" is"), "{error}");
    let error = Folder::with(&[("a.js", "import './b.cjs'"), ("b.cjs", "")]).error();
    assert!(error.contains("help: CommonJS modules are not supported yet"), "{error}");
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
fn a_bundle_over_the_limit_names_the_biggest_files() {
    let text = "import './b.txt'; import './c.txt'; import './d.txt';";
    let files =
        [("a.js", text), ("b.txt", &*"b".repeat(100)), ("c.txt", "c"), ("d.txt", &"d".repeat(300))];
    let folder = Folder::with(&files);
    let project = Project::open(&folder.root()).unwrap();
    let total: u64 = files.iter().map(|(_, text)| text.len() as u64).sum();
    assert_eq!(load(&project, total).unwrap().modules.len(), 4);

    let error = load(&project, total - 1).unwrap_err();
    let BundleError::TooBig { limit_bytes, biggest } = &error else { panic!("{error}") };
    assert_eq!(*limit_bytes, total - 1);
    let sizes: Vec<u64> = biggest.iter().map(|file| file.bytes).collect();
    assert_eq!(sizes, [300, 100, text.len() as u64, 1]);
    assert!(error.to_string().contains("app/d.txt (300 bytes), "), "{error}");
}

#[test]
fn the_address_of_a_bundle_is_that_of_its_content() {
    let files = [("a.ts", "import './b.js'; let x: 1;"), ("b.js", "")];
    let folder = Folder::with(&files);
    let id = folder.load().unwrap().id();
    assert_eq!(id.as_str().len(), 64);
    assert_eq!(VersionId::parse(id.as_str()), Some(id.clone()));
    // Another place, and what is no part of the bundle, change nothing.
    assert_eq!(Folder::with(&files).load().unwrap().id(), id);
    folder.write("unused.js", "1");
    assert_eq!(folder.load().unwrap().id(), id);

    let mut ids = vec![id];
    for (name, text) in [
        ("b.js", "1;"),
        ("a.ts", "import './b.js'; let x: 2;"),
        ("isolane.toml", "name = 'app'\nmain = 'a.ts'\nvars = { A = 1 }"),
        ("isolane.toml", "name = 'other'\nmain = 'a.ts'\nvars = { A = 1 }"),
        ("isolane.toml", "name = 'other'\nmain = 'b.js'\nvars = { A = 1 }"),
    ] {
        folder.write(name, text);
        let id = folder.load().unwrap().id();
        assert!(!ids.contains(&id), "{name} {text}");
        ids.push(id);
    }
}

#[test]
fn code_as_generators_nest_it_is_loaded() {
    let sum = format!("export const x = 1{};", " + 1".repeat(20_000));
    let parentheses = format!("export const y = {}1{};", "(".repeat(5_000), ")".repeat(5_000));
    let bundle = Folder::with(&[("a.ts", &format!("{sum}\n{parentheses}"))]).load().unwrap();
    assert_eq!(bundle.modules.len(), 1);
}
