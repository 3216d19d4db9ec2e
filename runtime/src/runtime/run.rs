//! The way of an event: to the shard on which it runs, by a call or as a message, and of its answer back.
//! What runs it there is the slot's (`shard/slot.rs`); which shard that is, is the policy's (`placement.rs`).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bindings::dispatch::Reply;
use bindings::event::{Kind, Trigger};
use tokio::sync::oneshot;

use super::Runtime;
use crate::event::{Call, FetchEvent, ResponseBody};
use crate::isolate;
use crate::outcome::Failure;
use crate::placement;
use crate::shard::{Answer, Job, Message, Shard, ShardHandle, Started, Ticket};
use crate::version::Version;

pub(super) const LOST: Failure = Failure::IsolateLost { reason: "the event was dropped" };
const STUCK: Failure = Failure::IsolateLost { reason: "its shard did not come back" };
const NO_RESPONSE: Failure = Failure::IsolateLost { reason: "it ended without a response" };

impl Runtime {
    /// Runs a request that asks for no upgrade; [`run`](Self::run) with the answer that it has.
    ///
    /// # Errors
    /// Where there is no response of the worker's own; see [`Failure`].
    pub async fn fetch(
        &self,
        version: &Arc<Version>,
        event: FetchEvent,
    ) -> Result<http::Response<ResponseBody>, Failure> {
        match self.run(version, Call::fetch(event)).await? {
            Reply::Response(response) => Ok(response),
            Reply::Upgrade(_) | Reply::Ended(_) => Err(NO_RESPONSE),
        }
    }

    /// Runs an event. On a front shard a request to a trusted worker runs inline, by a function call, a call of
    /// another worker likewise, and so does on a back shard what comes there for a version that is ready there; everything else goes to a
    /// back shard. Dropping the future before it is ready cancels the event: who asked for it has gone away.
    /// Not to be polled inside of a slice.
    ///
    /// A request is answered as soon as there is a response; an event of another kind when it has ended, or
    /// when its own rules say that whoever sent it need not wait for what it goes on with.
    ///
    /// # Errors
    /// Of a request, where there is no response of the worker's own. Of other kinds, where the event has not
    /// run, or is lost without a trace: what has run and failed has [ended](Reply::Ended). See [`Failure`].
    pub async fn run(&self, version: &Arc<Version>, mut call: Call) -> Result<Reply, Failure> {
        self.admit(version)?;
        if let Some(shard) = Shard::current() {
            let is_cautious = self.services.caution.is_on();
            let kind = call.trigger.kind();
            if placement::may_call(version, shard.handle(), kind, is_cautious)
                && shard.has_ready(version.key)
                && !isolate::is_entered()
            {
                return self.call(&shard, version, call).await;
            }
            self.promote(&shard, version, kind, is_cautious);
            if let Trigger::Rpc(session) = &mut call.trigger {
                session.lost_with(shard.handle().abandoned());
            }
        }
        self.send(version, call).await
    }

    /// The same for callers that are on no shard: always as a message. The future may move between threads.
    ///
    /// # Errors
    /// As there.
    pub async fn submit(&self, version: &Arc<Version>, call: Call) -> Result<Reply, Failure> {
        self.admit(version)?;
        self.send(version, call).await
    }

    /// Whether the version is to run at all now.
    fn admit(&self, version: &Version) -> Result<(), Failure> {
        let Some(failure) = version.recent_failure() else { return Ok(()) };
        self.services.tell_turned_away(version.worker(), &failure);
        Err(failure)
    }

    /// Has a busy, trusted version get an isolate on the front shard to which a request came. It is made
    /// while this event and the next ones run on a back shard.
    fn promote(&self, shard: &Rc<Shard>, version: &Arc<Version>, kind: Kind, is_cautious: bool) {
        let may_warm = shard.handle().is_front() && placement::is_for_front(kind) && !is_cautious;
        if may_warm && self.services.config.inspect.is_none() && placement::should_promote(version)
        {
            let (shard, version) = (shard.clone(), version.clone());
            tokio::task::spawn_local(async move { shard.warm(&version) });
        }
    }

    async fn call(&self, shard: &Rc<Shard>, version: &Arc<Version>, call: Call) -> Answer {
        let number = Ticket::next_number();
        match shard.call(job(version, call, number)) {
            Started::Done(answer) => answer,
            Started::Waiting(answer) => {
                let on_drop = OnDrop::new(|| shard.cancel(version.key, number));
                let answer = answer.await.unwrap_or(Err(LOST));
                on_drop.disarm();
                answer
            }
        }
    }

    async fn send(&self, version: &Arc<Version>, call: Call) -> Answer {
        let waiting = version.begin_to_wait();
        if waiting >= self.services.config.queue_per_worker {
            version.end_to_wait();
            let failure = Failure::LoadShed { what: format!("worker {}", version.worker()) };
            self.services.tell_turned_away(version.worker(), &failure);
            return Err(failure);
        }
        let (reply, mut answer) = oneshot::channel();
        let ticket = Ticket::new();
        let job = Job {
            reply: Some(reply),
            ticket: Some(ticket.clone()),
            ..job(version, call, ticket.number)
        };
        let Some(shard) = self.fleet.place(version, Message::Event(Box::new(job))) else {
            version.end_to_wait();
            return Err(Failure::ShuttingDown);
        };
        let on_drop = OnDrop::new(|| self.fleet.cancel(version.key, &ticket));
        let answer =
            wait(&mut answer, &ticket, shard, |ticket| self.fleet.back_shard(ticket)).await;
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
                return answer.map(|reply| lost_with(reply, &shard));
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

/// The same reply; what of it is still to come breaks off when the shard is given up.
fn lost_with(reply: Reply, shard: &ShardHandle) -> Reply {
    match reply {
        Reply::Response(response) => {
            Reply::Response(response.map(|body| body.lost_with(shard.abandoned())))
        }
        Reply::Upgrade(upgrade) => Reply::Upgrade(upgrade.lost_with(shard.abandoned())),
        Reply::Ended(ended) => Reply::Ended(ended),
    }
}

/// An event with that number, whose answer the caller gets as a value.
fn job(version: &Arc<Version>, call: Call, number: u64) -> Job {
    let submitted = Instant::now();
    let version = version.clone();
    Job {
        version,
        call,
        number,
        reply: None,
        ticket: None,
        submitted,
        cold: false,
        waits_for: None,
    }
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

    use bindings::dispatch::Upgrade;
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
        let response = http::Response::new(ResponseBody::Stream(chunks));
        assert!(reply.send(Ok(Reply::Response(response))).is_ok());
        let ended = run(async {
            let answered = wait(&mut answer, &ticket, first.clone(), |_| None).await;
            let Ok(Reply::Response(response)) = answered else { panic!("it is answered") };
            let mut body = response.into_body();
            first.abandon();
            assert!(body.frame().now_or_never().is_none(), "it goes on elsewhere");
            second.abandon();
            body.frame().await
        });
        assert!(matches!(ended, Some(Err(_))), "it breaks off");
    }

    #[test]
    fn an_upgraded_connection_is_lost_with_the_shard_that_has_its_other_end() {
        let shard = shard(0);
        let (reply, mut answer) = oneshot::channel();
        let (taker, _taken) = oneshot::channel();
        let upgrade = Upgrade::new(http::Response::new(()), taker);
        assert!(reply.send(Ok(Reply::Upgrade(upgrade))).is_ok());
        run(async {
            let answered = wait(&mut answer, &Ticket::new(), shard.clone(), |_| None).await;
            let Ok(Reply::Upgrade(upgrade)) = answered else { panic!("it is answered") };
            let lost = upgrade.lost().expect("it may be lost");
            assert!(!lost.is_cancelled());
            shard.abandon();
            lost.cancelled().await;
        });
    }
}
