//! `compatibility_date` and `compatibility_flags`: which behaviour of Workers a project was written
//! for (<https://developers.cloudflare.com/workers/configuration/compatibility-dates/>).

use compatibility::{Compatibility, Flag};
use time::OffsetDateTime;

use super::super::field::Field;
use super::Reader;
use crate::error::{ConfigError, Warning};

/// How many letters of a flag may be wrong for it to be taken for another, and of how many each. The
/// flags of Workers differ by more.
const MOST_EDITS: usize = 2;
const LETTERS_PER_EDIT: usize = 4;

/// Flags of Workers that have hyphens.
const WITH_HYPHENS: [&str; 3] = [
    "do_not_bind_asynclocalstorage_snapshot_to-request",
    "fixup-transform-stream-backpressure",
    "original-transform-stream-backpressure",
];

/// Today in UTC as `YYYY-MM-DD`.
pub(in crate::config) fn today() -> String {
    OffsetDateTime::now_utc().date().to_string()
}

impl Reader<'_> {
    pub(super) fn compatibility_date(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        let date = self::date(field)?;
        self.warn_at(field, about_date(&date, self.today));
        self.config.settings.compatibility_date = Some(date);
        Ok(())
    }

    pub(super) fn compatibility_flags(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        for item in field.list()? {
            let flag = item.string()?.to_owned();
            self.warn_at(&item, about_flag(&flag));
            if Flag::NodejsCompat.row().is_enabled_by(&flag) {
                self.node_flags.push((flag.clone(), item.location()));
            }
            self.config.settings.compatibility_flags.push(flag);
        }
        Ok(())
    }

    /// The date may stand after the flags.
    pub(super) fn look_for_needless_flags(&mut self) {
        let date = self.config.settings.compatibility_date.as_deref();
        let by_date = Compatibility::new::<&str>(date, &[]);
        let Some(since) = Flag::NodejsCompat.row().since else { return };
        if by_date.has(Flag::NodejsCompat) {
            let warnings = self.node_flags.drain(..).map(|(flag, location)| Warning {
                location: Some(location),
                message: about_needless_flag(&flag, since),
            });
            self.config.warnings.extend(warnings);
        }
    }
}

/// A day of the calendar as `YYYY-MM-DD`.
fn date(field: &Field<'_>) -> Result<String, ConfigError> {
    let text = field.string()?;
    if is_day(text) {
        return Ok(text.to_owned());
    }
    Err(field.error(format!(
        "expected a day as YYYY-MM-DD for \"compatibility_date\", found \"{text}\""
    )))
}

/// The warning about a date that is still to come.
fn about_date(date: &str, today: &str) -> Option<String> {
    // Days written so are in the order of their texts.
    (date > today).then(|| {
        format!(
            "\"compatibility_date\" is in the future: today is {today} (UTC), and Workers take no \
             later day"
        )
    })
}

/// The warning about a flag that cannot be one, or that is nearly one that would matter.
fn about_flag(flag: &str) -> Option<String> {
    let is_letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let meant = flag.trim().to_ascii_lowercase().replace('-', "_");
    let nearest = compatibility::names()
        .map(|known| (strsim::osa_distance(&meant, known), known))
        .filter(|(edits, known)| *edits <= MOST_EDITS.min(known.len() / LETTERS_PER_EDIT))
        .min();
    match nearest {
        Some((_, known)) if known == flag => None,
        Some((_, known)) => {
            Some(format!("unknown compatibility flag \"{flag}\"; did you mean \"{known}\"?"))
        }
        None if flag.bytes().all(is_letter) && !flag.is_empty() => None,
        None if WITH_HYPHENS.contains(&flag) => None,
        None => Some(format!(
            "unknown compatibility flag \"{flag}\": a flag has only lower-case letters, digits and \
             underscores"
        )),
    }
}

/// The warning about a flag that the date stands for already.
fn about_needless_flag(flag: &str, since: &str) -> String {
    format!("\"{flag}\" is on from the compatibility date {since}: it need not be named")
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
