//! Records come back as they went in, and damage shows.

use proptest::prelude::*;

use super::*;

fn stored() -> impl Strategy<Value = (Option<u64>, Option<String>, Vec<u8>, bool)> {
    (
        proptest::option::of(any::<u64>()),
        proptest::option::of(".{0,200}"),
        proptest::collection::vec(any::<u8>(), 0..64),
        any::<bool>(),
    )
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written((at, metadata, value, in_pieces) in stored()) {
        let value = match in_pieces {
            true => StoredValue::Pieces { id: value.len() as u64, bytes: u64::MAX },
            false => StoredValue::Inline(&value),
        };
        let record =
            Record { expiration: at.map(UnixSeconds), metadata: metadata.as_deref(), value };
        let bytes = record.encode(b"key");
        prop_assert_eq!(Record::decode(b"key", &bytes).unwrap(), record);
        prop_assert!(Record::decode(b"kez", &bytes).is_err(), "it is another key's");
    }

    #[test]
    fn a_changed_bit_is_noticed((at, metadata, value, _) in stored(), bit in any::<prop::sample::Index>()) {
        let record = Record {
            expiration: at.map(UnixSeconds),
            metadata: metadata.as_deref(),
            value: StoredValue::Inline(&value),
        };
        let mut bytes = record.encode(b"key");
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Record::decode(b"key", &bytes).is_err());
    }

    #[test]
    fn pieces_are_the_value(length in 0_usize..300_000) {
        let value: Bytes = (0..length).map(|at| at as u8).collect();
        let cut: Vec<Bytes> = pieces(value.clone()).collect();
        prop_assert_eq!(cut.concat(), value);
        prop_assert!(cut.iter().all(|piece| (1..=MAX_PIECE_BYTES).contains(&piece.len())));
        let pages: usize = cut
            .iter()
            .map(|piece| (piece.len() + PAGE_OVERHEAD_BYTES).next_power_of_two().max(4096))
            .sum();
        prop_assert!(pages <= length + length / 7 + 2 * SMALLEST_PAGE_BYTES, "{pages} for {length}");
    }
}
