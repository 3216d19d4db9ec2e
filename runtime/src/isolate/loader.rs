//! Gives deno_core the modules of the worker that an isolate has been given, with V8's code
//! cache, and nothing else: no file, no network. The scripts of the `node:` modules are
//! deno_core's to find; here is their code cache, which all isolates share.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use compatibility::Flag;
use deno_core::{
    ModuleLoadOptions, ModuleLoadReferrer, ModuleLoadResponse, ModuleLoader,
    ModuleSource as Source, ModuleSourceCode, ModuleSpecifier, ModuleType, ResolutionKind,
    SourceCodeCacheInfo, error::ModuleLoaderError,
};
use deno_error::JsErrorBox;
use percent_encoding::percent_decode_str;

use crate::code_cache::CodeCache;
use crate::definition::{Definition, Module, ModuleSource};

/// The module of the bindings that the shims of data and Wasm modules and the facades of
/// provided modules import from; no worker's own import leads there.
const SHIM_IMPORT: &str = "isolane:modules";

/// What the URLs of facades begin with. deno_core treats the scheme `node:` as its own.
const FACADE: &str = "isolane:";

/// Compiled code of the runtime's own scripts, by specifier. Their sources are part of the
/// program, so what one isolate has compiled fits all.
static SCRIPTS: LazyLock<CodeCache> = LazyLock::new(CodeCache::in_memory);

/// What the specifiers of the runtime's own scripts begin with.
const SCRIPT_SCHEME: &str = "ext";

/// The module loader of one isolate: empty until a worker is loaded.
#[derive(Default)]
pub(super) struct WorkerLoader {
    worker: RefCell<Option<Worker>>,
}

struct Worker {
    definition: Arc<Definition>,
    by_url: HashMap<String, usize>,
    cache: Arc<CodeCache>,
}

impl WorkerLoader {
    /// Sets the worker; answers the contents of its data and Wasm modules, by index.
    pub(super) fn set(&self, definition: &Arc<Definition>, cache: &Arc<CodeCache>) -> Vec<Bytes> {
        let by_url = definition
            .modules
            .iter()
            .enumerate()
            .map(|(index, module)| (module.url.clone(), index))
            .collect();
        let bytes = definition
            .modules
            .iter()
            .map(|module| match &module.source {
                ModuleSource::Data(bytes) | ModuleSource::Wasm(bytes) => bytes.clone(),
                _ => Bytes::new(),
            })
            .collect();
        *self.worker.borrow_mut() =
            Some(Worker { definition: definition.clone(), by_url, cache: cache.clone() });
        bytes
    }
}

impl Worker {
    /// Where a specifier leads that the bundler has not seen, because the code has computed it: to a
    /// module of the worker, relative to the importer, or to one of the runtime.
    fn computed(&self, specifier: &str, referrer: &str) -> Option<String> {
        if specifier.starts_with("./") || specifier.starts_with("../") {
            let url = ModuleSpecifier::parse(referrer).ok()?.join(specifier).ok()?;
            // What is encoded in a URL, and what need not be, is no difference.
            let decoded = || percent_decode_str(url.as_str());
            let mut modules = self.by_url.keys();
            return modules.find(|url| percent_decode_str(url).eq(decoded())).cloned();
        }
        if specifier == provided::WORKERS.specifier {
            return Some(specifier.to_owned());
        }
        let flags = self.definition.compatibility;
        let has_node = flags.has(Flag::NodejsCompat);
        let has_als = flags.has(Flag::NodejsAls);
        provided::node_name(specifier)
            .filter(|name| has_node || (has_als && name == provided::ASYNC_HOOKS))
    }

    fn module(&self, url: &str) -> Option<(usize, &Module)> {
        let index = *self.by_url.get(url)?;
        Some((index, self.definition.modules.get(index)?))
    }
}

/// The JavaScript of a module of any type.
fn code(index: usize, source: &ModuleSource) -> ModuleSourceCode {
    let literal =
        |text: &str| serde_json::to_string(text).expect("a string can always be written as JSON");
    let text = match source {
        ModuleSource::EsModule(text) => return ModuleSourceCode::String(text.clone().into()),
        ModuleSource::Json(text) => format!("export default JSON.parse({});", literal(text)),
        ModuleSource::Text(text) => format!("export default {};", literal(text)),
        ModuleSource::Data(_) => {
            format!("import {{ data }} from '{SHIM_IMPORT}'; export default data({index});")
        }
        ModuleSource::Wasm(_) => {
            format!("import {{ wasm }} from '{SHIM_IMPORT}'; export default wasm({index});")
        }
    };
    ModuleSourceCode::String(text.into())
}

fn parse(url: &str) -> Result<ModuleSpecifier, ModuleLoaderError> {
    ModuleSpecifier::parse(url).map_err(JsErrorBox::from_err)
}

impl ModuleLoader for WorkerLoader {
    fn resolve(
        &self,
        specifier: &str,
        referrer: &str,
        kind: ResolutionKind,
    ) -> Result<ModuleSpecifier, ModuleLoaderError> {
        if matches!(kind, ResolutionKind::MainModule) {
            return parse(specifier);
        }
        if referrer.starts_with(FACADE) && specifier == SHIM_IMPORT {
            return parse(SHIM_IMPORT);
        }
        let worker = self.worker.borrow();
        let importer = worker.as_ref().and_then(|it| Some((it, it.module(referrer)?.1)));
        if let Some((worker, module)) = importer {
            let is_shim = matches!(module.source, ModuleSource::Data(_) | ModuleSource::Wasm(_));
            if is_shim && specifier == SHIM_IMPORT {
                return parse(SHIM_IMPORT);
            }
            let written = module.imports.get(specifier).map(Cow::from);
            let computed = || worker.computed(specifier, referrer).map(Cow::from);
            if let Some(url) = written.or_else(computed) {
                if worker.module(&url).is_some() {
                    return parse(&url);
                }
                if provided::node(&url).is_some() {
                    return parse(&format!("{FACADE}{url}"));
                }
                if provided::find(&url).is_some() {
                    return parse(&url);
                }
            }
        }
        Err(JsErrorBox::type_error(format!("No such module \"{specifier}\".")))
    }

    fn load(
        &self,
        url: &ModuleSpecifier,
        _referrer: Option<&ModuleLoadReferrer>,
        _options: ModuleLoadOptions,
    ) -> ModuleLoadResponse {
        let facade = url.as_str().strip_prefix(FACADE).and_then(bindings::compat::facade);
        if let Some(code) = facade {
            let code = ModuleSourceCode::String(code.into());
            return ModuleLoadResponse::Sync(Ok(Source::new(
                ModuleType::JavaScript,
                code,
                url,
                None,
            )));
        }
        let worker = self.worker.borrow();
        let found = worker.as_ref().and_then(|worker| Some((worker, worker.module(url.as_str())?)));
        let Some((worker, (index, module))) = found else {
            let error = JsErrorBox::type_error(format!("No such module \"{url}\"."));
            return ModuleLoadResponse::Sync(Err(error));
        };
        let cache =
            matches!(module.source, ModuleSource::EsModule(_)).then(|| SourceCodeCacheInfo {
                hash: 0,
                data: worker.cache.get(url.as_str()).map(|data| Cow::Owned(data.to_vec())),
            });
        let code = code(index, &module.source);
        ModuleLoadResponse::Sync(Ok(Source::new(ModuleType::JavaScript, code, url, cache)))
    }

    fn get_code_cache(
        &self,
        specifier: &ModuleSpecifier,
        _source: &str,
    ) -> Option<SourceCodeCacheInfo> {
        let data = SCRIPTS.get(specifier.as_str()).map(|data| Cow::Owned(data.to_vec()));
        Some(SourceCodeCacheInfo { hash: 0, data })
    }

    fn code_cache_ready(
        &self,
        url: ModuleSpecifier,
        _hash: u64,
        data: &[u8],
    ) -> Pin<Box<dyn Future<Output = ()>>> {
        if url.scheme() == SCRIPT_SCHEME {
            SCRIPTS.put(url.as_str(), data);
        } else if let Some(worker) = &*self.worker.borrow() {
            worker.cache.put(url.as_str(), data);
        }
        Box::pin(async {})
    }
}
