//! Makes the V8 snapshot that every isolate starts from. Rebuilt when the bindings change,
//! for they are part of this program.

use std::path::PathBuf;
use std::task::{Context, Waker};

use bindings::blob::QuotaBlobStore;
use deno_core::snapshot::{CreateSnapshotOptions, create_snapshot};

const NO_LIMIT: usize = usize::MAX / 2;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/snapshot/warm.js");
    let warm = include_str!("src/snapshot/warm.js");
    let snapshot = create_snapshot(
        CreateSnapshotOptions {
            cargo_manifest_dir: env!("CARGO_MANIFEST_DIR"),
            startup_snapshot: None,
            skip_op_registration: false,
            extensions: bindings::extensions(QuotaBlobStore::new(NO_LIMIT)),
            extension_transpiler: None,
            with_runtime_cb: Some(Box::new(move |runtime| {
                // Runs each of the usual paths once, so that their functions are compiled in
                // the snapshot and the first call of a new worker does not pay for them.
                bindings::event::insert_warm_up_event(&runtime.op_state());
                runtime
                    .execute_script("isolane:warm", warm.to_owned())
                    .unwrap_or_else(|error| panic!("warming the snapshot failed: {error}"));
                let mut cx = Context::from_waker(Waker::noop());
                for _ in 0..20 {
                    let _ = runtime.poll_event_loop(&mut cx, Default::default());
                }
                bindings::event::remove_warm_up_events(&runtime.op_state());
            })),
        },
        None,
    )
    .unwrap_or_else(|error| panic!("the snapshot could not be made: {error}"));
    for file in &snapshot.files_loaded_during_snapshot {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let path = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    std::fs::write(path.join("isolane.snapshot"), &snapshot.output).expect("OUT_DIR is writable");
}
