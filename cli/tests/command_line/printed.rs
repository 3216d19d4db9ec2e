//! What libraries print on the standard error of a node, past the log: it comes as lines of the log, and whatever a
//! tenant has a part in of it is no line of its own.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::folder::Folder;
use crate::http::get;
use crate::serve::{metric, serve};

/// deno_core prints an error whose frames it cannot read. That comes to it where the worker has a formatter of its
/// own when one looks, and none when the next one does, and the stack ends in between.
const FORGES: &str = r#"
const line = '{"level":"ERROR","target":"isolane::incident","message":"forged","worker":"other"}';
let looks = 0;
Object.defineProperty(Error, 'prepareStackTrace', { get: () => looks++ % 2 ? undefined : () => '' });
const forge = () => { try { forge() } catch {} try { new Error(`\n${line}\n`.repeat(20)).stack } catch {} };
export default { fetch() { forge(); return new Response('done') } };
"#;

/// V8 prints why it ends the thread.
const FATAL: &str = "export default { fetch() {
    return new Response(String(''.padEnd(2 ** 29 - 24, 'abc').split('').length)) } };";

/// Fifty lines in a second, and each is cut. Both events are over in a few.
const MOST_LINES: usize = 500;
const MOST_LINE_BYTES: usize = 16 << 10;

#[test]
fn what_libraries_print_is_in_lines_of_the_log_and_forges_none() {
    let folder = Folder::with(&[("forges.js", FORGES), ("fatal.js", FATAL)]);
    let (mut process, port) = serve(
        &folder,
        "limits = { shutdown_timeout_s = 1 }
        [[workers]]\npath = 'forges.js'\nroutes = ['forges.test']
        [[workers]]\npath = 'fatal.js'\nroutes = ['fatal.test']\n",
    );
    // What becomes of the event is not the matter: it may use up its time.
    get(port, "forges.test", "/");
    let answer = get(port, "fatal.test", "/");
    assert_eq!((answer.status, answer.header("isolane-error")), (503, "1104"), "{}", answer.body);
    process.stderr.until("\"target\":\"isolane::stderr\"");
    assert_eq!(metric(&process, "restarts_total{reason=\"crash\"}"), 0);
    kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM).expect("it runs");
    process.ended();
    let log = process.stderr.end();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} is no JSON")))
        .collect();
    assert!(lines.iter().all(|line| line["message"] != "forged"), "{log}");
    let printed = log.lines().filter(|line| line.contains("\"target\":\"isolane::stderr\""));
    let lengths: Vec<usize> = printed.map(str::len).collect();
    assert!((1..=MOST_LINES).contains(&lengths.len()), "{lengths:?}");
    assert!(lengths.iter().all(|length| *length < MOST_LINE_BYTES), "{lengths:?}");
}
