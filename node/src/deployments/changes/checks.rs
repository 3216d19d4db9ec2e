//! What a change is held to before it is made: names, notes, preconditions.

use registry::WorkerRecord;

use super::super::shared::Shared;
use super::{ChangeError, Current, MAX_NOTE_CHARS, Precondition};
use crate::config::is_label;

/// The name of a worker that can be deployed.
pub(super) fn name(shared: &Shared, worker: &str) -> Result<(), ChangeError> {
    if !is_label(worker) {
        return invalid(format!(
            "expected a worker's name of up to 63 lower-case letters, digits and hyphens, found \
             {worker:?}"
        ));
    }
    if shared.state.lock().has_folder(worker) {
        let message = format!(
            "worker {worker} belongs to node.toml: give yours another name, or remove its entry \
             in [[workers]]"
        );
        return Err(ChangeError::Conflict { message });
    }
    Ok(())
}

/// What people say of a change, if they do.
pub(super) fn note(what: &str, text: Option<String>) -> Result<Option<String>, ChangeError> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    if text.chars().count() > MAX_NOTE_CHARS {
        return invalid(format!("{what} is longer than {MAX_NOTE_CHARS} characters"));
    }
    if text.chars().any(char::is_control) {
        return invalid(format!("{what} has a control character, such as a line end"));
    }
    Ok(Some(text))
}

/// The state that a change expects.
pub(super) fn precondition(
    worker: &str,
    expected: Precondition,
    found: Option<&WorkerRecord>,
) -> Result<(), ChangeError> {
    if expected.holds(found) {
        return Ok(());
    }
    let current = found.map(Current::of);
    Err(ChangeError::PreconditionFailed { worker: worker.to_owned(), current })
}

/// Whether a version that is active was made so by the very change that is asked for, whose answer
/// was lost.
pub(super) fn is_repeated(expected: Precondition, found: &WorkerRecord) -> bool {
    match expected {
        Precondition::Any => true,
        Precondition::Absent => found.active.previous.is_none(),
        Precondition::Revision(revision) => {
            found.revision == revision || found.active.revision.checked_sub(1) == Some(revision)
        }
    }
}

/// The answer to what cannot be used.
pub(super) fn invalid<T>(message: impl Into<String>) -> Result<T, ChangeError> {
    Err(ChangeError::Invalid { message: message.into() })
}
