//! `compatibility_date` and `compatibility_flags`: which behaviour of Workers a project was written
//! for (<https://developers.cloudflare.com/workers/configuration/compatibility-dates/>).

use time::OffsetDateTime;

use super::super::field::Field;
use crate::error::ConfigError;
use crate::settings::NODE_COMPAT_SINCE;

/// The compatibility flags that change what a worker gets here. Others pass without effect.
pub const COMPATIBILITY_FLAGS: [&str; 14] = [
    "allow_eval_during_startup",
    "cf_botmanagement_default",
    "disallow_eval_during_startup",
    "enable_nodejs_global_timers",
    "no_cf_botmanagement_default",
    "no_nodejs_compat",
    "no_nodejs_global_timers",
    "no_upper_case_all_http_methods",
    "nodejs_als",
    "nodejs_compat",
    "nodejs_compat_v2",
    "request_signal_passthrough",
    "unsafe_shared_memory",
    "upper_case_all_http_methods",
];

/// How many letters of a flag may be wrong for it to be taken for another. The flags of Workers
/// differ by more.
const MOST_EDITS: usize = 2;

/// Today in UTC as `YYYY-MM-DD`.
pub(in crate::config) fn today() -> String {
    OffsetDateTime::now_utc().date().to_string()
}

/// A day of the calendar as `YYYY-MM-DD`.
pub(super) fn date(field: &Field<'_>) -> Result<String, ConfigError> {
    let text = field.string()?;
    if is_day(text) {
        return Ok(text.to_owned());
    }
    Err(field.error(format!(
        "expected a day as YYYY-MM-DD for \"compatibility_date\", found \"{text}\""
    )))
}

/// The warning about a date that is still to come.
pub(super) fn about_date(date: &str, today: &str) -> Option<String> {
    // Days written so are in the order of their texts.
    (date > today).then(|| {
        format!(
            "\"compatibility_date\" is in the future: today is {today} (UTC), and Workers take no \
             later day"
        )
    })
}

/// The warning about a flag that cannot be one, or that is nearly one that would matter.
pub(super) fn about_flag(flag: &str) -> Option<String> {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let meant = flag.trim().to_ascii_lowercase().replace('-', "_");
    let nearest = COMPATIBILITY_FLAGS
        .map(|known| (strsim::osa_distance(&meant, known), known))
        .into_iter()
        .filter(|(edits, _)| *edits <= MOST_EDITS)
        .min();
    match nearest {
        Some((_, known)) if known == flag => None,
        Some((_, known)) => {
            Some(format!("unknown compatibility flag \"{flag}\"; did you mean \"{known}\"?"))
        }
        None if flag.bytes().all(is_letter) && !flag.is_empty() => None,
        None => Some(format!(
            "unknown compatibility flag \"{flag}\": a flag has only lower-case letters, digits and \
             underscores"
        )),
    }
}

/// The warning about a flag that the date stands for already.
pub(super) fn about_needless_flag(flag: &str) -> String {
    format!(
        "\"{flag}\" is on from the compatibility date {NODE_COMPAT_SINCE}: it need not be named"
    )
}

fn is_day(text: &str) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return false };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
    if !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number = |digits: &[u8]| digits.iter().fold(0u32, |n, d| n * 10 + u32::from(d - b'0'));
    let year = number(&[y1, y2, y3, y4]);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match number(&[m1, m2]) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&number(&[d1, d2]))
}
