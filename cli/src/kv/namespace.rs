//! `isolane kv namespace ...`.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::args::NamespaceCommand;
use super::namespace_path;
use crate::admin::Meant;
use crate::admin::client::{Client, read};
use crate::output::{Output, plain, say, table};
use crate::prompt;

#[derive(Deserialize)]
struct Info {
    id: String,
    keys: u64,
    bytes: u64,
}

pub(super) async fn run(
    client: &mut Client,
    command: &NamespaceCommand,
    place: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    match command {
        NamespaceCommand::List => list(client, as_json).await,
        NamespaceCommand::Create { id } => create(client, id, place, as_json).await,
        NamespaceCommand::Delete { id, .. } => {
            client.ask(Method::DELETE, &namespace_path(id)).await?;
            say(as_json, &json!({ "id": id, "deleted": true }), || {
                format!("deleted the namespace {}{place}", plain(id))
            })
        }
    }
}

/// Asks before a namespace is deleted, unless that is agreed.
pub(super) fn confirm(command: &NamespaceCommand, meant: &Meant) -> anyhow::Result<()> {
    let NamespaceCommand::Delete { id, yes: false } = command else { return Ok(()) };
    let question = format!("Delete the namespace {} of {meant} with all its keys?", plain(id));
    prompt::confirm(&question, "a namespace is deleted with all its keys", "nothing was deleted")
}

async fn list(client: &mut Client, as_json: bool) -> anyhow::Result<()> {
    let answer = client.ask(Method::GET, "/v1/kv/namespaces").await?;
    if as_json {
        return say(true, &read::<Value>(answer).await?, String::new);
    }
    let found: Vec<Info> = read(answer).await?;
    let rows = found
        .iter()
        .map(|Info { id, keys, bytes }| vec![plain(id), keys.to_string(), bytes.to_string()]);
    let mut output = Output::to(None)?;
    output.write(table(&["NAMESPACE", "KEYS>", "BYTES>"], rows).as_bytes())?;
    output.finish()
}

async fn create(client: &mut Client, id: &str, place: &str, as_json: bool) -> anyhow::Result<()> {
    let answer = client.ask(Method::PUT, &namespace_path(id)).await?;
    let was_there = answer.status() == StatusCode::OK;
    say(as_json, &read::<Value>(answer).await?, || {
        if was_there {
            format!("the namespace {} is there already{place}", plain(id))
        } else {
            format!("created the namespace {}{place}", plain(id))
        }
    })
}
