//! The kinds of bindings, in the words of the configuration and of the API.

/// A value of the configuration: anything that JSON has.
pub const JSON: &str = "json";
/// A value of the configuration that is a text.
pub const PLAIN_TEXT: &str = "plain_text";
/// A secret: a text that is shown nowhere but in `env`.
pub const SECRET_TEXT: &str = "secret_text";
/// A namespace of the key-value store.
pub const KV_NAMESPACE: &str = "kv_namespace";
/// A queue that messages are sent to.
pub const QUEUE: &str = "queue";
/// Another worker of the node, or an entrypoint of it.
pub const SERVICE: &str = "service";
/// What the configuration asks for and the runtime does not have: whoever uses it is told so.
pub const UNSUPPORTED: &str = "unsupported";
