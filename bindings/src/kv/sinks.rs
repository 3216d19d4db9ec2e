//! Values on their way in, piece by piece, by number. A value belongs to the event that writes it, and
//! is given up with that: what is on disk of it counts for the worker as long as it is there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use kv::ValueSink;

use crate::binding::{Asker, Owned};

/// The most values that an isolate may be writing piece by piece at a time: each has a part of its
/// value in the process's memory.
const MAX_SINKS: usize = 64;

type Sink = RefCell<Box<dyn ValueSink>>;

/// The values that come piece by piece, by number.
#[derive(Default)]
pub(super) struct Sinks {
    open: HashMap<u32, Open>,
    last: u32,
}

/// A value, and who writes it.
struct Open {
    sink: Owned<Sink>,
    asker: Asker,
}

impl Sinks {
    /// The number of a sink, unless there are too many.
    ///
    /// `asker` is the one that writes: when it is over, so is the value.
    pub(super) fn add(&mut self, sink: Box<dyn ValueSink>, asker: Asker) -> Option<u32> {
        self.open.retain(|_, open| open.sink.get().is_some());
        if self.open.len() == MAX_SINKS {
            return None;
        }
        self.last = (1..)
            .map(|step| self.last.wrapping_add(step))
            .find(|number| !self.open.contains_key(number))?;
        let sink = Owned::new(RefCell::new(sink), &asker);
        self.open.insert(self.last, Open { sink, asker });
        Some(self.last)
    }

    pub(super) fn get(&self, number: u32) -> Option<(Rc<Sink>, Asker)> {
        let open = self.open.get(&number)?;
        Some((open.sink.get()?, open.asker.clone()))
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<(Box<dyn ValueSink>, Asker)> {
        let Open { sink: owned, asker } = self.open.remove(&number)?;
        let sink = owned.get()?;
        drop(owned);
        Some((Rc::try_unwrap(sink).ok().map(RefCell::into_inner)?, asker))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use kv::Lookup;

    use super::*;
    use crate::event::{CallContext, Event, Events, Scheduled, Trigger};

    /// What is shared until the sink is given up.
    struct Shared {
        _counted: Arc<()>,
    }

    impl ValueSink for Shared {
        fn write(&mut self, _: Bytes) -> Lookup<()> {
            Lookup::done(())
        }

        fn finish(self: Box<Self>) -> Lookup<()> {
            Lookup::done(())
        }
    }

    fn event(events: &Events) -> Rc<Event> {
        let scheduled = Scheduled { cron: "* * * * *".into(), scheduled_time_ms: 0 };
        events.insert(Trigger::Scheduled(scheduled), CallContext::default(), 1)
    }

    #[test]
    fn a_value_is_given_up_with_its_event() {
        let (mut sinks, events, shared) = (Sinks::default(), Events::default(), Arc::new(()));
        let sink = || Box::new(Shared { _counted: Arc::clone(&shared) });
        let (one, other) = (event(&events), event(&events));
        let first = sinks.add(sink(), Asker::of(&one)).unwrap();
        let second = sinks.add(sink(), Asker::of(&other)).unwrap();
        assert_eq!(Arc::strong_count(&shared), 3);
        events.remove(one.id());
        assert_eq!(Arc::strong_count(&shared), 2);
        assert!(sinks.get(first).is_none() && sinks.remove(first).is_none());
        assert!(sinks.get(second).is_some());
        drop(sinks.remove(second).unwrap());
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn values_of_events_that_are_over_make_room_for_others() {
        let (mut sinks, events, shared) = (Sinks::default(), Events::default(), Arc::new(()));
        let sink = || Box::new(Shared { _counted: Arc::clone(&shared) });
        let event = event(&events);
        for _ in 0..MAX_SINKS {
            sinks.add(sink(), Asker::of(&event)).unwrap();
        }
        assert_eq!(sinks.add(sink(), Asker::of(&event)), None);
        events.remove(event.id());
        assert_eq!(Arc::strong_count(&shared), 1);
        let event = self::event(&events);
        assert!(sinks.add(sink(), Asker::of(&event)).is_some());
    }
}
