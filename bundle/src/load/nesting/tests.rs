//! Code that is nested deeply, and code that only looks so.

use super::*;

const LIMIT: usize = 1000;

fn depth_is_seen(text: &str, angles: Angles) -> bool {
    deeper_than(text, angles, LIMIT).is_some()
}

#[test]
fn all_kinds_of_nesting_are_seen() {
    let n = 2 * LIMIT;
    let many = |text: &str| text.repeat(n);
    for (name, text) in [
        ("brackets", many("[")),
        ("braces", many("{")),
        ("objects", many("{a:")),
        ("parentheses", format!("x = {}1{}", many("("), many(")"))),
        ("calls in calls", many("f(1, ")),
        ("unary signs", many("!")),
        ("unary signs with spaces", many("- ")),
        ("unary words", many("typeof ")),
        ("awaits", many("await ")),
        ("news", many("new ")),
        ("arrows", many("a=>")),
        ("arrows on lines", many("a =>\n")),
        ("conditions", many("a?b:")),
        ("sums", format!("x = 1{}", many(" + 1"))),
        ("sums on lines", format!("x = 1{}", many("\n+ 1"))),
        ("powers", many("2**")),
        ("assignments", many("a=")),
        ("members", format!("a{}", many(".b"))),
        ("keywords as members", format!("a{}", many(".if"))),
        ("calls", format!("a{}", many("()"))),
        ("indexes", format!("a{}", many("[0]"))),
        ("optional calls", format!("a{}", many("?.()"))),
        ("tagged templates", format!("a{}", many("``"))),
        ("templates", many("`${")),
        ("templates with text", many("`a}${b+")),
        ("ifs", many("if(a)")),
        ("ifs with else", format!("if(a)b{}", many(";else if(a)b"))),
        ("blocks with else", format!("if(a){{}}{}", many("else if(a){}"))),
        ("loops", many("for(;;)")),
        ("whiles on lines", many("while (a)\n")),
        ("dos", many("do ")),
        ("labels", many("a:")),
        ("functions", many("function f(){")),
        ("classes", many("(class { a = ")),
        ("regular expressions", format!("/{}/", many("("))),
        ("after a regular expression", format!("a = /[/'`\"]/; {}", many("["))),
        ("after a string", format!("'\\'[' + \"`\"; {}", many("["))),
        ("after comments", format!("// '\n/* \" */ {}", many("["))),
    ] {
        for angles in [Angles::Operators, Angles::Types, Angles::Elements] {
            assert!(depth_is_seen(&text, angles), "{name} with {angles:?}");
        }
    }
    assert!(depth_is_seen(&format!("let a: {}", many("A<B, ")), Angles::Types));
    assert!(depth_is_seen(&format!("type A = {}", many("A extends B ? C : ")), Angles::Types));
    assert!(depth_is_seen(&many("<a>"), Angles::Elements));
    assert!(depth_is_seen(&many("<a b={1}>text "), Angles::Elements));
    assert!(depth_is_seen(&many("<>"), Angles::Elements));
    assert!(depth_is_seen(&many("<a>; a b "), Angles::Elements));
}

#[test]
fn long_code_is_not_deep() {
    let n = 20 * LIMIT;
    for (name, statement) in [
        ("statements", "a = b + c * d;\n"),
        ("statements without a semicolon", "a = b + !c\n"),
        ("calls without a semicolon", "foo.bar(1, 2).baz()\n"),
        ("declarations", "const a = `x${y + 1}z`, b = { c: 1 }\n"),
        ("functions", "function f(a, b) { return a ? b : -a }\n"),
        ("ifs", "if (a < b) c(); \n"),
        ("ifs without a semicolon", "if (a) b.c()\n"),
        ("loops", "for (const a of b) { while (c) d++ }\n"),
        ("imports", "import a from 'a'\n"),
        ("exports", "export const a = async () => { await b }\n"),
        ("classes", "class A extends B { #c = 1\n d() { return this.#c / 2 }\n get e() {} }\n"),
        ("cases", "case 1: case 'b': c = d\n"),
        ("regular expressions", "a = b.replace(/[(\"'`/]/g, '(') / 2\n"),
        ("strings", "a = 'it\\'s (' + \"[\"\n"),
        ("comments", "// it's (\n/* [ \" */\n"),
    ] {
        for angles in [Angles::Operators, Angles::Types, Angles::Elements] {
            let found = deeper_than(&statement.repeat(n), angles, LIMIT);
            assert_eq!(found, None, "{name} with {angles:?}");
        }
    }
    let items = format!("export default [{}]", "{ a: [1, -2], b: 'c', d: e => f },\n".repeat(n));
    assert_eq!(deeper_than(&items, Angles::Operators, LIMIT), None);
    let types = "type A<T> = Map<string, Set<T>>\nlet a: A<B<C>> = b as D\n".repeat(n);
    assert_eq!(deeper_than(&types, Angles::Types, LIMIT), None);
    let items = "<li a=\"b\">it's {c} <br/></li>\n".repeat(50);
    let elements = format!("const a = <ul>{items}</ul>;\n").repeat(n / 50);
    assert_eq!(deeper_than(&elements, Angles::Elements, LIMIT), None);
}

#[test]
fn the_place_is_where_it_becomes_too_deep() {
    assert_eq!(deeper_than("a; [[[[", Angles::Operators, 3), Some(6));
    assert_eq!(deeper_than("", Angles::Operators, 3), None);
    assert_eq!(deeper_than(")]}`", Angles::Operators, 3), None);
}
