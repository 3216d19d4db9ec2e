//! A binding that is nobody's but this test's: what one needs is a kind, a grant, a script and its ops,
//! all from outside of the crate. It counts: per process, per version, and per event.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "the isolate has more than this test needs")]

#[path = "whole/isolate.rs"]
mod isolate;

use std::cell::{Cell, RefCell};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use compatibility::Compatibility;
use deno_core::{Extension, OpState, op2, v8};
use deno_error::JsErrorBox;
use isolane_bindings::binding::{
    Asker, Binding, BindingKinds, EnvEntry, Environment, Grant, GrantError, Grantee, Inside, kinds,
};
use libtest_mimic::Arguments;
use serde::Deserialize;
use serde_json::json;

use isolate::{Worker, granted, trial};

/// What the process has.
#[derive(Clone, Default)]
struct Toys {
    calls: Arc<AtomicU32>,
}

/// What a version says of one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    step: u32,
}

/// What a version has.
struct Toy {
    step: u32,
    calls: Arc<AtomicU32>,
}

/// What an isolate has: the toys of its slots.
#[derive(Default)]
struct Slots(Vec<(u32, Arc<AtomicU32>)>);

/// What an event has.
#[derive(Default)]
struct Sum(Cell<u32>);

impl Binding for Toys {
    const KIND: &'static str = "toy";
    type Config = Config;

    fn grant(&self, config: Config, to: &Grantee<'_>) -> Result<Box<dyn Grant>, GrantError> {
        if config.step == 0 {
            return Err(GrantError::refused(format!("{} cannot count in steps of 0", to.worker)));
        }
        Ok(Box::new(Toy { step: config.step, calls: Arc::clone(&self.calls) }))
    }
}

impl Grant for Toy {
    fn script(&self) -> &'static str {
        "ext:toy/toy.js"
    }

    fn details(&mut self) -> serde_json::Value {
        json!({ "step": self.step })
    }

    fn install(&self, inside: &mut Inside<'_>) -> u32 {
        if !inside.state.has::<Slots>() {
            inside.state.put(Slots::default());
        }
        let Slots(slots) = inside.state.borrow_mut::<Slots>();
        slots.push((self.step, Arc::clone(&self.calls)));
        slots.len() as u32 - 1
    }
}

/// Adds a step to the sum of the event that calls.
#[op2(nofast)]
#[smi]
fn op_toy_count(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] slot: u32,
) -> Result<u32, JsErrorBox> {
    let state = state.borrow();
    let event = Asker::running(scope, &state, "a toy")?.event();
    let event = event.ok_or_else(|| JsErrorBox::generic("the event is over"))?;
    let Slots(slots) = state.borrow::<Slots>();
    let (step, calls) = &slots[slot as usize];
    calls.fetch_add(1, Ordering::Relaxed);
    let sum = event.state_of::<Sum>();
    sum.0.set(sum.0.get() + step);
    Ok(sum.0.get())
}

#[allow(missing_docs, unreachable_pub, reason = "the macro's items are not ours to document")]
mod script {
    use super::op_toy_count;

    // Its script is in the snapshot: the table of those that are not is the crate's own.
    deno_core::extension!(
        toy,
        deps = [isolane_bindings],
        ops = [op_toy_count],
        esm_entry_point = "ext:toy/entry.js",
        esm = [dir "tests/toy", "entry.js"],
        lazy_loaded_js = [dir "tests/toy", "toy.js"],
    );
}

fn extra() -> Vec<Extension> {
    vec![script::toy::init()]
}

fn environment(toys: &Toys, entries: &[EnvEntry]) -> Environment {
    let store = Arc::new(kv::MemoryStore::new(kv::MemoryOptions::default()));
    let bindings = BindingKinds::new(store, None, None).with(toys.clone());
    granted(&bindings, entries, Compatibility::default())
}

async fn a_binding_has_three_lives() {
    let toys = Toys::default();
    let entries = [
        EnvEntry::new("NAME", kinds::PLAIN_TEXT, json!("toys")),
        EnvEntry::new("ONE", "toy", json!({ "step": 1 })),
        EnvEntry::new("TEN", "toy", json!({ "step": 10 })),
    ];
    let environment = environment(&toys, &entries);
    assert!(environment.uses("toy") && !environment.needs_store());
    let handler = "
        const counts = [env.ONE.count(), env.TEN.count()];
        await null;
        counts.push(env.ONE.count());
        return `${Object.keys(env)} ${env.NAME} ${env.TEN.name} ${env.TEN.step} ${counts}`;";
    let mut worker = Worker::new(extra, &environment, handler);
    let expected = "NAME,ONE,TEN toys TEN 10 1,11,12";
    assert_eq!(worker.get().await, expected);
    assert_eq!(worker.get().await, expected, "an event begins anew");
    assert_eq!(toys.calls.load(Ordering::Relaxed), 6);
}

async fn what_a_kind_refuses_is_said_with_the_name() {
    let store = Arc::new(kv::MemoryStore::new(kv::MemoryOptions::default()));
    let bindings = BindingKinds::new(store, None, None).with(Toys::default());
    let refused = |config| {
        let to = Grantee {
            worker: &"w".into(),
            compatibility: Compatibility::default(),
            on_full: Arc::new(|_: String| ()),
        };
        bindings.grant(&[EnvEntry::new("T", "toy", config)], &to).unwrap_err().to_string()
    };
    assert_eq!(refused(json!({ "step": 0 })), "env.T: w cannot count in steps of 0");
    assert!(refused(json!({})).contains("missing field `step`"));
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    isolate::prepare(extra);
    let trials = vec![
        trial("a_binding_has_three_lives", a_binding_has_three_lives),
        trial(
            "what_a_kind_refuses_is_said_with_the_name",
            what_a_kind_refuses_is_said_with_the_name,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
