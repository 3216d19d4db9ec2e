//! What stands in a worker's `env`, and how it comes there. A binding has three lives: what the process
//! holds of its kind ([`Binding`]), what a version holds of one of them ([`Grant`]), and what an event
//! has of it (`Event::state_of`), which asks by [`Asker`].
//! A new kind is a folder of its own, a name in [`kinds`] and a line in `table.rs`.
//! Not here: the kinds, but for those that are values (`values.rs`).

mod asker;
mod content;
mod entry;
mod environment;
mod error;
pub mod kinds;
mod late;
mod line;
mod owned;
mod pending;
mod table;
mod values;

use std::sync::Arc;

use compatibility::Compatibility;
use deno_core::{Extension, OpState};
use kv::Belongings;
use serde::de::DeserializeOwned;

pub use asker::Asker;
pub(crate) use content::{copied, length_of};
pub use entry::EnvEntry;
pub use environment::{Environment, Prepared};
pub use error::GrantError;
pub(crate) use late::Late;
pub use line::{Line, Place};
pub(crate) use owned::Owned;
pub use pending::Pending;
pub use table::BindingKinds;

/// Is told in words of what there is no room for. Called on the shards: must not block.
pub type OnFull = Arc<dyn Fn(String) + Send + Sync>;

/// A kind of binding, as the process has it.
pub trait Binding: Send + Sync + 'static {
    /// The word of the configuration and of the API: one of [`kinds`], or another that is nobody's.
    const KIND: &'static str;

    /// What a version's configuration says of one.
    type Config: DeserializeOwned;

    /// Makes what a version gets. Called once for each entry of a version, when that is made known.
    ///
    /// # Errors
    ///
    /// Why it gets nothing: [`GrantError::refused`].
    fn grant(&self, config: Self::Config, to: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError>;
}

/// What a version has of one binding.
pub trait Grant: Send + Sync {
    /// The script (`ext:...`) whose `bind(slot, name, details)` makes the value in `env`. It is loaded
    /// when a version that has such a binding is prepared, before the worker's code runs.
    fn script(&self) -> &'static str;

    /// What `bind` gets beside the slot and the name. Asked for once.
    fn details(&mut self) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// Gives an isolate what the ops of the binding need. Answers the slot that they know it by,
    /// which `bind` gets.
    fn install(&self, inside: &mut Inside<'_>) -> u32;

    /// Whether an event that uses it needs the node's data folder.
    fn needs_store(&self) -> bool {
        false
    }
}

/// Whom something is granted to: a version.
pub struct Grantee<'a> {
    /// The worker's name.
    pub worker: &'a Arc<str>,
    /// What its compatibility date and flags say.
    pub compatibility: Compatibility,
    /// Is told of what the worker is refused because there is no room.
    pub on_full: OnFull,
}

/// An isolate that is about to run a version.
pub struct Inside<'a> {
    /// The state of its ops.
    pub state: &'a mut OpState,
    /// What is under way for its thread, to be given up where that is lost.
    pub belongings: &'a Arc<Belongings>,
}

/// The extension with the scripts that bindings share.
pub fn extension() -> Extension {
    scripts::isolane_env::init()
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod scripts {
    deno_core::extension!(
        isolane_env,
        lazy_loaded_js = [dir "src/env", "arguments.js", "promises.js", "stub.js"],
    );
}

#[cfg(test)]
mod tests;
