//! Whether the table is one: each flag at its place, no name twice, days that are days.

use std::collections::HashSet;

use isolane_compatibility::{Compatibility, Flag, TABLE, names};

#[test]
fn each_flag_is_at_its_place() {
    for (place, (flag, row)) in Flag::ALL.into_iter().zip(&TABLE).enumerate() {
        assert_eq!((flag, flag as usize), (row.flag, place));
        assert_eq!(flag.row(), row);
        assert_eq!(flag.name(), row.enables);
    }
}

#[test]
fn no_name_is_that_of_two() {
    let all: Vec<_> = names().collect();
    let different: HashSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "{all:?}");
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    assert!(all.iter().all(|name| name.bytes().all(is_letter)), "{all:?}");
}

#[test]
fn days_are_days_and_none_decides_twice() {
    for row in &TABLE {
        assert!(row.since.is_none() || row.until.is_none(), "{row:?}");
        assert!(!row.effect.is_empty() && !row.effect.ends_with('.'), "{row:?}");
        for day in row.since.into_iter().chain(row.until) {
            let is_digit = |(place, byte): (usize, u8)| match place {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            };
            assert!(day.len() == 10 && day.bytes().enumerate().all(is_digit), "{row:?}");
            assert!(("2021-01-01".."2030-01-01").contains(&day), "{row:?}");
        }
    }
}

#[test]
fn what_a_day_decides_can_be_undone() {
    for row in TABLE.iter().filter(|row| row.since.is_some() || row.until.is_some()) {
        let opposite = row.disables.unwrap_or_default();
        assert!(!opposite.is_empty(), "{row:?}");
        // Node's timers are nothing without what is of Node.js.
        let with = |name: &str| [name.to_owned(), "nodejs_compat".to_owned()];
        for day in ["2020-01-01", "2040-01-01"] {
            if row.flag != Flag::NodejsCompat {
                assert!(!Compatibility::new(Some(day), &with(opposite)).has(row.flag), "{row:?}");
            }
            assert!(Compatibility::new(Some(day), &with(row.enables)).has(row.flag), "{row:?}");
        }
    }
    assert!(!Compatibility::new(Some("2040-01-01"), &["no_nodejs_compat"]).has(Flag::NodejsCompat));
}

#[test]
fn a_set_has_what_was_put_into_it() {
    for flag in Flag::ALL {
        let without = Compatibility::default().with(flag, false);
        let with = without.with(flag, true);
        assert!(with.has(flag) && !without.has(flag), "{flag:?}");
        assert_eq!(with.with(flag, false), without);
        let others: Vec<_> = with.iter().filter(|other| *other != flag).collect();
        assert_eq!(others, without.iter().collect::<Vec<_>>());
    }
    let old = Compatibility::new(Some("2024-03-18"), &["unsafe_shared_memory"]);
    assert_eq!(format!("{old:?}"), r#"{"queues_json_messages", "unsafe_shared_memory"}"#);
}
