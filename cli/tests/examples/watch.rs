//! `examples/watch`: what the watcher is told of, and what it keeps of that.

use libtest_mimic::{Failed, Trial};

use crate::app::App;
use crate::wait::until;

const APP: &str = "app.localhost";
const WATCHER: &str = "watcher.localhost";

/// What fails, and how that is shown behind the time.
const FAILURES: [(&str, &str); 3] = [
    ("/cake", "app RangeError: no price for cake (GET /cake, index.ts:26:11)"),
    ("/loop", "app exceededCpu (GET /loop)"),
    (
        "/pay?card=0123456789abcdef0123456789abcdef",
        "app the bank does not answer (GET /pay?card=REDACTED)",
    ),
];

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("watch::each_error_is_kept_once_and_nothing_else_is", kept)]
}

fn kept() -> Result<(), Failed> {
    let app = App::start(&["watch/app", "watch/watcher"]);
    for (path, expected) in FAILURES {
        until(|| {
            assert_eq!(app.get(APP, "/tea").body, "450\n");
            app.get(APP, path);
            let shown = shown(&app);
            if shown.iter().any(|line| line == expected) { Ok(()) } else { Err(shown.join("\n")) }
        });
    }
    assert_eq!(shown(&app), FAILURES.map(|(_, expected)| expected));
    // Whoever looks at the store finds the stack, and nothing of the secret.
    let key = ["kv", "key", "get", "-n", "errors", "app RangeError: no price for cake"];
    let stack = app.isolane().good(&key);
    assert!(stack.contains("index.ts:26:11"), "{stack}");
    let all = app.isolane().good(&["kv", "key", "list", "-n", "errors", "--json"]);
    assert!(all.contains("REDACTED") && !all.contains("0123456789abcdef"), "{all}");
    Ok(())
}

/// The lines of the watcher without their times.
fn shown(app: &App) -> Vec<String> {
    let body = app.get(WATCHER, "/").body;
    let lines = body.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest));
    lines.map(str::to_owned).collect()
}
