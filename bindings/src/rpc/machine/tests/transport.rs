//! Machines on threads of their own.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};

use super::super::{Effect, Limits, Machine, Message, On, SessionId, StubId};
use super::support::say;
use crate::rpc::frame::{Path, RpcError};
use crate::rpc::transport::{Transport, drive, pair};

/// The machine of an event that has its own thread.
struct Event {
    machine: Rc<RefCell<Machine>>,
    counter: Arc<AtomicUsize>,
}

impl Event {
    fn new() -> Self {
        let counter = Arc::default();
        let machine = Rc::new(RefCell::new(Machine::new(Limits::default(), &counter)));
        Self { machine, counter }
    }

    fn connect(&self, transport: Transport) -> (SessionId, StubId, JoinHandle<()>) {
        let (session, stub) = self.machine.borrow_mut().connect();
        (session, stub, spawn_local(drive(&self.machine, session, transport)))
    }

    fn accept(&self, transport: Transport) -> JoinHandle<()> {
        let (session, _) = self.machine.borrow_mut().accept();
        spawn_local(drive(&self.machine, session, transport))
    }

    async fn next(&self) -> Option<Effect> {
        poll_fn(|cx| self.machine.borrow_mut().poll_effect(cx)).await
    }

    fn call(&self, stub: StubId, message: Message) {
        let on = On::Stub(stub);
        self.machine.borrow_mut().call(on, Path::new(), Some(message)).unwrap();
    }

    /// Answers each call with its arguments until its session is over.
    async fn echo(&self) {
        while let Some(effect) = self.next().await {
            match effect {
                Effect::Deliver { answer, .. } => {
                    let mut machine = self.machine.borrow_mut();
                    let data = machine.take_args(answer).unwrap().data;
                    machine.answer(answer, Ok(Message { data, caps: Vec::new() }), None);
                }
                Effect::Closed { .. } => return,
                _ => {}
            }
        }
    }
}

/// Runs something in an event loop of its own, and not for ever.
fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let limited = async {
        let limit = Duration::from_secs(60);
        tokio::time::timeout(limit, future).await.expect("it hangs")
    };
    LocalSet::new().block_on(&runtime, limited)
}

#[test]
fn calls_and_results_pass_between_threads_in_order() {
    const CALLS: usize = 40;
    let (ours, theirs) = pair();
    let callee = std::thread::spawn(move || {
        run(async move {
            let event = Event::new();
            let driver = event.accept(theirs);
            event.echo().await;
            driver.await.unwrap();
            drop(event.machine);
            assert_eq!(event.counter.load(Ordering::Relaxed), 0);
        });
    });
    let counter = run(async move {
        let event = Event::new();
        let (_, stub, driver) = event.connect(ours);
        for index in 0..CALLS {
            let data = Bytes::from(vec![index as u8; 300_000]);
            event.call(stub, Message { data, caps: Vec::new() });
        }
        event.machine.borrow_mut().dispose(stub);
        let mut results = 0;
        while let Some(effect) = event.next().await {
            match effect {
                Effect::Settle { question, result } => {
                    assert_eq!(result.unwrap().data, vec![results as u8; 300_000]);
                    results += 1;
                    event.machine.borrow_mut().finish(question);
                }
                Effect::Closed { reason, .. } => {
                    assert_eq!((results, reason), (CALLS, None));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        driver.await.unwrap();
        event.counter
    });
    callee.join().unwrap();
    assert_eq!(counter.load(Ordering::Relaxed), 0);
}

#[test]
fn the_drop_of_one_end_is_seen_by_the_other() {
    run(async {
        let event = Event::new();
        let (ours, theirs) = pair();
        let (_, stub, driver) = event.connect(ours);
        event.call(stub, say(""));
        drop(theirs);
        let Some(Effect::Settle { result, .. }) = event.next().await else { panic!("no end") };
        assert_eq!(result, Err(RpcError::gone()));
        assert!(matches!(event.next().await, Some(Effect::Closed { .. })));
        driver.await.unwrap();
    });
}

#[test]
fn what_an_event_says_last_arrives_and_its_driver_ends_with_it() {
    run(async {
        let (caller, callee) = (Event::new(), Event::new());
        let (ours, theirs) = pair();
        let (_, stub, _) = caller.connect(ours);
        let driver = callee.accept(theirs);
        caller.call(stub, say("1"));
        caller.call(stub, say("2"));
        let Some(Effect::Deliver { answer, .. }) = callee.next().await else { panic!("no call") };
        let reason = RpcError::error("aborted");
        callee.machine.borrow_mut().answer(answer, Ok(say("one")), None);
        callee.machine.borrow_mut().close(Some(reason.clone()));
        drop(callee);
        driver.await.unwrap();
        let mut results = Vec::new();
        while let Some(Effect::Settle { result, .. }) = caller.next().await {
            results.push(result.map(|value| value.data));
        }
        assert_eq!(results, [Ok(Bytes::from_static(b"one")), Err(reason)]);
    });
}

#[test]
fn what_nobody_takes_stays_with_who_sent_it() {
    run(async {
        let event = Event::new();
        let (ours, theirs) = pair();
        let (session, stub, driver) = event.connect(ours);
        for _ in 0..10 {
            event.call(stub, say(&"x".repeat(500_000)));
        }
        let outbox = event.machine.borrow().outbox(session).unwrap();
        let before = outbox.bytes();
        while outbox.bytes() == before {
            yield_now().await;
        }
        // Three have gone: with these the window is full.
        assert!((3_400_000..3_600_000).contains(&outbox.bytes()), "{}", outbox.bytes());
        assert!(event.counter.load(Ordering::Relaxed) > 5_000_000);

        let callee = Event::new();
        let echo = spawn_local(async move {
            let _driver = callee.accept(theirs);
            callee.echo().await;
        });
        event.machine.borrow_mut().dispose(stub);
        let mut results = 0;
        while let Some(effect) = event.next().await {
            match effect {
                Effect::Settle { question, .. } => {
                    results += 1;
                    event.machine.borrow_mut().finish(question);
                }
                _ => break,
            }
        }
        assert_eq!(results, 10);
        driver.await.unwrap();
        echo.await.unwrap();
        assert_eq!(event.counter.load(Ordering::Relaxed), 0);
    });
}
