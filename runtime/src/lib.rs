//! V8 isolates. STUB being replaced: the public API is final, the bodies are not.
#![allow(missing_docs, unused)]
pub mod event;
pub mod outcome;
pub mod api_stub;
pub use api_stub::*;
pub use event::{BodyError, EventReport, FetchEvent, RequestBody, ResponseBody};
pub use outcome::{Failure, Outcome};
