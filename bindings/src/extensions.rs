//! The list of extensions an isolate is made of. The snapshot is made and loaded with the
//! same list in the same order.

use std::sync::Arc;

use deno_core::{Extension, OpDecl};
use deno_permissions::{PermissionsContainer, RuntimePermissionDescriptorParser};

use crate::blob::QuotaBlobStore;

deno_core::extension!(
    deno_telemetry,
    lazy_loaded_js = [
        dir "src/global",
        "ext:deno_telemetry/telemetry.ts" = "telemetry.js",
        "ext:deno_telemetry/util.ts" = "telemetry_util.js",
    ]
);

deno_core::extension!(
    deno_net,
    lazy_loaded_js = [dir "src/global", "ext:deno_net/02_tls.js" = "tls_keys.js"],
);

deno_core::extension!(
    isolane_permissions,
    state = |state| {
        // deno_fetch asks for a container; nothing of a worker's reaches the host through it.
        state.put(PermissionsContainer::allow_all(Arc::new(
            RuntimePermissionDescriptorParser::new(sys_traits::impls::RealSys),
        )));
    },
);

/// The extensions of one isolate. `blobs` bounds what its `Blob`s may hold.
pub fn extensions(blobs: Arc<QuotaBlobStore>) -> Vec<Extension> {
    let mut fetch = deno_fetch::deno_fetch::init(deno_fetch::Options::default());
    crate::fetch::replace_ops(&mut fetch);
    let channel = deno_web::InMemoryBroadcastChannel::default();
    let mut web = deno_web::deno_web::init(blobs, None, false, channel);
    replace(&mut web, &crate::ports::declarations());
    vec![
        deno_telemetry::init(),
        deno_net::init(),
        deno_webidl::deno_webidl::init(),
        web,
        fetch,
        deno_crypto::deno_crypto::init(None),
        crate::binding::extension(),
        crate::kv::extension(),
        crate::queue::extension(),
        crate::services::extension(),
        crate::rpc::extension(),
        isolane_permissions::init(),
        crate::event::isolane_bindings::init(),
        crate::compat::isolane_compat::init(),
    ]
}

/// Puts ops of ours in the place of those of the same names.
///
/// # Panics
///
/// When the extension is not the one that they were written for: an op that is not replaced would
/// reach past what ours keep to.
pub(crate) fn replace(extension: &mut Extension, ours: &[OpDecl]) {
    for ours in ours {
        let theirs = extension
            .ops
            .to_mut()
            .iter_mut()
            .find(|op| op.name == ours.name)
            .unwrap_or_else(|| panic!("there is no {} to replace", ours.name));
        assert_eq!(theirs.is_async, ours.is_async, "{} is called in another way", ours.name);
        *theirs = theirs.with_implementation_from(ours);
    }
}
