//! Who asks the admin API, by the token that they show, and what they may: the operator all, a
//! deployer what the configuration gives them (`config/deployers.rs`).

use http::StatusCode;
use registry::VersionRecord;
use router::Pattern;

use super::answer::Fault;
use super::routes::{Captures, Operation, WorkerOperation};
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
            Operation::Worker(WorkerOperation::ListWorkers) => Ok(()),
            Operation::Worker(_) => match captures.get("worker") {
                worker if deployer.workers.have(worker) => Ok(()),
                worker => refuse(deployer, &format!("worker {worker}")),
            },
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
            other => other.into(),
        }
    }

    /// Lets a version become active, or says which of its routes or namespaces is another's.
    pub(super) fn may_activate(self, version: &VersionRecord) -> Result<(), Fault> {
        let Self::Deployer(deployer) = self else { return Ok(()) };
        match beyond(deployer, version).next() {
            Some(what) => refuse(deployer, &what),
            None => Ok(()),
        }
    }
}

/// The routes and namespaces of a version that a deployer may not have.
pub(super) fn beyond(deployer: &Deployer, version: &VersionRecord) -> impl Iterator<Item = String> {
    // What is no route is refused where it is read.
    let is_beyond = move |route: &&String| {
        Pattern::parse(route).is_ok_and(|pattern| !deployer.may_have(&pattern))
    };
    let routes = version.routes.iter().filter(is_beyond);
    let namespaces = version.bindings.iter().filter(|binding| binding.kind == "kv_namespace");
    let namespaces = namespaces.filter_map(|binding| binding.target.as_deref());
    let namespaces = namespaces.filter(move |namespace| !deployer.namespaces.have(namespace));
    let routes = routes.map(|route| format!("the route {route}"));
    routes.chain(namespaces.map(|namespace| format!("the KV namespace {namespace}")))
}

fn refuse<T>(deployer: &Deployer, what: &str) -> Result<T, Fault> {
    let Deployer { name, workers, .. } = deployer;
    let message = format!(
        "the token of {name} does not open {what}: it is for the workers {workers} with the routes \
         and namespaces that [[admin.deployers]] in node.toml gives them; the operator may do it, \
         or give {name} more"
    );
    Err(Fault::new(StatusCode::FORBIDDEN, message))
}
