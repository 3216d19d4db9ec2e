//! What goes into an isolate and what comes out of it: a call, and the report at the end of its event.
//! Plain data: no V8, no sockets. What events of each kind carry, and the bodies, are the bindings'.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bindings::event::{CallContext, Kind, Trigger};

use crate::outcome::Outcome;

pub use bindings::event::Client;
pub use bindings::event::Fetch as FetchEvent;
pub use bindings::event::body::{BodyError, Chunks, RequestBody, ResponseBody, WaitingBytes};

/// What is to be run in a worker: an event, and how it was called.
pub struct Call {
    /// The event.
    pub trigger: Trigger,
    /// Who calls, whom of the worker's exports, and with what.
    pub context: CallContext,
}

impl Call {
    /// A call of that event.
    pub fn new(trigger: Trigger, context: CallContext) -> Call {
        Call { trigger, context }
    }

    /// A request to the default export. How far it has come, its head may say (`hops.rs` of the bindings).
    pub fn fetch(event: FetchEvent) -> Call {
        Call { trigger: Trigger::Fetch(Box::new(event)), context: CallContext::default() }
    }
}

/// What an observer learns when an event of a worker begins of which somebody wants traces.
#[derive(Debug, Clone, Copy)]
pub struct EventBegan<'a> {
    /// The worker's name.
    pub worker: &'a Arc<str>,
    /// The version's identifier.
    pub version: &'a Arc<str>,
    /// The event's number, unique in the process.
    pub event: u64,
    /// Its kind.
    pub kind: Kind,
    /// The export that handles it; `None` for the default one.
    pub entrypoint: Option<&'a Arc<str>>,
}

/// What observers learn when an event is over: once for each, whether it has run or was refused by its
/// isolate's end.
#[derive(Debug, Clone)]
pub struct EventReport {
    /// The worker's name.
    pub worker: Arc<str>,
    /// The version's identifier.
    pub version: Arc<str>,
    /// The event's number, unique in the process: lines of the console carry it, too.
    pub event: u64,
    /// Its kind.
    pub kind: Kind,
    /// The export that handled it; `None` for the default one.
    pub entrypoint: Option<Arc<str>>,
    /// What it was about. Of a request only where somebody wants traces of the worker.
    pub detail: Option<Box<Detail>>,
    /// Whether somebody wanted traces of the worker when it began.
    pub is_traced: bool,
    /// When it came.
    pub started: Instant,
    /// How it ended.
    pub outcome: Outcome,
    /// CPU time charged to the event.
    pub cpu: Duration,
    /// CPU time that it could have used.
    pub cpu_limit: Duration,
    /// From dispatch to the end, waiting included.
    pub wall: Duration,
    /// Whether an isolate had to be loaded for it.
    pub cold: bool,
    /// `Error: message` and the stack, where there was one.
    pub exception: Option<(String, String)>,
}

impl EventReport {
    /// Whether it used more than a tenth of the CPU time that it may use: whoever runs the worker
    /// wants to know before an event uses all of it.
    pub fn is_costly(&self) -> bool {
        self.cpu > self.cpu_limit / 10
    }

    /// When it came, in milliseconds since the epoch. Not among the figures, for most who get a report
    /// do not ask, and a clock would have to be read for each event.
    pub fn started_at_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = now.saturating_sub(self.started.elapsed());
        u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What an event was about, as a trace tells it.
#[derive(Debug, Clone)]
pub enum Detail {
    /// A request.
    Fetch(FetchDetail),
    /// A cron trigger.
    Scheduled {
        /// The expression that was due, as it was written.
        cron: Arc<str>,
        /// When it was, in milliseconds since the epoch.
        scheduled_time_ms: u64,
    },
    /// Messages of a queue.
    Queue {
        /// The queue's name.
        queue: Arc<str>,
        /// How many there were.
        batch_size: usize,
    },
    /// Traces of other workers.
    Tail {
        /// The names of those workers, one for each trace. Empty where nobody wants traces of this one.
        consumed: Vec<Arc<str>>,
    },
    /// Calls of another event.
    Rpc {
        /// What was called first: a method's name, or a property's.
        method: Arc<str>,
    },
}

/// What a request was about.
#[derive(Debug, Clone)]
pub struct FetchDetail {
    /// The method.
    pub method: http::Method,
    /// The URL, with the query.
    pub url: String,
    /// The headers, secrets among them.
    pub headers: http::HeaderMap,
    /// The text of `request.cf`, which is JSON, where something is known of the client.
    pub cf: Option<String>,
    /// The status of the response; `None` where there was none.
    pub status: Option<u16>,
}

impl Detail {
    /// What an event is about that is to run. Costs nothing for a request of which nobody wants a trace.
    pub(crate) fn of(trigger: &Trigger, is_traced: bool) -> Option<Box<Detail>> {
        let detail = match trigger {
            Trigger::Fetch(_) if !is_traced => return None,
            Trigger::Fetch(fetch) => Detail::Fetch(FetchDetail {
                method: fetch.head.method.clone(),
                url: fetch.head.uri.to_string(),
                headers: fetch.head.headers.clone(),
                cf: fetch.client.as_ref().map(|client| client.cf(&fetch.head)),
                status: None,
            }),
            Trigger::Scheduled(scheduled) => Detail::Scheduled {
                cron: scheduled.cron.clone(),
                scheduled_time_ms: scheduled.scheduled_time_ms,
            },
            Trigger::Queue(batch) => {
                Detail::Queue { queue: batch.queue.clone(), batch_size: batch.messages.len() }
            }
            Trigger::Tail(batch) => {
                let consumed = if is_traced { names_of(&batch.items) } else { Default::default() };
                Detail::Tail { consumed }
            }
            Trigger::Rpc(session) => Detail::Rpc { method: session.method().clone() },
        };
        Some(Box::new(detail))
    }

    /// Takes note of the status of the response.
    pub(crate) fn set_status(&mut self, status: u16) {
        if let Detail::Fetch(fetch) = self {
            fetch.status = Some(status);
        }
    }
}

/// The workers of which those traces are, a JSON array.
fn names_of(items: &str) -> Vec<Arc<str>> {
    let items: Vec<serde_json::Value> = serde_json::from_str(items).unwrap_or_default();
    let names = items.iter().filter_map(|item| item.get("scriptName")?.as_str());
    names.map(Arc::from).collect()
}

#[cfg(test)]
mod tests {
    use bindings::event::{Scheduled, TailBatch};

    use super::*;

    fn request() -> Trigger {
        let request = http::Request::get("http://a.b/c?d=e").header("a", "b").body(()).unwrap();
        let (head, ()) = request.into_parts();
        Call::fetch(FetchEvent { head, body: RequestBody::Empty, client: None }).trigger
    }

    #[test]
    fn of_a_request_nothing_is_kept_unless_somebody_wants_a_trace() {
        assert!(Detail::of(&request(), false).is_none());
        let mut detail = Detail::of(&request(), true).unwrap();
        detail.set_status(204);
        let Detail::Fetch(fetch) = *detail else { panic!("it is a request") };
        assert_eq!((fetch.url.as_str(), fetch.status), ("http://a.b/c?d=e", Some(204)));
        assert_eq!(fetch.headers["a"], "b");
    }

    #[test]
    fn of_other_events_it_is_always_known_what_they_are_about() {
        let scheduled = Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 7 };
        let detail = Detail::of(&Trigger::Scheduled(scheduled), false).unwrap();
        let Detail::Scheduled { cron, scheduled_time_ms } = *detail else { panic!("it is a cron") };
        assert_eq!((&*cron, scheduled_time_ms), ("* * * * *", 7));
    }

    #[test]
    fn whose_traces_came_is_read_of_them_where_somebody_asks() {
        let items =
            r#"[{ "scriptName": "shop" }, { "scriptName": null }, {}, { "scriptName": "blog" }]"#;
        let consumed = |is_traced| {
            let trigger = Trigger::Tail(TailBatch { items: items.into() });
            let detail = Detail::of(&trigger, is_traced).unwrap();
            let Detail::Tail { consumed } = *detail else { panic!("they are traces") };
            consumed.iter().map(|name| name.to_string()).collect::<Vec<String>>()
        };
        assert_eq!(consumed(true), ["shop", "blog"]);
        assert!(consumed(false).is_empty());
    }

    #[test]
    fn when_an_event_came_is_known_by_the_time_of_day_when_somebody_asks() {
        let now_ms = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let ago = Duration::from_secs(10);
        let Some(started) = Instant::now().checked_sub(ago) else { return };
        let report = EventReport {
            worker: "w".into(),
            version: "1".into(),
            event: 1,
            kind: Kind::Fetch,
            entrypoint: None,
            detail: None,
            is_traced: false,
            started,
            outcome: Outcome::Ok,
            cpu: Duration::ZERO,
            cpu_limit: Duration::ZERO,
            wall: Duration::ZERO,
            cold: false,
            exception: None,
        };
        let before_ms = now_ms() - ago.as_millis() as u64;
        let ms = report.started_at_ms();
        assert!((before_ms - 1..=before_ms + 60_000).contains(&ms), "{ms} and {before_ms}");
    }
}
