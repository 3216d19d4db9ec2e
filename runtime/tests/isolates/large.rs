//! Isolates that become large, and stay so for some seconds, leave the shards of those with short slices:
//! once, whatever runs in them. Alone, for by which shard an event is answered depends on what else there
//! is to do.

use std::collections::HashSet;
use std::time::Duration;

use libtest_mimic::Trial;

use crate::support::{Builder, Worker, channel, on_the_front, trial};

/// Each isolate has made up a name, with which it answers.
const SOURCE: &str = "let kept;
    const name = crypto.randomUUID();
    export default { async fetch(request) {
        if (request.url.endsWith('/grow')) kept = new Uint8Array(80 << 20);
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
            "large::an_isolate_that_is_found_large_once_stays",
            an_isolate_that_is_found_large_once_stays,
        ),
    ]
}
