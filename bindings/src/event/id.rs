//! What names an event in its isolate.

use std::fmt;
use std::num::NonZeroU32;

/// The number of an event among those of its isolate, which JavaScript carries in its async context.
/// Never zero, and a small integer for V8: it takes no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(NonZeroU32);

impl EventId {
    /// That of an isolate's first event.
    pub(super) const FIRST: EventId = EventId(NonZeroU32::MIN);

    /// The last one before they begin again.
    const LAST: u32 = 0x3fff_ffef;

    /// The event with that number, as JavaScript passes it; `None` for zero, which is no event's.
    pub const fn new(number: u32) -> Option<EventId> {
        match NonZeroU32::new(number) {
            Some(number) => Some(EventId(number)),
            None => None,
        }
    }

    /// Its number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// That of the event after it.
    pub(super) fn next(self) -> EventId {
        let next = self.0.checked_add(1).filter(|next| next.get() <= Self::LAST);
        next.map_or(Self::FIRST, EventId)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_event() {
        assert_eq!(EventId::new(0), None);
        assert_eq!(EventId::new(7).map(EventId::get), Some(7));
        assert_eq!(EventId::FIRST.to_string(), "1");
    }

    #[test]
    fn numbers_begin_again_before_v8_needs_more_than_a_small_integer() {
        let last = EventId::new(EventId::LAST).unwrap();
        assert_eq!(last.next(), EventId::FIRST);
        assert_eq!(EventId::FIRST.next().get(), 2);
        assert!(last.get() < 1 << 30);
    }
}
