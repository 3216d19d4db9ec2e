//! `fetch()` from JavaScript to real sockets: scripts run in an isolate and talk to servers of
//! the test on the loopback addresses. Not here: the tables of addresses and codings, which
//! are tested beside their code.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]

/// Makes a trial of each `async fn`, which runs on a thread and a runtime of its own, as an
/// isolate does.
macro_rules! trials {
    ($($name:ident),* $(,)?) => {
        /// The tests of this file.
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            vec![$(libtest_mimic::Trial::test(stringify!($name), || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                let limit = std::time::Duration::from_secs(60);
                runtime.block_on(async {
                    tokio::time::timeout(limit, $name()).await.expect("the test hangs");
                });
                Ok(())
            })),*]
        }
    };
}

#[path = "fetch/bodies.rs"]
mod bodies;
#[path = "fetch/codings.rs"]
mod codings;
#[path = "fetch/connections.rs"]
mod connections;
#[path = "fetch/crowds.rs"]
mod crowds;
#[path = "fetch/events.rs"]
mod events;
#[path = "fetch/redirects.rs"]
mod redirects;
#[path = "fetch/requests.rs"]
mod requests;
#[path = "fetch/server.rs"]
mod server;
#[path = "fetch/tenants.rs"]
mod tenants;
#[path = "fetch/worker.rs"]
mod worker;

use libtest_mimic::Arguments;

fn main() {
    // V8's platform comes before any thread.
    deno_core::JsRuntime::init_platform(None);
    worker::prepare();
    let tests = [
        requests::trials(),
        redirects::trials(),
        bodies::trials(),
        codings::trials(),
        connections::trials(),
        events::trials(),
        tenants::trials(),
        crowds::trials(),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests.into_iter().flatten().collect()).exit();
}
