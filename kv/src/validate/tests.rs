//! The rules at their edges, and the texts to the letter.

use super::*;

const NOW: UnixSeconds = UnixSeconds(1_000);

fn text<T: std::fmt::Debug>(result: Result<T, Refused>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_key_has_a_name_of_1_to_512_bytes_that_is_no_path_step() {
    assert_eq!(validate_key("").unwrap_err().to_string(), "Key name cannot be empty.");
    assert_eq!(validate_key(".").unwrap_err().to_string(), "\".\" is not allowed as a key name.");
    assert_eq!(validate_key("..").unwrap_err().to_string(), "\"..\" is not allowed as a key name.");
    assert_eq!(validate_key("..."), Ok(()));
    assert_eq!(validate_key(&"é".repeat(256)), Ok(()));
    assert_eq!(
        validate_key(&"é".repeat(257)).unwrap_err().to_string(),
        "UTF-8 encoded length of 514 exceeds key length limit of 512."
    );
}

#[test]
fn the_store_has_its_own_words_for_bad_keys() {
    assert_eq!(KeyError::Empty.into_refused().to_string(), "400 Key names must not be empty");
    assert_eq!(
        KeyError::DotDot.into_refused().to_string(),
        "400 Illegal key name \"..\". Please use a different name."
    );
    assert_eq!(
        text(validate_prefix(&"k".repeat(513))),
        "414 UTF-8 encoded length of 513 exceeds key length limit of 512."
    );
    assert_eq!(validate_prefix(""), Ok(()));
    assert_eq!(validate_prefix("."), Ok(()));
}

#[test]
fn a_time_to_live_is_at_least_60_seconds() {
    let ttl = |ttl| validate_expiration(None, Some(ttl), NOW);
    assert_eq!(ttl(60), Ok(Some(UnixSeconds(1_060))));
    assert_eq!(
        text(ttl(59)),
        "400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60."
    );
    for zero_or_less in [0, -1, i64::MIN] {
        assert_eq!(
            text(ttl(zero_or_less)),
            format!(
                "400 Invalid expiration_ttl of {zero_or_less}. \
                 Please specify integer greater than 0."
            )
        );
    }
}

#[test]
fn an_expiration_is_at_least_60_seconds_ahead() {
    let at = |at| validate_expiration(Some(at), None, NOW);
    assert_eq!(at(1_060), Ok(Some(UnixSeconds(1_060))));
    for soon in [1_001, 1_059] {
        assert_eq!(
            text(at(soon)),
            format!(
                "400 Invalid expiration of {soon}. \
                 Expiration times must be at least 60 seconds in the future."
            )
        );
    }
    for past in [1_000, 0, -5] {
        assert_eq!(
            text(at(past)),
            format!(
                "400 Invalid expiration of {past}. Please specify integer greater than \
                 the current number of seconds since the UNIX epoch."
            )
        );
    }
}

#[test]
fn a_time_to_live_wins_over_an_expiration() {
    assert_eq!(validate_expiration(Some(5), Some(60), NOW), Ok(Some(UnixSeconds(1_060))));
    assert_eq!(validate_expiration(None, None, NOW), Ok(None));
}

#[test]
fn values_and_metadata_have_a_greatest_length() {
    assert_eq!(validate_value_bytes(26_214_400), Ok(()));
    assert_eq!(
        text(validate_value_bytes(26_214_401)),
        "413 Value length of 26214401 exceeds limit of 26214400."
    );
    assert_eq!(validate_metadata(&"m".repeat(1_024)), Ok(()));
    assert_eq!(
        text(validate_metadata(&"é".repeat(513))),
        "413 Metadata length of 1026 exceeds limit of 1024."
    );
}

#[test]
fn a_cache_time_to_live_is_at_least_30_seconds() {
    assert_eq!(validate_cache_ttl(30), Ok(()));
    assert_eq!(
        text(validate_cache_ttl(29)),
        "400 Invalid cache_ttl of 29. Cache TTL must be at least 30."
    );
}

#[test]
fn a_bulk_get_asks_for_1_to_100_texts_or_json_values() {
    assert_eq!(validate_bulk(None, 1), Ok(BulkType::Text));
    assert_eq!(validate_bulk(Some(""), 1), Ok(BulkType::Text));
    assert_eq!(validate_bulk(Some("text"), 100), Ok(BulkType::Text));
    assert_eq!(validate_bulk(Some("json"), 100), Ok(BulkType::Json));
    assert_eq!(
        text(validate_bulk(Some("stream"), 0)),
        "400 \"stream\" is not a valid type. Use \"json\" or \"text\""
    );
    assert_eq!(text(validate_bulk(None, 101)), "400 You can request a maximum of 100 keys");
    assert_eq!(text(validate_bulk(None, 0)), "400 You must request a minimum of 1 key");
    assert_eq!(validate_bulk_bytes(26_214_400), Ok(()));
    assert_eq!(
        text(validate_bulk_bytes(26_214_401)),
        "413 Total size of request exceeds the limit of 25MB"
    );
}

#[test]
fn a_page_of_a_list_has_1_to_1000_keys() {
    assert_eq!(validate_list_limit(None), Ok(1_000));
    assert_eq!(validate_list_limit(Some(1)), Ok(1));
    assert_eq!(validate_list_limit(Some(1_000)), Ok(1_000));
    assert_eq!(
        text(validate_list_limit(Some(0))),
        "400 Invalid key_count_limit of 0. Please specify an integer greater than 0."
    );
    assert_eq!(
        text(validate_list_limit(Some(1_001))),
        "400 Invalid key_count_limit of 1001. Please specify an integer less than 1000."
    );
}
