//! The `isolane` binary as a child process: what it prints is waited for, line by line, and it
//! ends with the test. And commands that end by themselves, which are waited for. How requests are made is
//! not here.

use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before the test gives up. Far more than is needed, because the
/// machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The same of a whole command, which may have to wait for several things.
const COMMAND_PATIENCE: Duration = Duration::from_secs(300);

/// A running command, killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    /// What it prints on standard output.
    pub(crate) stdout: Lines,
    /// What it prints on standard error.
    pub(crate) stderr: Lines,
}

/// Lines that a process prints.
pub(crate) struct Lines {
    name: &'static str,
    coming: Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    /// Starts `isolane` with those arguments in that folder.
    pub(crate) fn start<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_isolane"), folder, arguments)
    }

    /// The same with the program that is at that path.
    pub(crate) fn start_program<'a>(
        program: &str,
        folder: &Path,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        // The tests may run under `nohup`, and what a process ignores its children ignore.
        let mut child = Command::new("env")
            .args(["--default-signal=HUP", program])
            .args(arguments)
            .current_dir(folder)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the isolane binary starts");
        let stdout = Lines::of("standard output", child.stdout.take().expect("it is piped"));
        let stderr = Lines::of("standard error", child.stderr.take().expect("it is piped"));
        Self { child, stdout, stderr }
    }

    /// Its process identifier.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process that serves: this one, or where it supervises others, the last of them.
    pub(crate) fn node_id(&self) -> u32 {
        let path = format!("/proc/{0}/task/{0}/children", self.id());
        let children = std::fs::read_to_string(path).expect("it runs");
        let last = children.split_whitespace().next_back();
        last.map_or(self.id(), |id| id.parse().expect("children are numbers"))
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it is a child of this process").is_none()
    }

    /// Waits for its end: it closes its output, and what is printed until then is read.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.stdout.end();
        self.stderr.end();
        self.child.wait().expect("it is a child of this process")
    }

    /// The port that `isolane dev` says it listens on.
    pub(crate) fn dev_port(&mut self) -> u16 {
        let line = self.stdout.wait("localhost:", |line| line.contains("localhost:"));
        let line = line.unwrap_or_else(|problem| {
            // It printed nothing and is over, or it hangs: how it ended says which.
            let ended = self.child.try_wait().ok().flatten();
            let ended = ended.map_or_else(|| "still running".to_owned(), |it| it.to_string());
            panic!("{problem}\n{ended}\n{}", self.stderr.end())
        });
        let (_, port) = line.rsplit_once(':').expect("the line has a colon");
        port.trim_end().parse().unwrap_or_else(|_| panic!("no port at the end of {line:?}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    /// The lines of a stream, read from now on.
    pub(crate) fn of(name: &'static str, stream: impl Read + Send + 'static) -> Self {
        let (sender, coming) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { name, coming, seen: Vec::new() }
    }

    /// Waits for the next line that contains that text.
    ///
    /// # Panics
    /// When there is none in time.
    pub(crate) fn until(&mut self, text: &str) -> String {
        self.wait(text, |line| line.contains(text)).unwrap_or_else(|problem| panic!("{problem}"))
    }

    fn wait(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let reason = match self.coming.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if wanted(&line) {
                        return Ok(line);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => "in time",
                Err(RecvTimeoutError::Disconnected) => "before its end",
            };
            let (name, seen) = (self.name, self.seen.join("\n"));
            return Err(format!("no line with {what:?} on {name} {reason}; there was:\n{seen}"));
        }
    }

    /// The lines that were read so far.
    #[allow(dead_code, reason = "most tests wait for lines, and look at none again")]
    pub(crate) fn seen(&self) -> String {
        self.seen.join("\n")
    }

    /// All lines there were, once the process has closed the stream.
    ///
    /// # Panics
    /// When it does not in time.
    pub(crate) fn end(&mut self) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.coming.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => return self.seen.join("\n"),
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "{} is not closed in time; there was:\n{}",
                        self.name,
                        self.seen.join("\n")
                    )
                }
            }
        }
    }
}

/// Runs a command to its end, with nothing on its standard input, and gives what it has printed.
///
/// # Panics
/// When it does not end in time.
pub(crate) fn output(command: &mut Command) -> io::Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(ended(command.spawn()?))
}

/// Closes the standard input of a process, waits for its end, and gives what it has printed where that is
/// piped.
///
/// # Panics
/// When it does not end in time.
pub(crate) fn ended(mut child: Child) -> Output {
    drop(child.stdin.take());
    let end = Instant::now() + COMMAND_PATIENCE;
    let printed = [whole(child.stdout.take()), whole(child.stderr.take())];
    let printed =
        printed.map(|text| text.recv_timeout(end.saturating_duration_since(Instant::now())));
    let [Ok(stdout), Ok(stderr)] = printed else {
        // It may be over, and something that it has started not.
        let _ = child.kill();
        let _ = child.wait();
        panic!("a command does not end in time");
    };
    let status = child.wait().expect("it is a child of this process");
    Output { status, stdout, stderr }
}

/// All that comes from a stream, when it has ended.
fn whole(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, text) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What there is of it is looked at.
            let _ = stream.read_to_end(&mut bytes);
        }
        // Nobody waits any more where it has not ended in time.
        let _ = sender.send(bytes);
    });
    text
}
