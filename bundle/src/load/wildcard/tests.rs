//! Which imports are such, which files they mean, and what becomes of the text.

use super::*;

#[track_caller]
fn check(text: &str, expected: &[(&str, &str)]) {
    let found = find(text, Language::JavaScript);
    let found: Vec<_> = found.iter().map(|it| (it.glob.as_str(), it.folder.as_str())).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_relative_path_with_an_unknown_part_is_one() {
    check("import(`./lang/${l}.js`)", &[("./lang/**/*.js", "./lang/")]);
    check("import('./lang/' + l + '.js')", &[("./lang/**/*.js", "./lang/")]);
    check("import('./x-' + (l + m) + `/${n}`)", &[("./x-*/**/*", "./")]);
    check("import(`../a/b${l}${m}.mjs`)", &[("../a/b*.mjs", "../a/")]);
    check(
        "import(`./a[1]/${l}`); import('./' + l)",
        &[("./a\\[1\\]/**/*", "./a[1]/"), ("./**/*", "./")],
    );
}

#[test]
fn what_is_known_or_begins_otherwise_is_none() {
    for text in [
        "import('./a.js')",
        "import(`./a.js`)",
        "import('./a' + '.js')",
        "import(name)",
        "import(`${name}/a.js`)",
        "import(`lang/${name}`)",
        "import(`./data/${name}`, { with: { type: 'json' } })",
        "load(`./lang/${l}.js`)",
    ] {
        check(text, &[]);
    }
}

#[test]
fn the_files_are_chosen_by_the_specifier() {
    let text = "a(import(`./l/${x}.js`), 'b');\nimport('./m/' + y)";
    let mut found = find(text, Language::JavaScript).into_iter();
    let imports = [
        (found.next().unwrap(), vec!["./l/a.js".to_owned(), "./l/b.js".to_owned()]),
        (found.next().unwrap(), Vec::new()),
    ];
    assert!(imports[0].0.means("./l/a.js") && imports[0].0.means("./l/c/d.js"));
    assert!(!imports[0].0.means("./l/a.ts") && !imports[0].0.means("./k/a.js"));
    let expected = "a(__isolane_import(`${`./l/${x}.js`}`, { __proto__: null, \"./l/a.js\": () => import(\"./l/a.js\"), \
         \"./l/b.js\": () => import(\"./l/b.js\") }), 'b');\n__isolane_import(`${'./m/' + y}`, { __proto__: null })\n\
         function __isolane_import(p, m) { return p in m ? m[p]() : import(p); }";
    assert_eq!(replace(text, &imports), expected);
}
