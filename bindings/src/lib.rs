//! What a worker of Isolane sees: the globals, `fetch`, `env.*` and `ctx`, as ops in Rust and
//! small JavaScript files. Each binding has three lives: what the process holds, what a
//! worker's version holds, what an event holds (`binding`).
//! Not here: isolates, threads, limits of CPU and memory (the runtime).

#![forbid(unsafe_code)]

pub mod binding;
pub mod blob;
pub mod clock;
mod clone;
pub mod compat;
pub mod crypto;
pub mod dispatch;
pub mod event;
mod extensions;
pub mod fetch;
mod forms;
mod headers;
mod hidden;
pub mod hops;
pub mod intl;
pub mod kv;
pub mod memory;
pub mod modules;
pub mod pace;
mod ports;
pub mod queue;
pub mod rpc;
pub mod services;
mod streams;
mod wasm;

pub use extensions::extensions;
