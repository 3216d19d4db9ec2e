//! Whether a command printed what the book shows. What differs from run to run is alike: times,
//! sizes, versions, who and when. `…` stands for any text, on a line of its own for any lines.

use libtest_mimic::Trial;

/// Units after a number that differs from run to run.
const UNITS: [&str; 15] = [
    "ms", "s", "µs", "bytes", "byte", "KiB", "MiB", "second", "seconds", "minute", "minutes",
    "hour", "hours", "day", "days",
];

/// What is wrong with what was printed.
pub(crate) fn difference(shown: &str, printed: &str) -> Option<String> {
    let lines = |text: &str| text.lines().map(alike).collect::<Vec<_>>();
    (!lines_match(&lines(shown), &lines(printed)))
        .then(|| format!("--- shown\n{shown}--- printed\n{printed}---"))
}

/// Whether a line of the book can stand for one that was printed.
pub(crate) fn line_matches(shown: &str, printed: &str) -> bool {
    text_matches(&alike(shown), &alike(printed))
}

fn lines_match(shown: &[String], printed: &[String]) -> bool {
    match (shown, printed) {
        ([], []) => true,
        ([any, shown @ ..], _) if any == "…" => {
            (0..=printed.len()).any(|skipped| lines_match(shown, &printed[skipped..]))
        }
        ([first, shown @ ..], [line, printed @ ..]) => {
            text_matches(first, line) && lines_match(shown, printed)
        }
        _ => false,
    }
}

fn text_matches(shown: &str, printed: &str) -> bool {
    let Some((before, after)) = shown.split_once('…') else { return shown == printed };
    let Some(rest) = printed.strip_prefix(before) else { return false };
    let mut places = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    places.any(|at| text_matches(after, &rest[at..]))
}

/// A line without what differs from run to run. Columns are as wide as what is in them.
fn alike(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let mut text = String::new();
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).map_or("", |next| bare(next));
        let core = bare(word);
        let is_number = !core.is_empty() && core.parse::<f64>().is_ok();
        let is_version = core.len() >= 8 && core.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_unit = UNITS.contains(&core);
        let shown = match () {
            () if is_number && UNITS.contains(&next) => word.replace(core, "N"),
            () if is_unit && words.get(index.wrapping_sub(1)).is_some_and(|it| is_count(it)) => {
                word.replace(core, "units")
            }
            () if is_version => word.replace(core, "VERSION"),
            () if core.contains('@') && !core.contains('/') => word.replace(core, "WHO"),
            () => (*word).to_owned(),
        };
        text.extend([if text.is_empty() { "" } else { " " }, &shown]);
    }
    text.replace("N units ago", "just now")
}

fn is_count(word: &str) -> bool {
    bare(word).parse::<f64>().is_ok()
}

/// A word without the marks around it.
fn bare(word: &str) -> &str {
    word.trim_matches(['(', ')', ',', '.', ';', ':', '"'])
}

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("shown::what_differs_from_run_to_run_is_alike", || {
            for (shown, printed) in [
                ("started   in 0.39 ms of CPU time", "started in 12 s of CPU time"),
                ("a 445 bytes (614 bytes gzipped)", "a  1.2 KiB (0.9 KiB gzipped)"),
                ("shop 1cccdc6b by ada@laptop", "shop 2f00aa31 by root@x"),
                ("12 minutes ago", "just now"),
                ("a … c", "a b and more c"),
                ("…", "one\ntwo"),
                ("a\n…\nb", "a\nb"),
            ] {
                assert_eq!(difference(shown, printed), None);
            }
            Ok(())
        }),
        Trial::test("shown::everything_else_is_compared", || {
            for (shown, printed) in [
                ("a", "b"),
                ("a", "a\nb"),
                ("revision 2", "revision 3"),
                ("1 module", "2 modules"),
                ("a … c", "a b"),
                ("http://a.localhost:1/", "http://a.localhost:2/"),
                ("a\n…", "b\na"),
            ] {
                assert!(difference(shown, printed).is_some(), "{shown:?} {printed:?}");
            }
            Ok(())
        }),
    ]
}
