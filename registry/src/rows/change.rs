//! The rows of the log of changes.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use storage::Damaged;

use super::{UploadRow, decode, encode};
use crate::catalog::{Activation, Change, Entry, Keep, Sealed, Seq};

const WHAT: &str = "a change";

#[derive(Serialize, Deserialize)]
struct ChangeRow {
    keep_versions: u64,
    keep_deployments: u64,
    #[serde(flatten)]
    change: Kind,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Upload {
        version: Box<UploadRow>,
        archive_bytes: u64,
    },
    Activate {
        worker: String,
        version: String,
        routes: Vec<String>,
        activated_at_ms: u64,
        who: Option<String>,
        message: Option<String>,
    },
    DeleteWorker {
        worker: String,
    },
    DeleteVersion {
        worker: String,
        version: String,
    },
    PutSecret {
        worker: String,
        name: String,
        /// In hexadecimal digits.
        sealed: String,
    },
    DeleteSecret {
        worker: String,
        name: String,
    },
}

/// The row of a change.
pub(crate) fn change_bytes(change: &Change, keep: Keep) -> Vec<u8> {
    let (keep_versions, keep_deployments) = (keep.versions as u64, keep.deployments as u64);
    encode(&ChangeRow { keep_versions, keep_deployments, change: change.clone().into() })
}

/// The change of a row at that place.
pub(crate) fn entry(seq: Seq, bytes: &[u8]) -> Result<Entry, Damaged> {
    let row: ChangeRow = decode(bytes, WHAT)?;
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let keep =
        Keep { versions: whole(row.keep_versions), deployments: whole(row.keep_deployments) };
    Ok(Entry { seq, keep, change: row.change.try_into()? })
}

impl From<Change> for Kind {
    fn from(change: Change) -> Self {
        match change {
            Change::Upload { version, archive_bytes } => {
                Self::Upload { version: Box::new((*version).into()), archive_bytes }
            }
            Change::Activate { worker, activation } => {
                let Activation { version, routes, activated_at_ms, who, message } = activation;
                Self::Activate { worker, version, routes, activated_at_ms, who, message }
            }
            Change::DeleteWorker { worker } => Self::DeleteWorker { worker },
            Change::DeleteVersion { worker, version } => Self::DeleteVersion { worker, version },
            Change::PutSecret { worker, name, sealed } => {
                Self::PutSecret { worker, name, sealed: digits(&sealed.0) }
            }
            Change::DeleteSecret { worker, name } => Self::DeleteSecret { worker, name },
        }
    }
}

impl TryFrom<Kind> for Change {
    type Error = Damaged;

    fn try_from(kind: Kind) -> Result<Self, Damaged> {
        Ok(match kind {
            Kind::Upload { version, archive_bytes } => {
                Self::Upload { version: Box::new((*version).into()), archive_bytes }
            }
            Kind::Activate { worker, version, routes, activated_at_ms, who, message } => {
                let activation = Activation { version, routes, activated_at_ms, who, message };
                Self::Activate { worker, activation }
            }
            Kind::DeleteWorker { worker } => Self::DeleteWorker { worker },
            Kind::DeleteVersion { worker, version } => Self::DeleteVersion { worker, version },
            Kind::PutSecret { worker, name, sealed } => {
                let sealed = Sealed(bytes(&sealed).ok_or(Damaged { what: WHAT })?);
                Self::PutSecret { worker, name, sealed }
            }
            Kind::DeleteSecret { worker, name } => Self::DeleteSecret { worker, name },
        })
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // A text takes every write.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    let pairs = digits.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => Some((value(high)? << 4) | value(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::VersionRecord;

    #[test]
    fn a_change_is_in_a_row_as_it_is() {
        let worker = || "shop".to_owned();
        let changes = [
            Change::Upload {
                version: Box::new(VersionRecord {
                    worker: worker(),
                    crons: Some(Vec::new()),
                    ..VersionRecord::default()
                }),
                archive_bytes: 7,
            },
            Change::Activate {
                worker: worker(),
                activation: Activation { routes: vec!["a.test".to_owned()], ..Default::default() },
            },
            Change::DeleteWorker { worker: worker() },
            Change::DeleteVersion { worker: worker(), version: "00".to_owned() },
            Change::PutSecret {
                worker: worker(),
                name: "KEY".to_owned(),
                sealed: Sealed(vec![0, 255, 16]),
            },
            Change::DeleteSecret { worker: worker(), name: "KEY".to_owned() },
        ];
        let keep = Keep { versions: 3, deployments: usize::MAX };
        for change in changes {
            let bytes = change_bytes(&change, keep);
            assert_eq!(entry(7, &bytes).unwrap(), Entry { seq: 7, keep, change });
        }
        assert_eq!(entry(7, b"{}"), Err(Damaged { what: WHAT }));
        for odd in ["0", "0g", "é"] {
            assert_eq!(bytes(odd), None, "{odd}");
        }
    }
}
