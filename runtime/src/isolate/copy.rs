//! A copy of an object of V8's as it is, without a look at its properties. Some of them V8 makes when
//! they are first read, and all that comes with them; in the copy and in the object they are not made
//! yet, each for itself.

use deno_core::v8;

// `v8::Object::Clone()` of V8's public interface, which the crate has no function for. The name says what it
// takes, so that with another one this does not link; what it answers is one pointer, as all handles are.
unsafe extern "C" {
    #[link_name = "_ZN2v86Object5CloneEv"]
    fn clone_object<'s>(object: v8::Local<'s, v8::Object>) -> v8::Local<'s, v8::Object>;
}

/// A copy of `Date.prototype`, whose `toTemporalInstant` leads to all of `Temporal`
/// (`bindings/src/global/temporal.js`). It stays as V8 made it until `makeTemporal` there reads that:
/// nothing of it is read, written or enumerated before, and its prototype is never set. It shares its
/// hidden class with `Date.prototype`, and V8 takes the class of a prototype for one object's own, which
/// changes with it.
pub(super) fn of_date_prototype<'s>(scope: &mut v8::PinScope<'s, '_>) -> v8::Local<'s, v8::Object> {
    let date = v8::Date::new(scope, 0.0).expect("an isolate without a worker has room for a date");
    let prototype = date.get_prototype(scope).and_then(|it| it.to_object(scope));
    let prototype = prototype.expect("what V8 has just made has its own prototype");
    // SAFETY: it is an ordinary object, which V8 copies into the scope that the handle is of; no code
    // runs. Of other kinds V8 would end the process.
    unsafe { clone_object(prototype) }
}
