//! The fetch event as a worker sees it.

pub mod body;
