//! Values in pieces: what is being read stays, what is being written is not seen, and neither is in
//! memory as a whole.

use super::*;

fn value(bytes: usize) -> Bytes {
    (0..bytes).map(|at| (at / 7) as u8).collect()
}

fn read(mut entry: StreamedEntry) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    while let Some(piece) = wait(entry.value.read()).unwrap() {
        pieces.push(piece);
    }
    pieces
}

fn stream(store: &EmbeddedStore) -> StreamedEntry {
    wait(store.get_stream(&namespace(), "k")).unwrap().unwrap()
}

#[test]
fn a_value_goes_in_and_out_in_pieces() {
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { cache_bytes: 0, ..options() }).unwrap();
    for bytes in [0, 1, 100_000, 262_000, 1_000_000, 25 << 20] {
        let value = value(bytes);
        let mut sink = store.put_stream(&namespace(), "k", None, Some("{}".into())).unwrap();
        for piece in value.chunks(60_001) {
            wait(sink.write(value.slice_ref(piece))).unwrap();
        }
        wait(sink.finish()).unwrap();
        let entry = stream(&store);
        assert_eq!((entry.value_bytes, entry.metadata.as_deref()), (bytes as u64, Some("{}")));
        let pieces = read(entry);
        assert!(pieces.iter().all(|piece| piece.len() <= 300_000), "a piece is too large");
        assert_eq!(pieces.concat(), value);
        assert_eq!(get(&store, "k").unwrap(), Some(value));
    }
}

#[test]
fn a_value_that_is_being_read_stays_what_it_was() {
    let store =
        open_with(&SimDisk::new(), EmbeddedOptions { cache_bytes: 0, ..options() }).unwrap();
    for (old, new) in [(900_000, 10), (3_000_000, 2_000_000)] {
        put(&store, "k", value(old)).unwrap();
        let mut entry = stream(&store);
        let first = wait(entry.value.read()).unwrap().unwrap();
        put(&store, "k", value(new)).unwrap();
        put(&store, "other", value(600_000)).unwrap();
        let rest = read(entry).concat();
        assert_eq!([first.to_vec(), rest].concat(), value(old));
        assert_eq!(get(&store, "k").unwrap(), Some(value(new)));
    }
}

#[test]
fn an_unfinished_value_is_never_seen_and_its_pieces_go() {
    let disk = SimDisk::new();
    let store = open(&disk).unwrap();
    put(&store, "k", "old").unwrap();
    let mut sink = store.put_stream(&namespace(), "k", None, None).unwrap();
    wait(sink.write(value(2_000_000))).unwrap();
    assert_eq!(get(&store, "k").unwrap().as_deref(), Some(&b"old"[..]));
    // Both ways to be left unfinished: dropped, and cut off by the end of the process.
    let left = open(&disk.after_kill()).unwrap();
    drop(sink);
    for store in [&store, &left] {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let pieces = || {
            use redb::{ReadableDatabase as _, ReadableTableMetadata as _};
            let database = store.shared.core.database().unwrap();
            let txn = database.begin_read().unwrap();
            txn.open_table(schema::PIECES).unwrap().len().unwrap()
        };
        while pieces() > 0 {
            assert!(std::time::Instant::now() < deadline, "the pieces stay");
            std::thread::yield_now();
        }
        assert_eq!(get(store, "k").unwrap().as_deref(), Some(&b"old"[..]));
    }
}

#[test]
fn a_value_that_becomes_too_long_is_refused() {
    let store = open(&SimDisk::new()).unwrap();
    let mut sink = store.put_stream(&namespace(), "k", None, None).unwrap();
    wait(sink.write(value(26_214_400))).unwrap();
    assert_eq!(
        wait(sink.write(value(1))).unwrap_err().into_refused().to_string(),
        "413 Value length of 26214401 exceeds limit of 26214400."
    );
    wait(sink.finish()).unwrap_err();
    assert_eq!(get(&store, "k").unwrap(), None);
}
