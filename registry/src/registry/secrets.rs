//! The secrets of the workers: put, taken away, and decrypted for those who start a worker.

use super::Registry;
use crate::catalog::{Change, Sealed};
use crate::error::RegistryError;
use crate::records::WorkerRecord;
use crate::secret::{Secret, SecretKey};
use crate::tables::{SECRETS, read};

impl Registry {
    /// Encrypts a value, for that worker and name alone, so that it can be in a change.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn seal(&self, worker: &str, name: &str, value: &Secret) -> Result<Sealed, RegistryError> {
        self.with_key(|key| key.seal(worker, name, value)).map(Sealed)
    }

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
        let sealed = self.seal(name, secret, value)?;
        let (worker, name) = (name.to_owned(), secret.to_owned());
        self.change_deployed(&Change::PutSecret { worker, name, sealed })
    }

    /// Takes a secret from a worker.
    ///
    /// # Errors
    /// When there is none, or the disk fails.
    pub fn delete_secret(&self, name: &str, secret: &str) -> Result<WorkerRecord, RegistryError> {
        let (worker, name) = (name.to_owned(), secret.to_owned());
        self.change_deployed(&Change::DeleteSecret { worker, name })
    }

    /// The secrets of a worker, decrypted, in the order of their names.
    ///
    /// # Errors
    /// When the key cannot be used, or the disk fails.
    pub fn secrets(&self, name: &str) -> Result<Vec<(String, Secret)>, RegistryError> {
        let sealed = self.tables.read(|txn| read::secrets(&txn.open_table(SECRETS)?, name))?;
        if sealed.is_empty() {
            return Ok(Vec::new());
        }
        self.with_key(|key| {
            let open = |(secret, sealed): (String, Sealed)| {
                let value = key.open(name, &secret, &sealed.0)?;
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
