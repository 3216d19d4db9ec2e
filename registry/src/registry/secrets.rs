//! The secrets of the workers: put, taken away, and decrypted for those who start a worker.

use redb::ReadableTable;

use super::change::{missing, put_worker};
use super::{Registry, worker};
use crate::error::RegistryError;
use crate::records::WorkerRecord;
use crate::secret::{Secret, SecretKey};
use crate::tables::{Fault, SECRETS, WORKERS};

impl Registry {
    /// Gives a worker a secret, or another value to one that it has.
    ///
    /// # Errors
    /// When no version of the worker is active, the key cannot be used, or the disk fails.
    pub fn put_secret(
        &self,
        name: &str,
        secret: &str,
        value: &Secret,
    ) -> Result<WorkerRecord, RegistryError> {
        let sealed = self.with_key(|key| key.seal(name, secret, value))?;
        self.tables.write(|txn| {
            let record = worker(&txn.open_table(WORKERS)?, name)?;
            let mut record = record.ok_or_else(|| missing(format!("worker {name}")))?;
            let mut secrets = txn.open_table(SECRETS)?;
            secrets.insert((name, secret), sealed.as_slice())?;
            record.revision += 1;
            record.secrets = names(&secrets, name)?;
            put_worker(txn, &record)?;
            Ok(record)
        })
    }

    /// Takes a secret from a worker.
    ///
    /// # Errors
    /// When there is none, or the disk fails.
    pub fn delete_secret(&self, name: &str, secret: &str) -> Result<WorkerRecord, RegistryError> {
        self.tables.write(|txn| {
            let record = worker(&txn.open_table(WORKERS)?, name)?;
            let mut record = record.ok_or_else(|| missing(format!("worker {name}")))?;
            let mut secrets = txn.open_table(SECRETS)?;
            if secrets.remove((name, secret))?.is_none() {
                return Err(missing(format!("secret {secret} of worker {name}")).into());
            }
            record.revision += 1;
            record.secrets = names(&secrets, name)?;
            put_worker(txn, &record)?;
            Ok(record)
        })
    }

    /// The secrets of a worker, decrypted, in the order of their names.
    ///
    /// # Errors
    /// When the key cannot be used, or the disk fails.
    pub fn secrets(&self, name: &str) -> Result<Vec<(String, Secret)>, RegistryError> {
        let sealed = self.tables.read(|txn| {
            let secrets = txn.open_table(SECRETS)?;
            let mut sealed = Vec::new();
            for row in secrets.range((name, "")..)? {
                let (key, value) = row?;
                let (worker, secret) = key.value();
                if worker != name {
                    break;
                }
                sealed.push((secret.to_owned(), value.value().to_vec()));
            }
            Ok(sealed)
        })?;
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        self.with_key(|key| {
            let open = |(secret, sealed): (String, Vec<u8>)| {
                let value = key.open(name, &secret, &sealed)?;
                Ok((secret, value))
            };
            sealed.into_iter().map(open).collect()
        })
    }

    /// Uses the key. It is made where no secret was ever encrypted with it.
    pub(super) fn with_key<T>(
        &self,
        run: impl FnOnce(&SecretKey) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut key = self.key.lock();
        if key.is_none() {
            let is_needed = self.tables.read(|txn| {
                Ok(!redb::ReadableTableMetadata::is_empty(&txn.open_table(SECRETS)?)?)
            })?;
            let path = &self.options.key_file;
            let found =
                if is_needed { SecretKey::load(path)? } else { SecretKey::load_or_make(path)? };
            *key = Some(found);
        }
        run(key.as_ref().expect("it was set above"))
    }
}

/// The names of a worker's secrets, in order.
pub(super) fn names(
    secrets: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    name: &str,
) -> Result<Vec<String>, Fault> {
    let mut found = Vec::new();
    for row in secrets.range((name, "")..)? {
        let (key, _) = row?;
        let (worker, secret) = key.value();
        if worker != name {
            break;
        }
        found.push(secret.to_owned());
    }
    Ok(found)
}
