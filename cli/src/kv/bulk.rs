//! `isolane kv bulk ...`, `export` and `import`: records in files.

use std::path::Path;

use anyhow::bail;
use bytes::BytesMut;
use http::{Method, Response};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::args::{BulkArgs, BulkCommand, ExportArgs, ImportArgs};
use super::namespace_path;
use super::records::{Fault, Records};
use crate::admin::client::{Client, failure_in, piece, read, whole};
use crate::output::{Output, count, say};
use crate::progress::Progress;

/// The header of an export with the number of its keys.
const KEYS: &str = "isolane-kv-keys";

#[derive(Deserialize)]
struct Stored {
    stored: u64,
}

#[derive(Deserialize)]
struct Deleted {
    deleted: u64,
}

#[derive(Deserialize)]
struct Imported {
    imported: u64,
    expired: u64,
}

/// What a record must have to be there.
#[derive(Deserialize)]
struct Found {
    value: Option<IgnoredAny>,
}

/// The lines of an answer.
struct Lines {
    body: Incoming,
    buffer: BytesMut,
}

pub(super) async fn run(
    client: &mut Client,
    command: &BulkCommand,
    place: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    match command {
        BulkCommand::Put(args) => {
            let (answer, fault) = upload(client, args, "bulk/put", "storing").await?;
            let Stored { stored } = read(answer).await?;
            let sentence = format!("stored {}{place}", count(stored, "key"));
            fault.check(&sentence).await?;
            say(as_json, &json!({ "stored": stored }), || sentence)
        }
        BulkCommand::Delete(args) => {
            let (answer, fault) = upload(client, args, "bulk/delete", "deleting").await?;
            let Deleted { deleted } = read(answer).await?;
            let sentence = format!("deleted {}{place}", count(deleted, "key"));
            fault.check(&sentence).await?;
            say(as_json, &json!({ "deleted": deleted }), || sentence)
        }
        BulkCommand::Get(args) => {
            let (answer, fault) = upload(client, args, "bulk/get", "reading").await?;
            let read = print_all(answer, as_json).await?;
            fault.check(&format!("read {}", count(read, "key"))).await
        }
    }
}

pub(super) async fn import(
    client: &mut Client,
    args: &ImportArgs,
    place: &str,
    as_json: bool,
) -> anyhow::Result<()> {
    let args = BulkArgs { at: args.at.clone(), file: args.file.clone() };
    let (answer, fault) = upload(client, &args, "import", "importing").await?;
    let Imported { imported, expired } = read(answer).await?;
    let sentence = match (format!("imported {}{place}", count(imported, "key")), expired) {
        (sentence, 0) => sentence,
        (sentence, 1) => format!("{sentence}; 1 that has expired was left out"),
        (sentence, _) => format!("{sentence}; {expired} that have expired were left out"),
    };
    fault.check(&sentence).await?;
    say(as_json, &json!({ "imported": imported, "expired": expired }), || sentence)
}

pub(super) async fn export(
    client: &mut Client,
    args: &ExportArgs,
    as_json: bool,
) -> anyhow::Result<()> {
    let path = format!("{}/export", namespace_path(&args.at.namespace));
    let answer = client.ask(Method::GET, &path).await?;
    let keys = answer.headers().get(KEYS).and_then(|keys| keys.to_str().ok()?.parse().ok());
    let mut output = Output::to(Some(&args.file))?;
    let progress = Progress::of("exporting");
    if let Some(keys) = keys {
        progress.expect_keys(keys);
    }
    let mut exported = 0;
    let mut lines = Lines::of(answer);
    while let Some(line) = lines.next().await? {
        output.write(&line)?;
        exported += 1;
        progress.add(1);
    }
    drop(progress);
    let is_standard = output.is_standard();
    output.finish()?;
    let sentence = || format!("exported {}", count(exported, "key"));
    if is_standard {
        // The standard output is the export's.
        anstream::eprintln!("{}", sentence());
        return Ok(());
    }
    say(as_json, &json!({ "exported": exported }), sentence)
}

/// Prints the record of one key, or fails where there is none.
pub(super) async fn print_one(
    client: &mut Client,
    namespace: &str,
    key: &str,
    path: Option<&Path>,
) -> anyhow::Result<()> {
    let bulk_get = format!("{}/bulk/get", namespace_path(namespace));
    let body = whole(Value::from(key).to_string());
    let mut lines = Lines::of(client.send(Method::POST, &bulk_get, body, None).await?);
    let line = lines.next().await?;
    let Some(line) = line.filter(|line| is_found(line)) else {
        bail!("there is no key {key:?} in {namespace:?}");
    };
    let mut output = Output::to(path)?;
    output.write(&line)?;
    output.finish()
}

async fn upload(
    client: &mut Client,
    args: &BulkArgs,
    operation: &str,
    doing: &'static str,
) -> anyhow::Result<(Response<Incoming>, Fault)> {
    let progress = Progress::of(doing);
    let (body, fault) = Records::open(&args.file, &progress)?.into_body();
    let path = format!("{}/{operation}", namespace_path(&args.at.namespace));
    Ok((client.send(Method::POST, &path, body, None).await?, fault))
}

/// Prints the records of a bulk get, a line each, or as an array; answers how many there were.
async fn print_all(answer: Response<Incoming>, as_json: bool) -> anyhow::Result<u64> {
    let mut output = Output::to(None)?;
    let mut lines = Lines::of(answer);
    let (mut all, mut missing) = (0, 0);
    while let Some(line) = lines.next().await? {
        if as_json {
            output.write(if all == 0 { b"[" } else { b",\n " })?;
            output.write(line.trim_ascii_end())?;
        } else {
            output.write(&line)?;
        }
        all += 1;
        missing += u64::from(!is_found(&line));
    }
    if as_json {
        output.write(if all == 0 { b"[]\n" } else { b"]\n" })?;
    }
    output.finish()?;
    if missing > 0 {
        anstream::eprintln!("not there: {missing} of {}", count(all, "key"));
    }
    Ok(all)
}

fn is_found(line: &[u8]) -> bool {
    serde_json::from_slice::<Found>(line).is_ok_and(|found| found.value.is_some())
}

impl Lines {
    fn of(answer: Response<Incoming>) -> Self {
        Self { body: answer.into_body(), buffer: BytesMut::new() }
    }

    /// The next line with its end. One that tells of a failure is an error.
    async fn next(&mut self) -> anyhow::Result<Option<BytesMut>> {
        let mut searched = 0;
        loop {
            let found = self.buffer.iter().skip(searched).position(|byte| *byte == b'\n');
            if let Some(place) = found {
                let line = self.buffer.split_to(searched + place + 1);
                return match failure_in(&line) {
                    None => Ok(Some(line)),
                    Some(failure) => Err(failure.into()),
                };
            }
            searched = self.buffer.len();
            match piece(&mut self.body).await? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None if self.buffer.is_empty() => return Ok(None),
                None => bail!("the answer breaks off in the middle of a record"),
            }
        }
    }
}
