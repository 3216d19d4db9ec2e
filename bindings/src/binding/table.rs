//! The kinds of bindings that a process has: the one place that names them all.

use std::sync::Arc;

use queue::Broker;
use serde::Deserialize;

use super::environment::Granting;
use super::values::{Json, PlainText, SecretText, Unsupported};
use super::{Binding, EnvEntry, Environment, Grant, GrantError, Grantee, Late, kinds};
use crate::dispatch::Dispatcher;
use crate::kv::Namespaces;
use crate::queue::Queues;
use crate::services::{Own, Services};

/// The kinds of bindings that a process has.
pub struct BindingKinds {
    kinds: Vec<(&'static str, Box<dyn Kind>)>,
    dispatcher: Late<dyn Dispatcher>,
    queues: Late<dyn Broker>,
}

/// A kind, whatever its configuration is.
trait Kind: Send + Sync {
    fn granted(&self, entry: &EnvEntry, to: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError>;
}

impl<B: Binding> Kind for B {
    fn granted(&self, entry: &EnvEntry, to: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        let config = B::Config::deserialize(&entry.config)
            .map_err(|source| GrantError::config(entry, source))?;
        self.grant(config, to).map_err(|error| error.of(entry))
    }
}

impl BindingKinds {
    /// All kinds that there are, with what the process has for them. What is not there yet may come
    /// later; until then whoever uses such a binding is told so.
    pub fn new(
        kv: Arc<dyn kv::Store>,
        queues: Option<Arc<dyn Broker>>,
        dispatcher: Option<Arc<dyn Dispatcher>>,
    ) -> Self {
        let (queues, dispatcher) = (Late::new(queues), Late::new(dispatcher));
        let none =
            Self { kinds: Vec::new(), dispatcher: dispatcher.clone(), queues: queues.clone() };
        none.with(Json)
            .with(PlainText)
            .with(SecretText)
            .with(Unsupported)
            .with(Namespaces::new(kv))
            .with(Queues::new(queues))
            .with(Services::new(dispatcher))
    }

    /// The same with one more kind, in the place of another of that name.
    #[must_use]
    pub fn with<B: Binding>(mut self, binding: B) -> Self {
        self.kinds.retain(|(kind, _)| *kind != B::KIND);
        self.kinds.push((B::KIND, Box::new(binding)));
        self
    }

    /// Says who runs events of other workers. The first one stays, as long as this does: one that has this
    /// in turn holds it weakly.
    pub fn set_dispatcher(&self, dispatcher: Arc<dyn Dispatcher>) {
        self.dispatcher.set(dispatcher);
    }

    /// Says who stores messages. The first one stays, as long as this does.
    pub fn set_queues(&self, queues: Arc<dyn Broker>) {
        self.queues.set(queues);
    }

    /// What a version gets of what its configuration asks for. Of two entries with one name the later
    /// one wins; but what is unsupported gives way to anything else of its name.
    ///
    /// # Errors
    ///
    /// The first entry that it does not get, and why.
    pub fn grant(&self, entries: &[EnvEntry], to: &Grantee<'_>) -> Result<Environment, GrantError> {
        let own = Own::new(Arc::clone(to.worker), self.dispatcher.clone());
        let mut granting = Granting::of(own);
        for entry in entries {
            if is_replaced(entry, entries) {
                continue;
            }
            let known = self.kinds.iter().find(|(known, _)| *known == entry.kind);
            let (_, known) = known.ok_or_else(|| GrantError::unknown(entry))?;
            granting.add(&entry.name, entry.kind.clone(), known.granted(entry, to)?);
        }
        Ok(granting.finish(to.compatibility))
    }
}

/// Whether something else stands in for what is not supported.
fn is_replaced(entry: &EnvEntry, entries: &[EnvEntry]) -> bool {
    let is_unsupported = |entry: &EnvEntry| entry.kind == kinds::UNSUPPORTED;
    is_unsupported(entry)
        && entries.iter().any(|other| other.name == entry.name && !is_unsupported(other))
}
