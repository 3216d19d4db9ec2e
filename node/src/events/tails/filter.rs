//! Of which events somebody wants to know who looks on.

use std::hash::{BuildHasher as _, RandomState};
use std::str::FromStr;

use api::TraceItem;
use http::Method;
use runtime::{Detail, EventReport, Outcome};

/// What an event has to be like.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    statuses: Vec<Status>,
    outcomes: Vec<Outcome>,
    methods: Vec<Method>,
    /// What one of its logs or exceptions, or its URL has, in lower case.
    search: Option<String>,
    sampling: Option<Sampling>,
}

/// How an event ended, roughly, as `wrangler tail` asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Error,
    Canceled,
}

/// A part of the events, by chance.
#[derive(Debug)]
struct Sampling {
    part: f64,
    chance: RandomState,
}

/// What somebody wrote who looks on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted<'a> {
    /// `ok`, `error` or `canceled`, or several of these with commas.
    pub(crate) status: Option<&'a str>,
    /// Outcomes by their names, with commas.
    pub(crate) outcome: Option<&'a str>,
    /// Methods of requests, with commas.
    pub(crate) method: Option<&'a str>,
    /// A text that a log, an exception or the URL has, in any case.
    pub(crate) search: Option<&'a str>,
    /// Which part of the events: more than 0, and at most 1.
    pub(crate) sampling: Option<&'a str>,
}

impl Filter {
    /// Reads what somebody wants, or says what is wrong with it.
    pub(crate) fn parse(wanted: Wanted<'_>) -> Result<Self, String> {
        let each = |list: Option<&str>| -> Vec<String> {
            let list = list.unwrap_or_default().split(',').map(str::trim);
            list.filter(|one| !one.is_empty()).map(str::to_owned).collect()
        };
        let statuses = each(wanted.status).into_iter().map(|status| Status::parse(&status));
        let outcomes = each(wanted.outcome).into_iter().map(|name| outcome(&name));
        let methods = each(wanted.method).into_iter().map(|name| method(&name));
        Ok(Self {
            statuses: statuses.collect::<Result<_, _>>()?,
            outcomes: outcomes.collect::<Result<_, _>>()?,
            methods: methods.collect::<Result<_, _>>()?,
            search: wanted.search.filter(|text| !text.is_empty()).map(str::to_lowercase),
            sampling: wanted.sampling.map(Sampling::parse).transpose()?,
        })
    }

    /// Whether an event may be one of those, by what is known without reading what it logged. Called on
    /// shards.
    pub(super) fn may_take(&self, report: &EventReport) -> bool {
        let status = Status::of(report.outcome);
        (self.statuses.is_empty() || self.statuses.contains(&status))
            && (self.outcomes.is_empty() || self.outcomes.contains(&report.outcome))
            && (self.methods.is_empty() || self.has_method(report))
            && self.sampling.as_ref().is_none_or(|sampling| sampling.takes(report.event))
    }

    /// Whether it is one of those, if it may be.
    pub(super) fn takes(&self, item: &TraceItem) -> bool {
        let Some(search) = &self.search else { return true };
        let has = |text: &str| text.to_lowercase().contains(search.as_str());
        let messages = item.logs.iter().flat_map(|log| &log.message);
        let mut texts = messages.filter_map(|text| text.as_str());
        let mut exceptions = item.exceptions.iter();
        let request = item.event.as_ref().and_then(|event| event.get("request"));
        let url = request.and_then(|request| request.get("url")?.as_str());
        texts.any(has)
            || exceptions.any(|it| has(&it.name) || has(&it.message))
            || url.is_some_and(has)
    }

    fn has_method(&self, report: &EventReport) -> bool {
        match report.detail.as_deref() {
            Some(Detail::Fetch(fetch)) => self.methods.contains(&fetch.method),
            _ => false,
        }
    }
}

impl Status {
    fn parse(name: &str) -> Result<Self, String> {
        match name {
            "ok" => Ok(Self::Ok),
            "error" => Ok(Self::Error),
            "canceled" => Ok(Self::Canceled),
            _ => Err(format!("expected ok, error or canceled as status, found {name:?}")),
        }
    }

    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok,
            Outcome::Canceled => Self::Canceled,
            _ => Self::Error,
        }
    }
}

impl Sampling {
    fn parse(text: &str) -> Result<Self, String> {
        let part = f64::from_str(text).ok().filter(|part| *part > 0.0 && *part <= 1.0);
        let part = part.ok_or_else(|| {
            format!("expected a number above 0 and up to 1 as sampling, found {text:?}")
        })?;
        Ok(Self { part, chance: RandomState::new() })
    }

    fn takes(&self, event: u64) -> bool {
        // Each number is as likely as any other.
        self.chance.hash_one(event) as f64 / u64::MAX as f64 <= self.part
    }
}

fn outcome(name: &str) -> Result<Outcome, String> {
    let found = Outcome::ALL.into_iter().find(|it| it.as_str() == name);
    found.ok_or_else(|| {
        let all = Outcome::ALL.map(Outcome::as_str).join(", ");
        format!("expected one of {all} as outcome, found {name:?}")
    })
}

fn method(name: &str) -> Result<Method, String> {
    let method = Method::from_bytes(name.to_ascii_uppercase().as_bytes());
    method.map_err(|_| format!("expected the method of a request as method, found {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::super::gathering::Gathered;
    use super::super::item::item;
    use super::super::trace::tests::report;
    use super::super::trace::{Log, Trace};
    use super::*;

    fn filter(wanted: Wanted<'_>) -> Filter {
        Filter::parse(wanted).unwrap()
    }

    fn ended(outcome: Outcome) -> EventReport {
        let mut report = report("shop", "http://a.b/");
        report.outcome = outcome;
        report
    }

    #[test]
    fn who_asks_for_nothing_gets_everything() {
        let all = filter(Wanted::default());
        for outcome in Outcome::ALL {
            assert!(all.may_take(&ended(outcome)), "{outcome}");
        }
        assert!(all.takes(&item(&Trace::new(ended(Outcome::Ok), Gathered::default()), None)));
    }

    #[test]
    fn an_event_is_asked_for_by_how_it_ended() {
        let taken = |wanted: Wanted<'_>| -> Vec<Outcome> {
            let filter = filter(wanted);
            Outcome::ALL.into_iter().filter(|it| filter.may_take(&ended(*it))).collect()
        };
        let status = |status| Wanted { status: Some(status), ..Wanted::default() };
        assert_eq!(taken(status("ok")), [Outcome::Ok]);
        assert_eq!(taken(status("canceled,ok")), [Outcome::Ok, Outcome::Canceled]);
        assert_eq!(taken(status("error")).len(), Outcome::ALL.len() - 2);
        let outcome = Some("exceededCpu, exception");
        let both = Wanted { outcome, ..Wanted::default() };
        assert_eq!(taken(both), [Outcome::Exception, Outcome::ExceededCpu]);
        assert!(taken(Wanted { status: Some("ok"), ..both }).is_empty());
    }

    #[test]
    fn a_method_is_that_of_a_request() {
        let gets = filter(Wanted { method: Some("post,get"), ..Wanted::default() });
        assert!(gets.may_take(&ended(Outcome::Ok)));
        let puts = filter(Wanted { method: Some("PUT"), ..Wanted::default() });
        assert!(!puts.may_take(&ended(Outcome::Ok)));
        let mut cron = ended(Outcome::Ok);
        cron.detail = None;
        assert!(!gets.may_take(&cron));
    }

    #[test]
    fn a_text_is_searched_in_logs_exceptions_and_urls() {
        let level = runtime::ConsoleLevel::Log;
        let log = Log { at_ms: 1, level, text: "Order 7".to_owned() };
        let gathered = Gathered { logs: vec![log], is_truncated: false };
        let mut report = ended(Outcome::Exception);
        report.exception = Some(("RangeError: none left".to_owned(), String::new()));
        let item = item(&Trace::new(report, gathered), None);
        let is_found =
            |search| filter(Wanted { search: Some(search), ..Wanted::default() }).takes(&item);
        for search in ["order", "NONE LEFT", "rangeerror", "A.b", ""] {
            assert!(is_found(search), "{search}");
        }
        assert!(!is_found("c"));
    }

    #[test]
    fn a_part_is_about_that_part() {
        let tenth = filter(Wanted { sampling: Some("0.1"), ..Wanted::default() });
        let mut report = ended(Outcome::Ok);
        let mut count = 0;
        for event in 0..10_000 {
            report.event = event;
            count += u32::from(tenth.may_take(&report));
        }
        assert!((700..1300).contains(&count), "{count}");
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let wrong = |wanted: Wanted<'_>| Filter::parse(wanted).unwrap_err();
        let message = wrong(Wanted { status: Some("bad"), ..Wanted::default() });
        assert_eq!(message, "expected ok, error or canceled as status, found \"bad\"");
        let message = wrong(Wanted { outcome: Some("exceededcpu"), ..Wanted::default() });
        assert!(message.contains("exceededCpu") && message.ends_with("\"exceededcpu\""));
        for sampling in ["0", "1.1", "-1", "NaN", "half", ""] {
            let message = wrong(Wanted { sampling: Some(sampling), ..Wanted::default() });
            assert!(message.ends_with(&format!("{sampling:?}")), "{message}");
        }
        assert!(wrong(Wanted { method: Some("a b"), ..Wanted::default() }).contains("\"a b\""));
    }
}
