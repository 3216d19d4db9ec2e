//! What holds of a window whatever happens while it is read: nothing is lost, and nothing is given out
//! twice.

use proptest::prelude::*;

use super::*;

/// Small, so that it is full and low again and again.
const MOST_HERE: usize = 8;

/// Something that happens to a queue.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// A message comes into the tables, with this time.
    Come(u64),
    /// The first of those that have come is made known.
    Known,
    /// A reading of the tables begins.
    Begin,
    /// It ends.
    End,
    /// The next message is given out.
    Take,
    /// One that is on its way is gone.
    Gone,
    /// One that is on its way is given back.
    Back,
}

struct World {
    window: Window,
    tables: BTreeMap<Place, Entry>,
    /// In the tables, but not known yet.
    unknown: Vec<Entry>,
    in_flight: HashSet<u64>,
    reading: Option<(Reading, Vec<Entry>)>,
    next_seq: u64,
}

impl World {
    fn new() -> Self {
        Self {
            window: Window::with_most(Place::FIRST_TIMED, MOST_HERE),
            tables: BTreeMap::new(),
            unknown: Vec::new(),
            in_flight: HashSet::new(),
            reading: None,
            next_seq: 1,
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Come(due_ms) => {
                let place = Place::timed(due_ms, self.next_seq);
                self.next_seq += 1;
                let entry = Entry { place, since_ms: 0, attempts: 0, bytes: 0 };
                self.tables.insert(place, entry);
                self.unknown.push(entry);
            }
            Event::Known if !self.unknown.is_empty() => {
                let entry = self.unknown.remove(0);
                self.window.add(entry, &self.in_flight);
            }
            Event::Begin if self.reading.is_none() => {
                let reading = self.window.begin();
                let rows = self.tables.range(reading.from..).map(|(_, entry)| *entry);
                self.reading = Some((reading, rows.take(MOST_HERE).collect()));
            }
            Event::End => {
                if let Some((reading, rows)) = self.reading.take() {
                    let is_all = rows.len() < MOST_HERE;
                    self.window.fill(reading, &rows, is_all, &self.in_flight);
                }
            }
            Event::Take => {
                self.take();
            }
            Event::Gone => {
                if let Some(seq) = self.in_flight.iter().min().copied() {
                    self.in_flight.remove(&seq);
                    self.tables.retain(|place, _| place.seq != seq);
                }
            }
            Event::Back => {
                if let Some(seq) = self.in_flight.iter().min().copied() {
                    self.in_flight.remove(&seq);
                    self.window.close();
                }
            }
            Event::Known | Event::Begin => {}
        }
    }

    fn take(&mut self) -> bool {
        let Some(entry) = self.window.pop() else { return false };
        // One that was read before it was gone is not there when it is looked for.
        if self.tables.contains_key(&entry.place) {
            assert!(self.in_flight.insert(entry.place.seq), "{entry:?} is given out twice");
        }
        true
    }

    fn check(&self) {
        assert!(self.window.len() <= MOST_HERE);
        for place in self.tables.keys() {
            let is_known = self.unknown.iter().all(|entry| entry.place != *place);
            assert!(
                !is_known
                    || *place >= self.window.cursor
                    || self.window.entries.contains_key(place)
                    || self.in_flight.contains(&place.seq),
                "{place:?} is lost"
            );
            let is_hidden = is_known && self.window.is_all && *place >= self.window.cursor;
            assert!(!is_hidden, "the tables have {place:?}, and nobody looks there");
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1..40_u64).prop_map(Event::Come),
        6 => Just(Event::Known),
        3 => Just(Event::Begin),
        3 => Just(Event::End),
        4 => Just(Event::Take),
        2 => Just(Event::Gone),
        1 => Just(Event::Back),
    ]
}

proptest! {
    #[test]
    fn each_message_is_given_out_once_whatever_happens_while_it_is_read(
        events in proptest::collection::vec(event(), 0..300)
    ) {
        let mut world = World::new();
        for event in events {
            world.happens(event);
            world.check();
        }
        while !world.unknown.is_empty() {
            world.happens(Event::Known);
        }
        world.happens(Event::End);
        while world.window.is_low() || world.window.len() > 0 {
            world.happens(Event::Begin);
            world.happens(Event::End);
            while world.take() {}
            world.check();
        }
        prop_assert_eq!(world.in_flight.len(), world.tables.len());
    }
}

#[test]
fn a_window_that_has_everything_takes_what_comes_without_reading() {
    let mut window = Window::new(Place::FIRST);
    let none = HashSet::new();
    let entry = |seq| Entry { place: Place::ready(seq), since_ms: 0, attempts: 0, bytes: 0 };
    window.add(entry(1), &none);
    assert!(window.first().is_none() && window.is_low() && !window.is_open());
    let reading = window.begin();
    window.fill(reading, &[entry(1)], true, &none);
    window.add(entry(2), &none);
    assert!(!window.is_low() && window.is_open());
    assert_eq!((window.pop(), window.pop(), window.pop()), (Some(entry(1)), Some(entry(2)), None));
}
