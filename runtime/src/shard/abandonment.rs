//! What goes with a shard that is given up: whoever waits for it is told, and what its thread has
//! of the KV store is given up, since a thread that is lost drops nothing. When that is to happen
//! is not here.

use std::sync::Arc;

use kv::Belongings;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(super) struct Abandonment {
    /// Cancelled when the shard is given up.
    pub(super) token: CancellationToken,
    /// What isolates on the shard read and write piece by piece.
    pub(super) belongings: Arc<Belongings>,
}

impl Abandonment {
    pub(super) fn happen(&self) {
        self.token.cancel();
        self.belongings.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_thread_has_is_given_up_with_the_shard() {
        let abandonment = Abandonment::default();
        assert!(!abandonment.token.is_cancelled() && !abandonment.belongings.are_given_up());
        abandonment.happen();
        assert!(abandonment.token.is_cancelled() && abandonment.belongings.are_given_up());
    }
}
