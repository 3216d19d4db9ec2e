//! How the frames of V8 become the `stack` of an error. In the place of deno_core's callback,
//! which aborts where the text is longer than a string can be: here names, frames and the whole
//! are bounded, and the worker's own `Error.prepareStackTrace` does not get to see the frames of
//! the runtime's scripts, whose functions are not its to call.
//! Not here: what the log gets of a stack (`bindings/src/event/thrown.rs`).

use bindings::event::legible;
use deno_core::{error, v8};

use super::interrupt;

/// A name in a frame has at most so many characters.
const NAME_CHARACTERS: usize = 4 * 1024;
/// Bytes of all frames.
const FRAMES_BYTES: usize = 256 * 1024;
/// Frames that are looked at.
const FRAMES: u32 = 1_000;
/// What the names of the runtime's own scripts begin with.
const OURS: [&str; 2] = ["ext:", "isolane:"];

/// V8 calls this when the `stack` of an error is first read.
pub(super) fn prepare<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    error: v8::Local<'s, v8::Value>,
    sites: v8::Local<'s, v8::Array>,
) -> v8::Local<'s, v8::Value> {
    if interrupt::is_to_end(scope) {
        return v8::String::empty(scope).into();
    }
    if has_formatter(scope) {
        let theirs = worker_sites(scope, sites);
        return error::prepare_stack_trace_callback(scope, error, theirs);
    }
    let mut stack = header(scope, error);
    let end = stack.len() + FRAMES_BYTES;
    for index in 0..sites.length().min(FRAMES) {
        // What fails here fails at the end of the stack or of the CPU time.
        let Some(frame) = site(scope, sites, index).and_then(|site| frame(scope, site)) else {
            break;
        };
        if stack.len() + frame.len() > end {
            stack.push_str("\n    at ...");
            break;
        }
        stack.push_str("\n    at ");
        stack.push_str(&frame);
    }
    match v8::String::new(scope, &stack) {
        Some(stack) => stack.into(),
        None => v8::String::empty(scope).into(),
    }
}

/// Whether the worker has an `Error.prepareStackTrace` of its own.
fn has_formatter(scope: &mut v8::PinScope<'_, '_>) -> bool {
    let global = scope.get_current_context().global(scope);
    get(scope, global, "Error")
        .and_then(|error| v8::Local::<v8::Object>::try_from(error).ok())
        .and_then(|error| get(scope, error, "prepareStackTrace"))
        .is_some_and(|format| format.is_function())
}

/// The frames that are the worker's own, and whose names are short enough for deno_core.
fn worker_sites<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    sites: v8::Local<'s, v8::Array>,
) -> v8::Local<'s, v8::Array> {
    const NAMES: [&str; 4] = ["getFunctionName", "getTypeName", "getMethodName", "getEvalOrigin"];
    v8::tc_scope!(let scope, scope);
    let mut kept = Vec::new();
    for index in 0..sites.length().min(FRAMES) {
        let Some(site) = site(scope, sites, index) else { break };
        let file = text(scope, site, "getFileName").unwrap_or_default();
        let is_ours = OURS.iter().any(|prefix| file.starts_with(prefix));
        let is_short = |name: &&str| {
            let name = call(scope, site, name).and_then(|name| name.try_cast::<v8::String>().ok());
            name.is_none_or(|name| name.length() <= NAME_CHARACTERS)
        };
        if !is_ours && NAMES.iter().all(is_short) {
            kept.push(site.into());
        }
    }
    v8::Array::new_with_elements(scope, &kept)
}

/// `name: message`.
fn header<'s>(scope: &mut v8::PinScope<'s, '_>, error: v8::Local<'s, v8::Value>) -> String {
    let Ok(error) = v8::Local::<v8::Object>::try_from(error) else { return String::new() };
    let message = described(scope, error, "message").unwrap_or_default();
    let name = described(scope, error, "name").unwrap_or_else(|| "Error".to_owned());
    match (name.is_empty(), message.is_empty()) {
        (false, false) => format!("{name}: {message}"),
        (false, true) => name,
        (true, _) => message,
    }
}

/// A property as text; `None` where it is undefined, or reading it throws.
fn described<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    error: v8::Local<'s, v8::Object>,
    name: &str,
) -> Option<String> {
    v8::tc_scope!(let scope, scope);
    let value = get(scope, error, name).filter(|value| !value.is_undefined())?;
    let text = value.to_string(scope)?;
    Some(legible(scope, text))
}

/// One frame, as V8 writes it.
fn frame<'s>(scope: &mut v8::PinScope<'s, '_>, site: v8::Local<'s, v8::Object>) -> Option<String> {
    v8::tc_scope!(let scope, scope);
    let is = |scope: &mut v8::PinScope<'s, '_>, method: &str| {
        call(scope, site, method).map(|value| value.is_true())
    };
    let mut frame = String::new();
    if is(scope, "isAsync")? {
        frame.push_str("async ");
    }
    if is(scope, "isPromiseAll")? {
        let index = call(scope, site, "getPromiseIndex")?.integer_value(scope).unwrap_or_default();
        return Some(format!("{frame}Promise.all (index {index})"));
    }
    let is_constructor = is(scope, "isConstructor")?;
    let is_method = !(is(scope, "isToplevel")? || is_constructor);
    let function = text(scope, site, "getFunctionName");
    let called = if is_method {
        let class = text(scope, site, "getTypeName");
        let method = text(scope, site, "getMethodName");
        Some(method_call(function, class, method))
    } else if is_constructor {
        Some(format!("new {}", function.as_deref().unwrap_or("<anonymous>")))
    } else {
        function
    };
    let place = place(scope, site)?;
    match called {
        Some(called) => frame.push_str(&format!("{called} ({place})")),
        None => frame.push_str(&place),
    }
    Some(frame)
}

fn method_call(function: Option<String>, class: Option<String>, method: Option<String>) -> String {
    let Some(function) = function else {
        let class = class.map(|class| format!("{class}.")).unwrap_or_default();
        return format!("{class}{}", method.as_deref().unwrap_or("<anonymous>"));
    };
    let class = class.filter(|class| !function.starts_with(class.as_str()));
    let class = class.map(|class| format!("{class}.")).unwrap_or_default();
    let alias = method.filter(|method| !function.ends_with(method.as_str()));
    let alias = alias.map(|method| format!(" [as {method}]")).unwrap_or_default();
    format!("{class}{function}{alias}")
}

fn place<'s>(scope: &mut v8::PinScope<'s, '_>, site: v8::Local<'s, v8::Object>) -> Option<String> {
    if call(scope, site, "isNative")?.is_true() {
        return Some("native".to_owned());
    }
    let number = |scope: &mut v8::PinScope<'s, '_>, method: &str| {
        let number = call(scope, site, method)?;
        if number.is_number() { number.integer_value(scope) } else { None }
    };
    let line = number(scope, "getLineNumber");
    let column = number(scope, "getColumnNumber");
    let file = text(scope, site, "getFileName").unwrap_or_default();
    if file.starts_with("wasm://") {
        let function = line.map(|line| format!(":wasm-function[{}]", line - 1)).unwrap_or_default();
        let offset = column.map(|column| format!(":0x{:x}", column - 1)).unwrap_or_default();
        return Some(format!("{file}{function}{offset}"));
    }
    let mut place = file;
    if place.is_empty() {
        if call(scope, site, "isEval")?.is_true() {
            place = text(scope, site, "getEvalOrigin").unwrap_or_default();
            place.push_str(", ");
        }
        place.push_str("<anonymous>");
    }
    for number in [line, column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    Some(place)
}

fn site<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    sites: v8::Local<'s, v8::Array>,
    index: u32,
) -> Option<v8::Local<'s, v8::Object>> {
    v8::Local::<v8::Object>::try_from(sites.get_index(scope, index)?).ok()
}

fn get<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    name: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let key = v8::String::new(scope, name)?;
    object.get(scope, key.into())
}

/// Calls a method of V8's call sites, whose prototype no worker ever sees.
fn call<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    site: v8::Local<'s, v8::Object>,
    method: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let method = get(scope, site, method)?.try_cast::<v8::Function>().ok()?;
    method.call(scope, site.into(), &[])
}

/// What a method answers, if that is text; long text is replaced.
fn text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    site: v8::Local<'s, v8::Object>,
    method: &str,
) -> Option<String> {
    let text = call(scope, site, method)?.try_cast::<v8::String>().ok()?;
    Some(match text.length() {
        length if length > NAME_CHARACTERS => format!("[a name of {length} characters]"),
        _ => text.to_rust_string_lossy(scope),
    })
}
