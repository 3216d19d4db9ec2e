//! The faults of the storage floor that the engine names itself.

use storage::{Damaged, Fault};

pub(super) const MISSING_PIECE: Fault =
    Fault::Damaged(Damaged { what: "a value, of which pieces are missing," });
pub(super) const DAMAGED_KEY: Fault = Fault::Damaged(Damaged { what: "a key" });
pub(super) const DAMAGED_BATCH: Fault = Fault::Damaged(Damaged { what: "a batch of the log" });
pub(super) const MISSING_NUMBER: Fault = Fault::Damaged(Damaged { what: "a number" });
