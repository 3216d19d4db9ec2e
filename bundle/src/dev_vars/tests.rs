//! What the variables of development are, and which files have them.

use proptest::prelude::*;

use super::parse::parse;
use super::*;

#[test]
fn each_line_is_a_variable() {
    let text = "\u{feff}# a comment\n\
                A=1\n  B = two words  # more\r\n\
                export C='single \\n \"'\n\
                D=\"double \\\"quoted\\\" \\n\\t\\\\ \\x\" # end\n\
                E=\"-----BEGIN-----\nline\n-----END-----\"\n\
                F=`a'\"b`\nG=\nH=\"\"\nexport=x\nA.b-c=é\nA=again\n\nLAST=no newline";
    let expected = [
        ("A", "again"),
        ("A.b-c", "é"),
        ("B", "two words"),
        ("C", "single \\n \""),
        ("D", "double \"quoted\" \n\t\\ \\x"),
        ("E", "-----BEGIN-----\nline\n-----END-----"),
        ("F", "a'\"b"),
        ("G", ""),
        ("H", ""),
        ("LAST", "no newline"),
        ("export", "x"),
    ];
    let values = parse(text).unwrap();
    let values: Vec<_> = values.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(values, expected);
}

#[test]
fn a_line_that_is_none_is_an_error_at_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("A=1\nB", "2:2: expected \"=\" after the variable's name"),
        ("A=1\n =2", "2:2: expected a variable as NAME=value"),
        ("A B=1", "1:3: expected \"=\" after the variable's name"),
        ("A='1\nB=2\n", "1:3: the quote is never closed"),
        ("A='1' 2", "1:7: expected the end of the line after the closing quote"),
    ] {
        fs::write(folder.path().join(".dev.vars"), text).unwrap();
        let error = of_folder(folder.path(), Path::new("app"), None).unwrap_err();
        assert_eq!(error.to_string(), format!("app/.dev.vars:{expected}"));
    }
}

#[test]
fn the_file_for_the_environment_wins_and_env_files_come_last() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| fs::write(folder.path().join(name), format!("A={name}")).unwrap();
    let read = |environment| {
        let found = dev_vars(folder.path(), environment).unwrap();
        found.map(|(path, values)| {
            (path.strip_prefix(folder.path()).unwrap().to_owned(), values["A"].clone())
        })
    };
    let check = |environment, file: &str, value: &str| {
        assert_eq!(read(environment), Some((file.into(), value.into())), "{environment:?}");
    };
    assert_eq!(read(None), None);
    write(".env");
    write(".env.local");
    write(".env.test");
    check(None, ".env", ".env.local");
    check(Some("test"), ".env", ".env.test");
    write(".dev.vars");
    check(None, ".dev.vars", ".dev.vars");
    check(Some("test"), ".dev.vars", ".dev.vars");
    write(".dev.vars.test");
    check(Some("test"), ".dev.vars.test", ".dev.vars.test");
    check(Some("other"), ".dev.vars", ".dev.vars");
}

#[test]
fn they_are_no_part_of_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("index.js"), "export default {}").unwrap();
    let project = crate::Project::open(folder.path()).unwrap();
    let before = project.load().unwrap();
    fs::write(folder.path().join(".dev.vars"), "SECRET=hunter2").unwrap();
    assert_eq!(project.dev_vars().unwrap().unwrap().1["SECRET"], "hunter2");
    let after = crate::Project::open(folder.path()).unwrap().load().unwrap();
    assert_eq!(after.id(), before.id());
    assert!(!format!("{after:?}").contains("hunter2"));
}

proptest! {
    #[test]
    fn any_text_is_variables_or_a_fault_in_it(text in "([A-Z]|=|\"|'|`|#|\\\\|\n|\r| |é|.){0,40}") {
        if let Err(fault) = parse(&text) {
            prop_assert!(text.get(fault.offset..).is_some());
        }
    }

    #[test]
    fn any_value_can_be_written(value in any::<String>()) {
        let written = value.replace('\\', "\\\\").replace('"', "\\\"");
        let values = parse(&format!("NAME=\"{written}\" # end\nB=1")).unwrap();
        prop_assert_eq!(&values["NAME"], &value);
        prop_assert_eq!(&values["B"], "1");
    }
}
