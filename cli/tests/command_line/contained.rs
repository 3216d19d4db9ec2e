//! What keeps a node safe from what is around it and from what gets out of an isolate: one node at
//! an address, a log that nobody has to read, data that only its user reads, the process's rights.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::log::Running;
use crate::process::{PATIENCE, Process};
use crate::serve::{configure, listening, port_of, serve};

const HELLO: &str = "export default { fetch() { return new Response('hello') } }";
const WORKER: &str = "workers = [{ path = 'a.js', routes = ['*'] }]";

#[test]
fn a_second_node_at_the_same_address_is_refused() {
    let folder = Folder::with(&[("a.js", HELLO), ("other/a.js", HELLO)]);
    let (_first, port) = serve(&folder, WORKER);
    let listen = format!("listen = [{{ address = '127.0.0.1:{port}' }}]\n{WORKER}");
    folder.write("other/node.toml", &listen);
    let mut second = Process::start(&folder.path().join("other"), ["serve"]);
    let ended = second.ended();
    assert!(!ended.success(), "{ended}");
    let told = second.stderr.end();
    assert!(told.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{told}");
    // The first has all connections.
    for _ in 0..50 {
        assert_eq!(get(port, "a.test", "/").body, "hello");
    }
}

#[test]
fn a_log_that_nobody_reads_makes_no_request_wait() {
    const CHATTY: &str = "export default { fetch() {
        for (let i = 0; i < 60; i++) console.log('x'.repeat(4000)); return new Response('done') } }";
    let folder = Folder::with(&[("a.js", HELLO), ("chatty.js", CHATTY)]);
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr());
    let port = port.expect("there is a free port").port();
    folder.write(
        "node.toml",
        &format!(
            "listen = [{{ address = '127.0.0.1:{port}' }}]
            workers = [{{ path = 'a.js', routes = ['a.test'] }},
                {{ path = 'chatty.js', routes = ['chatty.test'] }}]"
        ),
    );
    let node = Command::new(env!("CARGO_BIN_EXE_isolane"))
        .arg("serve")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let _node = Running(node.expect("the isolane binary starts"));
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "the node listens in time");
        std::thread::yield_now();
    }
    // Far more than a pipe and the queue hold.
    let mut connection = Connection::open(port);
    for _ in 0..60 {
        assert_eq!(connection.get("chatty.test", "/").body, "done");
        assert_eq!(connection.get("a.test", "/").body, "hello");
    }
}

#[test]
fn what_a_worker_throws_is_cut_in_the_log() {
    let throws = "throw new Error('x'.repeat(5_000_000) + 'END')";
    let in_handler = format!("export default {{ fetch() {{ {throws} }} }}");
    let folder = Folder::with(&[("a.js", &in_handler)]);
    for format in ["json", "text"] {
        folder.write(
            "node.toml",
            &format!("listen = [{{ address = '127.0.0.1:0' }}]\nlog = '{format}'\n{WORKER}"),
        );
        let mut process = Process::start(folder.path(), ["serve"]);
        let line = process.stderr.until("listening");
        let port = line.split("127.0.0.1:").nth(1).expect("an address");
        let digits = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
        let port = port[..digits].parse().expect("a port");
        assert_eq!(get(port, "a.test", "/").status, 500);
        let line = process.stderr.until("a text of 5000003 characters");
        assert!(line.len() < 100_000, "{}", line.len());
    }
}

#[test]
fn only_the_nodes_user_reads_its_data() {
    let put = "export default { async fetch(request, env) {
        await env.KV.put('k', 'v'); return new Response('kept') } }";
    let folder = Folder::with(&[
        ("a/index.js", put),
        ("a/isolane.toml", "routes = ['*']\nkv_namespaces = [{ binding = 'KV', id = 'kv' }]"),
        ("token", "0123456789abcdef"),
        ("deployer", "0123456789abcdef-of-another"),
    ]);
    let data = folder.path().join("data");
    fs::create_dir_all(data.join("kv")).expect("a folder is made");
    for path in [&data, &data.join("kv")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let configuration = "admin = { token_file = 'token', deployers = [
            { name = 'them', token_file = 'deployer', workers = ['b'] }] }
        workers = [{ path = 'a' }]";
    let (mut process, port) = serve(&folder, configuration);
    assert_eq!(get(port, "a.test", "/").body, "kept");
    let mut seen = 0;
    each(&data, &mut |path, mode| {
        let fitting = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, fitting, "{}", path.display());
        seen += 1;
    });
    assert!(seen > 5, "{seen}");
    kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM).expect("it runs");
    process.ended();
    let log = process.stderr.end();
    assert!(log.contains("others could read data of this node"), "{log}");
    assert!(log.contains("others can read the token of the admin API"), "{log}");
    assert!(log.contains("others can read the token of a deployer"), "{log}");
}

fn each(path: &Path, look: &mut impl FnMut(&Path, u32)) {
    let mode = fs::symlink_metadata(path).expect("it is there").permissions().mode();
    look(path, mode & 0o777);
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("it can be read") {
            each(&entry.expect("it can be read").path(), look);
        }
    }
}

#[test]
fn a_log_of_kv_that_was_emptied_or_overwritten_is_told_of_and_kept() {
    let put = "export default { async fetch(request, env) {
        await env.KV.put('k', 'v'); return new Response('kept') } }";
    let folder = Folder::with(&[
        ("a/index.js", put),
        ("a/isolane.toml", "routes = ['*']\nkv_namespaces = [{ binding = 'KV', id = 'kv' }]"),
    ]);
    let log = folder.path().join("data/kv/kv.log");
    let kept = || {
        let entries = fs::read_dir(folder.path().join("data/kv")).expect("the folder is there");
        let names = entries.map(|entry| entry.expect("it can be read").file_name());
        names.filter(|name| name.to_string_lossy().starts_with("kv.log.damaged-")).count()
    };
    let damages = [
        (vec![], "is empty"),
        (vec![0; 16 << 20], "begins with zeros"),
        (vec![0xff; 16 << 20], "begins with what no log begins with"),
    ];
    for (damage, problem) in damages {
        let (mut process, port) = serve(&folder, "workers = [{ path = 'a' }]");
        assert_eq!(get(port, "a.test", "/").body, "kept");
        kill(Pid::from_raw(process.id() as i32), Signal::SIGKILL).expect("it runs");
        process.ended();
        let told = process.stderr.end();
        assert!(!told.contains("the log of the KV store"), "{told}");
        fs::write(&log, damage).expect("the log is ours");
        let before = kept();
        let (mut process, _) = serve(&folder, "workers = [{ path = 'a' }]");
        kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM).expect("it runs");
        process.ended();
        let told = process.stderr.end();
        assert!(told.contains(problem) && told.contains("are lost"), "{told}");
        assert!(kept() > before);
    }
}

#[test]
fn the_process_keeps_few_rights_and_says_which() {
    let folder = Folder::with(&[("a.js", HELLO)]);
    let (mut process, port) = serve(&folder, WORKER);
    assert_eq!(get(port, "a.test", "/").body, "hello");
    let threads = fs::read_dir(format!("/proc/{}/task", process.node_id())).expect("it runs");
    for thread in threads {
        let status = thread.expect("it can be read").path().join("status");
        let Ok(status) = fs::read_to_string(status) else { continue };
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(|line| line.trim().to_owned()).unwrap_or_default()
        };
        assert_eq!(number("NoNewPrivs:"), "1", "{status}");
        assert_eq!(number("Seccomp:"), "2", "{status}");
        let effective = u64::from_str_radix(&number("CapEff:"), 16).expect("a mask");
        // CAP_SYS_ADMIN and CAP_SYS_PTRACE.
        assert_eq!(effective & (1 << 21 | 1 << 19), 0, "{status}");
        // CAP_CHOWN, CAP_FOWNER, CAP_SETGID, CAP_SETUID and CAP_SYS_RESOURCE: also where it stays
        // root, because nobody else is named.
        let of_root = 1 | 1 << 3 | 1 << 6 | 1 << 7 | 1 << 24;
        assert_eq!(effective & of_root, 0, "{status}");
    }
    // The one that supervises it does so while the node starts.
    let supervisor = format!("/proc/{}/status", process.id());
    let began = Instant::now();
    while !fs::read_to_string(&supervisor).expect("it runs").contains("NoNewPrivs:\t1") {
        assert!(began.elapsed() < PATIENCE, "programs that it starts may gain rights");
        std::thread::yield_now();
    }
    kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM).expect("it runs");
    process.ended();
    let log = process.stderr.end();
    for measure in ["capabilities", "no_new_privs", "no_dumps", "landlock", "seccomp"] {
        let told = log.lines().find(|line| line.contains(&format!("\"measure\":\"{measure}\"")));
        assert!(told.is_some(), "{measure} is not told of: {log}");
    }
}

#[test]
fn tokens_are_read_where_the_configuration_has_them() {
    let folder = Folder::with(&[
        ("own/token", "0123456789abcdef"),
        ("theirs/token", "0123456789abcdef-of-another"),
    ]);
    // Without a folder of a worker the node sees few files.
    let configuration = "admin = { token_file = 'own/token', deployers = [
        { name = 'them', token_file = 'theirs/token', workers = ['b'] }] }";
    let (mut process, _) = serve(&folder, configuration);
    kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM).expect("it runs");
    assert_eq!(process.ended().code(), Some(0));
}

#[test]
fn clients_leave_files_to_the_node_where_it_may_open_few() {
    // The other ends are this process's.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("it can be raised so far");
    let folder = Folder::with(&[("a.js", HELLO)]);
    configure(&folder, WORKER);
    let command = format!("ulimit -n 512 && exec {} serve", env!("CARGO_BIN_EXE_isolane"));
    let mut process = Process::start_program("sh", folder.path(), ["-c", &command]);
    let admin = port_of(&process.stderr.until("\"admin API\""));
    let port = listening(&mut process);
    let open = |_| TcpStream::connect(("127.0.0.1", port)).expect("the port is listened on");
    let mut crowd: Vec<TcpStream> = (0..600).map(open).collect();
    let last = crowd.last_mut().expect("there are some");
    last.set_read_timeout(Some(PATIENCE)).expect("it can have one");
    match last.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("it is not closed: {other:?}"),
    }
    assert_eq!(Connection::open(admin).get("localhost", "/metrics").status, 200);
    drop(crowd);
}

#[test]
fn each_measure_can_be_switched_off_by_name() {
    let folder = Folder::with(&[("a.js", HELLO)]);
    let off = "hardening = { capabilities = false, no_new_privs = false, no_dumps = false, \
               landlock = false, seccomp = false }";
    let (process, port) = serve(&folder, &format!("{off}\n{WORKER}"));
    assert_eq!(get(port, "a.test", "/").body, "hello");
    let status =
        fs::read_to_string(format!("/proc/{}/status", process.node_id())).expect("it runs");
    assert!(status.contains("Seccomp:\t0"), "{status}");
}
