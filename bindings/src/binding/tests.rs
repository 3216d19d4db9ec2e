//! What versions are granted, and what their isolates are told of it.

use compatibility::Flag;
use serde_json::{Value, json};

use super::*;

fn bindings() -> BindingKinds {
    let store = kv::MemoryStore::new(kv::MemoryOptions::default());
    BindingKinds::new(Arc::new(store), None, None)
}

fn granted_with(
    entries: &[EnvEntry],
    compatibility: Compatibility,
) -> Result<Environment, GrantError> {
    let (worker, on_full): (Arc<str>, OnFull) = ("w".into(), Arc::new(|_: String| ()));
    bindings().grant(entries, &Grantee { worker: &worker, compatibility, on_full })
}

fn granted(entries: &[EnvEntry]) -> Result<Environment, GrantError> {
    granted_with(entries, Compatibility::default())
}

/// What isolates are told.
fn told(environment: &Environment) -> Value {
    serde_json::from_str(prepared(environment).text()).unwrap()
}

fn prepared(environment: &Environment) -> Prepared {
    let (mut state, belongings) = (OpState::new(None), Arc::<Belongings>::default());
    environment.prepare(Inside { state: &mut state, belongings: &belongings })
}

#[test]
fn entries_are_told_in_their_order_with_what_they_say() {
    let environment = granted(&[
        EnvEntry::new("Z", kinds::PLAIN_TEXT, json!("last")),
        EnvEntry::new("A", kinds::JSON, json!({ "b": [1, null] })),
        EnvEntry::new("S", kinds::SECRET_TEXT, json!("hidden")),
        EnvEntry::new("KV", kinds::KV_NAMESPACE, json!({ "id": "first" })),
        EnvEntry::new("DB", kinds::UNSUPPORTED, json!({ "key": "d1_databases" })),
    ])
    .unwrap();
    let variables = "ext:isolane_bindings/variables.js";
    assert_eq!(
        told(&environment)["entries"],
        json!([
            ["Z", variables, "last"],
            ["A", variables, { "b": [1, null] }],
            ["S", variables, "hidden"],
            ["KV", "ext:isolane_kv/kv.js", null],
            ["DB", "ext:isolane_bindings/missing_bindings.js", "d1_databases"],
        ])
    );
    assert!(environment.uses(kinds::KV_NAMESPACE) && !environment.uses(kinds::QUEUE));
    assert!(environment.needs_store());
}

#[test]
fn what_is_unsupported_gives_way_wherever_it_stands() {
    let missing = EnvEntry::new("X", kinds::UNSUPPORTED, json!({ "key": "k" }));
    let secret = EnvEntry::new("X", kinds::SECRET_TEXT, json!("s"));
    for entries in [[missing.clone(), secret.clone()], [secret, missing]] {
        let environment = granted(&entries).unwrap();
        let expected = json!([["X", "ext:isolane_bindings/variables.js", "s"]]);
        assert_eq!(told(&environment)["entries"], expected);
        assert!(!environment.needs_store());
    }
}

#[test]
fn each_namespace_has_a_slot_of_its_own() {
    let namespace = |name: &str| EnvEntry::new(name, kinds::KV_NAMESPACE, json!({ "id": name }));
    let environment = granted(&[namespace("A"), namespace("B")]).unwrap();
    assert_eq!(prepared(&environment).slots(), [0, 1]);
}

#[test]
fn what_cannot_be_granted_is_named() {
    let refused = |entry: EnvEntry| granted(&[entry]).unwrap_err().to_string();
    assert_eq!(
        refused(EnvEntry::new("Q", "carrier_pigeon", Value::Null)),
        "env.Q: there are no bindings of the kind \"carrier_pigeon\" here"
    );
    let said = refused(EnvEntry::new("KV", kinds::KV_NAMESPACE, json!({ "di": "x" })));
    assert!(said.starts_with("env.KV: what is said of this binding"), "{said}");
    assert!(said.contains("unknown field `di`"), "{said}");
}

#[test]
fn scripts_know_the_flags_by_these_names() {
    let compatibility = Compatibility::new(Some("2024-01-01"), &["nodejs_compat"]);
    let environment = granted_with(&[], compatibility).unwrap();
    let told = told(&environment);
    for name in [
        "cfBotmanagementDefault",
        "disallowImportableEnv",
        "enableCtxExports",
        "enableNodejsGlobalTimers",
        "enhancedErrorSerialization",
        "queueConsumerNoWaitForWaitUntil",
        "queuesJsonMessages",
        "requestSignalPassthrough",
        "rpc",
        "rpcParamsDupStubs",
        "unsafeSharedMemory",
        "upperCaseAllHttpMethods",
    ] {
        assert_eq!(told["compatibility"][name], json!(false), "{name}");
    }
    assert_eq!(told["compatibility"]["nodejsCompat"], json!(true));
    assert_eq!(told["compatibility"].as_object().unwrap().len(), Flag::ALL.len());
}

#[test]
fn what_an_entry_says_is_shown_nowhere() {
    let secret = EnvEntry::new("S", kinds::SECRET_TEXT, json!("hidden"));
    assert!(!format!("{secret:?}").contains("hidden"));
    let written = serde_json::to_value(&secret).unwrap();
    assert_eq!(serde_json::from_value::<EnvEntry>(written).unwrap(), secret);
}
