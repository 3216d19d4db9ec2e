//! Isolates that become large, and stay so for some seconds, leave the shards of those with short slices:
//! once, whatever runs in them. Alone, for by which shard an event is answered depends on what else there
//! is to do.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use libtest_mimic::Trial;

use crate::support::{Builder, Worker, channel, on_the_front, runtime, trial};

/// Each isolate has made up a name, with which it answers.
const SOURCE: &str = "let kept, sum = 0;
    const name = crypto.randomUUID();
    export default { async fetch(request) {
        if (request.url.endsWith('/grow')) kept = new Uint8Array(80 << 20);
        if (request.url.endsWith('/burn')) for (let i = 0; i < 5e6; i++) sum += Math.sqrt(i);
        if (request.url.endsWith('/wait')) { console.log('waiting'); await request.text(); }
        return new Response(name);
    } };";

/// Events that a worker which has moved is asked for: more than make a small one trusted and busy.
const EVENTS: usize = 200;

/// Time between two events for an isolate that is to leave. Its shard has its turn in it, too.
const PAUSE: Duration = Duration::from_millis(5);

/// An isolate that is still there after so many is never going to leave: a twentieth of them is enough.
const AT_MOST: usize = 20_000;

/// So many that another isolate has answered in a row are no accident, as where its shard was busy for a
/// moment; and so many soon after one has become large come before it could leave.
const IN_A_ROW: usize = 10;

/// Events that are sent at once: too few for another isolate beside the one that there is.
const AT_ONCE: usize = 8;

/// Time between two such times, of which the first of the events takes so little that its worker keeps
/// within its share; and how often that is done before an isolate is never going to leave.
const BETWEEN: Duration = Duration::from_millis(500);
const TIMES: usize = 100;

/// So many workers whose events found no other place are no accident.
const WITHOUT_A_PLACE: usize = 4;

/// A worker, and how many events it has been asked for.
struct Asked {
    worker: Worker,
    events: usize,
}

impl Asked {
    fn new(builder: Builder) -> Asked {
        Asked { worker: builder.build(), events: 0 }
    }

    /// The name of the isolate that answers, and of its shard.
    async fn ask(&mut self, path: &str) -> (String, String) {
        let name = self.worker.get(path).await.unwrap().text().to_owned();
        self.events += 1;
        (name, self.worker.shard_of(self.events).await)
    }

    /// The names of the isolates that answer events which are sent at once, and the shards on which these
    /// end. The first is long enough for the others to come to the shard meanwhile, and for its isolate to be
    /// measured at its end.
    async fn ask_at_once(&mut self) -> (Vec<String>, Vec<String>) {
        let paths = ["/burn"].into_iter().chain(std::iter::repeat_n("/", AT_ONCE - 1));
        let answers = join_all(paths.map(|path| self.worker.get(path))).await;
        let names = answers.into_iter().map(|answer| answer.unwrap().text().to_owned()).collect();
        let mut shards = Vec::new();
        for _ in 0..AT_ONCE {
            self.events += 1;
            shards.push(self.worker.shard_of(self.events).await);
        }
        (names, shards)
    }

    /// Whether the next process would be told that its isolates are large.
    fn is_told(&self) -> bool {
        let large = runtime().succession().large;
        large.iter().any(|(worker, _)| **worker == *self.worker.name())
    }

    /// Asks until one isolate on a shard of such a kind answers again and again: those that the worker had
    /// elsewhere are gone.
    async fn comes_to(&mut self, is_such: fn(&str) -> bool) {
        let (mut last, mut in_a_row) = (String::new(), 0);
        while in_a_row < IN_A_ROW {
            let (name, shard) = self.ask("/").await;
            in_a_row = if is_such(&shard) && name == last { in_a_row + 1 } else { 0 };
            last = name;
        }
    }

    /// Asks until that isolate does not answer any more.
    async fn leaves(&mut self, large: &str) {
        let mut others = 0;
        for _ in 0..AT_MOST {
            others = if self.ask("/").await.0 == large { 0 } else { others + 1 };
            if others == IN_A_ROW {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("it is still there");
    }

    /// Another isolate than that one answers from now on, and never on a shard of that kind.
    async fn has_left(&mut self, large: &str, is_such: fn(&str) -> bool) {
        self.ask("/grow").await;
        let mut names = HashSet::new();
        for _ in 0..EVENTS {
            let (name, shard) = self.ask("/").await;
            assert!(name != large && !is_such(&shard), "on {shard}");
            names.insert(name);
        }
        // One more, should its shard have been busy for a moment.
        assert!(names.len() <= 2, "{names:?}");
    }
}

/// Of the four back shards, those with the lower numbers.
fn is_steady(shard: &str) -> bool {
    matches!(shard, "back-0" | "back-1")
}

fn is_front(shard: &str) -> bool {
    shard == "front-0"
}

async fn an_isolate_that_becomes_large_leaves_a_steady_shard_once() {
    let mut asked = Asked::new(Worker::from_source(SOURCE));
    asked.comes_to(is_steady).await;
    let (large, shard) = asked.ask("/grow").await;
    assert!(is_steady(&shard), "on {shard}");
    assert_eq!(asked.ask("/").await.0, large, "one measure is not enough");
    asked.leaves(&large).await;
    asked.has_left(&large, is_steady).await;
}

async fn an_isolate_that_becomes_large_leaves_the_front_once() {
    on_the_front(async || {
        let mut asked = Asked::new(Worker::from_source(SOURCE).with_default_limits());
        asked.comes_to(is_front).await;
        let (large, shard) = asked.ask("/grow").await;
        assert!(is_front(&shard), "on {shard}");
        asked.leaves(&large).await;
        asked.has_left(&large, is_front).await;
    })
    .await;
}

/// That something always runs in it keeps it no longer than others.
async fn what_runs_in_an_isolate_that_leaves_goes_on() {
    let mut asked = Asked::new(Worker::from_source(SOURCE));
    asked.comes_to(is_steady).await;
    let waits = Worker { version: asked.worker.version.clone() };
    let (sender, body) = channel();
    let leaves = async {
        waits.line("waiting").await;
        let (large, shard) = asked.ask("/grow").await;
        assert!(is_steady(&shard), "on {shard}");
        asked.leaves(&large).await;
        drop(sender);
        large
    };
    let (waited, large) = tokio::join!(waits.post("/wait", body), leaves);
    assert_eq!(waited.unwrap().text(), large);
    asked.events += 1;
    asked.worker.shard_of(asked.events).await;
    asked.has_left(&large, is_steady).await;
}

/// Those that wait behind the event after which it leaves. With other workers until there are some, and
/// there is another place: on a busy machine both shards that newcomers start on may be held up for a
/// moment, or a slice takes so long that its shard becomes a slow one.
async fn events_on_their_way_to_an_isolate_that_leaves_go_where_another_may_be() {
    let mut stayed = Vec::new();
    while stayed.len() < WITHOUT_A_PLACE {
        match events_were_on_their_way_when_one_left().await {
            OnTheirWay::None => {}
            OnTheirWay::WentElsewhere => return,
            OnTheirWay::Stayed(shards) => stayed.push(shards),
        }
    }
    panic!("another isolate was made there: {stayed:?}");
}

/// What became of those of several events, sent at once, that the isolate which left did not answer.
enum OnTheirWay {
    /// It has answered none: they came after it had left.
    None,
    WentElsewhere,
    /// Another isolate has answered them on a shard of its kind. On which they were, all of them.
    Stayed(Vec<String>),
}

async fn events_were_on_their_way_when_one_left() -> OnTheirWay {
    let mut asked = Asked::new(Worker::from_source(SOURCE).with_kv("KV"));
    asked.comes_to(is_steady).await;
    let (large, shard) = asked.ask("/grow").await;
    assert!(is_steady(&shard), "on {shard}");
    for _ in 0..TIMES {
        let (names, shards) = asked.ask_at_once().await;
        let by_it = names.iter().filter(|name| **name == large).count();
        if by_it == AT_ONCE {
            tokio::time::sleep(BETWEEN).await;
            continue;
        }
        // Each was counted once, wherever it was, while it waited and while it ran.
        assert!(runtime().drain(Duration::from_secs(60)).await && !runtime().needs_data());
        // No other isolate was made there for those that it has not answered.
        let there = shards.iter().filter(|shard| is_steady(shard)).count();
        return match by_it {
            _ if there != by_it => OnTheirWay::Stayed(shards),
            0 => OnTheirWay::None,
            _ => OnTheirWay::WentElsewhere,
        };
    }
    panic!("it is still there");
}

async fn whose_isolates_are_large_is_known_to_the_next_process() {
    let mut asked = Asked::new(Worker::from_source(SOURCE));
    asked.ask("/").await;
    assert!(!asked.is_told());
    // As the process after it would be told.
    runtime().keep_apart([(asked.worker.version.worker().clone(), Duration::from_secs(600))]);
    assert!(asked.is_told());
    for _ in 0..EVENTS {
        let (_, shard) = asked.ask("/").await;
        assert!(!is_steady(&shard), "on {shard}");
    }
    // As one is told of whom it finds large itself.
    let mut other = Asked::new(Worker::from_source(SOURCE));
    other.ask("/grow").await;
    assert!(other.is_told());
}

/// What is counted then may be garbage.
async fn an_isolate_that_is_found_large_once_stays() {
    let mut asked = Asked::new(Worker::from_source(SOURCE));
    asked.comes_to(is_steady).await;
    let (name, _) = asked.ask("/grow").await;
    for _ in 0..IN_A_ROW {
        assert_eq!(asked.ask("/").await.0, name);
    }
}

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "large::an_isolate_that_becomes_large_leaves_a_steady_shard_once",
            an_isolate_that_becomes_large_leaves_a_steady_shard_once,
        ),
        trial(
            "large::an_isolate_that_becomes_large_leaves_the_front_once",
            an_isolate_that_becomes_large_leaves_the_front_once,
        ),
        trial(
            "large::what_runs_in_an_isolate_that_leaves_goes_on",
            what_runs_in_an_isolate_that_leaves_goes_on,
        ),
        trial(
            "large::events_on_their_way_to_an_isolate_that_leaves_go_where_another_may_be",
            events_on_their_way_to_an_isolate_that_leaves_go_where_another_may_be,
        ),
        trial(
            "large::whose_isolates_are_large_is_known_to_the_next_process",
            whose_isolates_are_large_is_known_to_the_next_process,
        ),
        trial(
            "large::an_isolate_that_is_found_large_once_stays",
            an_isolate_that_is_found_large_once_stays,
        ),
    ]
}
