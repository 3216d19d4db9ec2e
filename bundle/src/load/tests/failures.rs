//! What is told of a load that has failed: all that may mend it.

use std::os::unix::fs::symlink;

use super::*;

/// Why a project cannot be loaded, and what may mend it, by the path from its folder.
fn failure(folder: &Folder) -> (LoadError, Vec<String>) {
    let project = folder.open();
    let error = project.load_with(&LoadOptions::default()).unwrap_err();
    let inputs = error.read.inputs.iter().map(|input| project.below(input)).collect();
    (error, inputs)
}

#[track_caller]
fn has(inputs: &[String], expected: &[&str]) {
    for input in expected {
        assert!(inputs.iter().any(|it| it == input), "{input} is missing in {inputs:#?}");
    }
}

#[test]
fn what_was_read_may_mend_a_fault_elsewhere() {
    let folder = Folder::with(&[
        (
            "a.ts",
            "import '../shared/good.ts'; import t from '../shared/t.txt'; import '../shared/bad.ts'; t;\n\
             export const load = (name: string) => import(`../texts/${name}.js`);",
        ),
        ("../shared/good.ts", "export const good: number = 1"),
        ("../shared/t.txt", "text"),
        ("../shared/bad.ts", "import { other } from './names.ts'; console.log(other)"),
        ("../shared/names.ts", "export const name = 1"),
        ("../texts/one.js", "export default 1"),
        ("tsconfig.json", "{ \"extends\": \"../base.json\" }"),
        ("../base.json", "{}"),
    ]);
    let (error, inputs) = failure(&folder);
    assert!(error.to_string().contains("bad.ts:1:10"), "{error}");
    has(
        &inputs,
        &[
            "a.ts",
            "isolane.toml",
            "tsconfig.json",
            "../base.json",
            "../shared/good.ts",
            "../shared/t.txt",
            "../shared/bad.ts",
            "../shared/names.ts",
        ],
    );
    let texts = folder.root().join("../texts").canonicalize().unwrap();
    assert_eq!(error.read.folders, [texts]);
}

#[test]
fn what_is_not_there_may_come_wherever_it_was_looked_for() {
    let folder = Folder::with(&[
        (
            "src/a.ts",
            "import '../../new/deep/b'; import '../../shared/c.js'; import '@lib/d'; import './e.txt';",
        ),
        (
            "tsconfig.json",
            "{ \"compilerOptions\": { \"paths\": { \"@lib/*\": [\"../libs/*/index\"] } } }",
        ),
        ("../shared/other.ts", ""),
    ]);
    let (_, inputs) = failure(&folder);
    has(
        &inputs,
        &[
            "../new/deep/b",
            "../new/deep/b.ts",
            "../new/deep/b.json",
            "../shared/c.js",
            "../shared/c.ts",
            "../libs/d/index.ts",
            "src/e.txt",
        ],
    );
    // Nobody writes one for an import's sake.
    let manifests = inputs.iter().filter(|input| input.ends_with("package.json"));
    assert_eq!(manifests.count(), 0, "{inputs:#?}");
}

#[test]
fn a_package_may_come_beside_what_lists_packages() {
    let folder = Folder::with(&[
        ("src/a.js", "import 'one'; import 'two/part'; try { require('three') } catch {}"),
        ("../package.json", "{ \"workspaces\": [\"app\"] }"),
        ("../node_modules/two/package.json", "{ \"exports\": { \"./part\": \"./part.js\" } }"),
    ]);
    let (_, inputs) = failure(&folder);
    has(&inputs, &["node_modules", "../node_modules/one", "../node_modules/two/part.js"]);
    let elsewhere = inputs.iter().filter(|input| input.starts_with("../../"));
    assert_eq!(elsewhere.count(), 0, "{inputs:#?}");
}

#[test]
fn what_may_come_to_a_linked_package_is_awaited_where_that_is() {
    let folder = Folder::with(&[
        (
            "a.ts",
            "import '@acme/lib/src/b';\n\
             export const load = (name: string) => import(`../linked/${name}.js`);",
        ),
        ("../package.json", "{ \"workspaces\": [\"app\", \"packages/*\"] }"),
        ("../packages/lib/package.json", "{ \"name\": \"@acme/lib\" }"),
        ("../packages/lib/src/a.ts", ""),
        ("../node_modules/@acme/other/package.json", "{}"),
    ]);
    let link = |target: &str, name: &str| symlink(target, folder.root().join(name)).unwrap();
    link("../../packages/lib", "../node_modules/@acme/lib");
    link("packages/lib/src", "../linked");
    let (error, inputs) = failure(&folder);
    has(
        &inputs,
        &[
            "../packages/lib/src/b",
            "../packages/lib/src/b.ts",
            "../packages/lib/src/b.json",
            "../packages/lib/package.json",
        ],
    );
    let linked = inputs.iter().filter(|input| input.starts_with("../node_modules/@acme/lib"));
    assert_eq!(linked.count(), 0, "{inputs:#?}");
    let listed = folder.root().join("../packages/lib/src").canonicalize().unwrap();
    assert_eq!(error.read.folders, [listed]);
}

#[test]
fn a_package_that_was_read_may_say_another_thing() {
    let folder = Folder::with(&[
        ("a.js", "import 'closed/b'; import 'half';"),
        ("../package.json", "{}"),
        ("../node_modules/closed/package.json", "{ \"exports\": { \".\": \"./a.js\" } }"),
        ("../node_modules/closed/b.js", ""),
        ("../node_modules/half/package.json", "{ \"main\": "),
        ("../node_modules/half/index.js", ""),
    ]);
    let (_, inputs) = failure(&folder);
    has(&inputs, &["../node_modules/closed/package.json", "../node_modules/half/package.json"]);
}

#[test]
fn what_leads_to_no_load_at_all_may_be_mended_too() {
    let folder = Folder::with(&[("a.ts", "console.log(1)"), ("tsconfig.json", "{ \"files\" }")]);
    let (error, inputs) = failure(&folder);
    assert!(matches!(error.error, BundleError::Source(_)), "{error}");
    has(&inputs, &["a.ts", "isolane.toml"]);
}
