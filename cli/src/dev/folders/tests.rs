//! Which changes are noticed, and when.

use std::fs::File;
use std::io::Write as _;

use super::*;

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_being_written_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let root = folder.path().canonicalize().expect("it is there");
    let path = root.join("a.ts");
    std::fs::write(&path, "old").expect("it is written");
    let mut folders = Folders::new(&root.join(".data")).expect("files can be watched");
    folders.watch_project(&root);
    let mut file = File::create(&path).expect("it is opened, and empty from then on");
    let writer = std::thread::spawn(move || {
        // Far longer than a pause between two events that belong together.
        #[expect(clippy::disallowed_methods, reason = "the pause is what is tested")]
        std::thread::sleep(SETTLE * 8);
        file.write_all(b"new").expect("it is written");
    });
    let change = folders.changed(|_, _| true);
    assert!(change.paths.contains(&path), "{change:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("it is read"), "new");
    writer.join().expect("it writes");
}

#[test]
fn what_is_written_by_hand_is_below_the_root_and_neither_hidden_nor_a_package() {
    let cases = [
        ("/app/src/a.ts", true),
        ("/app", true),
        ("/app/.dev.vars", true),
        ("/app/.dev.vars.staging", true),
        ("/app/.env.local", true),
        ("/app/.a.ts.swp", false),
        ("/app/.git/index", false),
        ("/app/node_modules/hono/index.js", false),
        ("/app/src/node_modules", false),
        ("/application/a.ts", false),
        ("/", false),
    ];
    for (path, expected) in cases {
        let found = is_written_by_hand(Path::new("/app"), Path::new(path));
        assert_eq!(found, expected, "{path}");
    }
}
