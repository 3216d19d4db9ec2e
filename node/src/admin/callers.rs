//! Who asks the admin API, by the token that they show, and what they may: the operator all, a
//! deployer what the configuration gives them (`config/deployers.rs`).

use http::StatusCode;
use registry::{VersionRecord, WorkerRecord};
use router::Pattern;

use super::answer::Fault;
use super::routes::{Captures, Operation, WorkerOperation};
use super::token::{Token, TokenError};
use crate::config::{AdminConfig, Deployer};

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

impl Caller<'_> {
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

    /// Whether it is theirs to know of a worker.
    pub(super) fn sees(self, worker: &WorkerRecord) -> bool {
        match self {
            Self::Operator => true,
            Self::Deployer(deployer) => deployer.workers.have(&worker.name),
        }
    }

    /// Lets a version become active, or says which of its routes or namespaces is another's.
    pub(super) fn may_activate(self, version: &VersionRecord) -> Result<(), Fault> {
        let Self::Deployer(deployer) = self else { return Ok(()) };
        for route in &version.routes {
            // What is no route is refused where it is read.
            if let Ok(pattern) = Pattern::parse(route)
                && !deployer.may_have(&pattern)
            {
                return refuse(deployer, &format!("the route {route}"));
            }
        }
        let namespaces = version.bindings.iter().filter(|binding| binding.kind == "kv_namespace");
        for namespace in namespaces.filter_map(|binding| binding.target.as_deref()) {
            if !deployer.namespaces.have(namespace) {
                return refuse(deployer, &format!("the KV namespace {namespace}"));
            }
        }
        Ok(())
    }
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
