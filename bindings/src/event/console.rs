//! Where `console` goes, and how much of it an event may write; and what else there is to tell the
//! worker's author. Printing values is `console/console.js`; what a line looks like is the observer's.

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

use deno_core::{OpState, op2};

use super::{Event, EventId, ops};

/// Warnings, as `console.js` numbers the levels.
pub(super) const WARN: i32 = 2;
/// Errors.
pub(super) const ERROR: i32 = 3;

/// Output kept per event, in bytes; what goes beyond is dropped with a notice.
const BYTES_PER_EVENT: usize = 256 * 1024;
/// What a line costs beside its text, so that empty ones are bounded, too.
const LINE_BYTES: usize = 32;
/// Groups inside of groups are indented so far.
const MAX_GROUPS: u32 = 32;
const INDENT: &str = "  ";

/// Called with the event, if it is one's line, with the level (0 debug, 1 log, 2 warn, 3 error) and the
/// text.
type WriteLine = dyn Fn(Option<EventId>, i32, &str);

/// Called when the worker has used what does nothing.
type Tell = dyn Fn(Idle);

/// What is there and does nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// `caches`: nothing is stored.
    Caches,
}

/// Where the `console` of an isolate goes.
#[derive(Clone)]
pub struct Console(Rc<Sink>);

struct Sink {
    write: Box<WriteLine>,
    tell: Box<Tell>,
    coloured: bool,
    /// For what is written outside of any event: at the top level of the modules, and by what is left of
    /// events that are over.
    outside: Allowance,
}

/// What an event has written, and how deep in groups it is.
#[derive(Default)]
pub(super) struct Allowance {
    bytes: Cell<usize>,
    groups: Cell<u32>,
}

/// Whether a text is written.
enum Charge {
    Paid,
    /// It is the first that is not.
    UsedUp,
    Nothing,
}

impl Console {
    /// A console that writes with this function. `coloured` asks for colours in the text, as
    /// escape sequences of a terminal. `tell` is called when the worker uses what does nothing, once
    /// for each in an isolate.
    pub fn new(
        coloured: bool,
        write: impl Fn(Option<EventId>, i32, &str) + 'static,
        tell: impl Fn(Idle) + 'static,
    ) -> Console {
        let (write, tell) = (Box::new(write), Box::new(tell));
        Console(Rc::new(Sink { write, tell, coloured, outside: Allowance::default() }))
    }

    /// Writes a text, which the event pays for.
    pub(super) fn write(&self, event: Option<&Event>, level: i32, text: &str) {
        let id = event.map(Event::id);
        let allowance = self.allowance(event);
        match allowance.charge(allowance.indented_bytes(text)) {
            Charge::Paid => (self.0.write)(id, level, &allowance.indented(text)),
            Charge::UsedUp => {
                let notice = "console: this event has written too much; the rest is dropped";
                (self.0.write)(id, WARN, notice);
            }
            Charge::Nothing => {}
        }
    }

    fn allowance<'a>(&'a self, event: Option<&'a Event>) -> &'a Allowance {
        event.map_or(&self.0.outside, |event| &event.console)
    }
}

impl Allowance {
    fn charge(&self, bytes: usize) -> Charge {
        let before = self.bytes.get();
        let after = before.saturating_add(bytes).saturating_add(LINE_BYTES);
        self.bytes.set(after);
        match (before < BYTES_PER_EVENT, after < BYTES_PER_EVENT) {
            (true, true) => Charge::Paid,
            (true, false) => Charge::UsedUp,
            (false, _) => Charge::Nothing,
        }
    }

    fn groups(&self) -> usize {
        self.groups.get().min(MAX_GROUPS) as usize
    }

    /// What a text takes when it is written.
    fn indented_bytes(&self, text: &str) -> usize {
        let groups = self.groups();
        let lines = if groups == 0 { 0 } else { text.split('\n').count() };
        text.len().saturating_add(lines * groups * INDENT.len())
    }

    fn indented<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let groups = self.groups();
        if groups == 0 {
            return Cow::Borrowed(text);
        }
        let indent = INDENT.repeat(groups);
        let lines: Vec<String> = text.split('\n').map(|line| format!("{indent}{line}")).collect();
        Cow::Owned(lines.join("\n"))
    }

    fn group(&self, change: i32) {
        let groups = match change {
            1 => self.groups.get().saturating_add(1),
            -1 => self.groups.get().saturating_sub(1),
            _ => 0,
        };
        self.groups.set(groups);
    }
}

/// Writes a text; the event pays for it.
#[op2(fast)]
pub(super) fn op_event_console(
    state: &mut OpState,
    #[smi] id: u32,
    #[smi] level: i32,
    #[string] text: &str,
) {
    let Some(console) = state.try_borrow::<Console>().cloned() else { return };
    console.write(ops::find(state, id).as_deref(), level, text);
}

/// Begins a group (1), ends one (-1), or ends all (0).
#[op2(fast)]
pub(super) fn op_event_console_group(state: &mut OpState, #[smi] id: u32, #[smi] change: i32) {
    let Some(console) = state.try_borrow::<Console>().cloned() else { return };
    console.allowance(ops::find(state, id).as_deref()).group(change);
}

/// The worker has used `caches` for the first time.
#[op2(fast)]
pub(super) fn op_event_caches_used(state: &mut OpState) {
    if let Some(console) = state.try_borrow::<Console>() {
        (console.0.tell)(Idle::Caches);
    }
}

/// Whether texts are to have colours.
#[op2(fast)]
pub(super) fn op_event_console_colours(state: &mut OpState) -> bool {
    state.try_borrow::<Console>().is_some_and(|console| console.0.coloured)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console() -> (Console, Rc<Cell<usize>>) {
        let lines = Rc::new(Cell::new(0));
        let counted = lines.clone();
        let console = Console::new(false, move |_, _, _| counted.set(counted.get() + 1), |_| {});
        (console, lines)
    }

    #[test]
    fn empty_lines_have_an_end_too() {
        let (console, lines) = console();
        for _ in 0..1_000_000 {
            console.write(None, 1, "");
        }
        // The last one is the notice.
        assert_eq!(lines.get(), BYTES_PER_EVENT / LINE_BYTES);
    }

    #[test]
    fn every_line_of_a_text_is_indented_by_its_groups() {
        let allowance = Allowance::default();
        allowance.group(-1);
        allowance.group(1);
        allowance.group(1);
        assert_eq!(allowance.indented("a\nb"), "    a\n    b");
        allowance.group(-1);
        assert_eq!(allowance.indented("a"), "  a");
        allowance.group(0);
        assert_eq!(allowance.indented("a"), "a");
    }
}
