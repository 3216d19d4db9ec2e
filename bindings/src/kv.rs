//! stub
use std::sync::Arc;
deno_core::extension!(isolane_kv, lazy_loaded_js = [dir "src/kv", "kv.js"]);
/// stub
#[derive(Clone)]
pub struct KvNamespaces {
    /// stub
    pub store: Arc<dyn ::kv::Store>,
    /// stub
    pub namespaces: Vec<::kv::Namespace>,
}
/// stub
pub fn install(state: &mut deno_core::OpState, n: KvNamespaces) {
    state.put(n);
}
