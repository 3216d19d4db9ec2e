//! Which changes are noticed, and when.

use std::fs::File;
use std::io::Write as _;

use super::*;

/// Nothing here takes so long; a test that waits for it in vain fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for a change that matters, on another thread, since nothing else ends that. Gives the folders
/// back.
fn changed(
    mut folders: Folders,
    matters: impl Fn(&Path, bool) -> bool + Send + 'static,
) -> (Folders, Change) {
    let (sender, noticed) = channel();
    std::thread::spawn(move || {
        let change = folders.changed(matters);
        let _ = sender.send((folders, change));
    });
    noticed.recv_timeout(PATIENCE).expect("the change is noticed")
}

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
    let (_folders, change) = changed(folders, |_, _| true);
    assert!(change.paths.contains(&path), "{change:?}");
    assert_eq!(std::fs::read_to_string(&path).expect("it is read"), "new");
    writer.join().expect("it writes");
}

#[test]
fn a_folder_that_goes_and_comes_while_it_does_not_matter_is_watched_again_when_it_does() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let root = folder.path().canonicalize().expect("it is there");
    let (lib, later) = (root.join("lib"), root.join("later"));
    let path = lib.join("a.ts");
    std::fs::create_dir(&lib).expect("it is made");
    let mut folders = Folders::new(&root.join(".data")).expect("files can be watched");
    folders.watch_project(&root);
    std::fs::remove_dir(&lib).expect("it is removed");
    std::fs::create_dir(&lib).expect("it is made again");
    std::fs::write(&later, "").expect("it is written");
    // What happened before has been told of by then.
    let (mut folders, _) = changed(folders, move |changed, _| changed == later);
    let awaited = std::slice::from_ref(&path);
    assert!(folders.watch_files(None, awaited, &[]), "{:?}", folders.watched);
    std::fs::write(&path, "").expect("it is written");
    let awaited = path.clone();
    let (_folders, change) = changed(folders, move |changed, _| changed == awaited);
    assert!(change.paths.contains(&path), "{change:?}");
}

#[test]
fn a_folder_is_watched_by_its_own_name_whatever_it_is_called() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let root = folder.path().canonicalize().expect("it is there");
    let (lib, link) = (root.join("lib"), root.join("link"));
    let path = lib.join("a.ts");
    std::fs::create_dir(&lib).expect("it is made");
    std::os::unix::fs::symlink(&lib, &link).expect("it is linked");
    let mut folders = Folders::new(&root.join(".data")).expect("files can be watched");
    folders.watch_project(&lib);
    assert!(!folders.watch_files(None, &[link.join("b.ts")], &[]), "{:?}", folders.watched);
    std::fs::write(&path, "").expect("it is written");
    let awaited = path.clone();
    let (_folders, change) = changed(folders, move |changed, _| changed == awaited);
    assert!(change.paths.contains(&path), "{change:?}");
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
