//! Whose an operation is, for the turns that operations take in the queues of the writer and the
//! readers: a tenant with a thousand of them waiting delays another's one by one turn.

use std::sync::Arc;

use crate::store::Namespace;

/// Whose operation it is: a worker's, or, where none asks, a namespace's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Caller(Arc<str>),
    Namespace(Namespace),
}

impl Owner {
    /// Whose the operations are that ask this namespace.
    pub(super) fn of(namespace: &Namespace) -> Self {
        match namespace.caller() {
            Some(caller) => Self::Caller(Arc::clone(caller.name())),
            None => Self::Namespace(namespace.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use storage::{FairQueue, Load, TURN_BYTES};

    use super::*;
    use crate::caller::Caller;

    #[test]
    fn one_worker_has_one_line_however_many_namespaces_it_asks() {
        let queue = FairQueue::new();
        let busy = Caller::new("busy");
        for item in 0..20 {
            let namespace = Namespace::new(format!("{item}")).asked_by(&busy);
            queue.push(Owner::of(&namespace), item, Load::of_write(TURN_BYTES / 10)).unwrap();
        }
        let quiet = Namespace::new("0").asked_by(&Caller::new("quiet"));
        queue.push(Owner::of(&quiet), 1_000, Load::default()).unwrap();
        let all: Vec<u32> = std::iter::from_fn(|| queue.try_pop()).collect();
        assert_eq!(all.iter().position(|item| *item == 1_000), Some(10));
    }
}
