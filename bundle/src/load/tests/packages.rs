//! npm packages: how they are found and what is taken of them.

use super::*;

/// A package's files, with a `package.json` of that text.
fn package<'a>(json: &'a str, files: &[(&'a str, &'a str)]) -> Vec<(String, &'a str)> {
    let file = |name: &str, text| (format!("node_modules/pkg/{name}"), text);
    let json = file("package.json", json);
    files.iter().map(|(name, text)| file(name, text)).chain([json]).collect()
}

/// What `import x from 'pkg'` (or another specifier) prints.
#[track_caller]
fn check(json: &str, files: &[(&str, &str)], specifier: &str, expected: &str) {
    let main = format!("import * as pkg from '{specifier}'; console.log(pkg.default ?? pkg.x)");
    let files = package(json, files);
    let mut all = vec![("a.js", main.as_str())];
    all.extend(files.iter().map(|(name, text)| (name.as_str(), *text)));
    assert_eq!(Folder::with(&all).run(), expected);
}

#[test]
fn the_exports_for_workers_win_over_those_for_others() {
    let files =
        ["workerd", "worker", "browser", "import", "require", "default", "node", "production"]
            .map(|name| (format!("{name}.mjs"), format!("export default '{name}'")));
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    for (conditions, expected) in [
        (&["node", "browser", "worker", "default"][..], "browser"),
        (&["node", "worker", "browser", "default"], "worker"),
        (&["workerd", "worker"], "workerd"),
        (&["node", "production", "import", "default"], "import"),
        (&["require", "default"], "default"),
    ] {
        let conditions: Vec<String> =
            conditions.iter().map(|name| format!("\"{name}\": \"./{name}.mjs\"")).collect();
        let json = format!("{{ \"exports\": {{ \".\": {{ {} }} }} }}", conditions.join(", "));
        check(&json, &files, "pkg", expected);
    }
}

#[test]
fn without_exports_the_fields_name_the_main_module() {
    let files = [
        ("browser.js", "export default 'browser'"),
        ("module.js", "export default 'module'"),
        ("main.js", "module.exports = 'main'"),
        ("index.js", "module.exports = 'index'"),
    ];
    for (json, expected) in [
        (
            "{ \"main\": \"main.js\", \"module\": \"module.js\", \"browser\": \"browser.js\" }",
            "browser",
        ),
        ("{ \"main\": \"main.js\", \"module\": \"module.js\" }", "module"),
        ("{ \"main\": \"./main\" }", "main"),
        ("{}", "index"),
    ] {
        check(json, &files, "pkg", expected);
    }
}

#[test]
fn a_path_below_a_package_is_found() {
    check("{}", &[("lib/x.js", "export const x = 'deep'")], "pkg/lib/x", "deep");
    let json = "{ \"exports\": { \"./*\": \"./src/*.js\" }, \"type\": \"module\" }";
    check(json, &[("src/x.js", "export const x = 'star'")], "pkg/x", "star");
}

#[test]
fn the_browser_field_replaces_and_empties_modules() {
    let json = "{ \"browser\": { \"./node.js\": \"./web.js\", \"fs\": false } }";
    let files = [
        ("index.js", "module.exports = require('./node') + Object.keys(require('fs')).length"),
        ("node.js", "module.exports = 'node'"),
        ("web.js", "module.exports = 'web'"),
    ];
    check(json, &files, "pkg", "web0");
}

#[test]
fn a_commonjs_package_is_required_and_imported() {
    let files = [
        (
            "index.js",
            "const { x } = require('./lib'); exports.x = x; exports.__esModule = true;\n\
             exports.default = typeof require + typeof module + x",
        ),
        ("lib/index.js", "exports.x = require('./data.json').list.length"),
        ("lib/data.json", "{ \"list\": [1, 2] }"),
    ];
    check("{}", &files, "pkg", "functionobject2");
}

/// What the default import of a CommonJS module with `__esModule` is in that importer.
#[track_caller]
fn check_default(importer: &str, scopes: &[(&str, &str)], expected: &str) {
    let text = "import x from 'cjs'; export const kind = typeof x === 'object' ? 'all' : x;";
    let main = format!("import {{ kind }} from './{importer}'; console.log(kind)");
    let mut files = vec![
        ("main.js", main.as_str()),
        (importer, text),
        ("node_modules/cjs/index.js", "exports.__esModule = true; exports.default = 'default'"),
    ];
    files.extend(scopes);
    assert_eq!(Folder::with(&files).run(), expected, "{importer} {scopes:?}");
    if !importer.contains("node_modules") {
        let text = "import x from 'cjs'; console.log(typeof x === 'object' ? 'all' : x)";
        let mut files = vec![(importer, text)];
        files.extend(scopes);
        files.push((
            "node_modules/cjs/index.js",
            "exports.__esModule = true; exports.default = 'default'",
        ));
        assert_eq!(Folder::with(&files).run(), expected, "main {importer} {scopes:?}");
    }
}

#[test]
fn all_of_a_commonjs_module_is_its_default_where_nodejs_sees_an_es_module() {
    let (is_esm, is_cjs) = ("{ \"type\": \"module\" }", "{ \"type\": \"commonjs\" }");
    for extension in ["js", "jsx", "ts", "tsx"] {
        let importer = format!("src/x.{extension}");
        check_default(&importer, &[], "default");
        check_default(&importer, &[("package.json", is_esm)], "all");
        check_default(&importer, &[("package.json", is_cjs), ("src/package.json", is_esm)], "all");
        check_default(
            &importer,
            &[("package.json", is_esm), ("src/package.json", "{}")],
            "default",
        );
    }
    for (extension, expected) in [("mjs", "all"), ("mts", "all"), ("cts", "default")] {
        check_default(&format!("x.{extension}"), &[("package.json", "{}")], expected);
    }
    let package = |name: &'static str| format!("node_modules/pkg/{name}");
    let (root, nearest) = (package("package.json"), package("modules/package.json"));
    let (root, nearest) = (root.as_str(), nearest.as_str());
    let importer = package("modules/x.js");
    check_default(&importer, &[(root, "{}"), (nearest, is_esm)], "all");
    check_default(&importer, &[(root, is_esm), (nearest, "{}")], "default");
    check_default(&importer, &[(root, is_esm)], "all");
}

#[test]
fn what_is_imported_by_exports_has_the_type_of_its_folder() {
    let json = "{ \"exports\": { \".\": { \"import\": \"./modules/i.js\" } } }";
    let files = [
        ("modules/package.json", "{ \"type\": \"module\" }"),
        ("modules/i.js", "import all from '../lib.js'; export const { x } = all;"),
        ("lib.js", "exports.__esModule = true; exports.x = 'found'"),
    ];
    check(json, &files, "pkg", "found");
}

#[test]
fn a_package_without_side_effects_has_none_in_a_folder_of_another_type() {
    let folder = Folder::with(&[
        ("a.js", "import 'pkg/modules/m.js'; import 'other/modules/m.js'"),
        ("node_modules/pkg/package.json", "{ \"sideEffects\": false }"),
        ("node_modules/pkg/modules/package.json", "{ \"type\": \"module\" }"),
        ("node_modules/pkg/modules/m.js", "globalThis.dropped = 1"),
        ("node_modules/other/package.json", "{ \"sideEffects\": [\"./modules/m.js\"] }"),
        ("node_modules/other/modules/package.json", "{ \"type\": \"module\" }"),
        ("node_modules/other/modules/m.js", "globalThis.kept = 1"),
    ]);
    let code = folder.code();
    assert!(code.contains("kept") && !code.contains("dropped"), "{code}");
}

#[test]
fn what_is_not_used_of_a_package_is_gone() {
    let folder = Folder::with(&[
        ("a.js", "import { used } from 'pkg'; console.log(used)"),
        ("node_modules/pkg/package.json", "{ \"sideEffects\": false, \"module\": \"m.js\" }"),
        (
            "node_modules/pkg/m.js",
            "export const used = 'kept'; export * from './n.js'; export function other() { return 'dropped' }",
        ),
        ("node_modules/pkg/n.js", "globalThis.dropped = 1; export const n = 1"),
    ]);
    let code = folder.code();
    assert!(code.contains("kept") && !code.contains("dropped"), "{code}");
}

#[test]
fn packages_are_looked_for_in_the_folders_above() {
    let folder = Folder::with(&[(
        "src/a.js",
        "import x from 'above'; import y from 'linked'; console.log(x + y)",
    )]);
    let above = folder.temporary.path();
    for (name, text) in [
        ("node_modules/above/index.js", "export default 'above'"),
        (
            "packages/linked/src/index.ts",
            "import { z } from '../lib/z'; export default z as string",
        ),
        ("packages/linked/lib/z.ts", "export const z: string = '+linked'"),
        ("packages/linked/package.json", "{ \"main\": \"src/index.ts\" }"),
    ] {
        let path = above.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(above.join("packages/linked"), above.join("node_modules/linked"))
        .unwrap();
    assert_eq!(folder.run(), "above+linked");
    let bundle = folder.load().unwrap();
    let map = bundle.modules[0].source_map.as_deref().unwrap();
    assert!(map.contains("\"node_modules/above/index.js\""), "{map}");
    assert!(map.contains("\"../packages/linked/lib/z.ts\""), "{map}");
}

#[test]
fn an_alias_stands_for_another_module() {
    let toml = "alias = { moment = 'tiny', '@' = './src', 'node:fs' = './src/fs.js' }";
    let folder = Folder::configured(
        toml,
        &[
            (
                "src/a.js",
                "import m from 'moment'; import u from '@/util'; import fs from 'node:fs'; console.log(m, u, fs)",
            ),
            ("src/util.ts", "export default 'util'"),
            ("src/fs.js", "export default 'fs'"),
            ("node_modules/tiny/index.js", "module.exports = 'tiny'"),
        ],
    );
    assert_eq!(folder.run(), "tiny util fs");
}

#[test]
fn the_paths_of_tsconfig_are_followed() {
    let folder = Folder::with(&[
        ("src/a.ts", "import { x } from '@lib/x'; console.log(x)"),
        ("src/lib/x.ts", "export const x = 'path'"),
        (
            "tsconfig.json",
            "{ \"compilerOptions\": { \"baseUrl\": \".\", \"paths\": { \"@lib/*\": [\"src/lib/*\"] } } }",
        ),
    ]);
    assert_eq!(folder.run(), "path");
}

#[test]
fn a_package_whose_own_tsconfig_cannot_be_read_is_bundled() {
    let json = "{ \"main\": \"x.js\" }";
    let files =
        [("x.js", "module.exports = 'fine'"), ("tsconfig.json", "{ \"extends\": \"gone\" }")];
    check(json, &files, "pkg", "fine");
}

#[test]
fn an_extension_can_be_left_out_or_be_that_of_the_compiled_file() {
    let cases: [(&str, &[&str], &str); 12] = [
        ("./x.ts", &["x.ts"], "x.ts"),
        ("./x", &["x.ts"], "x.ts"),
        ("./x", &["x.ts", "x.js", "x/index.ts"], "x.ts"),
        ("./x", &["x/index.ts"], "x/index.ts"),
        ("./x/", &["x.ts", "x/index.js"], "x/index.js"),
        ("./x.js", &["x.js", "x.ts"], "x.js"),
        ("./x.js", &["x.ts"], "x.ts"),
        ("./x.jsx", &["x.tsx"], "x.tsx"),
        ("./x.mjs", &["x.mts"], "x.mts"),
        ("./x.cjs", &["x.cts"], "x.cts"),
        ("./x.y", &["x.y.ts"], "x.y.ts"),
        ("..", &["index.ts"], "index.ts"),
    ];
    for (written, present, expected) in cases {
        let main = if written == ".." { "src/main.js" } else { "main.js" };
        let text = format!("import {{ x }} from {written:?}; console.log(x)");
        let texts: Vec<String> =
            present.iter().map(|name| format!("export const x = '{name}'")).collect();
        let mut files = vec![(main, text.as_str())];
        files.extend(present.iter().zip(&texts).map(|(name, text)| (*name, text.as_str())));
        let code = Folder::with(&files).code();
        assert!(code.contains(&format!("\"{expected}\"")), "{written} {present:?}\n{code}");
    }
}

#[test]
fn what_is_shared_lies_outside_of_the_folder() {
    let folder = Folder::with(&[
        (
            "src/a.js",
            "import { one } from '../../shared/one.ts'; import text from '../../shared/text.txt';\n\
             import three from 'ABSOLUTE'; console.log(one, text, three)",
        ),
        ("../shared/one.ts", "import two from './two'; export const one: string = two + 1;"),
        ("../shared/two.ts", "export default 'two' as string"),
        ("../shared/text.txt", "text"),
        ("../shared/three.js", "export default 3"),
    ]);
    let shared = folder.temporary.path().canonicalize().unwrap().join("shared");
    let main = fs::read_to_string(folder.root().join("src/a.js")).unwrap();
    let absolute = shared.join("three.js");
    folder.write("src/a.js", main.replace("ABSOLUTE", absolute.to_str().unwrap()));
    let bundle = folder.load().unwrap();
    for name in ["one.ts", "two.ts", "text.txt", "three.js"] {
        assert!(bundle.inputs.contains(&shared.join(name)), "{name}: {:?}", bundle.inputs);
    }
    assert_eq!(specifiers(&bundle), ["a.js", "%2E%2E/shared/text.txt"]);
    let map = bundle.modules[0].source_map.as_deref().unwrap_or_default();
    assert!(map.contains("\"../shared/one.ts\""), "{map}");
}
