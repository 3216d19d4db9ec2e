//! Single keys while `isolane dev` serves, on a pseudo-terminal that `script` of util-linux makes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::says;
use crate::folder::Folder;
use crate::http::{Connection, get};
use crate::process::PATIENCE;

const PRINTS: &str = "export default { fetch() {
    console.log({ number: 7 });
    console.log(new Error('no'));
    return new Response();
} }";

/// A shell command on a terminal, and a person at it.
struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Receiver<String>,
    seen: Vec<String>,
}

impl Terminal {
    fn run(folder: &Folder, command: &str) -> Self {
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", command, "/dev/null"])
            .current_dir(folder.path())
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script is there");
        let keyboard = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let (sender, screen) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        Self { child, keyboard, screen, seen: Vec::new() }
    }

    fn dev(folder: &Folder) -> Self {
        let isolane = env!("CARGO_BIN_EXE_isolane");
        // The shell tells of the terminal's mode before and after.
        let mode = "stty -a | grep -o '.icanon\\|.echo '";
        let dev = format!("echo pid $$; exec {isolane} dev a.js --port 0");
        let run = format!("trap : INT; {mode}; sh -c '{dev}'; echo over $?; {mode}; echo end");
        Self::run(folder, &run)
    }

    /// The process of `isolane`.
    fn pid(&mut self) -> Pid {
        let line = self.until("pid ");
        Pid::from_raw(line[4..].trim().parse().expect("a number follows"))
    }

    /// Waits for the end of the shell, and compares the terminal's mode before and after.
    fn is_as_it_was(&mut self) {
        self.until("end");
        let lines = self.seen.iter().map(|line| line.trim());
        let modes: Vec<_> = lines.filter(|line| line.contains("icanon")).collect();
        assert_eq!(modes, ["icanon", "icanon"], "{:?}", self.seen);
    }

    fn until(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.screen.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("no {text:?} on the screen:\n{}", self.seen.join("\n")),
            }
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
        self.keyboard.flush().expect("the terminal takes keys");
    }

    /// Waits until keys are read, which is after the last line of the greeting.
    fn ready(&mut self) {
        self.until("h help");
        self.press("h");
        self.until("quit, as Ctrl-C does");
    }

    fn port(&mut self) -> u16 {
        let line = self.until("http://localhost:");
        let (_, rest) = line.split_once("http://localhost:").expect("it was looked for");
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a port follows")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn keys_reload_clear_and_quit_and_the_terminal_is_left_as_it_was() {
    let folder = Folder::with(&[("a.js", &says("x"))]);
    let mut terminal = Terminal::dev(&folder);
    let port = terminal.port();
    terminal.until("o open, r reload, c clear, q quit, h help");
    terminal.press("h");
    terminal.until("quit, as Ctrl-C does");
    terminal.press("r");
    let line = terminal.until("as it was");
    assert!(line.contains("\u{1b}["), "there are colours on a terminal: {line:?}");
    terminal.press("c");
    terminal.until("\u{1b}[2J");
    assert_eq!(get(port, "localhost", "/").body, "x");
    terminal.until("GET");
    folder.write("a.js", PRINTS);
    terminal.until("reloaded");
    get(port, "localhost", "/");
    let line = terminal.until("number");
    assert!(line.contains("\u{1b}[33m7\u{1b}[39m"), "values have colours: {line:?}");
    terminal.until("Error: no");
    let line = terminal.until("GET");
    let frames = terminal.seen.iter().filter(|line| line.contains("ext:")).count();
    assert_eq!(frames, 0, "{line}");
    terminal.press("q");
    terminal.until("over 0");
    terminal.is_as_it_was();
}

#[test]
fn signals_that_end_it_leave_the_terminal_as_it_was() {
    for signal in [Signal::SIGQUIT, Signal::SIGHUP] {
        let folder = Folder::with(&[("a.js", &says("x"))]);
        let mut terminal = Terminal::dev(&folder);
        let pid = terminal.pid();
        terminal.ready();
        kill(pid, signal).expect("it is there");
        terminal.until(&format!("over {}", 128 + signal as i32));
        terminal.is_as_it_was();
    }
}

#[test]
fn ctrl_c_and_the_end_of_the_input_stop_it() {
    for keys in ["\u{3}", "\u{4}"] {
        let folder = Folder::with(&[("a.js", &says("x"))]);
        let mut terminal = Terminal::dev(&folder);
        terminal.ready();
        terminal.press(keys);
        terminal.until("over ");
        terminal.until("end");
    }
}

#[test]
fn ctrl_z_suspends_it_and_keys_are_read_again_when_it_goes_on() {
    let folder = Folder::with(&[("a.js", &says("x"))]);
    let mut terminal = Terminal::dev(&folder);
    let pid = terminal.pid();
    terminal.ready();
    terminal.press("\u{1a}");
    let state = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
        let (_, rest) = stat.rsplit_once(") ").expect("the name is in parentheses");
        rest.starts_with('T')
    };
    let end = Instant::now() + PATIENCE;
    while !state() {
        assert!(Instant::now() < end, "it is not suspended");
        thread::yield_now();
    }
    kill(pid, Signal::SIGCONT).expect("it is there");
    terminal.press("?");
    terminal.until("quit, as Ctrl-C does");
    terminal.press("q");
    terminal.until("over 0");
}

#[test]
fn a_terminal_that_goes_away_takes_it_along() {
    let folder = Folder::with(&[("a.js", &says("x"))]);
    let mut terminal = Terminal::dev(&folder);
    let port = terminal.port();
    terminal.ready();
    terminal.child.kill().expect("it is a child of this process");
    let end = Instant::now() + PATIENCE;
    while Connection::try_open(port).is_ok() {
        assert!(Instant::now() < end, "it goes on");
        thread::yield_now();
    }
}
