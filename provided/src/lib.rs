//! The modules that a worker can import beside its own: their names and what they export. The
//! bundler asks what it has to leave to the runtime, the runtime what it has to give. Not here: the
//! scripts that make them (the bindings'), and which worker gets them (the bundler's).

/// A module that the runtime provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Module {
    /// Its full name.
    pub specifier: &'static str,
    /// The names of its exports, apart by blanks. `default` is not among them, and each has it.
    pub exports: &'static str,
}

impl Module {
    /// Whether it has an export of that name.
    pub fn has(&self, export: &str) -> bool {
        self.exports.split(' ').any(|name| name == export)
    }
}

/// The module of Workers
/// (<https://developers.cloudflare.com/workers/runtime-apis/>). Its exports have a line each, in the
/// order in which a module's namespace has them: that of their code units.
pub const WORKERS: Module = Module {
    specifier: "cloudflare:workers",
    exports: "DurableObject \
        RpcPromise \
        RpcProperty \
        RpcStub \
        RpcTarget \
        ServiceStub \
        WorkerEntrypoint \
        WorkflowEntrypoint \
        env \
        exports \
        waitUntil \
        withEnv \
        withEnvAndExports \
        withExports",
};

/// The one module of Node.js that is there with the compatibility flag `nodejs_als` alone.
pub const ASYNC_HOOKS: &str = "node:async_hooks";

/// The modules of Node.js, sorted.
pub const NODE: &[Module] = &[
    Module {
        specifier: "node:assert",
        exports: "Assert AssertionError CallTracker deepEqual deepStrictEqual doesNotMatch \
            doesNotReject doesNotThrow equal fail ifError match notDeepEqual \
            notDeepStrictEqual notEqual notStrictEqual ok partialDeepStrictEqual \
            rejects strict strictEqual throws",
    },
    Module {
        specifier: "node:assert/strict",
        exports: "Assert AssertionError CallTracker deepEqual deepStrictEqual doesNotMatch \
            doesNotReject doesNotThrow equal fail ifError match notDeepEqual \
            notDeepStrictEqual notEqual notStrictEqual ok partialDeepStrictEqual \
            rejects strict strictEqual throws",
    },
    Module {
        specifier: ASYNC_HOOKS,
        exports: "AsyncLocalStorage AsyncResource asyncWrapProviders createHook \
            executionAsyncId executionAsyncResource triggerAsyncId",
    },
    Module {
        specifier: "node:buffer",
        exports: "Blob Buffer File INSPECT_MAX_BYTES SlowBuffer atob btoa constants isAscii \
            isUtf8 kMaxLength kStringMaxLength resolveObjectURL transcode",
    },
    Module {
        specifier: "node:console",
        exports: "Console assert clear count countReset debug dir dirxml error group \
            groupCollapsed groupEnd info log profile profileEnd table time timeEnd \
            timeLog timeStamp trace warn",
    },
    Module {
        specifier: "node:constants",
        exports: "COPYFILE_EXCL COPYFILE_FICLONE COPYFILE_FICLONE_FORCE E2BIG EACCES \
            EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF EBADMSG EBUSY \
            ECANCELED ECHILD ECONNABORTED ECONNREFUSED ECONNRESET EDEADLK EDESTADDRREQ \
            EDOM EDQUOT EEXIST EFAULT EFBIG EHOSTUNREACH EIDRM EILSEQ EINPROGRESS \
            EINTR EINVAL EIO EISCONN EISDIR ELOOP EMFILE EMLINK EMSGSIZE EMULTIHOP \
            ENAMETOOLONG ENETDOWN ENETRESET ENETUNREACH ENFILE ENOBUFS ENODATA ENODEV \
            ENOENT ENOEXEC ENOLCK ENOLINK ENOMEM ENOMSG ENOPROTOOPT ENOSPC ENOSR \
            ENOSTR ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENOTSOCK ENOTSUP ENOTTY ENXIO \
            EOPNOTSUPP EOVERFLOW EPERM EPIPE EPROTO EPROTONOSUPPORT EPROTOTYPE ERANGE \
            EROFS ESPIPE ESRCH ESTALE ETIME ETIMEDOUT ETXTBSY EWOULDBLOCK EXDEV \
            EXTENSIONLESS_FORMAT_JAVASCRIPT EXTENSIONLESS_FORMAT_WASM F_OK O_APPEND \
            O_CREAT O_DIRECT O_DIRECTORY O_DSYNC O_EXCL O_NOATIME O_NOCTTY O_NOFOLLOW \
            O_NONBLOCK O_RDONLY O_RDWR O_SYNC O_TRUNC O_WRONLY PRIORITY_ABOVE_NORMAL \
            PRIORITY_BELOW_NORMAL PRIORITY_HIGH PRIORITY_HIGHEST PRIORITY_LOW \
            PRIORITY_NORMAL RTLD_DEEPBIND RTLD_GLOBAL RTLD_LAZY RTLD_LOCAL RTLD_NOW \
            R_OK SIGABRT SIGALRM SIGBUS SIGCHLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT \
            SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT SIGSEGV \
            SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG \
            SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ S_IFBLK S_IFCHR S_IFDIR \
            S_IFIFO S_IFLNK S_IFMT S_IFREG S_IFSOCK S_IRGRP S_IROTH S_IRUSR S_IRWXG \
            S_IRWXO S_IRWXU S_IWGRP S_IWOTH S_IWUSR S_IXGRP S_IXOTH S_IXUSR W_OK X_OK",
    },
    Module {
        specifier: "node:crypto",
        exports: "Certificate Cipheriv Decipheriv DiffieHellman DiffieHellmanGroup ECDH Hash \
            Hmac KeyObject Sign Verify X509Certificate checkPrime checkPrimeSync \
            constants createCipheriv createDecipheriv createDiffieHellman \
            createDiffieHellmanGroup createECDH createHash createHmac createPrivateKey \
            createPublicKey createSecretKey createSign createVerify diffieHellman \
            generateKey generateKeyPair generateKeyPairSync generateKeySync \
            generatePrime generatePrimeSync getCipherInfo getCiphers getCurves \
            getDiffieHellman getFips getHashes getRandomValues hash hkdf hkdfSync \
            pbkdf2 pbkdf2Sync privateDecrypt privateEncrypt pseudoRandomBytes \
            publicDecrypt publicEncrypt randomBytes randomFill randomFillSync \
            randomInt randomUUID scrypt scryptSync sign subtle timingSafeEqual verify \
            webcrypto",
    },
    Module {
        specifier: "node:diagnostics_channel",
        exports: "Channel channel hasSubscribers subscribe tracingChannel unsubscribe",
    },
    Module {
        specifier: "node:events",
        exports: "EventEmitter EventEmitterAsyncResource addAbortListener \
            captureRejectionSymbol defaultMaxListeners errorMonitor getEventListeners \
            getMaxListeners kEvents kFirstEventParam listenerCount on once \
            setMaxListeners",
    },
    Module {
        specifier: "node:module",
        exports: "Module builtinModules createRequire isBuiltin register",
    },
    Module {
        specifier: "node:os",
        exports: "EOL arch availableParallelism constants cpus devNull endianness freemem \
            getPriority homedir hostname loadavg machine networkInterfaces platform \
            release setPriority tmpdir totalmem type uptime userInfo version",
    },
    Module {
        specifier: "node:path",
        exports: "_makeLong basename common delimiter dirname extname format isAbsolute join \
            matchesGlob normalize parse posix relative resolve sep toNamespacedPath \
            win32",
    },
    Module {
        specifier: "node:path/posix",
        exports: "_makeLong basename delimiter dirname extname format isAbsolute join \
            matchesGlob normalize parse posix relative resolve sep toNamespacedPath \
            win32",
    },
    Module {
        specifier: "node:path/win32",
        exports: "_makeLong basename delimiter dirname extname format isAbsolute join \
            matchesGlob normalize parse posix relative resolve sep toNamespacedPath \
            win32",
    },
    Module {
        specifier: "node:perf_hooks",
        exports: "Performance PerformanceEntry PerformanceMark PerformanceMeasure \
            PerformanceObserver constants createHistogram monitorEventLoopDelay \
            performance",
    },
    Module {
        specifier: "node:process",
        exports: "abort addListener allowedNodeEnvironmentFlags arch argv argv0 binding \
            browser chdir config cpuUsage cwd debugPort dlopen emit emitWarning env \
            execArgv execPath exit exitCode features getActiveResourcesInfo \
            getBuiltinModule getegid geteuid getgid getuid hrtime kill listeners \
            memoryUsage nextTick noDeprecation off on once pid platform ppid \
            reallyExit release removeAllListeners removeListener setSourceMapsEnabled \
            setUncaughtExceptionCaptureCallback stderr stdin stdout title umask uptime \
            version versions",
    },
    Module { specifier: "node:punycode", exports: "decode encode toASCII toUnicode ucs2 version" },
    Module {
        specifier: "node:querystring",
        exports: "decode encode escape parse stringify unescape unescapeBuffer",
    },
    Module {
        specifier: "node:stream",
        exports: "Duplex PassThrough Readable Stream Transform Writable _isArrayBufferView \
            _isUint8Array _uint8ArrayToBuffer addAbortSignal compose destroy \
            duplexPair finished getDefaultHighWaterMark isDestroyed isDisturbed \
            isErrored isReadable isWritable pipeline promises setDefaultHighWaterMark",
    },
    Module {
        specifier: "node:stream/consumers",
        exports: "arrayBuffer blob buffer bytes json text",
    },
    Module { specifier: "node:stream/promises", exports: "finished pipeline" },
    Module {
        specifier: "node:stream/web",
        exports: "ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy \
            DecompressionStream ReadableByteStreamController ReadableStream \
            ReadableStreamBYOBReader ReadableStreamBYOBRequest \
            ReadableStreamDefaultController ReadableStreamDefaultReader \
            TextDecoderStream TextEncoderStream TransformStream \
            TransformStreamDefaultController WritableStream \
            WritableStreamDefaultController WritableStreamDefaultWriter",
    },
    Module { specifier: "node:string_decoder", exports: "StringDecoder" },
    Module {
        specifier: "node:timers",
        exports: "clearImmediate clearInterval clearTimeout promises setImmediate \
            setInterval setTimeout",
    },
    Module {
        specifier: "node:timers/promises",
        exports: "scheduler setImmediate setInterval setTimeout",
    },
    Module {
        specifier: "node:url",
        exports: "URL URLSearchParams Url domainToASCII domainToUnicode fileURLToPath \
            fileURLToPathBuffer format parse pathToFileURL resolve resolveObject \
            urlToHttpOptions",
    },
    Module {
        specifier: "node:util",
        exports: "MIMEParams MIMEType TextDecoder TextEncoder _extend aborted callbackify \
            convertProcessSignalToExitCode debug debuglog deprecate diff format \
            formatWithOptions getCallSites getSystemErrorMap getSystemErrorMessage \
            getSystemErrorName inherits inspect isArray isDeepStrictEqual log \
            parseArgs parseEnv promisify queryObjects setTraceSigInt \
            stripVTControlCharacters styleText toUSVString transferableAbortController \
            transferableAbortSignal types",
    },
    Module {
        specifier: "node:util/types",
        exports: "isAnyArrayBuffer isArgumentsObject isArrayBuffer isArrayBufferView \
            isAsyncFunction isBigInt64Array isBigIntObject isBigUint64Array \
            isBooleanObject isBoxedPrimitive isCryptoKey isDataView isDate \
            isFloat16Array isFloat32Array isFloat64Array isGeneratorFunction \
            isGeneratorObject isInt16Array isInt32Array isInt8Array isKeyObject isMap \
            isMapIterator isModuleNamespaceObject isNativeError isNumberObject \
            isPromise isProxy isRegExp isSet isSetIterator isSharedArrayBuffer \
            isStringObject isSymbolObject isTypedArray isUint16Array isUint32Array \
            isUint8Array isUint8ClampedArray isWeakMap isWeakSet",
    },
];

/// The modules of Node.js that the runtime does not provide, without the prefix, sorted
/// (<https://nodejs.org/api/module.html#modulebuiltinmodules>).
const LACKING: &[&str] = &[
    "child_process",
    "cluster",
    "dgram",
    "dns",
    "dns/promises",
    "domain",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "net",
    "readline",
    "readline/promises",
    "repl",
    "sys",
    "tls",
    "trace_events",
    "tty",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// Those of them that have no name without the prefix, sorted.
const LACKING_WITH_PREFIX: &[&str] =
    &["node:sea", "node:sqlite", "node:test", "node:test/reporters"];

/// The modules of Workers that the runtime does not provide, sorted
/// (<https://developers.cloudflare.com/workers/runtime-apis/>).
const LACKING_OF_WORKERS: &[&str] = &[
    "cloudflare:email",
    "cloudflare:node",
    "cloudflare:pipelines",
    "cloudflare:sockets",
    "cloudflare:workflows",
];

/// What the name of a module of Node.js begins with.
const PREFIX: &str = "node:";

/// The module of Node.js that a specifier names, with the prefix: `events` and `node:events` are
/// `node:events`. A specifier with the prefix is one even if Node.js has no such module.
pub fn node_name(specifier: &str) -> Option<String> {
    if specifier.starts_with(PREFIX) {
        return Some(specifier.to_owned());
    }
    let prefixed = format!("{PREFIX}{specifier}");
    (node(&prefixed).is_some() || LACKING.binary_search(&specifier).is_ok()).then_some(prefixed)
}

/// The provided module of Node.js with that full name.
pub fn node(name: &str) -> Option<&'static Module> {
    let index = NODE.binary_search_by(|module| module.specifier.cmp(name)).ok()?;
    NODE.get(index)
}

/// Whether Node.js or Workers have a module of that full name and the runtime has not.
pub fn is_lacking(name: &str) -> bool {
    let bare = name.strip_prefix(PREFIX);
    bare.is_some_and(|bare| LACKING.binary_search(&bare).is_ok())
        || LACKING_WITH_PREFIX.binary_search(&name).is_ok()
        || LACKING_OF_WORKERS.binary_search(&name).is_ok()
}

/// All modules that the runtime provides.
pub fn all() -> impl Iterator<Item = &'static Module> {
    [&WORKERS].into_iter().chain(NODE)
}

/// The provided module with that full name.
pub fn find(name: &str) -> Option<&'static Module> {
    if name == WORKERS.specifier { Some(&WORKERS) } else { node(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted_and_have_nothing_in_common() {
        assert!(NODE.is_sorted_by_key(|module| module.specifier));
        assert!(LACKING.is_sorted() && LACKING_WITH_PREFIX.is_sorted());
        assert!(LACKING_OF_WORKERS.is_sorted());
        for bare in LACKING {
            assert!(node(&format!("{PREFIX}{bare}")).is_none(), "{bare}");
        }
    }

    #[test]
    fn exports_are_names_apart_by_one_blank() {
        for module in all() {
            let is_name = |name: &str| {
                !name.is_empty() && name != "default" && !name.contains(char::is_whitespace)
            };
            assert!(module.exports.split(' ').all(is_name), "{}", module.specifier);
        }
        assert!(WORKERS.has("env") && !WORKERS.has("en"));
        assert!(WORKERS.exports.split(' ').is_sorted(), "{}", WORKERS.exports);
    }

    #[test]
    fn a_bare_name_is_that_of_a_module_of_node_only_if_node_has_it() {
        assert_eq!(node_name("events").as_deref(), Some("node:events"));
        assert_eq!(node_name("fs/promises").as_deref(), Some("node:fs/promises"));
        assert_eq!(node_name("node:sqlite").as_deref(), Some("node:sqlite"));
        for specifier in ["buffer/", "hono", "eventsource", "./events", "", "sqlite"] {
            assert_eq!(node_name(specifier), None, "{specifier}");
        }
    }

    #[test]
    fn what_node_alone_has_is_known() {
        for name in ["node:fs", "node:fs/promises", "node:sqlite", "cloudflare:sockets"] {
            assert!(is_lacking(name), "{name}");
        }
        for name in ["node:buffer", "fs", "node:gone", "cloudflare:workers"] {
            assert!(!is_lacking(name), "{name}");
        }
    }
}
