//! Single keys as commands, while `dev` serves on a terminal. The terminal's mode is in
//! `terminal/mode.rs`; here is what each key does, and what happens when the process is suspended.

use std::io;
use std::sync::Arc;

use nix::sys::signal::{Signal, raise};
use node::{CronRan, Deployments, Outcome, run_cron};
use parking_lot::Mutex;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};

use super::watch::Watch;
use crate::running;
use crate::terminal::{DIM, ERROR, Lines, WARNING, harmless, mode};

/// The keys in one line.
pub(super) const SHORT_HELP: &str = "o open, r reload, c clear, q quit, h help";

const HELP: &str = "
  o  open in a browser
  r  load all workers again
  t  run a cron
  c  clear the terminal
  q  quit, as Ctrl-C does
  h  this help
";

/// Crons of which one digit chooses.
const OFFERED: usize = 9;

/// What the keys work on.
pub(super) struct Keys {
    /// Where answers are printed.
    lines: Arc<Lines>,
    /// What loads workers again.
    watch: Watch,
    /// What a browser opens.
    url: String,
    /// Whose crons are run.
    deployments: Arc<Deployments>,
    /// Workers and crons of which the next digit chooses one.
    offered: Mutex<Vec<(Arc<str>, Arc<str>)>>,
}

/// Listens to keys for as long as the tokio runtime runs that this is called in.
pub(super) fn listen(keys: Keys) {
    tokio::spawn(async move {
        if let Err(error) = keys.run().await {
            mode::restore();
            let complaint = format!("{WARNING}warning{WARNING:#}: keys are not read: {error}");
            keys.lines.complain(&complaint);
        }
    });
}

impl Keys {
    pub(super) fn new(
        lines: Arc<Lines>,
        watch: Watch,
        url: String,
        deployments: Arc<Deployments>,
    ) -> Self {
        Self { lines, watch, url, deployments, offered: Mutex::default() }
    }

    async fn run(&self) -> io::Result<()> {
        // Made ready before the mode changes, so that an error leaves it as it was.
        #[allow(deprecated, reason = "it is for what may be closed, which standard input is not")]
        let input = AsyncFd::with_interest(io::stdin(), Interest::READABLE)?;
        let mut suspended = signal(SignalKind::from_raw(Signal::SIGTSTP as i32))?;
        let mut continued = signal(SignalKind::from_raw(Signal::SIGCONT as i32))?;
        // Ctrl-\, and the end of the terminal.
        let mut quitted = signal(SignalKind::quit())?;
        let mut hung_up = signal(SignalKind::hangup())?;
        mode::enter();
        loop {
            tokio::select! {
                biased;
                _ = quitted.recv() => end_by(Signal::SIGQUIT),
                _ = hung_up.recv() => end_by(Signal::SIGHUP),
                _ = suspended.recv() => suspend(),
                _ = continued.recv() => mode::enter(),
                ready = input.readable() => {
                    let mut ready = ready?;
                    let is_gone = ready.ready().is_read_closed();
                    ready.clear_ready();
                    if is_gone {
                        // Nobody could stop it any more.
                        quit();
                        return Ok(());
                    }
                    // A process in the background that reads is stopped.
                    if mode::is_foreground() {
                        self.read_keys();
                    }
                }
            }
        }
    }

    /// Reads what was typed. Does not wait: there may be nothing.
    fn read_keys(&self) {
        let mut typed = [0; 256];
        // An error tells nothing that the next wait does not.
        let length = rustix::io::read(io::stdin(), &mut typed).unwrap_or(0);
        for key in typed.iter().take(length) {
            self.press(*key);
        }
    }

    fn press(&self, key: u8) {
        // What is chosen is chosen by the key after it was offered.
        let offered = std::mem::take(&mut *self.offered.lock());
        match key.to_ascii_lowercase() {
            b'o' => match open::that_detached(&self.url) {
                Ok(()) => self.lines.say(&format!("{DIM}opening {}{DIM:#}", self.url)),
                Err(error) => {
                    let complaint = format!("cannot open {}: {error}", self.url);
                    self.lines.warn(&complaint);
                }
            },
            b'r' => self.watch.reload(),
            b't' => self.offer_crons(),
            digit @ b'1'..=b'9' => {
                if let Some((worker, cron)) = offered.get(usize::from(digit - b'1')) {
                    self.run_cron(Arc::clone(worker), Arc::clone(cron));
                }
            }
            // The screen, what was scrolled out of it, and the cursor to its corner.
            b'c' => self.lines.print("\u{1b}[2J\u{1b}[3J\u{1b}[H"),
            // Ctrl-D, too.
            b'q' | 4 => quit(),
            b'h' | b'?' => self.lines.print(HELP),
            // Whoever wants room between two lines.
            b'\n' | b'\r' => self.lines.print(""),
            _ => {}
        }
    }
}

impl Keys {
    /// Runs the cron that there is, or asks which.
    fn offer_crons(&self) {
        let triggers = self.deployments.triggers();
        match triggers.crons.as_slice() {
            [] => self.lines.say(&format!("{DIM}no worker has crons{DIM:#}")),
            [(worker, cron)] => self.run_cron(Arc::clone(worker), Arc::clone(cron)),
            crons => {
                let offered: Vec<_> = crons.iter().take(OFFERED).cloned().collect();
                for ((worker, cron), number) in offered.iter().zip(1..) {
                    let cron = harmless(cron);
                    self.lines.print(format!("  {number}  {cron} {DIM}{worker}{DIM:#}"));
                }
                *self.offered.lock() = offered;
            }
        }
    }

    /// Runs a cron beside what else there is. What it says and throws is shown as of any event.
    fn run_cron(&self, worker: Arc<str>, cron: Arc<str>) {
        let text = harmless(&cron);
        self.lines.say(&format!("{DIM}running {text} of {worker}{DIM:#}"));
        let (lines, deployments) = (Arc::clone(&self.lines), Arc::clone(&self.deployments));
        tokio::spawn(async move {
            let ran = run_cron(deployments, Arc::clone(&worker), cron, None).await;
            let CronRan { outcome, exception, .. } = ran;
            if outcome == Outcome::Ok {
                return;
            }
            let why = exception.map(|why| format!(": {}", harmless(&why))).unwrap_or_default();
            lines.complain(&format!("{ERROR}{worker}: {outcome}{why}{ERROR:#}"));
        });
    }
}

/// Asks this process to stop as Ctrl-C does.
fn quit() {
    // To oneself it cannot fail.
    let _ = raise(Signal::SIGINT);
}

/// Ends the process at once, with the exit code of one that the signal ended.
fn end_by(signal: Signal) -> ! {
    running::exit(128 + signal as u8)
}

/// Does what Ctrl-Z does to any process, with the terminal as the shell expects it. Returns when
/// the process goes on.
fn suspend() {
    mode::restore();
    let _ = raise(Signal::SIGSTOP);
    mode::enter();
}
