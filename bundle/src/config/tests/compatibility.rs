//! Compatibility dates and flags.

use super::*;

#[test]
fn a_day_is_one_of_the_calendar() {
    let days = ["2024-02-29", "2000-02-29", "2026-12-31"];
    let none = ["2023-02-29", "1900-02-29", "2026-13-01", "2026-04-31", "2026-00-10", "26-1-1"];
    for (text, accepted) in days.map(|d| (d, true)).into_iter().chain(none.map(|d| (d, false))) {
        let text = format!("compatibility_date = '{text}'");
        assert_eq!(toml(&text).is_ok(), accepted, "{text}");
    }
}

#[test]
fn a_day_that_is_still_to_come_is_warned_of() {
    for day in ["2026-08-20", "2026-08-19", "2021-12-31"] {
        check_warnings(toml(&format!("compatibility_date = '{day}'")), &[]);
    }
    for day in ["2026-08-21", "2026-10-01", "2027-01-01"] {
        check_warnings(
            toml(&format!("compatibility_date = {day}")),
            &["app/wrangler.toml:1:22: \"compatibility_date\" is in the future: today is \
               2026-08-20 (UTC), and Workers take no later day"],
        );
    }
}

#[test]
fn today_is_a_day() {
    let text = format!("compatibility_date = '{}'", schema::today());
    assert!(toml(&text).is_ok(), "{text}");
}

#[test]
fn a_flag_that_can_be_none_or_is_nearly_another_is_warned_of() {
    for flag in [
        "nodejs_compat",
        "nodejs_compat_v2",
        "nodejs_als",
        "nodejs_zlib",
        "no_nodejs_compat",
        "no_nodejs_compat_v2",
        "nodejs_compat_do_not_populate_process_env",
        "global_navigator",
        "streams_enable_constructors",
        "js_rpc",
        "rpc",
        "no_rpc",
        "allow_importable_env",
        "rpc_params_transfer_stubs",
        "fixup-transform-stream-backpressure",
    ] {
        check_warnings(toml(&format!("compatibility_flags = ['{flag}']")), &[]);
    }
    for (flag, meant) in [
        ("nodejs-compat", "nodejs_compat"),
        ("NodeJS_Compat", "nodejs_compat"),
        ("node_compat", "nodejs_compat"),
        ("nodejs_compat ", "nodejs_compat"),
        ("nodejs_compat_v3", "nodejs_compat_v2"),
        ("queue_json_messages", "queues_json_messages"),
        ("enable-ctx-exports", "enable_ctx_exports"),
    ] {
        let expected = format!(
            "app/wrangler.toml:1:29: unknown compatibility flag \"{flag}\"; did you mean \
             \"{meant}\"?"
        );
        check_warnings(toml(&format!("compatibility_flags = ['a', '{flag}']")), &[&expected]);
    }
    for flag in ["", "global-navigator", "Streams", "a b"] {
        let expected = format!(
            "app/wrangler.toml:1:24: unknown compatibility flag \"{flag}\": a flag has only \
             lower-case letters, digits and underscores"
        );
        check_warnings(toml(&format!("compatibility_flags = ['{flag}']")), &[&expected]);
    }
}

#[test]
fn a_flag_that_the_date_stands_for_is_warned_of() {
    for flag in ["nodejs_compat", "nodejs_compat_v2"] {
        let text =
            |date| format!("compatibility_flags = ['{flag}']\ncompatibility_date = '{date}'");
        check_warnings(toml(&text("2026-08-03")), &[]);
        let expected = format!(
            "app/wrangler.toml:1:24: \"{flag}\" is on from the compatibility date 2026-08-04: it need \
             not be named"
        );
        check_warnings(toml(&text("2026-08-04")), &[&expected]);
    }
}
