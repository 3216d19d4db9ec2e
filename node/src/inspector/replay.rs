//! What a client has told an isolate that holds until it says otherwise: the domains it has
//! enabled, its breakpoints, how to treat exceptions. The next isolate is told the same.

use super::message::{Command, breakpoint_id};

/// Commands that set something; the last one of each holds. `*.enable` is one, too.
const SETTINGS: [&str; 11] = [
    "Debugger.setAsyncCallStackDepth",
    "Debugger.setBlackboxPatterns",
    "Debugger.setBreakpointsActive",
    "Debugger.setPauseOnExceptions",
    "Debugger.setSkipAllPauses",
    "Profiler.setSamplingInterval",
    "Runtime.setAsyncCallStackDepth",
    "Runtime.setCustomObjectFormatterEnabled",
    "Runtime.setMaxCallStackSizeToCapture",
    "NodeRuntime.notifyWhenWaitingForDisconnect",
    "Runtime.addBinding",
];

const SET_BREAKPOINT: &str = "Debugger.setBreakpointByUrl";
const REMOVE_BREAKPOINT: &str = "Debugger.removeBreakpoint";

/// More breakpoints than this are not told to the next isolate.
const MAX_KEPT: usize = 2000;

/// The commands to repeat, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Replay {
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    key: Key,
    method: String,
    text: String,
}

#[derive(Debug, PartialEq)]
enum Key {
    Setting(String),
    /// A breakpoint that was asked for under that number.
    Asked(i64),
    /// A breakpoint that is set.
    Set(String),
}

impl Replay {
    /// Takes note of a command, if it is one to repeat. Answers whether it is.
    pub(super) fn note(&mut self, command: &Command<'_>, text: &str) -> bool {
        let method = command.method;
        if let Some(domain) = method.strip_suffix(".disable") {
            let of_domain = format!("{domain}.");
            self.kept.retain(|kept| !kept.method.starts_with(&of_domain));
            return true;
        }
        if method == REMOVE_BREAKPOINT {
            if let Some(id) = command.text("breakpointId") {
                self.kept.retain(|kept| kept.key != Key::Set(id.clone()));
            }
            return false;
        }
        let key = if method == SET_BREAKPOINT {
            Key::Asked(command.id)
        } else if method.ends_with(".enable") || SETTINGS.contains(&method) {
            Key::Setting(method.to_owned())
        } else {
            return false;
        };
        let is_setting = matches!(key, Key::Setting(_));
        let kept = Kept { key, method: method.to_owned(), text: text.to_owned() };
        if let Some(before) = self.kept.iter_mut().find(|before| before.key == kept.key) {
            *before = kept;
        } else if self.kept.len() < MAX_KEPT {
            self.kept.push(kept);
        }
        is_setting
    }

    /// Takes note of an answer: it may name a breakpoint that was asked for.
    pub(super) fn note_answer(&mut self, id: i64, answer: &str) {
        let asked = self.kept.iter().position(|kept| kept.key == Key::Asked(id));
        let Some(index) = asked else { return };
        match breakpoint_id(answer) {
            Some(breakpoint) => self.kept[index].key = Key::Set(breakpoint),
            None => drop(self.kept.remove(index)),
        }
    }

    /// The commands, each under a number of its own from `first` on.
    pub(super) fn commands(&self, first: i64) -> Vec<String> {
        let commands = self.kept.iter().filter_map(|kept| Command::parse(&kept.text));
        (first..).zip(commands).map(|(id, command)| command.renumbered(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(commands: &[&str]) -> Replay {
        let mut replay = Replay::default();
        for text in commands {
            replay.note(&Command::parse(text).unwrap(), text);
        }
        replay
    }

    fn methods(replay: &Replay) -> Vec<String> {
        let commands = replay.commands(100);
        commands.iter().map(|text| Command::parse(text).unwrap().method.to_owned()).collect()
    }

    #[test]
    fn what_holds_is_repeated_in_order_and_the_rest_is_not() {
        let replay = replay(&[
            r#"{"id":1,"method":"Runtime.enable"}"#,
            r#"{"id":2,"method":"Runtime.evaluate","params":{"expression":"1"}}"#,
            r#"{"id":3,"method":"Debugger.enable"}"#,
            r#"{"id":4,"method":"Debugger.setPauseOnExceptions","params":{"state":"all"}}"#,
            r#"{"id":5,"method":"Debugger.setPauseOnExceptions","params":{"state":"none"}}"#,
        ]);
        let expected = ["Runtime.enable", "Debugger.enable", "Debugger.setPauseOnExceptions"];
        assert_eq!(methods(&replay), expected);
        let last = replay.commands(7).pop().unwrap();
        let last = Command::parse(&last).unwrap();
        assert_eq!((last.id, last.text("state").as_deref()), (9, Some("none")));
    }

    #[test]
    fn a_domain_that_is_disabled_is_forgotten_with_its_breakpoints() {
        let replay = replay(&[
            r#"{"id":1,"method":"Runtime.enable"}"#,
            r#"{"id":2,"method":"Debugger.enable"}"#,
            r#"{"id":3,"method":"Debugger.setBreakpointByUrl","params":{"lineNumber":1}}"#,
            r#"{"id":4,"method":"Debugger.disable"}"#,
        ]);
        assert_eq!(methods(&replay), ["Runtime.enable"]);
    }

    #[test]
    fn a_breakpoint_is_repeated_until_it_is_removed_and_not_if_it_was_refused() {
        let mut replay = replay(&[
            r#"{"id":1,"method":"Debugger.setBreakpointByUrl","params":{"lineNumber":1}}"#,
            r#"{"id":2,"method":"Debugger.setBreakpointByUrl","params":{"lineNumber":2}}"#,
            r#"{"id":3,"method":"Debugger.setBreakpointByUrl","params":{"lineNumber":3}}"#,
        ]);
        replay.note_answer(1, r#"{"id":1,"result":{"breakpointId":"one"}}"#);
        replay.note_answer(2, r#"{"id":2,"error":{"code":1}}"#);
        replay.note_answer(3, r#"{"id":3,"result":{"breakpointId":"three"}}"#);
        let remove =
            r#"{"id":4,"method":"Debugger.removeBreakpoint","params":{"breakpointId":"one"}}"#;
        replay.note(&Command::parse(remove).unwrap(), remove);
        let [left] = &*replay.commands(9) else { panic!("{replay:?}") };
        assert!(left.contains(r#""lineNumber":3"#), "{left}");
    }
}
