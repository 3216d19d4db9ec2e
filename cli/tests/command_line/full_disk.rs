//! A node on a full disk: it starts, says what is lacking, and serves what needs no room.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::folder::Folder;
use crate::http::get;
use crate::process::{PATIENCE, Process};
use crate::serve::{configure, listening, port_of, serve};

const QUIET: &str = "export default { fetch() { return new Response('good') } }";

/// Tells what has become of what it is asked for.
const NOTES: &str = "export default { async fetch(request, env) {
    try {
        if (request.url.endsWith('/put')) await env.KV.put('k', 'kept');
        return new Response(await env.KV.get('k'));
    } catch (error) {
        return new Response(error.message, { status: 500 });
    } } }";

const WORKERS: &str =
    "workers = [{ path = 'quiet.js', routes = ['quiet.test'] }, { path = 'notes' }]";

/// More than any disk has.
const MOST_FREE_MB: u64 = 1 << 40;

const REFUSED: &str = "KV PUT failed: 507 Insufficient Storage";

#[test]
fn a_node_on_a_full_disk_starts_and_says_what_is_lacking() {
    let folder = Folder::with(&[
        ("quiet.js", QUIET),
        ("notes/index.js", NOTES),
        (
            "notes/isolane.toml",
            "routes = ['notes.test']\nkv_namespaces = [{ binding = 'KV', id = 'kv' }]",
        ),
    ]);
    let disk = Disk::mount(&folder.path().join("data"));
    // It has been used before.
    {
        let (mut process, port) = serve(&folder, &format!("kv = {{ min_free_mb = 1 }}\n{WORKERS}"));
        let put = get(port, "notes.test", "/put");
        assert_eq!((put.status, put.body.as_str()), (200, "kept"));
        kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM).expect("it runs");
        assert_eq!(process.ended().code(), Some(0));
    }
    let min_free_mb = match &disk {
        Some(disk) => {
            disk.fill();
            1
        }
        // Where there is none to fill up, nothing of the one that there is may be used.
        None => MOST_FREE_MB,
    };
    configure(&folder, &format!("kv = {{ min_free_mb = {min_free_mb} }}\n{WORKERS}"));
    let mut process = Process::start(folder.path(), ["serve"]);
    let admin = port_of(&process.stderr.until("\"admin API\""));
    let port = listening(&mut process);
    let node = process.node_id();
    assert_eq!(get(port, "quiet.test", "/").body, "good");
    let put = get(port, "notes.test", "/put");
    assert!(put.status == 500 && put.body.contains(REFUSED), "{put:?}");
    process.stderr.until("the disk is full: ");
    // What is there can be read where the files could be opened.
    let read = get(port, "notes.test", "/");
    let is_told = read.status == 500 && read.body.contains("507 Insufficient Storage");
    assert!(is_told || (read.status, read.body.as_str()) == (200, "kept"), "{read:?}");
    assert_eq!(get(admin, "localhost", "/metrics").status, 200);
    if let Some(disk) = &disk {
        let log = process.stderr.seen();
        assert!(log.contains("cannot be announced in the data folder"), "{log}");
        disk.make_room();
        let began = Instant::now();
        // It looks for room now and then.
        while get(port, "notes.test", "/put").status != 200 {
            assert!(began.elapsed() < PATIENCE, "there is room");
            thread::park_timeout(Duration::from_millis(20));
        }
        assert_eq!(get(port, "notes.test", "/").body, "kept");
    }
    assert_eq!(get(port, "quiet.test", "/").body, "good");
    assert_eq!(process.node_id(), node, "the process has not ended");
}

/// A small disk of its own, in memory, until this is dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None` where this process may have none, which only root may.
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).expect("the folder is made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m,mode=700", "isolane-test"]).arg(folder);
        let mounted = mount.stdout(Stdio::null()).stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder.to_owned()))
    }

    /// Leaves nothing of it.
    fn fill(&self) {
        let mut file = File::create(self.filling()).expect("there is room for a file");
        let error = loop {
            if let Err(error) = file.write_all(&[0; 64 << 10]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    fn make_room(&self) {
        fs::remove_file(self.filling()).expect("it is there");
    }

    fn filling(&self) -> PathBuf {
        self.0.join("filling")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Who still has a file of it open keeps the files, and not the folder.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
