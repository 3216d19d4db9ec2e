//! `tsconfig.json` files that name what is not there, or that are at fault.

use super::*;

const ALIASED: &str = "import { x } from '@/x'; console.log(x)";

#[test]
fn what_a_tsconfig_names_and_is_not_there_is_a_warning_with_its_place() {
    let cases = [
        (
            "{\n  \"extends\": \"./.svelte-kit/tsconfig.json\",\n  OPTIONS }",
            "app/tsconfig.json:2:14: \"./.svelte-kit/tsconfig.json\" is not there: what it says has no \
             effect",
        ),
        (
            "{ \"extends\": [\"@tsconfig/node20\"], OPTIONS }",
            "app/tsconfig.json:1:15: \"@tsconfig/node20\" is not there: what it says has no effect",
        ),
        (
            "{ OPTIONS, \"references\": [{ \"path\": \"./tsconfig.node.json\" }] }",
            "\"./tsconfig.node.json\" is not there: it has no effect",
        ),
        (
            "{ OPTIONS, \"references\": [{ \"path\": \".\" }] }",
            "\".\" is this file: it has no effect",
        ),
        (
            "{ \"extends\": \"./tsconfig.json\", OPTIONS }",
            "app/tsconfig.json:1:14: \"./tsconfig.json\" extends this file: that has no effect",
        ),
        (
            "{ \"extends\": 5, OPTIONS }",
            "app/tsconfig.json:1:14: \"extends\" names no file: it has no effect",
        ),
        (
            "{ \"compilerOptions\": { \"jsx\": 7, \"paths\": { \"@/*\": [\"./src/*\"] } } }",
            "app/tsconfig.json:1:31: \"jsx\" has no effect: invalid type:",
        ),
    ];
    let options = "\"compilerOptions\": { \"paths\": { \"@/*\": [\"./src/*\"] } }";
    for (tsconfig, expected) in cases {
        let folder = Folder::with(&[
            ("src/a.ts", ALIASED),
            ("src/x.ts", "export const x: string = 'aliased'"),
            ("tsconfig.json", &tsconfig.replace("OPTIONS", options)),
        ]);
        // What it says itself counts.
        assert_eq!(folder.run(), "aliased", "{tsconfig}");
        let warnings = folder.warnings();
        assert_eq!(warnings.len(), 1, "{tsconfig}: {warnings:?}");
        assert!(warnings[0].contains(expected), "{warnings:?}");
    }
}

#[test]
fn what_is_not_there_is_waited_for() {
    let folder = Folder::with(&[
        ("a.tsx", "console.log(<p/>)"),
        ("tsconfig.json", "{ \"extends\": \"./made/tsconfig.json\" }"),
    ]);
    let missing = folder.root().canonicalize().unwrap().join("made/tsconfig.json");
    assert!(folder.load().unwrap().inputs.contains(&missing));
    assert!(folder.code().contains("React.createElement"));
    folder.write("made/tsconfig.json", "{ \"compilerOptions\": { \"jsxFactory\": \"h\" } }");
    assert!(folder.code().contains("h(\"p\""), "{}", folder.code());
    assert!(folder.warnings().is_empty());
}

#[test]
fn each_folder_has_its_own_also_where_one_is_at_fault() {
    let paths = |extends: &str, to: &str| {
        format!(
            "{{ {extends} \"compilerOptions\": {{ \"paths\": {{ \"@/*\": [\"./{to}/*\"] }} }} }}"
        )
    };
    let class = "export class Lib { @log a() {} }\nfunction log(_: object, name: string) { \
                 console.log(name) }";
    let folder = Folder::with(&[
        ("src/a.ts", "import { x } from '@/x'; import { y } from '../lib/b'; console.log(x, y)"),
        ("src/x.ts", "export const x: string = 'x of app'"),
        ("tsconfig.json", &paths("", "src")),
        ("lib/b.ts", "import { z } from '@/z'; export const y = z as string; export * from './c'"),
        ("lib/c.ts", "export {}"),
        ("lib/own/z.ts", "export const z: string = 'z of lib'"),
        ("lib/tsconfig.json", &paths("\"extends\": \"@org/gone\",", "own")),
    ]);
    assert_eq!(folder.run(), "x of app z of lib");
    let warnings = folder.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("app/lib/tsconfig.json:1:14: \"@org/gone\""), "{warnings:?}");
    // Decorators are those that the main module's file says.
    folder.write("lib/c.ts", class);
    assert!(folder.error().contains("Decorators are not supported yet"), "{}", folder.error());
}

#[test]
fn those_that_are_referred_to_have_their_files_where_another_is_not_there() {
    let folder = Folder::with(&[
        ("src/a.ts", ALIASED),
        ("src/x.ts", "export const x: string = 'by reference'"),
        (
            "tsconfig.json",
            "{ \"files\": [], \"references\": [{ \"path\": \"./gone.json\" }, { \"path\": \"./app.json\" }] }",
        ),
        (
            "app.json",
            "{ \"include\": [\"src\"], \"compilerOptions\": { \"paths\": { \"@/*\": [\"./src/*\"] } } }",
        ),
    ]);
    assert_eq!(folder.run(), "by reference");
    assert_eq!(folder.warnings().len(), 1);
}

#[test]
fn of_what_packages_extend_nothing_is_said() {
    let folder = Folder::with(&[
        ("a.tsx", "console.log(<p/>)"),
        ("tsconfig.json", "{ \"extends\": \"@org/base/tsconfig.json\" }"),
        ("node_modules/@org/base/package.json", "{}"),
        (
            "node_modules/@org/base/tsconfig.json",
            "{ \"extends\": \"@org/gone\", \"compilerOptions\": { \"jsxFactory\": \"h\" } }",
        ),
    ]);
    assert!(folder.code().contains("h(\"p\""), "{}", folder.code());
    assert_eq!(folder.warnings(), [] as [&str; 0]);
}

#[test]
fn one_that_the_configuration_names_is_read_in_the_same_way() {
    let folder = Folder::configured(
        "tsconfig = 'ts/web.json'",
        &[
            ("src/a.ts", ALIASED),
            ("src/x.ts", "export const x: string = 'named'"),
            (
                "ts/web.json",
                "{ \"extends\": \"./gone\", \"compilerOptions\": { \"baseUrl\": \"..\", \
                 \"paths\": { \"@/*\": [\"src/*\"] } } }",
            ),
        ],
    );
    assert_eq!(folder.run(), "named");
    let warnings = folder.warnings();
    assert!(warnings[0].starts_with("app/ts/web.json:1:14: \"./gone\""), "{warnings:?}");
}

#[test]
fn copies_are_written_where_the_caller_wants_them_for_the_time_of_the_load() {
    let folder = Folder::with(&[
        ("a.ts", "console.log(1 as number)"),
        ("tsconfig.json", "{ \"extends\": \"./gone.json\" }"),
    ]);
    let load = |scratch: &str| {
        let scratch = Some(folder.root().join(scratch));
        folder.open().load_with(&LoadOptions { scratch, ..LoadOptions::default() })
    };
    load("own/scratch").unwrap();
    assert_eq!(fs::read_dir(folder.root().join("own/scratch")).unwrap().count(), 0);
    let error = load("a.ts/scratch").unwrap_err();
    let expected = "cannot write a corrected copy of app/tsconfig.json into app/a.ts/scratch: ";
    assert!(folder.below_app(&error.to_string()).starts_with(expected), "{error}");
}

#[test]
fn what_leads_to_ever_more_of_them_is_an_error_that_names_the_last() {
    let leads_to =
        |path: &str| format!("\"compilerOptions\": {{ \"paths\": {{ \"@/*\": [\"{path}/*\"] }} }}");
    let folder = Folder::with(&[
        ("a.ts", "import '@/a'"),
        ("tsconfig.json", &format!("{{ \"extends\": \"./gone.json\", {} }}", leads_to("./n1"))),
    ]);
    for number in 1..=MAX_ROUNDS {
        folder.write(&format!("n{number}/a.ts"), "import '@/a'");
        let next = leads_to(&format!("../n{}", number + 1));
        folder.write(&format!("n{number}/tsconfig.json"), format!("{{ {next} }}"));
    }
    let expected = "the modules cannot be bundled: they lead to ever more tsconfig.json files beside \
                    one that cannot be read, the last of them app/n";
    assert_eq!(folder.error(), format!("{expected}{MAX_ROUNDS}/tsconfig.json"));
}

#[test]
fn one_that_is_not_well_formed_is_an_error_at_its_place() {
    for main in ["src/a.ts", "src/a.js"] {
        let folder = Folder::with(&[
            (main, "console.log(1)"),
            ("tsconfig.json", "{\n  \"compilerOptions\": {\n    \"jsx\" \"react\"\n  }\n}"),
        ]);
        let error = folder.error();
        assert!(error.starts_with("app/tsconfig.json:3:"), "{error}");
        assert!(matches!(folder.load(), Err(BundleError::Source(_))));
    }
    // Also where only an imported module leads to it, or another extends it.
    let folder = Folder::with(&[
        ("a.ts", "import './lib/b.ts'"),
        ("lib/b.ts", "console.log(1 as number)"),
        ("lib/tsconfig.json", "{ \"extends\": \"./base.json\" }"),
        ("lib/base.json", "{"),
    ]);
    assert!(folder.error().starts_with("app/lib/base.json:1:"), "{}", folder.error());
}
