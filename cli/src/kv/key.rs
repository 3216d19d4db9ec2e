//! `isolane kv key ...`.

use std::fs::File;
use std::io;
use std::path::Path;

use http::Method;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use url::form_urlencoded::Serializer;

use super::args::{KeyCommand, PutArgs};
use super::bulk;
use super::{namespace_path, value_path};
use crate::admin::client::{Body, Client, from_reader, piece, read, whole};
use crate::failure::BadArgument;
use crate::output::{Output, plain, say};

/// The most keys of a page.
const PAGE_KEYS: u64 = 1_000;

#[derive(Deserialize)]
struct Page {
    keys: Vec<Box<RawValue>>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

pub(super) async fn run(
    client: &mut Client,
    command: &KeyCommand,
    place: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    match command {
        KeyCommand::Get { at, key, path } => {
            if as_json {
                return bulk::print_one(client, &at.namespace, key, path.as_deref()).await;
            }
            get(client, &at.namespace, key, path.as_deref()).await
        }
        KeyCommand::Put(args) => put(client, args, place, as_json).await,
        KeyCommand::Delete { at, key } => {
            client.ask(Method::DELETE, &value_path(&at.namespace, key)).await?;
            let deleted = json!({ "namespace": at.namespace, "key": key, "deleted": true });
            say(as_json, &deleted, || format!("deleted {}{place}", plain(key)))
        }
        KeyCommand::List { at, prefix, limit } => {
            list(client, &at.namespace, prefix, *limit, as_json).await
        }
    }
}

async fn get(
    client: &mut Client,
    namespace: &str,
    key: &str,
    path: Option<&Path>,
) -> anyhow::Result<()> {
    let answer = client.ask(Method::GET, &value_path(namespace, key)).await?;
    let mut output = Output::to(path)?;
    let mut value = answer.into_body();
    while let Some(piece) = piece(&mut value).await? {
        output.write(&piece)?;
    }
    output.finish()
}

async fn put(
    client: &mut Client,
    args: &PutArgs,
    place: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    let PutArgs { at, key, value, path, ttl, expiration, metadata } = args;
    let mut query = Serializer::new(String::new());
    for (name, number) in [("expiration", expiration), ("expiration_ttl", ttl)] {
        if let Some(number) = number {
            query.append_pair(name, &number.to_string());
        }
    }
    if let Some(metadata) = metadata {
        query.append_pair("metadata", metadata);
    }
    let path_and_query = format!("{}?{}", value_path(&at.namespace, key), query.finish());
    let (body, length) = match value {
        Some(value) => (whole(value.clone()), None),
        None => value_of(path.as_deref())?,
    };
    client.send(Method::PUT, &path_and_query, body, length).await?;
    let stored = json!({ "namespace": at.namespace, "key": key, "stored": true });
    say(as_json, &stored, || format!("stored {}{place}", plain(key)))
}

/// A value from a file, with its length if that is known.
fn value_of(path: Option<&Path>) -> anyhow::Result<(Body, Option<u64>)> {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else {
        return Ok((from_reader(io::stdin(), "the standard input".to_owned()), None));
    };
    let unfit = |error: io::Error| BadArgument(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(unfit)?;
    let found = file.metadata().map_err(unfit)?;
    if found.is_dir() {
        return Err(BadArgument(format!("{} is a folder", path.display())).into());
    }
    let body = from_reader(file, path.display().to_string());
    Ok((body, found.is_file().then_some(found.len())))
}

async fn list(
    client: &mut Client,
    namespace: &str,
    prefix: &str,
    limit: Option<u64>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut output = Output::to(None)?;
    let mut left = limit.unwrap_or(u64::MAX);
    let mut cursor: Option<String> = None;
    let mut separator = "[";
    loop {
        let mut query = Serializer::new(String::new());
        query.append_pair("prefix", prefix).append_pair("limit", &left.min(PAGE_KEYS).to_string());
        if let Some(cursor) = &cursor {
            query.append_pair("cursor", cursor);
        }
        let path = format!("{}/keys?{}", namespace_path(namespace), query.finish());
        let page: Page = read(client.ask(Method::GET, &path).await?).await?;
        left = left.saturating_sub(page.keys.len() as u64);
        let mut text = String::new();
        for key in &page.keys {
            if as_json {
                text.push_str(separator);
                text.push_str(key.get());
                separator = ",\n ";
            } else {
                let Named { name } = serde_json::from_str(key.get())?;
                text.push_str(&plain(&name));
                text.push('\n');
            }
        }
        output.write(text.as_bytes())?;
        cursor = page.cursor;
        if cursor.is_none() || left == 0 {
            break;
        }
    }
    if as_json {
        output.write(if separator == "[" { b"[]\n" } else { b"]\n" })?;
    }
    output.finish()
}
