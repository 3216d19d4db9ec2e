//! The commands in a README: in blocks that begin with ```` ```console ````, each after `$ ` and
//! followed by its output. What is shown in ```` ```console eventually ```` comes in a while: the commands
//! of such a block are typed again until they print it.

use libtest_mimic::{Failed, Trial};

/// A block of commands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Whether the commands may print something else at first.
    pub(crate) is_awaited: bool,
    pub(crate) commands: Vec<Command>,
}

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

/// The blocks of a README, in order.
///
/// # Errors
/// When it has none, when a block begins with something else than a command, and when a block is not
/// closed.
pub(crate) fn blocks(readme: &str) -> Result<Vec<Block>, Failed> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in readme.lines().enumerate() {
        let at = index + 1;
        let Some(mut block) = open.take() else {
            let is_awaited = line == "```console eventually";
            if is_awaited || line == "```console" {
                open = Some(Block { is_awaited, commands: Vec::new() });
            }
            continue;
        };
        if line == "```" {
            if block.commands.is_empty() {
                return Err(format!("line {at}: a console block without a command").into());
            }
            blocks.push(block);
            continue;
        }
        if let Some(line) = line.strip_prefix("$ ") {
            block.commands.push(Command { at, line: line.to_owned(), output: String::new() });
        } else if let Some(command) = block.commands.last_mut() {
            command.output.push_str(line);
            command.output.push('\n');
        } else {
            return Err(format!("line {at}: expected a command, found {line:?}").into());
        }
        open = Some(block);
    }
    if open.is_some() {
        return Err("a console block is not closed".into());
    }
    if blocks.is_empty() {
        return Err("the README has no console block".into());
    }
    Ok(blocks)
}

/// The tests of this file.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("a_readme_is_read_as_commands_and_their_outputs", || {
            let readme = "# a\n```console\n$ one\n$ two\n2\n\n```\n```sh\n$ no\n```\n\
                          ```console eventually\n$ three\n```\n";
            let command = |at, line: &str, output: &str| Command {
                at,
                line: line.to_owned(),
                output: output.to_owned(),
            };
            let first = vec![command(3, "one", ""), command(4, "two", "2\n\n")];
            let expected = [
                Block { is_awaited: false, commands: first },
                Block { is_awaited: true, commands: vec![command(12, "three", "")] },
            ];
            assert_eq!(blocks(readme)?, expected);
            Ok(())
        }),
        Trial::test("a_readme_that_says_nothing_to_run_is_refused", || {
            for readme in ["", "# a\n```sh\n$ curl\n```\n", "```console\n```\n"] {
                assert!(blocks(readme).is_err(), "{readme:?}");
            }
            Ok(())
        }),
        Trial::test("a_block_that_begins_with_output_or_does_not_end_is_refused", || {
            for readme in ["```console\n$ a\n```\n```console\nb\n$ c\n```\n", "```console\n$ a\n"] {
                assert!(blocks(readme).is_err(), "{readme:?}");
            }
            Ok(())
        }),
    ]
}
