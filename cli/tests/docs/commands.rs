//! The commands of `isolane`, as `isolane --help` lists them.

use std::process::Command;

use libtest_mimic::Failed;

use crate::process::output;
use crate::table;

/// Each with what it says of itself.
pub(crate) fn table() -> Result<String, Failed> {
    let output = output(Command::new(env!("CARGO_BIN_EXE_isolane")).arg("--help"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, commands) = text.split_once("Commands:\n").ok_or("it lists no commands")?;
    let mut rows: Vec<[String; 2]> = Vec::new();
    for line in commands.lines().take_while(|line| !line.trim().is_empty()) {
        // What does not fit a line goes on in the next, further to the right.
        match (line.strip_prefix("  ").and_then(|line| line.split_once(' ')), rows.last_mut()) {
            (Some((name, about)), _) if !name.is_empty() => {
                rows.push([table::code(&format!("isolane {name}")), about.trim().to_owned()]);
            }
            (_, Some([_, about])) => about.extend([" ", line.trim()]),
            _ => return Err(format!("{line:?} is no command").into()),
        }
    }
    rows.retain(|[name, _]| name != "`isolane help`");
    Ok(table::table(["command", "does"], rows))
}
