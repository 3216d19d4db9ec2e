//! Who asks the admin API, by the token that they show, and what they may: the operator all, a
//! deployer what the configuration gives them (`config/deployers.rs`).

use http::StatusCode;
use registry::VersionRecord;
use router::Pattern;

use super::answer::Fault;
use super::routes::{Captures, CronOperation, Operation, QueueOperation, WorkerOperation};
use super::token::{Token, TokenError};
use crate::accept::{Holder, Place};
use crate::config::{AdminConfig, Deployer};
use crate::deployments::ChangeError;

/// Everyone who may ask.
#[derive(Default)]
pub(super) struct Callers {
    /// `None` where whoever reaches the listener is the operator.
    operator: Option<Token>,
    deployers: Vec<(Token, Deployer)>,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(super) enum Caller<'a> {
    Operator,
    Deployer(&'a Deployer),
}

impl Callers {
    /// Those of the configuration, whose tokens are read.
    pub(super) fn read(config: &AdminConfig) -> Result<Self, TokenError> {
        let operator = config.token_file.as_deref().map(Token::read).transpose()?;
        let deployers = config.deployers.iter();
        let deployers =
            deployers.map(|deployer| Ok((Token::read(&deployer.token_file)?, deployer.clone())));
        Ok(Self { operator, deployers: deployers.collect::<Result<_, TokenError>>()? })
    }

    /// Whether a token is asked for.
    pub(super) fn have_tokens(&self) -> bool {
        self.operator.is_some()
    }

    /// Those who may deploy some workers and nothing else.
    pub(super) fn deployers(&self) -> impl Iterator<Item = &Deployer> {
        self.deployers.iter().map(|(_, deployer)| deployer)
    }

    /// With the token that the operator has to show.
    pub(super) fn with_operator(self, operator: Option<Token>) -> Self {
        Self { operator, ..self }
    }

    /// Who shows that token.
    pub(super) fn who(&self, shown: Option<&[u8]>) -> Result<Caller<'_>, Fault> {
        let Some(operator) = &self.operator else { return Ok(Caller::Operator) };
        let Some(shown) = shown else {
            return Err(Fault::unauthorized("expected Authorization: Bearer and the node's token"));
        };
        if operator.is(shown) {
            return Ok(Caller::Operator);
        }
        let found = self.deployers.iter().find(|(token, _)| token.is(shown));
        let found = found.map(|(_, deployer)| Caller::Deployer(deployer));
        found.ok_or_else(|| Fault::unauthorized("the token is not that of this node"))
    }
}

impl<'a> Caller<'a> {
    /// The one who deploys, if it is one.
    pub(super) fn deployer(self) -> Option<&'a Deployer> {
        match self {
            Self::Operator => None,
            Self::Deployer(deployer) => Some(deployer),
        }
    }

    /// Whose connections and turns theirs are, where they have shown a token.
    pub(super) fn holder(self) -> Holder {
        self.deployer().map_or(Holder::Operator, |it| Holder::Named(it.name.as_str().into()))
    }

    /// Gives them the connection that they ask on, which may be at a place of the listener; or says
    /// that they have too many. They are one of these callers.
    pub(super) fn keep(self, place: Option<&Place>, of: &Callers) -> Result<Self, Fault> {
        let holder = match of.have_tokens() {
            true => self.holder(),
            // Whoever reaches the listener is taken for the operator.
            false => Holder::Anybody,
        };
        if place.is_none_or(|place| place.keep(&holder)) {
            return Ok(self);
        }
        let most = holder.most();
        let who = self.deployer().map_or("the operator", |deployer| deployer.name.as_str());
        Err(Fault::busy(format!(
            "{who} has {most} connections to the admin API, and may have no more: close one, or \
             try again in a moment"
        )))
    }

    /// Lets an operation happen, or says why not.
    pub(super) fn may(self, operation: Operation, captures: &Captures<'_>) -> Result<(), Fault> {
        let Self::Deployer(deployer) = self else { return Ok(()) };
        match operation {
            Operation::GetDescription | Operation::GetNode => Ok(()),
            Operation::GetMetrics => refuse(deployer, "the metrics of the node"),
            Operation::Kv(_) => refuse(deployer, "the KV namespaces of the node"),
            // What of it is theirs is seen to where it is listed.
            Operation::Worker(WorkerOperation::ListWorkers)
            | Operation::Cron(CronOperation::ListCrons)
            | Operation::Queue(QueueOperation::ListQueues)
            | Operation::Tail => Ok(()),
            Operation::Worker(_) | Operation::Cron(_) => self.may_see(captures.get("worker")),
            Operation::Queue(_) => match captures.get("queue") {
                queue if deployer.queues.have(queue) => Ok(()),
                queue => refuse(deployer, &format!("the queue {queue}")),
            },
        }
    }

    /// Lets a worker be looked at, or says that it is another's.
    pub(super) fn may_see(self, worker: &str) -> Result<(), Fault> {
        match self {
            Self::Deployer(deployer) if !deployer.workers.have(worker) => {
                refuse(deployer, &format!("worker {worker}"))
            }
            Self::Operator | Self::Deployer(_) => Ok(()),
        }
    }

    /// Whether it is theirs to know of a worker of that name.
    pub(super) fn sees(self, worker: &str) -> bool {
        self.deployer().is_none_or(|deployer| deployer.workers.have(worker))
    }

    /// What they are told of a change that was not made: no name of another's worker.
    pub(super) fn told(self, error: ChangeError) -> Fault {
        match error {
            ChangeError::RouteTaken { pattern, owner } if !self.sees(&owner) => {
                let message = format!(
                    "the route {pattern} is taken: it leads to a worker that is not yours; the \
                     operator may say which"
                );
                ChangeError::Conflict { message }.into()
            }
            ChangeError::QueueTaken { queue, owner } if !self.sees(&owner) => {
                let message = format!(
                    "the queue {queue} is taken: a worker that is not yours consumes it, and a \
                     queue has one consumer; the operator may say which"
                );
                ChangeError::Conflict { message }.into()
            }
            other => other.into(),
        }
    }

    /// Lets a version become active, or says what of all that it asks for is another's.
    pub(super) fn may_activate(self, version: &VersionRecord) -> Result<(), Fault> {
        let Self::Deployer(deployer) = self else { return Ok(()) };
        match beyond(deployer, version).next() {
            Some(what) => refuse(deployer, &what),
            None => Ok(()),
        }
    }
}

/// What a version asks for that a deployer may not have: routes, namespaces, queues, other workers.
pub(super) fn beyond(deployer: &Deployer, version: &VersionRecord) -> impl Iterator<Item = String> {
    // What is no route is refused where it is read.
    let is_beyond = move |route: &&String| {
        Pattern::parse(route).is_ok_and(|pattern| !deployer.may_have(&pattern))
    };
    let routes = version.routes.iter().filter(is_beyond);
    let routes = routes.map(|route| format!("the route {route}"));
    let bindings = version.bindings.iter().filter_map(move |binding| {
        let target = binding.target.as_deref()?;
        let (is_theirs, what) = match binding.kind.as_str() {
            "kv_namespace" => (deployer.namespaces.have(target), "the KV namespace"),
            "queue" => (deployer.queues.have(target), "the queue"),
            "service" => (deployer.workers.have(target), "the worker"),
            _ => return None,
        };
        (!is_theirs).then(|| format!("{what} {target}"))
    });
    let dead = version.consumers.iter().filter_map(|it| it.dead_letter_queue.as_ref());
    let queues = version.consumers.iter().map(|it| &it.queue).chain(dead);
    let queues = queues.filter(move |queue| !deployer.queues.have(queue));
    let queues = queues.map(|queue| format!("the queue {queue}"));
    let tails = version.tail_consumers.iter();
    let tails = tails.filter(move |worker| !deployer.workers.have(worker));
    let tails = tails.map(|worker| format!("the worker {worker}"));
    routes.chain(bindings).chain(queues).chain(tails)
}

fn refuse<T>(deployer: &Deployer, what: &str) -> Result<T, Fault> {
    let Deployer { name, workers, .. } = deployer;
    let message = format!(
        "the token of {name} does not open {what}: it is for the workers {workers} with the routes, \
         namespaces and queues that [[admin.deployers]] in node.toml gives them; the operator may do \
         it, or give {name} more"
    );
    Err(Fault::new(StatusCode::FORBIDDEN, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::routes::find;
    use crate::config::Config;

    const CONFIG: &str = "[admin]\ntoken_file = 'operator'\n[[admin.deployers]]\nname = 'shop'
        token_file = 'shop.token'\nworkers = ['shop', 'shop-*']\nqueues = ['orders', 'shop-*']";

    /// Whether the operator and the deployer may ask for that.
    fn may(method: &str, path: &str) -> (bool, bool) {
        let config = Config::parse("node.toml".as_ref(), CONFIG).unwrap();
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (route, captures) = find(method, path, &segments).unwrap();
        let callers = [Caller::Operator, Caller::Deployer(&config.admin.deployers[0])];
        let [operator, deployer] =
            callers.map(|caller| caller.may(route.operation, &captures).is_ok());
        (operator, deployer)
    }

    #[test]
    fn a_deployer_does_with_their_queues_what_they_do_with_their_workers() {
        for (method, path) in [
            ("GET", "/v1/queues/orders"),
            ("PUT", "/v1/queues/shop-mail"),
            ("DELETE", "/v1/queues/orders"),
            ("POST", "/v1/queues/orders/messages"),
            ("POST", "/v1/queues/orders/purge"),
            ("GET", "/v1/workers/shop/crons"),
            ("POST", "/v1/workers/shop-a/crons"),
        ] {
            assert_eq!(may(method, path), (true, true), "{method} {path}");
        }
        for (method, path) in [
            ("GET", "/v1/queues/mail"),
            ("POST", "/v1/queues/shop/messages"),
            ("POST", "/v1/workers/blog/crons"),
            ("GET", "/metrics"),
        ] {
            assert_eq!(may(method, path), (true, false), "{method} {path}");
        }
    }

    #[test]
    fn what_lists_only_what_is_theirs_is_open_to_them() {
        for path in ["/v1/queues", "/v1/crons", "/v1/tail", "/v1/workers"] {
            assert_eq!(may("GET", path), (true, true), "{path}");
        }
    }
}
