//! The environment of a version: what its bindings were granted, and what `prepare` of
//! `global/main.js` is given of them in each isolate. Not here: the kinds (`table.rs`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use compatibility::{Compatibility, Flag};
use deno_core::v8;
use serde::Serialize;

use super::{Grant, Inside};
use crate::services::Own;

/// The environment of a version. Clones are the same one.
#[derive(Clone)]
pub struct Environment(Arc<Granted>);

struct Granted {
    /// What `prepare` is told, as JSON.
    text: Arc<str>,
    grants: Vec<Box<dyn Grant>>,
    kinds: Vec<Cow<'static, str>>,
    needs_store: bool,
    own: Option<Own>,
}

/// What is granted to a version, while it is put together.
#[derive(Default)]
pub(super) struct Granting {
    entries: Vec<(String, &'static str, serde_json::Value)>,
    grants: Vec<Box<dyn Grant>>,
    kinds: Vec<Cow<'static, str>>,
    /// The worker itself.
    own: Option<Own>,
}

/// What `prepare` is told. The entries are in their order: the name, the script, and what the script's
/// `bind` gets beside the slot.
#[derive(Serialize)]
struct Text<'a> {
    compatibility: BTreeMap<String, bool>,
    entries: &'a [(String, &'static str, serde_json::Value)],
}

/// What an isolate's `prepare` is called with.
pub struct Prepared {
    text: Arc<str>,
    slots: Vec<u32>,
}

impl Granting {
    /// For a version of that worker.
    pub(super) fn of(own: Own) -> Self {
        Self { own: Some(own), ..Self::default() }
    }

    pub(super) fn add(&mut self, name: &str, kind: Cow<'static, str>, mut grant: Box<dyn Grant>) {
        self.entries.push((name.to_owned(), grant.script(), grant.details()));
        self.grants.push(grant);
        self.kinds.push(kind);
    }

    pub(super) fn finish(self, compatibility: Compatibility) -> Environment {
        let text = Text { compatibility: switches(compatibility), entries: &self.entries };
        let text = serde_json::to_string(&text).expect("names and JSON values make JSON");
        let needs_store = self.grants.iter().any(|grant| grant.needs_store());
        let Self { grants, kinds, own, .. } = self;
        Environment(Arc::new(Granted { text: text.into(), grants, kinds, needs_store, own }))
    }
}

impl Environment {
    /// Whether it has a binding of that kind.
    pub fn uses(&self, kind: &str) -> bool {
        self.0.kinds.iter().any(|used| used == kind)
    }

    /// Whether events that use it need the node's data folder.
    pub fn needs_store(&self) -> bool {
        self.0.needs_store
    }

    /// Gives an isolate what the ops of the bindings need, and says what its `prepare` is to be called
    /// with. Once for each isolate, before its worker's code runs.
    pub fn prepare(&self, mut inside: Inside<'_>) -> Prepared {
        if let Some(own) = &self.0.own {
            inside.state.put(own.clone());
        }
        let slots = self.0.grants.iter().map(|grant| grant.install(&mut inside)).collect();
        Prepared { text: Arc::clone(&self.0.text), slots }
    }
}

impl Default for Environment {
    /// An empty one, of a worker without a compatibility date.
    fn default() -> Self {
        Granting::default().finish(Compatibility::default())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("kinds", &self.0.kinds).finish_non_exhaustive()
    }
}

impl Prepared {
    /// The arguments of `prepare`: a JSON text, and an array of the entries' slots. None where V8 has no
    /// room for the text.
    pub fn arguments<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Option<[v8::Local<'s, v8::Value>; 2]> {
        let text = v8::String::new(scope, &self.text)?;
        let mut slots: Vec<v8::Local<'s, v8::Value>> = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            slots.push(v8::Integer::new_from_unsigned(scope, *slot).into());
        }
        Some([text.into(), v8::Array::new_with_elements(scope, &slots).into()])
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> &[u32] {
        &self.slots
    }
}

/// All flags by the names that scripts know them by (`global/switches.js`), and whether they hold.
fn switches(compatibility: Compatibility) -> BTreeMap<String, bool> {
    let switch = |flag: Flag| (camel(flag.name()), compatibility.has(flag));
    Flag::ALL.iter().copied().map(switch).collect()
}

/// `queues_json_messages` as `queuesJsonMessages`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
