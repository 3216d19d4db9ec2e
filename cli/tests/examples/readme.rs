//! The commands in a README: in blocks that begin with ```` ```console ````, each after `$ ` and
//! followed by its output.

use libtest_mimic::{Failed, Trial};

/// A command and what it prints.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// The line of the README, from 1.
    pub(crate) at: usize,
    /// The command, without `$ `.
    pub(crate) line: String,
    /// The lines after it, each with its end.
    pub(crate) output: String,
}

/// The commands of a README, in order.
///
/// # Errors
/// When it has none, when a block begins with something else, and when a block is not closed.
pub(crate) fn commands(readme: &str) -> Result<Vec<Command>, Failed> {
    let mut commands: Vec<Command> = Vec::new();
    // In a block: the commands before it.
    let mut block = None;
    for (index, line) in readme.lines().enumerate() {
        let at = index + 1;
        let Some(before) = block else {
            if line == "```console" {
                block = Some(commands.len());
            }
            continue;
        };
        if line == "```" {
            if commands.len() == before {
                return Err(format!("line {at}: a console block without a command").into());
            }
            block = None;
        } else if let Some(line) = line.strip_prefix("$ ") {
            commands.push(Command { at, line: line.to_owned(), output: String::new() });
        } else if let Some(command) = commands.get_mut(before..).and_then(<[_]>::last_mut) {
            command.output.push_str(line);
            command.output.push('\n');
        } else {
            return Err(format!("line {at}: expected a command, found {line:?}").into());
        }
    }
    if block.is_some() {
        return Err("a console block is not closed".into());
    }
    if commands.is_empty() {
        return Err("the README has no console block".into());
    }
    Ok(commands)
}

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("a_readme_is_read_as_commands_and_their_outputs", || {
            let readme = "# a\n```console\n$ one\n$ two\n2\n\n```\n```sh\n$ no\n```\n";
            let command = |at, line: &str, output: &str| Command {
                at,
                line: line.to_owned(),
                output: output.to_owned(),
            };
            assert_eq!(commands(readme)?, [command(3, "one", ""), command(4, "two", "2\n\n")]);
            Ok(())
        }),
        Trial::test("a_readme_that_says_nothing_to_run_is_refused", || {
            for readme in ["", "# a\n```sh\n$ curl\n```\n", "```console\n```\n"] {
                assert!(commands(readme).is_err(), "{readme:?}");
            }
            Ok(())
        }),
        Trial::test("a_block_that_begins_with_output_or_does_not_end_is_refused", || {
            for readme in ["```console\n$ a\n```\n```console\nb\n$ c\n```\n", "```console\n$ a\n"] {
                assert!(commands(readme).is_err(), "{readme:?}");
            }
            Ok(())
        }),
    ]
}
