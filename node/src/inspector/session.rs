//! One client's session with a worker: messages to and from its isolate, and the way from one
//! isolate to the next, so that breakpoints outlive a reload.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use runtime::{InspectSession, InspectTarget};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Sources;
use super::message::{self, Command, Said};
use super::replay::Replay;

/// The numbers of the commands that are repeated; clients count from 1.
const REPEATED: i64 = 1 << 30;

const GONE: &str = "the isolate is gone; the next request gets another";

/// A client and what it has asked for.
struct Client<Io> {
    socket: WebSocketStream<Io>,
    replay: Replay,
    /// Commands that wait for their answer.
    waiting: HashSet<i64>,
    paused: bool,
    sources: Arc<dyn Sources>,
}

/// The isolate that a client speaks with.
struct Present {
    target: InspectTarget,
    session: InspectSession,
}

/// Serves a client until it leaves.
pub(super) async fn serve<Io: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<Io>,
    mut targets: watch::Receiver<Option<InspectTarget>>,
    sources: Arc<dyn Sources>,
) {
    let (replay, waiting) = (Replay::default(), HashSet::new());
    let mut client = Client { socket, replay, waiting, paused: false, sources };
    let mut present = next(&mut targets);
    let end = loop {
        let step = tokio::select! {
            message = client.socket.next() => match message {
                Some(Ok(Message::Text(text))) => client.asks(text.as_str(), &present).await,
                Some(Ok(Message::Close(_))) | None => break Ok(()),
                Some(Ok(_)) => Ok(()),
                Some(Err(error)) => break Err(error),
            },
            said = said(&mut present) => match (said, &present) {
                (Some(text), Some(from)) => client.hears(text, &from.target).await,
                _ => {
                    present = None;
                    client.lost().await
                }
            },
            changed = targets.changed() => {
                if changed.is_err() {
                    break Ok(());
                }
                // The old session ends here; an isolate that is paused in it goes on.
                drop(present.take());
                present = next(&mut targets);
                match client.lost().await {
                    Ok(()) => client.repeats(&present).await,
                    Err(error) => Err(error),
                }
            }
        };
        if let Err(error) = step {
            break Err(error);
        }
    };
    if let Err(error) = end {
        tracing::debug!(%error, "a debugger's connection broke off");
    }
}

/// A session with the isolate that is there now.
fn next(targets: &mut watch::Receiver<Option<InspectTarget>>) -> Option<Present> {
    let target = targets.borrow_and_update().clone()?;
    let session = target.connect()?;
    Some(Present { target, session })
}

async fn said(present: &mut Option<Present>) -> Option<String> {
    match present {
        Some(present) => present.session.next().await,
        None => std::future::pending().await,
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Client<Io> {
    async fn asks(&mut self, text: &str, present: &Option<Present>) -> Result<(), Error> {
        let Some(command) = Command::parse(text) else { return Ok(()) };
        let id = command.id;
        let is_setting = self.replay.note(&command, text);
        match present {
            Some(present) => {
                self.waiting.insert(id);
                present.session.send(text.to_owned());
                Ok(())
            }
            // The next isolate will be told.
            None if is_setting => self.send(message::done(id)).await,
            None => self.fails(id).await,
        }
    }

    async fn fails(&mut self, id: i64) -> Result<(), Error> {
        let failed = message::failed(id, GONE);
        self.replay.note_answer(id, &failed);
        self.send(failed).await
    }

    async fn hears(&mut self, text: String, from: &InspectTarget) -> Result<(), Error> {
        let Some(said) = Said::parse(&text) else { return self.send(text).await };
        if let Some(id) = said.id {
            if id >= REPEATED {
                return Ok(());
            }
            self.waiting.remove(&id);
            self.replay.note_answer(id, &text);
            return self.send(text).await;
        }
        match said.method {
            Some("Debugger.paused") => self.paused = true,
            Some("Debugger.resumed") => self.paused = false,
            Some("Debugger.scriptParsed") => {
                let mapped = message::with_source_map(&text, |url| self.source_map(from, url));
                return self.send(mapped).await;
            }
            _ => {}
        }
        self.send(text).await
    }

    /// The isolate is gone: what it owes is answered, what it was is forgotten.
    async fn lost(&mut self) -> Result<(), Error> {
        for id in std::mem::take(&mut self.waiting) {
            self.fails(id).await?;
        }
        if std::mem::take(&mut self.paused) {
            self.send(message::event("Debugger.resumed")).await?;
        }
        self.send(message::event("Runtime.executionContextsCleared")).await
    }

    /// Tells a new isolate what the client has told the one before.
    async fn repeats(&mut self, present: &Option<Present>) -> Result<(), Error> {
        if let Some(present) = present {
            for command in self.replay.commands(REPEATED) {
                present.session.send(command);
            }
        }
        Ok(())
    }

    async fn send(&mut self, text: String) -> Result<(), Error> {
        self.socket.send(Message::text(text)).await
    }

    fn source_map(&self, from: &InspectTarget, url: &str) -> Option<String> {
        let map = self.sources.source_map(&from.worker, &from.version, url)?;
        Some(format!("data:application/json;base64,{}", BASE64_STANDARD.encode(map)))
    }
}
