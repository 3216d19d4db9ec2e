//! Questions of the vendored JavaScript about objects and callers.

use deno_core::{op2, v8};

/// The own keys of an object that are not array indices. `filter` is the sum of V8's
/// `PropertyFilter` flags, of which only "enumerable" is known here.
#[op2]
pub(super) fn op_node_get_own_non_index_properties<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
    #[smi] filter: u32,
) -> Option<v8::Local<'s, v8::Array>> {
    const ONLY_ENUMERABLE: u32 = 2;
    let filter = if filter & ONLY_ENUMERABLE == 0 {
        v8::PropertyFilter::ALL_PROPERTIES
    } else {
        v8::PropertyFilter::ONLY_ENUMERABLE
    };
    let arguments = v8::GetPropertyNamesArgsBuilder::new()
        .mode(v8::KeyCollectionMode::OwnOnly)
        .property_filter(filter)
        .index_filter(v8::IndexFilter::SkipIndices)
        .build();
    object.get_property_names(scope, arguments)
}

/// Whether a dependency calls, whose use of what is deprecated is then not reported. A bundle
/// does not tell its parts apart.
#[op2(fast)]
pub(super) fn op_node_call_is_from_dependency() -> bool {
    false
}
