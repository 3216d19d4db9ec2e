//! What an engine has to do to be compared, and the engines. Each keeps records, and beside them how
//! many there are and their bytes, in step, as our store does.

mod fjall;
mod redb;
mod redb_behind_log;

use std::path::Path;

use crate::Failed;
use crate::data::Record;

pub(crate) use self::fjall::Fjall;
pub(crate) use self::redb::{Redb, RedbQuickRepair};
pub(crate) use self::redb_behind_log::RedbBehindLog;

/// For the engine's own cache, the same for all.
const CACHE_BYTES: usize = 128 << 20;

/// An ordered store of bytes.
pub(crate) trait Engine: Sized {
    const NAME: &str;

    /// Opens the store in a folder, or makes it.
    fn open(folder: &Path) -> Result<Self, Failed>;

    /// Puts all of the records or none, and returns once they are on disk.
    fn put(&mut self, records: &[Record]) -> Result<(), Failed>;

    /// The value under a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Failed>;

    /// The bytes of up to `most` keys and values, in order, from a key on.
    fn list(&self, from: &[u8], most: usize) -> Result<usize, Failed>;
}
