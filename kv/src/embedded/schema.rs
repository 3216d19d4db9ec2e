//! The tables of the database file and the bytes of their keys. What is in a record is in `record`.

use redb::TableDefinition;

/// The format of the tables and records; a file with a higher one is not opened.
pub(super) const FORMAT: u64 = 1;

/// In the table of numbers ([`META`](storage::META)): the value identity that is given out next.
pub(super) const META_NEXT_VALUE: &str = "next_value";
/// And the namespace number that is given out next.
pub(super) const META_NEXT_NAMESPACE: &str = "next_namespace";

/// A namespace's number to its identity.
pub(super) const NAMESPACES: TableDefinition<'_, u32, &str> = TableDefinition::new("namespaces");
/// A namespace's number to how many keys it has, and their bytes.
pub(super) const SIZES: TableDefinition<'_, u32, (u64, u64)> = TableDefinition::new("sizes");
/// The numbers of namespaces that were deleted and whose records are being removed.
pub(super) const DROPPED: TableDefinition<'_, u32, ()> = TableDefinition::new("dropped");
/// [`record_key`] to a record.
pub(super) const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// The identity of a value that is not in its record, and the position of a piece, to the piece.
pub(super) const PIECES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("pieces");
/// [`expiry_key`] of each record that expires.
pub(super) const EXPIRIES: TableDefinition<'_, &[u8], ()> = TableDefinition::new("expiries");
/// The identities of values that no record refers to: those that are still being written, and
/// those whose pieces are to be removed.
pub(super) const UNREFERENCED: TableDefinition<'_, u64, ()> = TableDefinition::new("unreferenced");

const NAMESPACE_BYTES: usize = 4;
const EXPIRATION_BYTES: usize = 8;

/// Orders by namespace, then by the bytes of the key.
pub(super) fn record_key(namespace: u32, key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(NAMESPACE_BYTES + key.len());
    bytes.extend(namespace.to_be_bytes());
    bytes.extend(key.as_bytes());
    bytes
}

/// The namespace and the key of a record key.
pub(super) fn split_record_key(bytes: &[u8]) -> Option<(u32, &str)> {
    let (namespace, key) = bytes.split_first_chunk::<NAMESPACE_BYTES>()?;
    Some((u32::from_be_bytes(*namespace), std::str::from_utf8(key).ok()?))
}

/// Orders by the second of the expiration.
pub(super) fn expiry_key(expiration: u64, record_key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(EXPIRATION_BYTES + record_key.len());
    bytes.extend(expiration.to_be_bytes());
    bytes.extend(record_key);
    bytes
}

/// The expiration and the record key of an expiry key.
pub(super) fn split_expiry_key(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (expiration, record_key) = bytes.split_first_chunk::<EXPIRATION_BYTES>()?;
    Some((u64::from_be_bytes(*expiration), record_key))
}
