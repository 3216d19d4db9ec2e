//! The table of the modules that the runtime provides: their names, the scripts that make
//! them, and what they export. A test of the runtime compares it with the modules.

/// A module that any worker may import.
pub(crate) struct ProvidedModule {
    /// Its specifier, `node:` included.
    pub(crate) specifier: &'static str,
    /// The specifier of its script.
    pub(super) script: &'static str,
    /// The names of its exports besides `default`, apart by blanks.
    pub(super) exports: &'static str,
}

/// All of them, sorted.
pub(crate) const MODULES: &[ProvidedModule] = &[
    ProvidedModule {
        specifier: "node:assert",
        script: "ext:isolane_node/assert.js",
        exports: "Assert AssertionError CallTracker deepEqual deepStrictEqual doesNotMatch \
            doesNotReject doesNotThrow equal fail ifError match notDeepEqual \
            notDeepStrictEqual notEqual notStrictEqual ok partialDeepStrictEqual rejects \
            strict strictEqual throws",
    },
    ProvidedModule {
        specifier: "node:assert/strict",
        script: "ext:isolane_compat/assert_strict.js",
        exports: "Assert AssertionError CallTracker deepEqual deepStrictEqual doesNotMatch \
            doesNotReject doesNotThrow equal fail ifError match notDeepEqual \
            notDeepStrictEqual notEqual notStrictEqual ok partialDeepStrictEqual rejects \
            strict strictEqual throws",
    },
    ProvidedModule {
        specifier: "node:async_hooks",
        script: "ext:isolane_compat/async_hooks.js",
        exports: "AsyncLocalStorage AsyncResource asyncWrapProviders createHook executionAsyncId \
            executionAsyncResource triggerAsyncId",
    },
    ProvidedModule {
        specifier: "node:buffer",
        script: "ext:isolane_compat/buffer.js",
        exports: "Blob Buffer File INSPECT_MAX_BYTES SlowBuffer atob btoa constants isAscii isUtf8 \
            kMaxLength kStringMaxLength resolveObjectURL transcode",
    },
    ProvidedModule {
        specifier: "node:console",
        script: "ext:isolane_compat/console.js",
        exports: "Console assert clear count countReset debug dir dirxml error group \
            groupCollapsed groupEnd info log profile profileEnd table time \
            timeEnd timeLog timeStamp trace warn",
    },
    ProvidedModule {
        specifier: "node:constants",
        script: "ext:isolane_compat/constants.js",
        exports: "COPYFILE_EXCL COPYFILE_FICLONE COPYFILE_FICLONE_FORCE E2BIG EACCES EADDRINUSE \
            EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF EBADMSG EBUSY ECANCELED ECHILD \
            ECONNABORTED ECONNREFUSED ECONNRESET EDEADLK EDESTADDRREQ EDOM EDQUOT EEXIST \
            EFAULT EFBIG EHOSTUNREACH EIDRM EILSEQ EINPROGRESS EINTR EINVAL EIO EISCONN \
            EISDIR ELOOP EMFILE EMLINK EMSGSIZE EMULTIHOP ENAMETOOLONG ENETDOWN ENETRESET \
            ENETUNREACH ENFILE ENOBUFS ENODATA ENODEV ENOENT ENOEXEC ENOLCK ENOLINK ENOMEM \
            ENOMSG ENOPROTOOPT ENOSPC ENOSR ENOSTR ENOSYS ENOTCONN ENOTDIR ENOTEMPTY \
            ENOTSOCK ENOTSUP ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EPIPE EPROTO \
            EPROTONOSUPPORT EPROTOTYPE ERANGE EROFS ESPIPE ESRCH ESTALE ETIME ETIMEDOUT \
            ETXTBSY EWOULDBLOCK EXDEV EXTENSIONLESS_FORMAT_JAVASCRIPT \
            EXTENSIONLESS_FORMAT_WASM F_OK O_APPEND O_CREAT O_DIRECT O_DIRECTORY O_DSYNC \
            O_EXCL O_NOATIME O_NOCTTY O_NOFOLLOW O_NONBLOCK O_RDONLY O_RDWR O_SYNC O_TRUNC \
            O_WRONLY PRIORITY_ABOVE_NORMAL PRIORITY_BELOW_NORMAL PRIORITY_HIGH \
            PRIORITY_HIGHEST PRIORITY_LOW PRIORITY_NORMAL RTLD_DEEPBIND RTLD_GLOBAL \
            RTLD_LAZY RTLD_LOCAL RTLD_NOW R_OK SIGABRT SIGALRM SIGBUS SIGCHLD SIGCONT SIGFPE \
            SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL SIGPROF SIGPWR SIGQUIT \
            SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG \
            SIGUSR1 SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ S_IFBLK S_IFCHR S_IFDIR \
            S_IFIFO S_IFLNK S_IFMT S_IFREG S_IFSOCK S_IRGRP S_IROTH S_IRUSR S_IRWXG S_IRWXO \
            S_IRWXU S_IWGRP S_IWOTH S_IWUSR S_IXGRP S_IXOTH S_IXUSR W_OK X_OK",
    },
    ProvidedModule {
        specifier: "node:crypto",
        script: "ext:isolane_compat/crypto.js",
        exports: "Certificate Cipheriv Decipheriv DiffieHellman DiffieHellmanGroup ECDH Hash Hmac \
            KeyObject Sign Verify X509Certificate checkPrime checkPrimeSync constants \
            createCipheriv createDecipheriv createDiffieHellman createDiffieHellmanGroup \
            createECDH createHash createHmac createPrivateKey createPublicKey \
            createSecretKey createSign createVerify diffieHellman generateKey \
            generateKeyPair generateKeyPairSync generateKeySync generatePrime \
            generatePrimeSync getCipherInfo getCiphers getCurves getDiffieHellman getFips \
            getHashes getRandomValues hash hkdf hkdfSync pbkdf2 pbkdf2Sync privateDecrypt \
            privateEncrypt pseudoRandomBytes publicDecrypt publicEncrypt randomBytes \
            randomFill randomFillSync randomInt randomUUID scrypt scryptSync sign subtle \
            timingSafeEqual verify webcrypto",
    },
    ProvidedModule {
        specifier: "node:diagnostics_channel",
        script: "ext:isolane_node/diagnostics_channel.js",
        exports: "Channel channel hasSubscribers subscribe tracingChannel unsubscribe",
    },
    ProvidedModule {
        specifier: "node:events",
        script: "ext:isolane_node/_events.js",
        exports: "EventEmitter EventEmitterAsyncResource addAbortListener captureRejectionSymbol \
            defaultMaxListeners errorMonitor getEventListeners getMaxListeners kEvents \
            kFirstEventParam listenerCount on once setMaxListeners",
    },
    ProvidedModule {
        specifier: "node:module",
        script: "ext:isolane_compat/module.js",
        exports: "Module builtinModules createRequire isBuiltin register",
    },
    ProvidedModule {
        specifier: "node:os",
        script: "ext:isolane_compat/os.js",
        exports: "EOL arch availableParallelism constants cpus devNull endianness freemem \
            getPriority homedir hostname loadavg machine networkInterfaces platform release \
            setPriority tmpdir totalmem type uptime userInfo version",
    },
    ProvidedModule {
        specifier: "node:path",
        script: "ext:isolane_node/path/mod.js",
        exports: "_makeLong basename common delimiter dirname extname format isAbsolute join \
            matchesGlob normalize parse posix relative resolve sep toNamespacedPath win32",
    },
    ProvidedModule {
        specifier: "node:path/posix",
        script: "ext:isolane_compat/path_posix.js",
        exports: "_makeLong basename delimiter dirname extname format isAbsolute join matchesGlob \
            normalize parse posix relative resolve sep toNamespacedPath win32",
    },
    ProvidedModule {
        specifier: "node:path/win32",
        script: "ext:isolane_compat/path_win32.js",
        exports: "_makeLong basename delimiter dirname extname format isAbsolute join matchesGlob \
            normalize parse posix relative resolve sep toNamespacedPath win32",
    },
    ProvidedModule {
        specifier: "node:perf_hooks",
        script: "ext:isolane_compat/perf_hooks.js",
        exports: "Performance PerformanceEntry PerformanceMark PerformanceMeasure \
            PerformanceObserver constants createHistogram monitorEventLoopDelay performance",
    },
    ProvidedModule {
        specifier: "node:process",
        script: "ext:isolane_compat/process.js",
        exports: "abort addListener allowedNodeEnvironmentFlags arch argv argv0 binding browser \
            chdir config cpuUsage cwd debugPort dlopen emit emitWarning env execArgv \
            execPath exit exitCode features getActiveResourcesInfo getBuiltinModule getegid \
            geteuid getgid getuid hrtime kill listeners memoryUsage nextTick noDeprecation \
            off on once pid platform ppid reallyExit release removeAllListeners \
            removeListener setSourceMapsEnabled setUncaughtExceptionCaptureCallback stderr \
            stdin stdout title umask uptime version versions",
    },
    ProvidedModule {
        specifier: "node:punycode",
        script: "ext:isolane_node/punycode.js",
        exports: "decode encode toASCII toUnicode ucs2 version",
    },
    ProvidedModule {
        specifier: "node:querystring",
        script: "ext:isolane_node/querystring.js",
        exports: "decode encode escape parse stringify unescape unescapeBuffer",
    },
    ProvidedModule {
        specifier: "node:stream",
        script: "ext:isolane_node/stream.js",
        exports: "Duplex PassThrough Readable Stream Transform Writable _isArrayBufferView \
            _isUint8Array _uint8ArrayToBuffer addAbortSignal compose destroy duplexPair \
            finished getDefaultHighWaterMark isDestroyed isDisturbed isErrored isReadable \
            isWritable pipeline promises setDefaultHighWaterMark",
    },
    ProvidedModule {
        specifier: "node:stream/consumers",
        script: "ext:isolane_node/stream/consumers.js",
        exports: "arrayBuffer blob buffer bytes json text",
    },
    ProvidedModule {
        specifier: "node:stream/promises",
        script: "ext:isolane_node/stream/promises.js",
        exports: "finished pipeline",
    },
    ProvidedModule {
        specifier: "node:stream/web",
        script: "ext:isolane_node/stream/web.js",
        exports: "ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy \
            DecompressionStream ReadableByteStreamController ReadableStream \
            ReadableStreamBYOBReader ReadableStreamBYOBRequest \
            ReadableStreamDefaultController ReadableStreamDefaultReader TextDecoderStream \
            TextEncoderStream TransformStream TransformStreamDefaultController \
            WritableStream WritableStreamDefaultController WritableStreamDefaultWriter",
    },
    ProvidedModule {
        specifier: "node:string_decoder",
        script: "ext:isolane_node/string_decoder.js",
        exports: "StringDecoder",
    },
    ProvidedModule {
        specifier: "node:timers",
        script: "ext:isolane_compat/timers.js",
        exports: "clearImmediate clearInterval clearTimeout promises setImmediate setInterval \
            setTimeout",
    },
    ProvidedModule {
        specifier: "node:timers/promises",
        script: "ext:isolane_compat/timers_promises.js",
        exports: "scheduler setImmediate setInterval setTimeout",
    },
    ProvidedModule {
        specifier: "node:url",
        script: "ext:isolane_node/url.js",
        exports: "URL URLSearchParams Url domainToASCII domainToUnicode fileURLToPath \
            fileURLToPathBuffer format parse pathToFileURL resolve resolveObject \
            urlToHttpOptions",
    },
    ProvidedModule {
        specifier: "node:util",
        script: "ext:isolane_node/util.js",
        exports: "MIMEParams MIMEType TextDecoder TextEncoder _extend aborted callbackify \
            convertProcessSignalToExitCode debug debuglog deprecate diff format \
            formatWithOptions getCallSites getSystemErrorMap getSystemErrorMessage \
            getSystemErrorName inherits inspect isArray isDeepStrictEqual log parseArgs \
            parseEnv promisify queryObjects setTraceSigInt stripVTControlCharacters \
            styleText toUSVString transferableAbortController transferableAbortSignal types",
    },
    ProvidedModule {
        specifier: "node:util/types",
        script: "ext:isolane_node/internal/util/types.js",
        exports: "isAnyArrayBuffer isArgumentsObject isArrayBuffer isArrayBufferView \
            isAsyncFunction isBigInt64Array isBigIntObject isBigUint64Array isBooleanObject \
            isBoxedPrimitive isCryptoKey isDataView isDate isFloat16Array isFloat32Array \
            isFloat64Array isGeneratorFunction isGeneratorObject isInt16Array isInt32Array \
            isInt8Array isKeyObject isMap isMapIterator isModuleNamespaceObject \
            isNativeError isNumberObject isPromise isProxy isRegExp isSet isSetIterator \
            isSharedArrayBuffer isStringObject isSymbolObject isTypedArray isUint16Array \
            isUint32Array isUint8Array isUint8ClampedArray isWeakMap isWeakSet",
    },
];
