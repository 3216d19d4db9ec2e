//! `isolane kv namespace ...`.

use std::io::{IsTerminal as _, Write as _};

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::NamespaceCommand;
use super::client::{Client, namespace_path, read};
use super::output::{Output, plain, say};
use crate::failure::BadArgument;

#[derive(Deserialize)]
struct Info {
    id: String,
    keys: u64,
    bytes: u64,
}

pub(super) async fn run(
    client: &mut Client,
    command: &NamespaceCommand,
    as_json: bool,
) -> anyhow::Result<()> {
    match command {
        NamespaceCommand::List => list(client, as_json).await,
        NamespaceCommand::Create { id } => create(client, id, as_json).await,
        NamespaceCommand::Delete { id, .. } => {
            client.ask(Method::DELETE, &namespace_path(id)).await?;
            say(as_json, &json!({ "id": id, "deleted": true }), || {
                format!("deleted the namespace {}", plain(id))
            })
        }
    }
}

/// Asks before a namespace is deleted, unless that is agreed.
pub(super) fn confirm(command: &NamespaceCommand) -> anyhow::Result<()> {
    let NamespaceCommand::Delete { id, yes: false } = command else { return Ok(()) };
    let mut stderr = std::io::stderr();
    if !std::io::stdin().is_terminal() || !stderr.is_terminal() {
        let message =
            "a namespace is deleted with all its keys: say --yes where nobody can be asked";
        return Err(BadArgument(message.to_owned()).into());
    }
    write!(stderr, "Delete the namespace {} with all its keys? [y/N] ", plain(id))?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => anyhow::bail!("nothing was deleted"),
    }
}

async fn list(client: &mut Client, as_json: bool) -> anyhow::Result<()> {
    let answer = client.ask(Method::GET, "/v1/kv/namespaces").await?;
    if as_json {
        return say(true, &read::<Value>(answer).await?, String::new);
    }
    let found: Vec<Info> = read(answer).await?;
    let rows = found.iter().map(|info| {
        let Info { id, keys, bytes } = info;
        (plain(id), keys.to_string(), bytes.to_string())
    });
    let head = ("NAMESPACE".to_owned(), "KEYS".to_owned(), "BYTES".to_owned());
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width = |cell: fn(&(String, String, String)) -> &String| {
        rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0)
    };
    let (first, second, third) = (width(|row| &row.0), width(|row| &row.1), width(|row| &row.2));
    let line = |(id, keys, bytes): &(String, String, String)| {
        format!("{id:<first$}  {keys:>second$}  {bytes:>third$}\n")
    };
    let mut output = Output::to(None)?;
    output.write(rows.iter().map(line).collect::<String>().as_bytes())?;
    output.finish()
}

async fn create(client: &mut Client, id: &str, as_json: bool) -> anyhow::Result<()> {
    let answer = client.ask(Method::PUT, &namespace_path(id)).await?;
    let was_there = answer.status() == StatusCode::OK;
    say(as_json, &read::<Value>(answer).await?, || {
        if was_there {
            format!("the namespace {} is there already", plain(id))
        } else {
            format!("created the namespace {}", plain(id))
        }
    })
}
