//! An exception in words: one line and a stack, both bounded whatever a tenant makes of them.
//! Not here: how V8's frames become a stack (`runtime/src/isolate/trace.rs`).

use deno_core::{OpState, v8};

use super::Thrown;

/// Stacks and messages beyond this many characters are cut: they go to the log.
const THROWN_CHARACTERS: usize = 16 * 1024;
/// Causes of an exception, each with its stack, that are put into words.
const CAUSES: usize = 5;
/// Strings of more characters are not read at all: V8 would make one piece of them before it
/// gave us the beginning, up to half a gigabyte.
pub(crate) const LEGIBLE_CHARACTERS: usize = 1 << 20;
/// What stands for a text that is not read.
const ILLEGIBLE: &str = "[a text of ";
/// Prototypes that are looked at to find out whether an object is an error.
const PROTOTYPES: usize = 64;

/// Puts an exception into words. Runs getters of the tenant's (an `Error` is an object like
/// any other), hence only inside a slice with limits.
pub fn describe<'s>(scope: &mut v8::PinScope<'s, '_>, error: v8::Local<'s, v8::Value>) -> Thrown {
    let message = summary(scope, error);
    let mut stack = worker_frames(&stack_of(scope, error));
    let mut cause = cause_of(scope, error);
    for _ in 0..CAUSES {
        let Some(error) = cause else { break };
        stack.push_str("\nCaused by: ");
        match worker_frames(&stack_of(scope, error)) {
            frames if frames.is_empty() => stack.push_str(&summary(scope, error)),
            frames => stack.push_str(&frames),
        }
        cause = cause_of(scope, error);
    }
    Thrown { message: cut(&message), stack: cut(&stack) }
}

/// A rejection outside of any event, with a text that is too long to be read. Where a worker's
/// start fails by it, it must not be asked for again: deno_core would read it whole.
#[derive(Default)]
pub struct IllegibleRejection(pub(super) Option<Thrown>);

impl IllegibleRejection {
    /// Takes it, if there was one.
    pub fn take(state: &mut OpState) -> Option<Thrown> {
        state.try_borrow_mut::<Self>().and_then(|rejection| rejection.0.take())
    }

    /// Notes what was reported where no event is running.
    pub(super) fn note(state: &mut OpState, thrown: Thrown) {
        if thrown.message.contains(ILLEGIBLE) || thrown.stack.contains(ILLEGIBLE) {
            state.put(Self(Some(thrown)));
        }
    }
}

/// The text of a string, or how long it is.
pub fn legible(scope: &mut v8::PinScope<'_, '_>, text: v8::Local<'_, v8::String>) -> String {
    match text.length() {
        length if length > LEGIBLE_CHARACTERS => format!("{ILLEGIBLE}{length} characters]"),
        _ => text.to_rust_string_lossy(scope),
    }
}

/// `name: message` of an error, and what there is to say of anything else.
fn summary<'s>(scope: &mut v8::PinScope<'s, '_>, error: v8::Local<'s, v8::Value>) -> String {
    let Some(object) = error_object(scope, error) else { return plain(scope, error) };
    let name = property(scope, object, "name");
    let message = property(scope, object, "message");
    let name = text_of(scope, name).unwrap_or_else(|| "Error".to_owned());
    let message = text_of(scope, message).unwrap_or_default();
    match (name.is_empty(), message.is_empty()) {
        (false, false) => format!("{name}: {message}"),
        (false, true) => name,
        (true, _) => message,
    }
}

/// A value that is no error. V8's own words for it can be longer than a string may be, and that
/// ends the thread, so they are asked for only where they are short.
fn plain<'s>(scope: &mut v8::PinScope<'s, '_>, value: v8::Local<'s, v8::Value>) -> String {
    if let Ok(text) = v8::Local::<v8::String>::try_from(value) {
        return legible(scope, text);
    }
    if let Ok(symbol) = v8::Local::<v8::Symbol>::try_from(value) {
        let description = symbol.description(scope);
        let description = v8::Local::<v8::String>::try_from(description);
        let description = description.map(|text| legible(scope, text)).unwrap_or_default();
        return format!("Symbol({description})");
    }
    if let Ok(function) = v8::Local::<v8::Function>::try_from(value) {
        let name = function.get_name(scope);
        return format!("[function {}]", legible(scope, name));
    }
    if let Ok(object) = v8::Local::<v8::Object>::try_from(value) {
        let name = object.get_constructor_name();
        return format!("#<{}>", legible(scope, name));
    }
    let message = v8::Exception::create_message(scope, value).get(scope);
    let message = legible(scope, message);
    message.strip_prefix("Uncaught ").unwrap_or(&message).to_owned()
}

fn stack_of<'s>(scope: &mut v8::PinScope<'s, '_>, error: v8::Local<'s, v8::Value>) -> String {
    let stack = error_object(scope, error).and_then(|error| property(scope, error, "stack"));
    text_of(scope, stack).unwrap_or_default()
}

fn cause_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    error: v8::Local<'s, v8::Value>,
) -> Option<v8::Local<'s, v8::Value>> {
    let error = error_object(scope, error)?;
    property(scope, error, "cause").filter(|cause| !cause.is_undefined())
}

/// The object, if it is an error: one of V8's, or one that inherits from `Error.prototype`.
fn error_object<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: v8::Local<'s, v8::Value>,
) -> Option<v8::Local<'s, v8::Object>> {
    let object = v8::Local::<v8::Object>::try_from(value).ok()?;
    if object.is_native_error() {
        return Some(object);
    }
    let empty = v8::String::empty(scope);
    let error = v8::Local::<v8::Object>::try_from(v8::Exception::error(scope, empty)).ok()?;
    let wanted = error.get_prototype(scope)?;
    v8::tc_scope!(let scope, scope);
    let mut prototype = object.get_prototype(scope)?;
    for _ in 0..PROTOTYPES {
        if prototype.strict_equals(wanted) {
            return Some(object);
        }
        prototype = v8::Local::<v8::Object>::try_from(prototype).ok()?.get_prototype(scope)?;
    }
    None
}

/// A property, unless reading it throws.
fn property<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    name: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let key = v8::String::new(scope, name)?;
    v8::tc_scope!(let scope, scope);
    object.get(scope, key.into())
}

fn text_of(
    scope: &mut v8::PinScope<'_, '_>,
    value: Option<v8::Local<'_, v8::Value>>,
) -> Option<String> {
    let text = v8::Local::<v8::String>::try_from(value?).ok()?;
    Some(legible(scope, text))
}

/// A stack without the frames of the bindings, which say nothing to the worker's author.
fn worker_frames(stack: &str) -> String {
    let is_ours = |line: &&str| {
        let frame = line.trim_start();
        let place =
            frame.rsplit_once('(').map_or(frame.strip_prefix("at "), |(_, place)| Some(place));
        frame.starts_with("at ")
            && place.is_some_and(|place| place.starts_with("ext:") || place.starts_with("isolane:"))
    };
    let lines = stack.lines().filter(|line| !is_ours(line));
    lines.collect::<Vec<_>>().join("\n")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(THROWN_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
