//! stub
/// Events.
pub mod event;
