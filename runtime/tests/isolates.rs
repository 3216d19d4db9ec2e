//! Tests of isolates: everything here runs in one process and one runtime, which never
//! restarts, for one worker must not harm another. The harness is not the usual one, because
//! V8 has to be initialised on the main thread before any other thread exists.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(missing_docs, unreachable_pub, reason = "modules of one test program")]

#[path = "isolates/async_context.rs"]
mod async_context;
#[path = "isolates/basics.rs"]
mod basics;
#[path = "isolates/bodies.rs"]
mod bodies;
#[path = "isolates/clocks.rs"]
mod clocks;
#[path = "isolates/compat.rs"]
mod compat;
#[path = "isolates/compiled.rs"]
mod compiled;
#[path = "isolates/console.rs"]
mod console;
#[path = "isolates/crypto.rs"]
mod crypto;
#[path = "isolates/departures.rs"]
mod departures;
#[path = "isolates/fair.rs"]
mod fair;
#[path = "isolates/globals.rs"]
mod globals;
#[path = "isolates/hoards.rs"]
mod hoards;
#[path = "isolates/hostile.rs"]
mod hostile;
#[path = "isolates/keys.rs"]
mod keys;
#[path = "isolates/large.rs"]
mod large;
#[path = "isolates/lifecycle.rs"]
mod lifecycle;
#[path = "isolates/lost.rs"]
mod lost;
#[path = "isolates/memory.rs"]
mod memory;
#[path = "isolates/objects.rs"]
mod objects;
#[path = "isolates/observed.rs"]
mod observed;
#[path = "isolates/passwords.rs"]
mod passwords;
#[path = "isolates/queues.rs"]
mod queues;
#[path = "isolates/reach.rs"]
mod reach;
#[path = "isolates/rpc.rs"]
mod rpc;
#[path = "isolates/scheduled.rs"]
mod scheduled;
#[path = "isolates/stray.rs"]
mod stray;
#[path = "isolates/streams.rs"]
mod streams;
#[path = "isolates/support.rs"]
mod support;
#[path = "isolates/web.rs"]
mod web;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    support::start();
    let mut trials = Vec::new();
    trials.extend(async_context::trials());
    trials.extend(basics::trials());
    trials.extend(bodies::trials());
    trials.extend(clocks::trials());
    trials.extend(compat::trials());
    trials.extend(compiled::trials());
    trials.extend(console::trials());
    trials.extend(crypto::trials());
    trials.extend(departures::trials());
    trials.extend(fair::trials());
    trials.extend(globals::trials());
    trials.extend(keys::trials());
    trials.extend(lifecycle::trials());
    trials.extend(lost::trials());
    trials.extend(objects::trials());
    trials.extend(observed::trials());
    trials.extend(passwords::trials());
    trials.extend(queues::trials());
    trials.extend(reach::trials());
    trials.extend(rpc::trials());
    trials.extend(scheduled::trials());
    trials.extend(hostile::trials());
    trials.extend(stray::trials());
    trials.extend(web::trials());
    trials.extend(streams::trials());
    // Alone and first: the others' memory comes and goes in the same process, and what V8 cannot
    // stop goes on growing in the threads that are left behind.
    let alone = libtest_mimic::Arguments { test_threads: Some(1), ..arguments.clone() };
    let measured = memory::trials().into_iter().chain(hoards::trials());
    let measured = measured.chain(large::trials()).chain(fair::trials_alone()).collect();
    let memory = libtest_mimic::run(&alone, measured);
    let others = libtest_mimic::run(&arguments, trials);
    support::clean_up();
    if memory.has_failed() {
        memory.exit();
    }
    others.exit();
}
