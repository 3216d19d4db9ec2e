//! What time it is for a worker: clocks stand still while its code runs and go on when it is
//! entered again, as on Workers, so that no code can measure how long other code takes.
//! Not here: `Date` and its like, which ask for it (`global/clock.js`, `global/temporal.js`), and
//! timers.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use deno_core::{OpState, op2, v8};

/// What `performance.now()` is rounded down to.
const RESOLUTION_NS: u32 = 100_000;

/// The clock of one isolate. Clones share it.
#[derive(Debug, Clone)]
pub struct Clock(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    is_live: Cell<bool>,
    started: Instant,
    /// Since `started`, at the last entry.
    elapsed: Cell<Duration>,
    /// Milliseconds since the epoch, at the last entry.
    wall_ms: Cell<f64>,
}

impl Default for Clock {
    fn default() -> Self {
        Clock(Rc::new(Inner {
            is_live: Cell::new(false),
            started: Instant::now(),
            elapsed: Cell::default(),
            wall_ms: Cell::new(wall_ms()),
        }))
    }
}

impl Clock {
    /// Lets the clock go on while code runs: what a person who develops a worker expects.
    pub fn go_live(&self) {
        self.0.is_live.set(true);
    }

    /// The isolate is entered: looks at the real clock.
    pub fn look(&self) {
        if !self.0.is_live.get() {
            self.0.elapsed.set(self.0.started.elapsed());
            self.0.wall_ms.set(wall_ms());
        }
    }

    fn elapsed(&self) -> Duration {
        if self.0.is_live.get() {
            return self.0.started.elapsed();
        }
        let elapsed = self.0.elapsed.get();
        elapsed - Duration::from_nanos((elapsed.subsec_nanos() % RESOLUTION_NS).into())
    }

    fn wall_ms(&self) -> f64 {
        if self.0.is_live.get() { wall_ms() } else { self.0.wall_ms.get() }
    }
}

fn wall_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as f64
}

/// What `Date.now()` answers.
#[op2(fast)]
pub(crate) fn op_clock_wall(state: &mut OpState) -> f64 {
    state.borrow::<Clock>().wall_ms()
}

/// Milliseconds that only grow, by the clock that performance.now() shows.
#[op2(fast)]
pub(crate) fn op_clock_steady(state: &mut OpState) -> f64 {
    state.borrow::<Clock>().elapsed().as_secs_f64() * 1e3
}

/// In the place of deno_web's `op_now`: seconds and nanoseconds, 32 bits each.
#[op2(fast)]
pub(crate) fn op_clock_elapsed(state: &mut OpState, #[buffer] into: &mut [u8]) {
    let elapsed = state.borrow::<Clock>().elapsed();
    if let Some((seconds, rest)) = into.split_at_mut_checked(4)
        && let Some(nanoseconds) = rest.get_mut(..4)
    {
        seconds.copy_from_slice(&(elapsed.as_secs() as u32).to_ne_bytes());
        nanoseconds.copy_from_slice(&elapsed.subsec_nanos().to_ne_bytes());
    }
}

/// Gives an object a property whose value is made when it is first read.
#[op2(nofast)]
pub(crate) fn op_clock_later(
    scope: &mut v8::PinScope<'_, '_>,
    object: v8::Local<'_, v8::Object>,
    name: v8::Local<'_, v8::String>,
    make: v8::Local<'_, v8::Function>,
) {
    object.set_lazy_data_property_with_data(
        scope,
        name.into(),
        make_now,
        make.into(),
        v8::PropertyAttribute::DONT_ENUM,
        v8::SideEffectType::HasSideEffect,
        v8::SideEffectType::HasSideEffect,
    );
}

fn make_now<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    _name: v8::Local<'s, v8::Name>,
    args: v8::PropertyCallbackArguments<'s>,
    mut value: v8::ReturnValue<'_, v8::Value>,
) {
    let Ok(make) = v8::Local::<v8::Function>::try_from(args.data()) else { return };
    let this = v8::undefined(scope).into();
    // Without a value something was thrown, and the next to read it has it made again.
    if let Some(made) = make.call(scope, this, &[]) {
        value.set(made);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_for(mut changed: impl FnMut() -> bool) {
        while !changed() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_clock_stands_still_until_it_is_looked_at() {
        let clock = Clock::default();
        clock.look();
        let before = (clock.elapsed(), clock.wall_ms());
        wait_for(|| wall_ms() > before.1 + 2.0);
        assert_eq!((clock.elapsed(), clock.wall_ms()), before);
        clock.look();
        assert!(clock.elapsed() > before.0 && clock.wall_ms() > before.1);
    }

    #[test]
    fn a_live_clock_goes_on() {
        let clock = Clock::default();
        clock.go_live();
        let before = (clock.elapsed(), clock.wall_ms());
        wait_for(|| clock.elapsed() > before.0 && clock.wall_ms() > before.1);
    }
}
