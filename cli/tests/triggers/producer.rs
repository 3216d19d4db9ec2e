//! A worker that does with its queue what a test tells it, and says what came of that.

use serde_json::{Value, json};

use crate::http::Connection;
use crate::node::Node;

/// Calls a method of its queue `Q`. JSON has no buffers and no maps: an object of one property that names one
/// stands for it, and `{ text: 5 }` for a text of so many characters.
const SOURCE: &str = "
    const made = {
        bytes: (numbers) => new Uint8Array(numbers),
        buffer: (length) => new ArrayBuffer(length),
        map: (entries) => new Map(entries),
        text: (length) => 'x'.repeat(length),
        nothing: () => undefined,
    };
    const make = (value) => {
        if (Array.isArray(value)) return value.map(make);
        if (typeof value !== 'object' || value === null) return value;
        const keys = Object.keys(value);
        if (keys.length === 1 && keys[0] in made) return made[keys[0]](value[keys[0]]);
        return Object.fromEntries(keys.map((key) => [key, make(value[key])]));
    };
    export default { async fetch(request, env) {
        const [method, ...given] = make(await request.json());
        let answer;
        try {
            answer = await env.Q[method](...given);
        } catch (error) {
            answer = String(error);
        }
        // What has become of a buffer that was sent.
        const lengths = given.filter(ArrayBuffer.isView).map((view) => view.byteLength);
        return Response.json(lengths.length === 0 ? answer : { answer, lengths });
    } }";

/// The worker, on a node of its own machine.
pub(crate) struct Producer<'a> {
    node: &'a Node,
    worker: &'a str,
}

impl<'a> Producer<'a> {
    /// Deploys one that sends to that queue.
    pub(crate) fn deploy(node: &'a Node, queue: &str) -> Self {
        Self::named(node, "producer", queue, &json!({}))
    }

    /// The same under a name, with other settings.
    pub(crate) fn named(node: &'a Node, worker: &'a str, queue: &str, settings: &Value) -> Self {
        let mut settings = settings.clone();
        settings["queues"] = json!({ "producers": [{ "binding": "Q", "queue": queue }] });
        node.deploy(worker, &settings, SOURCE);
        Self { node, worker }
    }

    /// Calls a method: its name, and what it is called with. An error is its text.
    pub(crate) fn call(&self, call: &Value) -> Value {
        let host = format!("{}.localhost", self.worker);
        let body = call.to_string();
        let mut connection = Connection::open(self.node.port);
        let answer = connection.request("POST", &host, "/", "", body.as_bytes());
        assert_eq!(answer.status, 200, "{call}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{call}: {error}"))
    }

    /// Sends a message, and gives what is told of the queue.
    pub(crate) fn send(&self, body: &Value, options: &Value) -> Value {
        self.sent(&json!(["send", body, options]))
    }

    /// Sends messages together, which have these bodies.
    pub(crate) fn send_batch(&self, bodies: &[Value]) -> Value {
        let messages: Vec<_> = bodies.iter().map(|body| json!({ "body": body })).collect();
        self.sent(&json!(["sendBatch", messages]))
    }

    /// A call that sends what it is to.
    fn sent(&self, call: &Value) -> Value {
        let told = self.call(call);
        assert!(told["metadata"]["metrics"].is_object(), "{call}: {told}");
        told["metadata"]["metrics"].clone()
    }
}
