//! Where imports and syntax errors stand.

use super::*;

#[track_caller]
fn check_fault(text: &str, language: Language, at: &str, message: &str) {
    let fault = fault(text, language).unwrap();
    let rest = text.get(fault.offset..).unwrap();
    assert!(rest.starts_with(at), "at {rest:?}: {}", fault.problem.message);
    let problem = fault.problem.message;
    assert!(problem.contains(message), "{problem}");
}

#[test]
fn every_import_is_found_at_its_place() {
    let text = "import a from './a'; import './b'; export { d } from './d'; export * from './e';\n\
                import('./g'); import(`./h`); import('./' + a); require('./i'); require(a);\n\
                x.require('./no'); import type { T } from './t';";
    let imports = imports(text, Language::TypeScript);
    let found: Vec<&str> = imports.iter().map(|import| import.specifier.as_str()).collect();
    assert_eq!(found, ["./a", "./b", "./d", "./e", "./g", "./h", "./i", "./t"]);
    for import in imports {
        let rest = text.get(import.offset + 1..).unwrap();
        assert!(rest.starts_with(&import.specifier), "{import:?}");
        assert!(!import.is_guarded, "{import:?}");
    }
}

#[test]
fn what_catches_a_failing_import_guards_it() {
    for (text, guarded) in [
        ("try { require('x') } catch {}", true),
        ("try { await import('x') } catch {}", true),
        ("import('x').catch(() => {})", true),
        ("import('x').then(f).catch(() => {})", true),
        ("import('x').then(f)", false),
        ("if (a) { require('x') }", false),
    ] {
        let imports = imports(text, Language::JavaScript);
        assert_eq!(imports.len(), 1, "{text}");
        assert_eq!(imports[0].is_guarded, guarded, "{text}");
    }
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
fn a_script_without_a_fault_has_none() {
    assert!(fault("const a: number = 1; export { a };", Language::TypeScript).is_none());
}

#[test]
fn what_is_not_json_has_its_place() {
    assert!(check_json("{ \"a\": [1, null] }").is_ok());
    let (offset, problem) = check_json("{\n  \"a\": x\n}").unwrap_err();
    assert_eq!((offset, problem.message.as_str()), (9, "expected value"));
}
