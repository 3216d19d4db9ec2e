//! What a project becomes when it is bundled.

mod errors;
mod failures;
mod kinds;
mod node_modules;
mod packages;
mod scripts;
mod tsconfigs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::bundle::{Module, ModuleKind};
use crate::source_maps::SourceMaps;

/// A project of those files; the first is the main module.
struct Folder {
    temporary: TempDir,
}

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        Self::configured("", files)
    }

    /// With more lines in its configuration.
    fn configured(toml: &str, files: &[(&str, &str)]) -> Self {
        let folder = Self { temporary: tempfile::tempdir().unwrap() };
        let (main, _) = files.first().unwrap();
        folder.write("isolane.toml", format!("name = 'app'\nmain = '{main}'\n{toml}"));
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

    fn open(&self) -> Project {
        Project::open(&self.root()).unwrap()
    }

    fn load(&self) -> Result<Bundle, BundleError> {
        Project::open(&self.root())?.load()
    }

    /// The main module's code.
    fn code(&self) -> String {
        self.load().unwrap().modules[0].text().unwrap().to_owned()
    }

    /// What is wrong, with the folder as `app`.
    #[track_caller]
    fn error(&self) -> String {
        self.below_app(&self.load().expect_err("it loads").to_string())
    }

    /// What is worth knowing, with the folder as `app`.
    fn warnings(&self) -> Vec<String> {
        let warnings = self.load().unwrap().warnings;
        warnings.iter().map(|warning| self.below_app(&warning.to_string())).collect()
    }

    fn below_app(&self, text: &str) -> String {
        let canonical = self.root().canonicalize().unwrap();
        text.replace(self.root().to_str().unwrap(), "app")
            .replace(canonical.to_str().unwrap(), "app")
    }

    /// What the bundle prints when Node.js runs it.
    #[track_caller]
    fn run(&self) -> String {
        let bundle = self.load().unwrap();
        let out = self.temporary.path().join("out");
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join("package.json"), "{ \"type\": \"module\" }").unwrap();
        for module in &bundle.modules {
            let path = out.join(&module.specifier);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &module.source).unwrap();
        }
        let node = Command::new("node").arg(out.join(&bundle.main)).output();
        let output = node.expect("these tests run bundles with node");
        let (printed, error) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{error}\n{}", bundle.modules[0].text().unwrap());
        printed.trim_end().to_owned()
    }
}

#[track_caller]
fn check_error(files: &[(&str, &str)], expected: &str) {
    assert_eq!(Folder::with(files).error(), expected);
}

fn specifiers(bundle: &Bundle) -> Vec<&str> {
    bundle.modules.iter().map(|module| module.specifier.as_str()).collect()
}

fn imports(module: &Module) -> Vec<String> {
    module.imports.iter().map(|(written, resolved)| format!("{written} {resolved}")).collect()
}

#[test]
fn a_bundle_over_the_limit_names_the_biggest_files() {
    let text = "import b from './b.txt'; import c from './c.txt'; import d from './d.txt';\n\
                export default [b, c, d];\n";
    let files = [
        ("a.js", text),
        ("b.txt", &*"b".repeat(1000)),
        ("c.txt", "c"),
        ("d.txt", &"d".repeat(3000)),
    ];
    let folder = Folder::with(&files);
    let options = LoadOptions::default();
    let total: u64 = files.iter().map(|(_, text)| text.len() as u64).sum();
    assert_eq!(load(&folder.open(), &options, total + 500).unwrap().modules.len(), 4);

    let error = load(&folder.open(), &options, total - 1).unwrap_err();
    let BundleError::TooBig { limit_bytes, biggest } = &error.error else { panic!("{error}") };
    assert_eq!(*limit_bytes, total - 1);
    let sizes: Vec<u64> = biggest.iter().map(|file| file.bytes).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b) && sizes.contains(&3000), "{sizes:?}");
    assert!(error.to_string().contains("app/d.txt (3000 bytes)"), "{error}");
}

#[test]
fn the_address_of_a_bundle_is_that_of_its_content() {
    let files = [
        ("a.ts", "import './b.js'; let x: 1; export default import('./c.js');"),
        ("b.js", "globalThis.b = 0;"),
        ("c.js", "export let c = 1;"),
    ];
    let folder = Folder::with(&files);
    let id = folder.load().unwrap().id();
    assert_eq!(id.as_str().len(), 64);
    assert_eq!(crate::VersionId::parse(id.as_str()), Some(id.clone()));
    // Another place, another time, and what is no part of the bundle, change nothing.
    for _ in 0..8 {
        assert_eq!(Folder::with(&files).load().unwrap().id(), id);
    }
    folder.write("unused.js", "1");
    assert_eq!(folder.load().unwrap().id(), id);

    let mut ids = vec![id];
    for (name, text) in [
        ("b.js", "globalThis.b = 1;"),
        ("c.js", "export let c = 2;"),
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
fn nothing_in_a_bundle_tells_where_its_project_lies() {
    let folder = Folder::with(&[
        (
            "src/a.tsx",
            "import { x } from 'pkg'; import y from '../y.cjs'; export default <b>{x}{y}</b>",
        ),
        ("y.cjs", "module.exports = __filename + __dirname"),
        ("node_modules/pkg/index.mjs", "export const x = import.meta.url;"),
        ("node_modules/pkg/package.json", "{ \"main\": \"index.mjs\" }"),
    ]);
    let bundle = folder.load().unwrap();
    let place = folder.temporary.path().file_name().unwrap().to_str().unwrap();
    for module in &bundle.modules {
        assert!(!module.text().unwrap().contains(place), "{}", module.text().unwrap());
        assert!(!module.source_map.as_deref().unwrap().contains(place));
    }
}

#[test]
fn every_file_that_matters_is_an_input() {
    let folder = Folder::with(&[
        (
            "src/a.ts",
            "import 'pkg'; import t from './t.txt'; import j from './j.json'; console.log(t, j)",
        ),
        ("src/t.txt", ""),
        ("src/j.json", "1"),
        ("tsconfig.json", "{ \"extends\": [\"./config/base\", \"pkg/tsconfig.json\"] }"),
        ("config/base.json", "{ \"extends\": \"../more.json\" }"),
        ("more.json", "{ \"compilerOptions\": {} }"),
        ("node_modules/pkg/tsconfig.json", "{}"),
        ("node_modules/pkg/index.js", "globalThis.x = 1"),
        ("node_modules/pkg/package.json", "{ \"main\": \"index.js\" }"),
    ]);
    let root = folder.root().canonicalize().unwrap();
    let inputs = folder.load().unwrap().inputs;
    let inputs: Vec<&str> =
        inputs.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap()).collect();
    assert_eq!(
        inputs,
        [
            ".wrangler/deploy/config.json",
            "config/base.json",
            "isolane.toml",
            "more.json",
            "node_modules/pkg/index.js",
            "node_modules/pkg/package.json",
            "src/a.ts",
            "src/j.json",
            "src/t.txt",
            "tsconfig.json"
        ]
    );
}

#[test]
fn code_as_generators_nest_it_is_loaded() {
    let sum = format!("export const x = 1{};", " + 1".repeat(20_000));
    let parentheses = format!("export const y = {}1{};", "(".repeat(5_000), ")".repeat(5_000));
    let bundle = Folder::with(&[("a.ts", &format!("{sum}\n{parentheses}"))]).load().unwrap();
    assert_eq!(bundle.modules.len(), 1);
}

#[test]
fn projects_are_loaded_side_by_side() {
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let main = format!("import {{ x }} from './x.ts'; console.log(x, {number})");
                let folder =
                    Folder::with(&[("a.ts", &main), ("x.ts", "export const x = 1 as any")]);
                for _ in 0..5 {
                    assert!(folder.code().contains(&format!("(1, {number})")), "{}", folder.code());
                }
            });
        }
    });
}

#[test]
fn a_file_of_another_folder_has_a_path_that_goes_up() {
    let folder = Folder::with(&[("a.js", "")]);
    let project = folder.open();
    let root = folder.root().canonicalize().unwrap();
    for (path, below) in [("src/a.js", "src/a.js"), ("../b/c.js", "../b/c.js")] {
        let path: PathBuf = if path.starts_with("..") {
            root.parent().unwrap().join("b/c.js")
        } else {
            root.join(path)
        };
        assert_eq!(project.below(&path), below);
    }
    assert!(project.below(Path::new("/")).ends_with(".."));
}
