//! Which imports are such, which files they mean, and what becomes of the code.

use oxc::codegen::Codegen;

use super::*;

/// What becomes of a script, in which each import means those of the files that it may mean.
fn chosen(text: &str, files: &[&str]) -> (Vec<(String, String)>, String) {
    let allocator = Allocator::default();
    let mut program = Parser::new(&allocator, text, SourceType::mjs()).parse().program;
    let mut found = Vec::new();
    choose(&allocator, &mut program, |wildcard| {
        let Wildcard { glob, folder, .. } = wildcard;
        found.push((glob.clone(), folder.clone()));
        let meant = files.iter().filter(|file| wildcard.means(file));
        meant.map(|file| (*file).to_owned()).collect()
    });
    (found, Codegen::new().build(&program).code)
}

#[track_caller]
fn check(text: &str, expected: &[(&str, &str)]) {
    let (found, code) = chosen(text, &[]);
    let found: Vec<_> = found.iter().map(|(glob, folder)| (&**glob, &**folder)).collect();
    assert_eq!(found, expected, "{text}");
    assert!(!code.contains("__isolane_import"), "{code}");
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
fn it_is_one_wherever_it_stands() {
    for text in [
        "export default import(`./${l}.js`)",
        "f(import(`./${l}.js`))",
        "f(...[import(`./${l}.js`)])",
        "class A { a = [{ b: import(`./${l}.js`)?.c }] }",
        "for (const x of import(`./${l}.js`)) {}",
        "async (a = await import(`./${l}.js`)) => a",
        "`${import(`./${l}.js`)}`",
        "import(import(`./${l}.js`))",
    ] {
        check(text, &[("./**/*.js", "./")]);
    }
    // One in the specifier of another stays as it is.
    check("import('./a/' + import(`./${l}.js`))", &[("./a/**/*", "./a/")]);
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
fn the_code_chooses_by_the_specifier_among_the_files_that_are_meant() {
    let text = "a(import(`./l/${x}.js`), 'b');\nimport('./m/' + y);\nimport(`./k/${z}`)";
    let files = ["./l/a.js", "./l/c/\"d\".js", "./l/a.ts", "./k/a.js", "./m/e.js"];
    let expected = "a(__isolane_import(`${`./l/${x}.js`}`, {\n\
        \t__proto__: null,\n\
        \t\"./l/a.js\": () => import(\"./l/a.js\"),\n\
        \t\"./l/c/\\\"d\\\".js\": () => import(\"./l/c/\\\"d\\\".js\")\n\
        }), \"b\");\n\
        __isolane_import(`${\"./m/\" + y}`, {\n\
        \t__proto__: null,\n\
        \t\"./m/e.js\": () => import(\"./m/e.js\")\n\
        });\n\
        import(`./k/${z}`);\n\
        function __isolane_import(p, m) {\n\
        \treturn p in m ? m[p]() : import(p);\n\
        }\n";
    let files: Vec<&str> = files.into_iter().filter(|file| !file.starts_with("./k/")).collect();
    assert_eq!(chosen(text, &files).1, expected);
}
