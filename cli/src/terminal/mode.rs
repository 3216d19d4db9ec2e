//! The terminal's mode while single keys are read: no echo, no waiting for the end of a line.
//! Ctrl-C and Ctrl-Z stay what they are. Which key does what is in `dev/keys.rs`.

use std::io::{self, IsTerminal as _};
use std::sync::Once;

use parking_lot::Mutex;
use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};

/// The mode that the terminal had, as long as it has another.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether single keys can be read: a person sits at both ends.
pub(crate) fn is_for_keys() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Whether this process is the one that the terminal's keys are for. Another one must not touch
/// its mode: the system would stop it.
pub(crate) fn is_foreground() -> bool {
    termios::tcgetpgrp(io::stdin())
        .is_ok_and(|group| group.as_raw_nonzero().get() == nix::unistd::getpgrp().as_raw())
}

/// Lets single keys through. [`restore`] ends it, as does a panic.
pub(crate) fn enter() {
    static ON_PANIC: Once = Once::new();
    ON_PANIC.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
    let mut before = BEFORE.lock();
    if before.is_some() || !is_foreground() {
        return;
    }
    let Ok(mode) = termios::tcgetattr(io::stdin()) else { return };
    let mut keys = mode.clone();
    keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    // A read never waits, also when what was typed is gone again.
    keys.special_codes[SpecialCodeIndex::VMIN] = 0;
    keys.special_codes[SpecialCodeIndex::VTIME] = 0;
    if termios::tcsetattr(io::stdin(), OptionalActions::Now, &keys).is_ok() {
        *before = Some(mode);
    }
}

/// Gives the terminal its mode back. Nothing happens where it was not changed.
pub(crate) fn restore() {
    // A panic while the lock is held must not wait for it.
    let Some(mut before) = BEFORE.try_lock() else { return };
    if let Some(mode) = before.take()
        && is_foreground()
    {
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &mode);
    }
}
