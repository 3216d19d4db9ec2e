//! What becomes of scripts: types, JSX, dynamic imports, definitions, names.

use super::*;

#[test]
fn one_file_is_one_module() {
    let folder = Folder::with(&[("src/index.ts", "export default { a: 1 as number };\n")]);
    let bundle = folder.load().unwrap();
    assert_eq!(bundle.name, "app");
    assert_eq!(bundle.main, "index.js");
    let [module] = bundle.modules.as_slice() else { panic!("{:?}", bundle.modules) };
    assert_eq!(module.specifier, "index.js");
    assert_eq!(module.kind, ModuleKind::EsModule);
    assert!(module.text().unwrap().contains("{ a: 1 }"), "{:?}", module.text());
    assert!(module.source_map.is_some());
    let root = folder.root().canonicalize().unwrap();
    // What tells of a build is looked for, too.
    let inputs = [".wrangler/deploy/config.json", "isolane.toml", "src/index.ts"];
    assert_eq!(bundle.inputs, inputs.map(|input| root.join(input)));
}

#[test]
fn the_modules_of_a_project_are_one_and_what_nothing_uses_is_gone() {
    let folder = Folder::with(&[
        ("a.js", "import { b } from './lib/b.js'; export const a = 1; console.log(b);"),
        ("lib/b.js", "import { a } from '../a.js'; export const b = () => a; export let unused;"),
        ("other.js", "import './absent.js'"),
    ]);
    let bundle = folder.load().unwrap();
    assert_eq!(specifiers(&bundle), ["a.js"]);
    assert!(!bundle.modules[0].text().unwrap().contains("unused"));
}

#[test]
fn types_go_and_modern_syntax_stays() {
    let code = Folder::with(&[(
        "a.ts",
        "interface A { x: number }\n\
         export enum Color { Red = 'r' }\n\
         export class P { #p = 1; static { globalThis.q = 2; } \
         constructor(private readonly y: number) {} get = (a: A) => a?.x ?? this.#p; }\n\
         export const big = 10n ** 2n; export let v: A | null = null; v ||= { x: 1 } satisfies A;\n\
         export function f() { using r = null as any; }",
    )])
    .code();
    for part in ["#p = 1", "static {", "a?.x ?? this.#p", "||=", "using r", "this.y = y", "\"r\""] {
        assert!(code.contains(part), "{part:?} is missing in\n{code}");
    }
    for part in ["interface", ": A", "satisfies", "as any", "private", "enum"] {
        assert!(!code.contains(part), "{part:?} is left in\n{code}");
    }
}

#[test]
fn an_import_that_only_types_need_is_none() {
    let code = Folder::with(&[
        (
            "a.ts",
            "import type { A } from './types'; import { B, c } from './b'; import { D } from 'gone';\n\
             export type { E } from './gone'; export { B } from './b';\n\
             let x: A | B | D = c; export default x;",
        ),
        ("b.ts", "export interface B {} export const c = 'see';"),
        ("types.d.ts", "export type A = 1"),
    ])
    .code();
    assert!(code.contains("see"), "{code}");
}

#[test]
fn a_type_can_be_exported_on_like_a_value() {
    let files = [
        (
            "a.ts",
            "export { A, B as C } from './b'; import { A, D, type E, here } from './b';\n\
             export * from './b'; export { D }; import F from './b'; export { F };\n\
             import { G } from './c'; export { G }; export { H } from './j';\n\
             let x: A | D | E | typeof here = here; console.log(x);",
        ),
        ("b.ts", "export interface A {} export type { B } from './c'; export const here = 'see';"),
        ("c.ts", "import { H } from './j'; export { H }; export { G } from './d';"),
        ("d.ts", "export type G = 1;"),
        ("j.js", "export const i = 1;"),
    ];
    assert_eq!(Folder::with(&files).run(), "see");
    let folder = Folder::with(&files);
    for option in ["verbatimModuleSyntax", "isolatedModules"] {
        let tsconfig = format!("{{ \"compilerOptions\": {{ \"{option}\": true }} }}");
        folder.write("tsconfig.json", tsconfig);
        assert_eq!(folder.run(), "see");
    }
}

#[test]
fn jsx_becomes_the_calls_that_the_project_asks_for() {
    let main = ("a.tsx", "export default <><b c='d'>e</b></>;");
    let hono = (
        "node_modules/hono/jsx/jsx-runtime.js",
        "export const jsx = 'JSX', jsxs = jsx, Fragment = jsx",
    );
    let cases: [(&str, &str, &str, &[&str]); 6] = [
        ("", "", main.1, &["React.createElement(React.Fragment", "\"b\", { c: \"d\" }"]),
        ("jsx_factory = 'h'\njsx_fragment = 'F'", "", main.1, &["h(F, null"]),
        (
            "jsx_factory = 'h'",
            "{ \"compilerOptions\": { \"jsx\": \"react\", \"jsxFactory\": \"k\" } }",
            main.1,
            &["k(React.Fragment"],
        ),
        (
            "",
            "// comments\n{ \"compilerOptions\": { \"jsx\": \"react-jsx\", \"jsxImportSource\": \"hono/jsx\", } }",
            main.1,
            &["\"JSX\"", "children: \"e\""],
        ),
        (
            "",
            "{ \"compilerOptions\": { \"jsx\": \"preserve\", \"jsxImportSource\": \"hono/jsx\" } }",
            main.1,
            &["\"JSX\""],
        ),
        (
            "",
            "",
            "/** @jsxImportSource hono/jsx */\nexport default <b/>",
            &["React.createElement(\"b\""],
        ),
    ];
    for (toml, tsconfig, text, expected) in cases {
        let mut files = vec![("a.tsx", text), hono];
        if !tsconfig.is_empty() {
            files.push(("tsconfig.json", tsconfig));
        }
        let code = Folder::configured(toml, &files).code();
        for part in expected {
            assert!(code.contains(part), "{part:?} is missing in\n{code}");
        }
    }
}

#[test]
fn jsx_is_understood_in_plain_javascript() {
    let code = Folder::with(&[("a.js", "export default <b/>")]).code();
    assert!(code.contains("React.createElement(\"b\""), "{code}");
}

#[test]
fn a_dynamic_import_is_a_module_of_its_own() {
    let folder = Folder::with(&[
        (
            "src/a.ts",
            "const { b } = await import('./b'); const c = await import('./x/b');\n\
          console.log(b, c.b)",
        ),
        ("src/b.ts", "import { shared } from './shared'; export const b = 'b' + shared"),
        ("src/x/b.ts", "import { shared } from '../shared'; export const b = 'x' + shared"),
        ("src/shared.ts", "export const shared = Math.min(1, 2)"),
    ]);
    let bundle = folder.load().unwrap();
    assert!(bundle.modules.len() >= 3, "{:?}", specifiers(&bundle));
    assert_eq!(bundle.main, "a.js");
    for module in &bundle.modules {
        for (written, resolved) in &module.imports {
            assert!(module.text().unwrap().contains(written), "{written}");
            assert!(bundle.module(resolved).is_some(), "{resolved}");
        }
    }
    assert_eq!(bundle.modules[0].imports.len(), 2);
    assert_eq!(folder.run(), "b1 x1");
}

#[test]
fn an_import_with_a_specifier_that_is_computed_is_left_to_the_runtime() {
    let code = Folder::with(&[("a.js", "export default (name) => import('./' + name)")]).code();
    assert!(code.contains("import(\"./\" + name)"), "{code}");
}

#[test]
fn expressions_are_replaced_as_defined() {
    let toml = "define = { VERSION = '\"1.2\"', 'a.b' = 'true' }";
    let files =
        [("a.js", "export default [process.env.NODE_ENV, VERSION, a.b, process.env.OTHER]")];
    let folder = Folder::configured(toml, &files);
    let code = folder.code();
    for part in ["\"production\"", "\"1.2\"", "true", "process.env.OTHER"] {
        assert!(code.contains(part), "{part} is missing in {code}");
    }
    let options = LoadOptions { node_env: NodeEnv::Development, ..LoadOptions::default() };
    let bundle = folder.open().load_with(&options).unwrap();
    assert!(bundle.modules[0].text().unwrap().contains("\"development\""));
}

#[test]
fn minified_code_is_shorter_and_keeps_names_and_places() {
    let text = "class Something {}\nexport default { name: Something.name, fail() { throw new Error('no') } };\n\
                console.log(Something.name);";
    let folder = Folder::with(&[("a.js", text)]);
    let plain = folder.load().unwrap();
    let options = LoadOptions { minify: true, ..LoadOptions::default() };
    let minified = folder.open().load_with(&options).unwrap();
    let code = minified.modules[0].text().unwrap();
    assert!(!code.trim_end().contains('\n') && code.contains("Something"), "{code}");
    assert_ne!(minified.id(), plain.id());
    let column = code.find("Error(").unwrap() as u32 + 1;
    let place = SourceMaps::of(&minified).map("a.js", 1, column).unwrap();
    assert_eq!((place.file.as_str(), place.line), ("a.js", 2));
    let configured = Folder::configured("minify = true", &[("a.js", text)]).load().unwrap();
    assert_eq!(configured.modules[0].text(), Some(code));
}

#[test]
fn a_quick_bundle_does_the_same_and_has_no_texts_of_sources() {
    let folder = Folder::with(&[
        (
            "a.ts",
            "import { used } from './b'; const never: string = 'gone';\n\
             if (process.env.NODE_ENV === 'production') { require('./c.cjs') }\n\
             console.log(used());",
        ),
        ("b.ts", "export const used = () => 'used'; export const unused = () => 'left out';"),
        ("c.cjs", "console.log('in production')"),
    ]);
    let node_env = NodeEnv::Development;
    let load = |quick| {
        let options = LoadOptions { node_env, quick, ..LoadOptions::default() };
        folder.open().load_with(&options).unwrap()
    };
    let (quick, other) = (load(true), load(false));
    let code = quick.modules[0].text().unwrap();
    for gone in ["left out", "in production", "process.env"] {
        assert!(!code.contains(gone), "{gone} is in\n{code}");
    }
    let map = |bundle: &Bundle| bundle.modules[0].source_map.clone().unwrap();
    assert!(map(&other).contains("sourcesContent"), "{}", map(&other));
    assert!(!map(&quick).contains("sourcesContent"), "{}", map(&quick));
    let at = crate::text::line_column(code, code.find("\"used\"").unwrap());
    let place = SourceMaps::of(&quick).map("a.js", at.0, at.1).unwrap();
    assert_eq!((place.file.as_str(), place.line), ("b.ts", 1));
}

#[test]
fn decorators_are_refused_by_name_unless_the_project_says_which() {
    let text = "function d(t: any) {}\n@d class A {}\nexport default A;";
    let folder = Folder::with(&[("a.ts", text)]);
    let error = folder.error();
    assert!(error.starts_with("app/a.ts:2:1: Decorators are not supported yet"), "{error}");
    folder.write("tsconfig.json", "{ \"compilerOptions\": { \"experimentalDecorators\": true } }");
    assert!(!folder.code().contains("@d"), "{}", folder.code());
}

#[test]
fn a_main_module_in_commonjs_has_a_default_export() {
    let folder = Folder::with(&[("a.cjs", "module.exports = { fetch() {} }; console.log('ran')")]);
    assert!(folder.code().contains("export default"), "{}", folder.code());
    assert_eq!(folder.run(), "ran");
}

#[test]
fn an_import_by_a_pattern_leads_to_the_files_that_are_meant() {
    let folder = Folder::with(&[
        (
            "src/a.ts",
            "const load = (l: string) => import(`./lang/${l}.ts`).then((m) => m.default, () => 'none');\n\
             const up = (n: string) => import('../data/' + n + '.js').then((m) => m.one);\n\
             console.log(await load('en'), await load('de/at'), await load('gone'), await up('a'));",
        ),
        ("src/lang/en.ts", "export default 'hello' as string"),
        ("src/lang/de/at.ts", "import { at } from '../../at'; export default at"),
        ("src/lang/notes.txt", "not meant"),
        ("src/lang/node_modules/x.ts", "not ours"),
        ("src/at.ts", "export const at = 'servus'"),
        ("data/a.js", "export const one = 1"),
    ]);
    assert_eq!(folder.run(), "hello servus none 1");
    let Bundle { inputs, folders, .. } = folder.load().unwrap();
    let root = folder.root().canonicalize().unwrap();
    assert_eq!(folders, ["data", "src/lang"].map(|name| root.join(name)));
    assert!(inputs.iter().any(|input| input.ends_with("src/lang/de/at.ts")), "{inputs:?}");
    let not_meant = |input: &PathBuf| input.ends_with("notes.txt") || input.ends_with("x.ts");
    assert!(!inputs.iter().any(not_meant), "{inputs:?}");
}

#[test]
fn an_import_by_a_pattern_that_may_mean_too_many_files_is_a_warning_at_its_place() {
    let text = "export default (n) =>\n  import(`./data/${n}.js`);";
    let folder = Folder::with(&[("a.js", text)]);
    for number in 0..=2000 {
        folder.write(&format!("data/{number}.js"), "");
    }
    assert!(folder.code().contains("import(`./data/${n}.js`)"), "{}", folder.code());
    let expected = "app/a.js:2:10: there are more than 2000 files in \"./data/\": those that this \
                    import may mean are no part of the bundle";
    assert_eq!(folder.warnings(), [expected]);
}

#[test]
fn what_follows_an_import_by_a_pattern_is_found_where_it_was_written() {
    let text = "export default (l) => { import(`./lang/${l}.js`); throw new Error(l) };";
    let files = [("a.js", text), ("lang/en.js", "export default 1"), ("lang/de.js", "")];
    let bundle = Folder::with(&files).load().unwrap();
    let code = bundle.modules[0].text().unwrap();
    let place_of = |what: &str| {
        let mut lines = code.lines().zip(1..);
        let (text, line) = lines.find(|(text, _)| text.contains(what)).expect(what);
        let column = text.find(what).unwrap() as u32 + 1;
        let place = SourceMaps::of(&bundle).map(&bundle.main, line, column).unwrap();
        assert_eq!((place.file.as_str(), place.line), ("a.js", 1));
        place.column as usize - 1
    };
    assert_eq!(place_of("Error("), text.find("Error(").unwrap());
    assert_eq!(place_of("__isolane_import(`"), text.find("import(").unwrap());
}
