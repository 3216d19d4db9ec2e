//! The list of extensions an isolate is made of. The snapshot is made and loaded with the
//! same list in the same order.

use std::sync::Arc;

use deno_core::Extension;
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
    vec![
        deno_telemetry::init(),
        deno_net::init(),
        deno_webidl::deno_webidl::init(),
        deno_web::deno_web::init(blobs, None, false, deno_web::InMemoryBroadcastChannel::default()),
        fetch,
        deno_crypto::deno_crypto::init(None),
        crate::kv::extension(),
        isolane_permissions::init(),
        crate::event::isolane_bindings::init(),
        crate::compat::isolane_compat::init(),
    ]
}
