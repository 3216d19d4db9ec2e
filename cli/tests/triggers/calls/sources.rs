//! What the tests of calls have in common: a worker that makes calls and says what came of them, one that does
//! step after step as its client says, and the settings of both.

use serde_json::{Value, json};

use crate::http::Connection;

/// The day whose rules the workers follow.
const DATE: &str = "2026-08-22";

/// What comes before the code of a worker.
pub(super) const IMPORTS: &str =
    "import { RpcStub, RpcTarget, WorkerEntrypoint } from 'cloudflare:workers';\n";

/// What a worker says of what it has caught, and of a call that it has made.
const SHOWN: &str = "
    const shown = (error) => error instanceof Error ? `${error.name}: ${error.message}` : error;
    const tried = async (call) => {
        try { return await call() ?? null } catch (error) { return shown(error) }
    };";

/// The settings of a worker that calls others: the name of each binding, and what it leads to, a worker and
/// perhaps an entrypoint behind `#`. What `more` has counts before that.
pub(super) fn settings(services: &[(&str, &str)], more: &Value) -> Value {
    let services: Vec<_> = services.iter().map(|(binding, to)| service(binding, to)).collect();
    let mut settings = json!({ "compatibility_date": DATE, "services": services });
    for (key, value) in more.as_object().into_iter().flatten() {
        settings[key] = value.clone();
    }
    settings
}

/// The settings of a worker with these limits that calls nobody.
pub(super) fn limited(limits: &Value) -> Value {
    settings(&[], &json!({ "limits": limits }))
}

fn service(binding: &str, to: &str) -> Value {
    match to.split_once('#') {
        Some((worker, entrypoint)) => {
            json!({ "binding": binding, "service": worker, "entrypoint": entrypoint })
        }
        None => json!({ "binding": binding, "service": to }),
    }
}

/// The code of a worker that makes these calls, functions of `env` and `ctx`, each in its turn, and answers
/// with what each has come to.
pub(crate) fn caller(calls: &str) -> String {
    format!(
        "{IMPORTS}{SHOWN}
        export default {{ async fetch(request, env, ctx) {{
            const told = [];
            for (const call of [{calls}]) told.push(await tried(() => call(env, ctx)));
            return Response.json(told);
        }} }};"
    )
}

/// The code of a worker that does these steps, members of an object whose functions get `env`, as its client
/// says. What it keeps between them is in `kept`.
pub(super) fn driven(steps: &str) -> String {
    format!(
        "{IMPORTS}{SHOWN}
        const read = (bytes) => JSON.parse(new TextDecoder().decode(bytes));
        const written = (value) => new TextEncoder().encode(JSON.stringify(value));
        export default {{ fetch(request, env, ctx) {{
            const kept = [];
            const steps = {{ begin: () => 'begun', {steps} }};
            const {{ readable, writable }} = new TransformStream();
            const work = async () => {{
                const reader = request.body.getReader();
                const writer = writable.getWriter();
                for (;;) {{
                    const {{ done, value }} = await reader.read();
                    if (done) break;
                    const [name, ...given] = read(value);
                    await writer.write(written(await tried(() => steps[name](env, ...given))));
                }}
                await writer.close();
            }};
            ctx.waitUntil(work());
            return new Response(readable);
        }} }};"
    )
}

/// A request to such a worker: one event, however many steps it does.
pub(super) struct Driven(Connection);

impl Driven {
    /// Begins it at the port of a node, or of `isolane dev`.
    pub(super) fn begin(port: u16, worker: &str) -> Self {
        let mut connection = Connection::open(port);
        connection.begin_post(&format!("{worker}.localhost"), "/");
        connection.send_chunk(&json!(["begin"]).to_string());
        let head = connection.head();
        assert_eq!(head.status, 200, "{worker}");
        let mut driven = Self(connection);
        assert_eq!(driven.answer(), "begun");
        driven
    }

    /// Does a step: its name, and what it is given. Answers what has come of it.
    pub(super) fn does(&mut self, step: &Value) -> Value {
        self.0.send_chunk(&step.to_string());
        self.answer()
    }

    fn answer(&mut self) -> Value {
        let text = self.0.chunk();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }
}
