//! The rows of the tables, as JSON: what was written by programs of this format and can be read by
//! them. What a row is of is in `records.rs` and `catalog.rs`; rows change with the format of the file
//! (`tables.rs`), or by fields that are absent in older ones.

mod change;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use storage::Damaged;

use crate::fold::KeptVersion;
use crate::records::{Binding, Consumer, DeploymentRecord, Triggers, VersionRecord, WorkerRecord};

pub(crate) use change::{change_bytes, entry};

#[derive(Serialize, Deserialize)]
struct WorkerRow {
    name: String,
    revision: u64,
    active: DeploymentRow,
    secrets: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct DeploymentRow {
    revision: u64,
    version: String,
    previous: Option<String>,
    routes: Vec<String>,
    activated_at_ms: u64,
    who: Option<String>,
    message: Option<String>,
    /// Not in rows of format 1.
    #[serde(default, skip_serializing_if = "TriggersRow::is_empty")]
    triggers: TriggersRow,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct TriggersRow {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    crons: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    consumers: Vec<ConsumerRow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tail_consumers: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ConsumerRow {
    queue: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_batch_size: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_batch_timeout: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_retries: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dead_letter_queue: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_concurrency: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_delay: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct VersionRow {
    number: u64,
    last_use: u64,
    /// 0 in rows of programs that did not keep it.
    #[serde(default)]
    archive_bytes: u64,
    record: UploadRow,
}

/// What there is to say of a version when it is uploaded.
#[derive(Serialize, Deserialize)]
struct UploadRow {
    id: String,
    worker: String,
    created_at_ms: u64,
    who: Option<String>,
    message: Option<String>,
    size_bytes: u64,
    gzip_bytes: u64,
    start_cpu_us: u64,
    handlers: Vec<String>,
    routes: Vec<String>,
    bindings: Vec<BindingRow>,
    compatibility_date: Option<String>,
    /// This and what follows is not in rows of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crons: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    consumers: Vec<ConsumerRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tail_consumers: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct BindingRow {
    kind: String,
    name: String,
    target: Option<String>,
}

/// The row of a worker.
pub(crate) fn worker_bytes(record: &WorkerRecord) -> Vec<u8> {
    encode(&WorkerRow::from(record.clone()))
}

/// The worker of a row.
pub(crate) fn worker(bytes: &[u8]) -> Result<WorkerRecord, Damaged> {
    decode::<WorkerRow>(bytes, "the record of a worker").map(Into::into)
}

/// The row of an activation.
pub(crate) fn deployment_bytes(record: &DeploymentRecord) -> Vec<u8> {
    encode(&DeploymentRow::from(record.clone()))
}

/// The activation of a row.
pub(crate) fn deployment(bytes: &[u8]) -> Result<DeploymentRecord, Damaged> {
    decode::<DeploymentRow>(bytes, "the record of a deployment").map(Into::into)
}

/// The row of a version.
pub(crate) fn version_bytes(version: &KeptVersion) -> Vec<u8> {
    let KeptVersion { number, last_use, archive_bytes, record } = version.clone();
    encode(&VersionRow { number, last_use, archive_bytes, record: record.into() })
}

/// The version of a row.
pub(crate) fn version(bytes: &[u8]) -> Result<KeptVersion, Damaged> {
    let row: VersionRow = decode(bytes, "the record of a version")?;
    let VersionRow { number, last_use, archive_bytes, record } = row;
    Ok(KeptVersion { number, last_use, archive_bytes, record: record.into() })
}

fn encode(row: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(row).expect("rows are plain JSON data")
}

fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, Damaged> {
    serde_json::from_slice(bytes).map_err(|_| Damaged { what })
}

/// Makes a row of what it is of, and that of the row, field by field: one that is forgotten is no
/// program.
macro_rules! both_ways {
    ($record:ident, $row:ident { $($same:ident),* $(,)? } $( [ $($list:ident),* ] )?) => {
        impl From<$record> for $row {
            fn from(it: $record) -> Self {
                let $record { $($same,)* $($($list,)*)? } = it;
                Self {
                    $($same: $same.into(),)*
                    $($($list: $list.into_iter().map(Into::into).collect(),)*)?
                }
            }
        }

        impl From<$row> for $record {
            fn from(it: $row) -> Self {
                let $row { $($same,)* $($($list,)*)? } = it;
                Self {
                    $($same: $same.into(),)*
                    $($($list: $list.into_iter().map(Into::into).collect(),)*)?
                }
            }
        }
    };
}

both_ways!(WorkerRecord, WorkerRow { name, revision, active, secrets });
both_ways!(
    DeploymentRecord,
    DeploymentRow { revision, version, previous, routes, activated_at_ms, who, message, triggers }
);
both_ways!(Triggers, TriggersRow { crons, tail_consumers }[consumers]);
both_ways!(
    Consumer,
    ConsumerRow {
        queue,
        max_batch_size,
        max_batch_timeout,
        max_retries,
        dead_letter_queue,
        max_concurrency,
        retry_delay,
    }
);
both_ways!(
    VersionRecord,
    UploadRow {
        id, worker, created_at_ms, who, message, size_bytes, gzip_bytes, start_cpu_us, handlers,
        routes, compatibility_date, crons, tail_consumers,
    }
    [bindings, consumers]
);
both_ways!(Binding, BindingRow { kind, name, target });

impl TriggersRow {
    fn is_empty(&self) -> bool {
        let Self { crons, consumers, tail_consumers } = self;
        crons.is_empty() && consumers.is_empty() && tail_consumers.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_format_1_are_read_and_written_as_they_were() {
        let text = r#"{"name":"shop","revision":3,"active":{"revision":2,"version":"00","previous":null,"routes":["a.test"],"activated_at_ms":1,"who":"ada","message":null},"secrets":["KEY"]}"#;
        let record = worker(text.as_bytes()).unwrap();
        assert_eq!((record.revision, record.active.triggers.is_empty()), (3, true));
        assert_eq!(String::from_utf8(worker_bytes(&record)).unwrap(), text);
        let text = r#"{"number":1,"last_use":2,"record":{"id":"00","worker":"shop","created_at_ms":1,"who":null,"message":null,"size_bytes":2,"gzip_bytes":3,"start_cpu_us":4,"handlers":["fetch"],"routes":[],"bindings":[{"kind":"var","name":"A","target":null}],"compatibility_date":null}}"#;
        let kept = version(text.as_bytes()).unwrap();
        assert_eq!((kept.archive_bytes, &kept.record.crons), (0, &None));
        let written = String::from_utf8(version_bytes(&kept)).unwrap();
        assert_eq!(written, text.replace(r#""record""#, r#""archive_bytes":0,"record""#));
    }

    #[test]
    fn what_is_no_row_says_what_it_should_be() {
        assert_eq!(worker(b"{}"), Err(Damaged { what: "the record of a worker" }));
        assert_eq!(deployment(b"x"), Err(Damaged { what: "the record of a deployment" }));
    }

    #[test]
    fn triggers_are_in_a_row_as_they_are() {
        let triggers = Triggers {
            crons: vec!["* * * * *".to_owned()],
            consumers: vec![Consumer {
                queue: "q".to_owned(),
                max_batch_size: Some(1),
                max_batch_timeout: Some(2),
                max_retries: Some(3),
                dead_letter_queue: Some("d".to_owned()),
                max_concurrency: Some(4),
                retry_delay: Some(5),
            }],
            tail_consumers: vec!["watcher".to_owned()],
        };
        let record = DeploymentRecord { triggers, ..DeploymentRecord::default() };
        assert_eq!(deployment(&deployment_bytes(&record)).unwrap(), record);
    }
}
