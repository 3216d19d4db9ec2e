//! What the admin API refuses because of who asks, or because there is too much of it: counted for the
//! metrics, and told in the log at most once a second for each reason. What a request is refused for that
//! makes no sense is its client's to know.

use http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use runtime::Pace;

use super::answer::Fault;
use crate::metrics;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It shows no token, or not the right one.
    Unauthorized,
    /// It is not theirs to do who show the token, or comes from a web page.
    Forbidden,
    /// They have as many connections as they may.
    Connections,
    /// They have as much on its way to the node as they may.
    Busy,
}

/// How often, for each reason.
pub(super) struct Refusals([(Counter, Pace); Refused::ALL.len()]);

impl Refused {
    /// All of them, in the order of their numbers.
    const ALL: [Refused; 4] =
        [Refused::Unauthorized, Refused::Forbidden, Refused::Connections, Refused::Busy];

    /// Why a request was refused with that fault; `None` where it is about what was asked for.
    pub(super) fn of(fault: &Fault) -> Option<Self> {
        match fault.kind() {
            (StatusCode::UNAUTHORIZED, _) => Some(Self::Unauthorized),
            (StatusCode::FORBIDDEN, _) => Some(Self::Forbidden),
            (_, true) => Some(Self::Busy),
            (_, false) => None,
        }
    }

    /// The name in metrics.
    fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Connections => "connections",
            Self::Busy => "busy",
        }
    }
}

impl Refusals {
    /// Those that are shown in a registry.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let help = "Requests that the admin API has refused because of who asks, by reason";
        let names = Refused::ALL.map(Refused::as_str);
        let counters = metrics::register_by_reason(registry, "admin_refusals", help, names);
        Self(counters.map(|counter| (counter, Pace::new())))
    }

    /// A request is refused, where there is such a reason.
    pub(super) fn note(&self, why: Option<Refused>) {
        let Some(why) = why else { return };
        let Some((counter, pace)) = self.0.get(why as usize) else { return };
        counter.inc();
        if let Some(withheld) = pace.tell() {
            let reason = why.as_str();
            tracing::warn!(reason, withheld, "the admin API refuses requests");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_by_itself() {
        let mut registry = Registry::default();
        let refusals = Refusals::register(&mut registry);
        for fault in [
            Fault::unauthorized("no token"),
            Fault::busy("too much"),
            Fault::unauthorized("another token"),
            Fault::bad_request("nonsense"),
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, "no node"),
        ] {
            refusals.note(Refused::of(&fault));
        }
        refusals.note(Some(Refused::Connections));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let counts = [("unauthorized", 2), ("forbidden", 0), ("connections", 1), ("busy", 1)];
        for (reason, count) in counts {
            let line = format!("admin_refusals_total{{reason=\"{reason}\"}} {count}");
            assert!(text.lines().any(|it| it == line), "{text}");
        }
    }
}
