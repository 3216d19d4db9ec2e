//! `triggers`: times at which the worker is called
//! (<https://developers.cloudflare.com/workers/configuration/cron-triggers/>). What an expression
//! means is `cron`'s.

use cron::Cron;

use super::super::field::Field;
use super::super::tree::Value;
use super::Reader;
use crate::error::ConfigError;
use crate::settings::MAX_CRONS;

impl Reader<'_> {
    pub(super) fn triggers(&mut self, triggers: &Field<'_>) -> Result<(), ConfigError> {
        for entry in triggers.table()? {
            let field = triggers.inner(entry);
            match entry.key.as_str() {
                // Tools write it so where nothing is said.
                "crons" if matches!(field.value(), Value::Null) => {}
                "crons" => self.crons(&field)?,
                _ => self.warn_unknown(triggers, entry, &["crons"]),
            }
        }
        Ok(())
    }

    fn crons(&mut self, field: &Field<'_>) -> Result<(), ConfigError> {
        let mut crons: Vec<String> = Vec::new();
        for item in field.list()? {
            let text = item.nonempty_string()?;
            let cron = Cron::parse(text).map_err(|error| {
                let (name, fault) = (item.name(), error.fault);
                item.error(format!(
                    "expected a cron expression for \"{name}\", found \"{text}\": {fault}"
                ))
            })?;
            if crons.iter().any(|other| other == text) {
                self.warn_at(&item, Some(format!("\"{text}\" is given twice, and counts once")));
                continue;
            }
            self.warn_at(&item, about(&cron));
            crons.push(text.to_owned());
        }
        if crons.len() > MAX_CRONS {
            return Err(field.error(format!(
                "\"{}\" has {} expressions, at most {MAX_CRONS} may be",
                field.name(),
                crons.len()
            )));
        }
        self.config.settings.crons = Some(crons);
        Ok(())
    }
}

/// The warning about an expression that is one, but perhaps not the one that is meant.
fn about(cron: &Cron) -> Option<String> {
    if !cron.is_ever_due() {
        return Some(format!("\"{cron}\" is never due: none of its months has such a day"));
    }
    has_a_seven(cron.as_str()).then(|| {
        format!(
            "\"{cron}\" is due on Saturday: 1 is Sunday, 7 is Saturday; SUN and SAT mean the same \
             everywhere"
        )
    })
}

/// Whether the day of the week is a 7, or a range that begins or ends with one but is no whole week:
/// that is Sunday elsewhere.
fn has_a_seven(cron: &str) -> bool {
    let days = cron.rsplit([' ', '\t']).next().unwrap_or(cron);
    days.split(',').any(|element| {
        let range = element.split_once('/').map_or(element, |(range, _)| range);
        let is_seven = |day: &str| {
            let day = day.split_once('#').map_or(day, |(day, _)| day);
            day.trim_start_matches('0').trim_end_matches('L') == "7"
        };
        range != "1-7" && range.split('-').any(is_seven)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seven_is_seen_where_it_is_a_weekday() {
        for cron in ["0 0 * * 7", "0 0 * *\t07", "0 0 * * 7L", "0 0 * * 7#2", "0 0 * * 2,5-7/2"] {
            assert!(Cron::parse(cron).is_ok() && has_a_seven(cron), "{cron}");
        }
        for cron in ["7 7 7 7 *", "0 0 * * 1-7", "0 0 * * */6", "0 0 * * SAT", "0 0 * * L"] {
            assert!(Cron::parse(cron).is_ok() && !has_a_seven(cron), "{cron}");
        }
    }
}
