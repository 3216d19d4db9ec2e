//! Who finds whom, and what becomes of what is left behind.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// A session in that folder, which serves that worker and consumes that queue.
fn session(folder: &Path, port: u16, worker: &str, queue: &str) -> Sessions {
    let sessions = Sessions::within(Some(folder.join("state")));
    let at = Neighbour { address: ([127, 0, 0, 1], port).into(), token: format!("token-{port}") };
    let whom = Whom { workers: vec![worker.to_owned()], consumes: vec![queue.to_owned()] };
    sessions.say(at, whom).expect("the file is written");
    // The names of the files of one process are apart by the time.
    let mut own = sessions.own.lock();
    let own_file = own.as_mut().expect("it has said so");
    let path = own_file.path.with_file_name(format!("{port}.{EXTENSION}"));
    fs::rename(&own_file.path, &path).expect("the file is there");
    own_file.path = path;
    drop(own);
    sessions
}

fn port(found: Option<Neighbour>) -> Option<u16> {
    found.map(|neighbour| neighbour.address.port())
}

#[test]
fn sessions_find_each_others_workers_and_never_their_own() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let one = session(folder.path(), 1, "shop", "orders");
    let other = session(folder.path(), 2, "auth", "mail");
    assert_eq!(port(one.serving("auth")), Some(2));
    assert_eq!(port(other.serving("shop")), Some(1));
    assert_eq!(port(one.serving("shop")), None);
    assert_eq!(port(one.serving("typo")), None);
    assert_eq!(port(one.consuming("mail")), Some(2));
    assert_eq!(port(one.consuming("orders")), None);
    assert_eq!(one.serving("auth").map(|it| it.token).as_deref(), Some("token-2"));
}

#[test]
fn what_a_session_says_is_for_its_user_alone_and_goes_with_it() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let one = Arc::new(session(folder.path(), 1, "shop", "orders"));
    let state = folder.path().join("state");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    assert_eq!(mode(&state.join("1.json")), 0o600);
    drop(Announced(one));
    assert_eq!(fs::read_dir(&state).expect("it is there").count(), 0);
}

#[test]
fn what_is_left_of_a_session_that_was_killed_is_removed() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let one = session(folder.path(), 1, "shop", "orders");
    // Without a word, as the end of its process.
    drop(session(folder.path(), 2, "auth", "mail"));
    assert_eq!(port(one.serving("auth")), None);
    let state = folder.path().join("state");
    assert_eq!(fs::read_dir(state).expect("it is there").count(), 1);
}

#[test]
fn a_name_that_two_sessions_have_is_the_later_ones() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let one = session(folder.path(), 1, "shop", "orders");
    let earlier = session(folder.path(), 2, "auth", "mail");
    let later = session(folder.path(), 3, "auth", "mail");
    let set = |sessions: &Sessions, since_ms| {
        let mut own = sessions.own.lock();
        let own = own.as_mut().expect("it has said so");
        own.said.since_ms = since_ms;
        own._lock = write(&folder.path().join("state"), &own.path, &own.said).expect("written");
    };
    set(&earlier, 1);
    set(&later, 2);
    assert_eq!(port(one.serving("auth")), Some(3));
    drop(later);
    assert_eq!(port(one.serving("auth")), Some(2));
}

#[test]
fn where_nothing_can_be_kept_nobody_is_found() {
    let nowhere = Sessions::within(None);
    let at = Neighbour { address: ([127, 0, 0, 1], 1).into(), token: String::new() };
    assert!(nowhere.say(at, Whom::default()).is_err());
    assert_eq!(port(nowhere.serving("shop")), None);
}
