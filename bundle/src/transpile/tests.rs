//! What V8 gets of each language, and which imports are found.

use super::*;

fn code(text: &str, language: Language) -> String {
    let compiled = compile("a.ts", text, language, &Jsx::default()).unwrap();
    compiled.output.map_or_else(|| text.to_owned(), |output| output.code)
}

#[track_caller]
fn check_output(text: &str, language: Language, expected: &[&str], absent: &[&str]) {
    let code = code(text, language);
    for part in expected {
        assert!(code.contains(part), "{part:?} is missing in\n{code}");
    }
    for part in absent {
        assert!(!code.contains(part), "{part:?} is left in\n{code}");
    }
}

#[track_caller]
fn check_imports(text: &str, language: Language, expected: &[&str]) {
    let compiled = compile("a.ts", text, language, &Jsx::default()).unwrap();
    let found: Vec<&str> = compiled.imports.iter().map(|i| i.specifier.as_str()).collect();
    assert_eq!(found, expected, "{text}");
}

#[track_caller]
fn check_fault(text: &str, language: Language, at: &str, message: &str) {
    let fault = compile("a.ts", text, language, &Jsx::default()).unwrap_err();
    let rest = text.get(fault.offset..).unwrap();
    assert!(rest.starts_with(at), "at {rest:?}: {}", fault.problem.message);
    let problem = fault.problem.message;
    assert!(problem.contains(message), "{problem}");
}

#[test]
fn types_go_and_modern_syntax_stays() {
    check_output(
        "interface A { x: number }\n\
         class B { #p = 1; static { this.q = 2; } x?: string; get = (a: A) => a?.x ?? this.#p; }\n\
         const big = 10n ** 2n; let v: A | null = null; v ||= { x: 1 } satisfies A;\n\
         await using r = null as any;\nexport { B };",
        Language::TypeScript,
        &["#p = 1", "static {", "a?.x ?? this.#p", "10n ** 2n", "||=", "await using"],
        &["interface", ": A", "satisfies", "as any", "?: string"],
    );
}

#[test]
fn enums_namespaces_and_parameter_properties_become_javascript() {
    check_output(
        "export enum Color { Red = 'r', Blue = 'b' }\n\
         const enum Size { Small = 1 << 2 }\n\
         namespace N { export const x = 1; }\n\
         export class P { constructor(private readonly y: number) {} }\n\
         console.log(Size.Small, N.x);",
        Language::TypeScript,
        &["Color[\"Red\"] = \"r\"", "N.x", "this.y = y"],
        &["enum", "namespace", "private", "readonly"],
    );
}

#[test]
fn javascript_without_jsx_runs_as_it_was_written() {
    let text = "export default { fetch( ) { return new Response('x') } }\n";
    let compiled = compile("a.js", text, Language::JavaScript, &Jsx::default()).unwrap();
    assert!(compiled.output.is_none());
}

#[test]
fn jsx_becomes_calls_in_both_languages() {
    let text = "export const a = <><b c='d'>e</b></>;";
    for language in [Language::JavaScript, Language::TypeScriptJsx] {
        check_output(
            text,
            language,
            &["React.createElement(React.Fragment", "\"b\", { c: \"d\" }"],
            &["<b"],
        );
    }
}

#[test]
fn jsx_calls_what_the_configuration_or_the_file_names() {
    let jsx = Jsx { factory: "h".to_owned(), fragment: "F".to_owned() };
    let text = "import { h, F } from './h';\nexport const a = <><b/></>;";
    let compiled = compile("a.tsx", text, Language::TypeScriptJsx, &jsx).unwrap();
    let code = compiled.output.unwrap().code;
    assert!(code.contains("h(F, null") && code.contains("import { h, F }"), "{code}");

    check_output(
        "/** @jsx el */\nimport { el } from './el';\nexport const a = <b/>;",
        Language::TypeScriptJsx,
        &["el(\"b\"", "import { el }"],
        &[],
    );
}

#[test]
fn the_automatic_runtime_is_imported() {
    check_imports(
        "/** @jsxRuntime automatic @jsxImportSource ./view */\nexport const a = <b/>;",
        Language::TypeScriptJsx,
        &["./view/jsx-runtime"],
    );
}

#[test]
fn every_import_that_runs_is_found() {
    check_imports(
        "import a from './a'; import './b'; import * as c from './c';\n\
         export { d } from './d'; export * from './e'; export * as f from './f';\n\
         export default () => [import('./g'), import(`./h`), import('./' + a), import(a), c];",
        Language::JavaScript,
        &["./a", "./b", "./c", "./d", "./e", "./f", "./g", "./h"],
    );
}

#[test]
fn imports_of_types_alone_are_not_found() {
    check_imports(
        "import type { A } from './a'; import { type B } from './b'; import { C } from './c';\n\
         import { d, type D } from './d'; export type { E } from './e';\n\
         let x: A | B | C | D | import('./f').F = d; export default x;",
        Language::TypeScript,
        &["./d"],
    );
}

#[test]
fn an_import_knows_its_place_in_the_original_text() {
    let text = "type A = 1;\nimport { b } from './b';\nb(import('./c'));";
    let compiled = compile("a.ts", text, Language::TypeScript, &Jsx::default()).unwrap();
    let offsets: Vec<usize> = compiled.imports.iter().map(|import| import.offset).collect();
    assert_eq!(offsets, [text.find("'./b'").unwrap(), text.find("'./c'").unwrap()]);
}

#[test]
fn a_syntax_error_has_its_place() {
    check_fault("const a = ;", Language::JavaScript, ";", "Unexpected token");
    check_fault("let a = 1;\nlet a = 2;", Language::JavaScript, "a = 1", "already been declared");
    check_fault("let a: number = 1;", Language::JavaScript, ": number", "Expected a semicolon");
    check_fault("f(1;", Language::TypeScript, ";", "Expected");
    check_fault("function f() { break; }", Language::TypeScript, "break", "break");
    check_fault("export { x };", Language::JavaScript, "x", "x");
}

#[test]
fn decorators_are_refused_by_name() {
    for language in [Language::JavaScript, Language::TypeScript] {
        check_fault("function d() {}\n@d class A {}", language, "@d", "Decorators");
    }
}

#[test]
fn the_source_map_names_the_module_and_has_no_path_of_the_machine() {
    let compiled = compile("src/a.ts", "let a: 1 = 1;", Language::TypeScript, &Jsx::default());
    let map = compiled.unwrap().output.unwrap().source_map;
    let map: serde_json::Value = serde_json::from_str(&map).unwrap();
    assert_eq!(map["version"], 3);
    assert_eq!(map["sources"], serde_json::json!(["src/a.ts"]));
    assert_eq!(map["sourcesContent"], serde_json::json!(["let a: 1 = 1;"]));
}
