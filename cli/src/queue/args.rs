//! The arguments of `isolane queue`, and what `--help` says of them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use crate::admin::Anywhere;

const EXAMPLES: &str = "Examples:
  isolane queue list                          the queues, and how much waits in each
  isolane queue info mail                     one of them: who sends, who gets its messages
  isolane queue send mail 'hello'             send a text
  isolane queue send mail --json-body '{\"to\":\"ada\"}'
  isolane queue send mail --path order.json --content-type json --delay 60
  isolane queue peek mail                     look at messages, which stay
  isolane queue pause mail                    deliver nothing of it until `resume`
  isolane queue purge mail                    remove all its messages

A queue is made when a worker that sends to it or consumes it is deployed, or by `create`.";

/// Look into queues and change them: messages, pauses, settings.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct QueueArgs {
    #[command(flatten)]
    pub(super) target: Anywhere,
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: QueueCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum QueueCommand {
    /// List the queues with what waits in them, and the worker that gets it.
    List,
    /// Show one queue.
    Info {
        /// The queue.
        queue: String,
    },
    /// Make a queue, or change the settings of one that is there.
    Create(CreateArgs),
    /// Send a message: the argument as a text, JSON, a file, or the standard input.
    Send(SendArgs),
    /// Print messages, which stay where they are.
    Peek {
        /// The queue.
        queue: String,
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 10,
            value_parser = clap::value_parser!(u64).range(1..=100))]
        limit: u64,
    },
    /// Remove all messages of a queue.
    Purge {
        /// The queue.
        queue: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Deliver nothing of a queue until it is resumed. What is sent waits.
    Pause {
        /// The queue.
        queue: String,
    },
    /// Deliver the messages of a queue again.
    Resume {
        /// The queue.
        queue: String,
    },
    /// Remove a queue with all its messages.
    Delete {
        /// The queue.
        queue: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        /// Also where a worker consumes it, which gets no messages then.
        #[arg(long)]
        force: bool,
    },
}

/// Arguments of `isolane queue create`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// The queue.
    pub(super) queue: String,
    /// How long messages wait before they are delivered, where their senders do not say; in
    /// seconds, up to 86400.
    #[arg(long, value_name = "SECONDS")]
    pub(super) delay: Option<u64>,
    /// How long messages are kept that nobody takes, in seconds: 60 to 1209600.
    #[arg(long, value_name = "SECONDS")]
    pub(super) retention: Option<u64>,
}

/// Arguments of `isolane queue send`.
#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// The queue.
    pub(super) queue: String,
    /// The message, a text; without it, --json-body and --path, the standard input is.
    #[arg(conflicts_with_all = ["json_body", "path"])]
    pub(super) text: Option<String>,
    /// The message, any JSON.
    #[arg(long, value_name = "JSON", value_parser = json, conflicts_with = "path")]
    pub(super) json_body: Option<Value>,
    /// Read the message from this file; `-` is the standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) path: Option<PathBuf>,
    /// What a file or the standard input has: without this, a text where it is UTF-8, else bytes.
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["text", "json_body"])]
    pub(super) content_type: Option<ContentType>,
    /// Seconds before it is delivered, up to 86400.
    #[arg(long, value_name = "SECONDS")]
    pub(super) delay: Option<u64>,
}

/// How a worker gets the body of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ContentType {
    /// A string.
    Text,
    /// What the JSON says.
    Json,
    /// Bytes.
    Bytes,
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("expected JSON (a text needs quotes of its own): {error}"))
}
