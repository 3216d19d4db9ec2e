//! What the floor does when the power goes, the disk fills or fails, or a file is damaged, tested with a
//! small store (`book`).

mod book;
mod crash;
mod failures;
mod files;
mod groups;

pub(crate) use book::KIND;
