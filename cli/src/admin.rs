//! What all commands share that speak to a node's admin API: which node, with which token, over
//! which connection, and how a command ends. The API itself is the node's.

mod anywhere;
mod api;
pub(crate) mod args;
pub(crate) mod client;
pub(crate) mod discovery;
pub(crate) mod endpoint;
pub(crate) mod exchange;
pub(crate) mod logins;
mod pinned;
mod trust;

use std::future::Future;
use std::process::ExitCode;

use serde_json::{Value, json};

pub(crate) use self::anywhere::Anywhere;
pub(crate) use self::api::{Api, Expected};
pub(crate) use self::args::{Meant, NodeArgs, OldName};
pub(crate) use self::client::Refusal;

use crate::failure;
use crate::output::ReaderGone;

/// Runs what a command does, on a runtime of its own. Whoever asks for JSON finds the reason of a
/// failure there, too.
pub(crate) fn run(
    as_json: bool,
    command: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<ExitCode> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match tokio.block_on(command) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever reads the output, such as `head`, has enough of it.
        Err(error) if error.is::<ReaderGone>() => Ok(ExitCode::SUCCESS),
        Err(error) if as_json => {
            println!("{}", json!({ "error": as_object(&error) }));
            Ok(ExitCode::from(failure::code(&error)))
        }
        Err(error) => Err(error),
    }
}

/// What the node says of a request that it has not done, wherever in the error that is.
pub(crate) fn refusal(error: &anyhow::Error) -> Option<&Refusal> {
    error.chain().find_map(|cause| cause.downcast_ref())
}

fn as_object(error: &anyhow::Error) -> Value {
    let mut details = refusal(error).map(|refusal| refusal.details.clone()).unwrap_or_default();
    details.insert("message".to_owned(), failure::explain(error).into());
    let code = if failure::code(error) == failure::BAD_CONFIGURATION { "usage" } else { "failed" };
    details.entry("code").or_insert_with(|| code.into());
    if let Some(location) = failure::location(error) {
        let place = json!({
            "file": location.path, "line": location.line, "column": location.column,
        });
        details.insert("location".to_owned(), place);
    }
    details.into()
}
