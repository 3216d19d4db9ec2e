//! Who makes a change, and when something was, as people say it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The file in which Linux has the machine's name.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// Who is at this machine: `ada@laptop`; nothing where that is not known.
pub(crate) fn here() -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"))?;
    let host = std::fs::read_to_string(HOST_NAME_FILE).ok().or_else(|| variable("HOSTNAME"));
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    Some(host.map_or_else(|| user.clone(), |host| format!("{user}@{host}")))
}

/// How long ago that was, in one unit.
pub(crate) fn ago(at_ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    age(now.saturating_sub(Duration::from_millis(at_ms)))
}

fn age(age: Duration) -> String {
    let (number, unit) = match age.as_secs() {
        ..5 => return "just now".to_owned(),
        seconds @ ..60 => (seconds, "second"),
        seconds @ ..3_600 => (seconds / 60, "minute"),
        seconds @ ..86_400 => (seconds / 3_600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    format!("{} ago", crate::output::count(number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        for (seconds, expected) in [
            (0, "just now"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (7_199, "1 hour ago"),
            (86_400 * 3, "3 days ago"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), expected);
        }
    }
}
