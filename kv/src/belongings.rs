//! What is under way in a store on behalf of one thread, so that it can be given up when the thread is
//! lost: it drops nothing any more. What each of these keeps is the engine's.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// Of so many it is not looked who is gone.
const FEW: usize = 64;

/// Values that are read or written piece by piece on behalf of one thread.
#[derive(Default)]
pub struct Belongings(Mutex<List>);

#[derive(Default)]
struct List {
    all: Vec<Weak<dyn Belonging>>,
    /// At so many it is looked who is gone.
    crowded_at: usize,
    are_given_up: bool,
}

/// Something that a store keeps for who asked.
pub(crate) trait Belonging: Send + Sync {
    /// Keeps nothing any more. Does not block.
    fn give_up(&self);
}

impl Belongings {
    /// Gives up all that is under way, so that it counts for nobody any more, and from now on whatever
    /// begins. What is read or written of it afterwards fails.
    pub fn give_up(&self) {
        let all = {
            let mut list = self.0.lock();
            list.are_given_up = true;
            std::mem::take(&mut list.all)
        };
        all.iter().filter_map(Weak::upgrade).for_each(|belonging| belonging.give_up());
    }

    /// Whether they were given up.
    pub fn are_given_up(&self) -> bool {
        self.0.lock().are_given_up
    }

    /// Adds something, which goes by itself when it is dropped.
    pub(crate) fn add<T: Belonging + 'static>(&self, belonging: &Arc<T>) {
        let mut list = self.0.lock();
        if list.are_given_up {
            drop(list);
            return belonging.give_up();
        }
        if list.all.len() >= list.crowded_at {
            list.all.retain(|belonging| belonging.strong_count() > 0);
            list.crowded_at = FEW.max(2 * list.all.len());
        }
        let belonging = Arc::downgrade(belonging);
        list.all.push(belonging);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    impl Belonging for AtomicBool {
        fn give_up(&self) {
            self.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn all_are_given_up_and_whatever_begins_then() {
        let belongings = Belongings::default();
        let [one, other, late] = [(); 3].map(|()| Arc::<AtomicBool>::default());
        belongings.add(&one);
        belongings.add(&other);
        drop(other);
        assert!(!one.load(Ordering::Relaxed) && !belongings.are_given_up());
        belongings.give_up();
        assert!(one.load(Ordering::Relaxed) && belongings.are_given_up());
        belongings.add(&late);
        assert!(late.load(Ordering::Relaxed));
    }

    #[test]
    fn what_is_gone_takes_no_room() {
        let belongings = Belongings::default();
        let stays: Vec<_> = (0..100).map(|_| Arc::<AtomicBool>::default()).collect();
        stays.iter().for_each(|belonging| belongings.add(belonging));
        for _ in 0..1_000 {
            belongings.add(&Arc::<AtomicBool>::default());
        }
        assert!(belongings.0.lock().all.len() <= 2 * stays.len() + FEW);
        belongings.give_up();
        assert!(stays.iter().all(|belonging| belonging.load(Ordering::Relaxed)));
    }
}
