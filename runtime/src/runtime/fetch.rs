//! The way of a `fetch` event: to the shard on which it runs, inline or as a message, and of its
//! answer back. What runs it there is the slot's (`shard/slot.rs`).

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::Runtime;
use crate::event::{FetchEvent, ResponseBody};
use crate::outcome::Failure;
use crate::placement;
use crate::shard::{Answer, Job, Message, Shard, ShardHandle, Started, Ticket};
use crate::version::Version;

pub(super) const LOST: Failure = Failure::IsolateLost { reason: "the event was dropped" };
const STUCK: Failure = Failure::IsolateLost { reason: "its shard did not come back" };

impl Runtime {
    /// Runs a `fetch` event. On a front shard a trusted worker runs inline, by a function
    /// call; every other goes to a back shard. Dropping the future before it is ready
    /// cancels the event: the client has gone away.
    ///
    /// # Errors
    /// Where there is no response of the worker's own; see [`Failure`].
    pub async fn fetch(
        &self,
        version: &Arc<Version>,
        event: FetchEvent,
    ) -> Result<http::Response<ResponseBody>, Failure> {
        if let Some(failure) = version.recent_failure() {
            self.shared.tell_turned_away(version.worker(), &failure);
            return Err(failure);
        }
        if let Some(shard) = Shard::current().filter(|shard| shard.handle().is_front()) {
            let (standing, is_cautious) = (&version.standing, self.shared.caution.is_on());
            let may_call = !is_cautious && !standing.is_deaf() && !standing.inline.is_heavy();
            if may_call && shard.has_ready(version.key) {
                return self.call(&shard, version, event).await;
            }
            let may_warm = !is_cautious && self.shared.config.inspect.is_none();
            if may_warm && placement::should_promote(version) {
                // Made while this event and the next ones run on a back shard.
                let version = version.clone();
                tokio::task::spawn_local(async move { shard.warm(&version) });
            }
        }
        self.submit(version, event).await
    }

    async fn call(
        &self,
        shard: &std::rc::Rc<Shard>,
        version: &Arc<Version>,
        event: FetchEvent,
    ) -> Answer {
        let ticket = Ticket::new();
        match shard.call(job(version, event, ticket.clone(), None)) {
            Started::Done(answer) => answer,
            Started::Waiting(answer) => {
                let on_drop = OnDrop::new(|| shard.cancel(version.key, ticket.number));
                let answer = answer.await.unwrap_or(Err(LOST));
                on_drop.disarm();
                answer
            }
        }
    }

    async fn submit(&self, version: &Arc<Version>, event: FetchEvent) -> Answer {
        let waiting = version.begin_to_wait();
        if waiting >= self.shared.config.queue_per_worker {
            version.end_to_wait();
            let failure = Failure::LoadShed { what: format!("worker {}", version.worker()) };
            self.shared.tell_turned_away(version.worker(), &failure);
            return Err(failure);
        }
        let (reply, mut answer) = oneshot::channel();
        let ticket = Ticket::new();
        let job = job(version, event, ticket.clone(), Some(reply));
        let Some(shard) = self.shared.place(version, Message::Event(Box::new(job))) else {
            version.end_to_wait();
            return Err(Failure::ShuttingDown);
        };
        let on_drop = OnDrop::new(|| self.shared.cancel(version.key, &ticket));
        let answer =
            wait(&mut answer, &ticket, shard, |ticket| self.shared.back_shard(ticket)).await;
        on_drop.disarm();
        answer
    }
}

/// Waits for an answer from wherever the event is, until that shard is given up.
async fn wait(
    answer: &mut oneshot::Receiver<Answer>,
    ticket: &Ticket,
    mut shard: Arc<ShardHandle>,
    now_at: impl Fn(&Ticket) -> Option<Arc<ShardHandle>>,
) -> Answer {
    loop {
        tokio::select! {
            biased;
            now = ticket.moved() => shard = now,
            answer = &mut *answer => {
                let answer = answer.unwrap_or(Err(LOST));
                // The body is lost with the shard that has given it, though that it was moved is yet to be
                // told.
                let shard = ticket.moved_to().unwrap_or(shard);
                return answer.map(|response| {
                    response.map(|body| body.lost_with(shard.abandoned()))
                });
            }
            () = shard.abandoned().cancelled() => {
                match now_at(ticket) {
                    // It had been moved before its first shard was given up.
                    Some(now) if now.is_usable() => shard = now,
                    _ => return Err(STUCK),
                }
            }
        }
    }
}

fn job(
    version: &Arc<Version>,
    event: FetchEvent,
    ticket: Arc<Ticket>,
    reply: Option<oneshot::Sender<Answer>>,
) -> Job {
    let submitted = Instant::now();
    let version = version.clone();
    Job { version, event, reply, ticket, submitted, cold: false, waits_for: None }
}

/// Calls a function when it is dropped, unless disarmed.
struct OnDrop<F: FnMut()>(Option<F>);

impl<F: FnMut()> OnDrop<F> {
    fn new(call: F) -> OnDrop<F> {
        OnDrop(Some(call))
    }

    fn disarm(mut self) {
        self.0 = None;
    }
}

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(mut call) = self.0.take() {
            call();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::event::Chunks;
    use crate::shard::Kind;

    fn shard(index: usize) -> Arc<ShardHandle> {
        Arc::new(ShardHandle::new(index, Kind::Back))
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let within = async { tokio::time::timeout(Duration::from_secs(30), future).await };
        runtime.block_on(within).expect("it comes to an end")
    }

    #[test]
    fn an_event_that_was_taken_elsewhere_is_lost_with_the_shard_that_has_it() {
        let (first, second) = (shard(0), shard(1));
        let (_reply, mut answer) = oneshot::channel();
        let ticket = Ticket::new();
        ticket.move_to(&second);
        ticket.tell_moved();
        let ended = run(async {
            let giving_up = async { second.abandon() };
            tokio::join!(wait(&mut answer, &ticket, first.clone(), |_| None), giving_up).0
        });
        assert!(matches!(ended, Err(Failure::IsolateLost { .. })), "it is answered");
    }

    #[test]
    fn an_event_goes_on_where_the_shard_that_it_has_left_is_given_up() {
        let (first, second) = (shard(0), shard(1));
        let (reply, mut answer) = oneshot::channel();
        let ticket = Ticket::new();
        ticket.move_to(&second);
        ticket.tell_moved();
        first.abandon();
        let ended = run(async {
            let answering = async { assert!(reply.send(Err(LOST)).is_ok()) };
            tokio::join!(wait(&mut answer, &ticket, first, |_| None), answering).0
        });
        let Some(Failure::IsolateLost { reason }) = ended.err() else { panic!("it is lost") };
        assert_eq!(reason, "the event was dropped", "by its own answer");
    }

    #[test]
    fn a_body_is_lost_with_the_shard_that_has_given_it_though_the_move_is_not_told_yet() {
        let (first, second) = (shard(0), shard(1));
        let (reply, mut answer) = oneshot::channel();
        let (_sender, chunks) = Chunks::channel(1);
        let ticket = Ticket::new();
        ticket.move_to(&second);
        assert!(reply.send(Ok(http::Response::new(ResponseBody::Stream(chunks)))).is_ok());
        let ended = run(async {
            let answered = wait(&mut answer, &ticket, first.clone(), |_| None).await;
            let mut body = answered.unwrap().into_body();
            first.abandon();
            assert!(body.frame().now_or_never().is_none(), "it goes on elsewhere");
            second.abandon();
            body.frame().await
        });
        assert!(matches!(ended, Some(Err(_))), "it breaks off");
    }
}
