//! The process that is killed: it writes with many writers and says which writes were answered.

use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use futures_util::future::join_all;
use isolane_kv::{EmbeddedOptions, EmbeddedStore, Namespace, Put, Store as _, StoreError};

use super::plan::{KEYS_PER_WRITER, ROUND, WRITERS, Write};

/// Writes for ever. A line `KEY NUMBER` on standard output follows each answer.
pub(crate) fn write_until_killed(folder: &Path, round: u64) -> ! {
    let options = EmbeddedOptions { log_bytes: 4 << 20, ..EmbeddedOptions::default() };
    let store = EmbeddedStore::open(folder, options).unwrap();
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let writers = (0..WRITERS).map(|writer| write(&store, writer, round));
    tokio.block_on(join_all(writers));
    unreachable!("the writers write for ever");
}

async fn write(store: &EmbeddedStore, writer: u64, round: u64) {
    for number in round * ROUND + 1.. {
        for key in 0..KEYS_PER_WRITER {
            let key = format!("{writer}-{key}");
            make(store, &key, Write::of(&key, number)).await.unwrap();
            // One call, so that a line is whole or not there.
            let line = format!("{key} {number}\n");
            std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        }
    }
}

async fn make(store: &EmbeddedStore, key: &str, write: Write) -> Result<(), StoreError> {
    let namespace = Namespace::new("main");
    match write {
        Write::Delete => store.delete(&namespace, key).await,
        Write::Put(value) => store.put(&namespace, key, Put::bytes(value)).await,
        Write::Stream(value) => {
            let mut sink = store.put_stream(&namespace, key, None, None)?;
            for piece in Bytes::from(value).chunks(90_000) {
                sink.write(Bytes::copy_from_slice(piece)).await?;
            }
            sink.finish().await
        }
    }
}
