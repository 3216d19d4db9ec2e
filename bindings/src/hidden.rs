//! Symbols that no reflection finds: V8's private symbols, handed to the runtime's scripts as values.
//! What stands under one is not listed, not copied, and asked of no proxy.
//! Not here: which symbols of which script are made so (`global/hidden.js`).

use deno_core::{op2, v8};

/// Under what objects of the runtime have what clones or transfers them (`clone.rs`).
const BRAND: &str = "isolane.hostObject";

/// A new symbol.
#[op2]
pub(crate) fn op_hidden_symbol<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    description: v8::Local<'s, v8::Value>,
) -> Option<v8::Local<'s, v8::Value>> {
    let description = v8::Local::<v8::String>::try_from(description).ok();
    let symbol = v8::Private::new(scope, description);
    value_of(scope, symbol)
}

/// The symbol that [`brand`] is.
#[op2]
pub(crate) fn op_hidden_brand<'s>(
    scope: &mut v8::PinScope<'s, '_>,
) -> Option<v8::Local<'s, v8::Value>> {
    let brand = brand(scope)?;
    value_of(scope, brand)
}

/// Marks an object that the clone has to ask about, and has what it is asked for. It is looked for
/// on the object alone, as all that is private.
pub(crate) fn brand<'s>(scope: &v8::PinScope<'s, '_>) -> Option<v8::Local<'s, v8::Private>> {
    let name = v8::String::new(scope, BRAND)?;
    Some(v8::Private::for_api(scope, Some(name)))
}

/// The symbol as a value. An object made from a template has what the template names.
fn value_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    symbol: v8::Local<'s, v8::Private>,
) -> Option<v8::Local<'s, v8::Value>> {
    let name = v8::String::new(scope, "symbol")?;
    let template = v8::ObjectTemplate::new(scope);
    template.set(name.into(), symbol.into());
    template.new_instance(scope)?.get(scope, name.into())
}
