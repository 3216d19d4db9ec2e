//! How events end that would not by themselves, and that this is nothing to others.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use isolane_node::Outcome;
use libtest_mimic::Trial;
use queue::Verdict;
use runtime::{Ended, KindResult};

use crate::support::{MAX_WALL, Node, batch, cron, thrown, trial};

const AGAIN: Verdict = Verdict::Retry { delay: None };

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("what_goes_on_for_ever_is_ended_and_what_it_has_said_counts", goes_on),
        trial("what_waits_for_ever_is_ended_beside_others_of_its_isolate", waits),
        trial("what_can_never_settle_is_ended_at_once", never_settles),
        trial("many_events_at_a_time_each_have_an_end_of_their_own", many),
    ]
}

/// What becomes of the messages of a batch.
fn verdicts(ended: &Ended) -> Vec<Verdict> {
    let KindResult::Queue(acks) = &ended.result else { panic!("it was a batch") };
    acks.resolve(ended.outcome == Outcome::Ok)
}

async fn goes_on() {
    let node = Node::with("");
    let source = "export default {
        async queue({ messages: [first] }) { first.ack(); for (;;) await scheduler.wait(10) },
        async scheduled() { for (;;) await scheduler.wait(10) },
    }";
    node.deploy("restless", source).await;
    node.deploy("quick", "export default { async scheduled() { await scheduler.wait(1) } }").await;
    let began = Instant::now();
    let quick = async {
        for _ in 0..5 {
            assert_eq!(node.run("quick", cron()).await.outcome, Outcome::Ok);
        }
    };
    let both = join(node.run("restless", batch(2)), node.run("restless", cron()));
    let ((of_batch, of_cron), ()) = join(both, quick).await;
    assert!(began.elapsed() >= MAX_WALL);
    assert_eq!(of_batch.outcome, Outcome::ExceededWallTime);
    assert_eq!(verdicts(&of_batch), [Verdict::Ack, AGAIN]);
    assert_eq!(of_cron.outcome, Outcome::ExceededWallTime);
}

async fn waits() {
    let node = Node::with("");
    // The other events of the isolate keep it busy, so that something is always pending.
    let source = "export default {
        queue(batch, env, ctx) {
            const isFirst = batch.messages[0].body === 0;
            ctx.waitUntil(isFirst && batch.messages.length > 1 ? new Promise(() => {}) : scheduler.wait(50));
        },
    }";
    node.deploy("patient", source).await;
    let others = async {
        let began = Instant::now();
        while began.elapsed() < 2 * MAX_WALL {
            let ended = node.run("patient", batch(1)).await;
            assert_eq!((ended.outcome, thrown(&ended)), (Outcome::Ok, ""));
            assert_eq!(verdicts(&ended), [Verdict::Ack]);
        }
    };
    let (ended, ()) = join(node.run("patient", batch(2)), others).await;
    // It has not come to an end in its time, or nothing that it waits for was pending for a moment.
    let verdicts = verdicts(&ended);
    match ended.outcome {
        Outcome::ExceededWallTime => assert_eq!(verdicts, [AGAIN; 2]),
        Outcome::Ok => assert_eq!(verdicts, [Verdict::Ack; 2]),
        other => panic!("{other}"),
    }
}

async fn never_settles() {
    let node = Node::with("");
    let source = "export default {
        scheduled: () => new Promise(() => {}),
        async queue({ messages }) { messages[1].ack(); await new Promise(() => {}) },
    }";
    node.deploy("stuck", source).await;
    let ended = node.run("stuck", cron()).await;
    let words = "the handler's promise never settles: nothing it waits for is pending";
    assert_eq!((ended.outcome, thrown(&ended)), (Outcome::Exception, words));
    let ended = node.run("stuck", batch(3)).await;
    assert_eq!((ended.outcome, thrown(&ended)), (Outcome::Exception, words));
    assert_eq!(verdicts(&ended), [AGAIN, Verdict::Ack, AGAIN]);
}

async fn many() {
    let node = Node::with("");
    let source = "export default { async queue({ messages }) {
        const { length } = messages;
        await scheduler.wait(length % 7);
        if (length % 3 === 0) throw new Error(`${length} messages`);
        if (length % 3 === 1) messages[0].retry({ delaySeconds: length });
    } }";
    node.deploy("crowd", source).await;
    let events = (1..=60).map(|count| {
        let event = node.run("crowd", batch(count));
        async move { (count, event.await) }
    });
    for (count, ended) in join_all(events).await {
        let length = count as usize;
        let verdicts = verdicts(&ended);
        assert_eq!(verdicts.len(), length);
        if count % 3 == 0 {
            assert_eq!(thrown(&ended), format!("Error: {count} messages"));
            assert_eq!(verdicts, vec![AGAIN; length]);
            continue;
        }
        assert_eq!((ended.outcome, thrown(&ended)), (Outcome::Ok, ""));
        let delay = Duration::from_secs(count.into());
        let first = match count % 3 {
            1 => Verdict::Retry { delay: Some(delay) },
            _ => Verdict::Ack,
        };
        assert_eq!(verdicts[0], first);
        assert!(verdicts[1..].iter().all(|verdict| *verdict == Verdict::Ack));
    }
}
