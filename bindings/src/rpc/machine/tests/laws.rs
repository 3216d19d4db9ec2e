//! Laws of calls between events, for all of what may happen in whatever order: each call is settled once,
//! each object is disposed of once and only when nobody holds it, calls on one reference arrive in their
//! order, and in the end nothing is left.

use proptest::prelude::*;

use super::world::World;

/// Something that happens: what, in which event, and three picks.
type Happening = (u8, usize, usize, usize, usize);

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let happening = (0_u8..32, 0..MACHINES, 0_usize..64, 0_usize..64, 0_usize..64);
    prop::collection::vec(happening, 0..160)
}

const MACHINES: usize = 3;

fn happen(world: &mut World, happening: Happening) {
    let (what, machine, one, two, three) = happening;
    if world.is_closed[machine] {
        return;
    }
    let other = one % MACHINES;
    match what {
        0 if !world.is_closed[other] => world.join(machine, other),
        1..=5 => world.call(machine, one, two),
        6..=8 => world.pipeline(machine, one, two),
        9 => world.take_args(machine, one),
        10..=14 => world.answer(machine, one, two, three),
        15 => world.dup(machine, one),
        16 | 17 => world.dispose(machine, one),
        18 => world.finish(machine, one),
        19..=25 => {
            world.take(machine);
        }
        _ => {
            if !world.net.wires.is_empty() {
                let wire = one % world.net.wires.len();
                world.net.carry(wire, two % 2);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_called_is_settled_in_order_and_what_is_held_stays(happenings in happenings()) {
        let mut world = World::new(MACHINES);
        world.join(0, 1);
        world.join(1, 2);
        world.join(2, 0);
        for happening in happenings {
            happen(&mut world, happening);
        }
        world.end();
    }

    #[test]
    fn nothing_is_left_of_sessions_and_events_that_end(
        before in happenings(),
        ends in prop::collection::vec((any::<bool>(), 0_usize..64), 1..3),
        after in happenings(),
    ) {
        let mut world = World::new(MACHINES);
        world.join(0, 1);
        world.join(1, 2);
        world.join(2, 0);
        for happening in before {
            happen(&mut world, happening);
        }
        for (is_event, pick) in ends {
            if is_event {
                world.close(pick % MACHINES);
            } else {
                world.cut(pick % world.net.wires.len());
            }
        }
        for happening in after {
            happen(&mut world, happening);
        }
        world.end();
    }
}
