//! What commands end with, and what they say: one case each.

pub(super) const GOOD: &str = "export default { fetch() { return new Response('x') } }";

const BUFFER: &str = "import { Buffer } from 'node:buffer';
    export default { text: Buffer.from('x').toString('hex'), fetch() {} };";

/// What a command is to end with.
pub(super) struct Case<'a> {
    /// What is tried, for the message of a failure.
    pub(super) name: &'a str,
    pub(super) files: &'a [(&'a str, &'a str)],
    pub(super) arguments: &'a [&'a str],
    pub(super) code: i32,
    /// Each is part of what is printed.
    pub(super) says: &'a [&'a str],
}

pub(super) const CASES: &[Case<'_>] = &[
    Case {
        name: "a good project",
        files: &[("good/index.js", GOOD)],
        arguments: &["check", "good"],
        code: 0,
        says: &["ok good starts in", "handlers: fetch"],
    },
    Case {
        name: "a good project with a key that nothing knows",
        files: &[("good/index.js", GOOD), ("good/isolane.toml", "name = \"good\"\nmian = \"x\"")],
        arguments: &["check", "good"],
        code: 0,
        says: &["good/isolane.toml:2:1", "unknown key \"mian\"; did you mean \"main\"?"],
    },
    Case {
        name: "a project with handlers that are not called",
        files: &[("jobs/index.js", "export default { fetch() {}, scheduled() {}, email() {} }")],
        arguments: &["check", "jobs"],
        code: 0,
        says: &[
            "warning: jobs has the handler email, which Isolane does not call yet\n",
            "ok jobs starts in",
            "handlers: fetch, scheduled, email\n",
        ],
    },
    Case {
        name: "a project of the day from which on the modules of Node.js are there",
        files: &[
            ("new/index.js", BUFFER),
            ("new/wrangler.toml", "compatibility_date = '2026-08-04'"),
        ],
        arguments: &["check", "new"],
        code: 0,
        says: &["ok new starts in"],
    },
    Case {
        name: "the same of the day before",
        files: &[
            ("old/index.js", BUFFER),
            ("old/wrangler.toml", "compatibility_date = '2026-08-03'"),
        ],
        arguments: &["check", "old"],
        code: 1,
        says: &[
            "old/index.js:1:24: cannot import \"node:buffer\"",
            "add compatibility_flags = [\"nodejs_compat\"] to the configuration",
        ],
    },
    Case {
        name: "a project that throws at its start",
        files: &[(
            "bad/index.ts",
            "const no: string = 'no';\n\nthrow new Error(no);\nexport default {}",
        )],
        arguments: &["check", "bad"],
        code: 1,
        says: &["worker bad ", "cannot start: Error: no\n", "at index.ts:3:7"],
    },
    Case {
        name: "a project that never gets ready",
        files: &[(
            "bad/index.js",
            "globalThis.turns = 0;\nwhile (true) globalThis.turns += 1;\nexport default { fetch() {} }",
        )],
        arguments: &["check", "bad"],
        code: 1,
        says: &["exceeded its limits while starting", "1000 ms of CPU time"],
    },
    Case {
        name: "a project without a handler",
        files: &[("bad/index.js", "export default {}")],
        arguments: &["check", "bad"],
        code: 1,
        says: &["The worker has no fetch handler"],
    },
    Case {
        name: "a module that is not well formed",
        files: &[("bad/index.ts", "export default {\n  fetch() { return new Response('x' }\n}")],
        arguments: &["check", "bad"],
        code: 1,
        says: &["bad/index.ts:2:37"],
    },
    Case {
        name: "an import that leads nowhere",
        files: &[(
            "bad/index.ts",
            "import x from './gone.ts';\nexport default { fetch() { x() } }",
        )],
        arguments: &["check", "bad"],
        code: 1,
        says: &["bad/index.ts:1:15", "./gone.ts"],
    },
    Case {
        name: "a project's configuration with a wrong type",
        files: &[("bad/index.js", GOOD), ("bad/isolane.toml", "name = \"bad\"\nmain = 7")],
        arguments: &["check", "bad"],
        code: 2,
        says: &["bad/isolane.toml:2:8: expected a string for \"main\", found an integer"],
    },
    Case {
        name: "the same in JSON with comments",
        files: &[
            ("bad/index.js", GOOD),
            ("bad/wrangler.jsonc", "{\n  // the entry\n  \"main\": [],\n}"),
        ],
        arguments: &["dev", "bad"],
        code: 2,
        says: &["bad/wrangler.jsonc:3:11: expected a string for \"main\""],
    },
    Case {
        name: "a project that is not there",
        files: &[],
        arguments: &["dev", "nowhere"],
        code: 2,
        says: &["error: cannot read nowhere: No such file or directory (os error 2)\n"],
    },
    Case {
        name: "two workers of one name",
        files: &[("a/index.js", GOOD), ("b/a.js", GOOD)],
        arguments: &["check", "a", "b/a.js"],
        code: 2,
        says: &["two workers are named a: a and b/a.js"],
    },
    Case {
        name: "a node's configuration with a wrong type",
        files: &[("node.toml", "log = \"json\"\ndata = 7")],
        arguments: &["serve"],
        code: 2,
        says: &["node.toml:2:8: expected path string, found integer `7`"],
    },
    Case {
        name: "a node's configuration with a key that nothing knows",
        files: &[("node.toml", "[limits]\nisolate = 7")],
        arguments: &["check", "--node-config", "node.toml"],
        code: 2,
        says: &["node.toml:2:1: expected one of", "unknown key `isolate`"],
    },
    Case {
        name: "the same by the name that the option had",
        files: &[("node.toml", "[limits]\nisolate = 7")],
        arguments: &["check", "--config", "node.toml"],
        code: 2,
        says: &[
            "notice: node.toml is a node's configuration, which is named with --node-config",
            "node.toml:2:1: expected one of",
        ],
    },
    Case {
        name: "a node's configuration for a project's",
        files: &[("eu.toml", "listen = []")],
        arguments: &["dev", "--config", "eu.toml"],
        code: 2,
        says: &["eu.toml is a node's configuration", "`isolane serve --config eu.toml`"],
    },
    Case {
        name: "a project with a configuration of another name",
        files: &[
            ("shop/index.js", "throw 1"),
            ("shop/src/other.ts", GOOD),
            ("shop/other.jsonc", "{ \"name\": \"other\", \"main\": \"src/other.ts\" }"),
        ],
        arguments: &["check", "-c", "shop/other.jsonc"],
        code: 0,
        says: &["ok other starts in"],
    },
    Case {
        name: "a configuration that is named, and the folder of another project",
        files: &[("a/wrangler.toml", "name = 'a'"), ("a/index.js", GOOD), ("b/index.js", GOOD)],
        arguments: &["check", "b", "--config", "a/wrangler.toml"],
        code: 2,
        says: &["a/wrangler.toml:1:1: the project of this configuration is in a, not in b"],
    },
    Case {
        name: "a configuration and several folders",
        files: &[("a/wrangler.toml", "name = 'a'"), ("a/index.js", GOOD), ("b/index.js", GOOD)],
        arguments: &["check", "a", "b", "--config", "a/wrangler.toml"],
        code: 2,
        says: &["at most one file or folder can be named"],
    },
    Case {
        name: "a command that makes the modules",
        files: &[
            (
                "shop/wrangler.toml",
                "main = 'dist/index.js'\n[build]\ncwd = 'tools'\ncommand = \"mkdir ../dist && echo \
                 'export default { fetch() {} }' > ../dist/index.js && echo made for \
                 $WRANGLER_COMMAND >&2\"",
            ),
            ("shop/tools/.keep", ""),
        ],
        arguments: &["check", "shop"],
        code: 0,
        says: &["build mkdir ../dist && echo", "build made for deploy\n", "ok shop starts in"],
    },
    Case {
        name: "a command that fails to make them",
        files: &[(
            "shop/wrangler.toml",
            "main = 'dist/index.js'\n[build]\ncommand = 'echo why; exit 3'",
        )],
        arguments: &["check", "shop"],
        code: 1,
        says: &[
            "build echo why; exit 3\n",
            "build why\n",
            "error: shop/wrangler.toml:3:11: the build command \"echo why; exit 3\" failed with exit \
             code 3",
        ],
    },
    Case {
        name: "a command that makes something else",
        files: &[("shop/wrangler.toml", "main = 'dist/index.js'\n[build]\ncommand = 'mkdir dist'")],
        arguments: &["check", "shop"],
        code: 2,
        says: &[
            "shop/wrangler.toml:1:8: the main module \"dist/index.js\" does not exist, and the build \
             command \"mkdir dist\" (shop/wrangler.toml:3:11) is to make it",
        ],
    },
    Case {
        name: "a project that runs here and that a node would refuse",
        files: &[
            ("shop/index.js", GOOD),
            ("shop/isolane.toml", "kv_namespaces = [{ binding = 'CART' }]\nlimits.cpu_ms = 60000"),
        ],
        arguments: &["check", "shop"],
        code: 0,
        says: &[
            "warning: a node refuses this: worker shop: the KV binding CART names no namespace: give",
            "warning: limits.cpu_ms is 30000 and not 60000",
            "ok shop starts in",
        ],
    },
    Case {
        name: "a project that is another in development",
        files: &[
            (
                "shop/index.js",
                "import { env } from 'cloudflare:workers';\n\
                 export default { fetch() {} };\n\
                 throw new Error(`${process.env.NODE_ENV}, secret ${env.SECRET}`)",
            ),
            ("shop/.dev.vars", "SECRET=local"),
        ],
        arguments: &["check", "shop"],
        code: 1,
        says: &["Error: production, secret undefined\n"],
    },
    Case {
        name: "a tsconfig that extends what is not there",
        files: &[
            ("app/index.ts", GOOD),
            ("app/tsconfig.json", "{\n  \"extends\": \"./.svelte-kit/tsconfig.json\"\n}"),
        ],
        arguments: &["check", "app"],
        code: 0,
        says: &["warning: app/tsconfig.json:2:14: \"./.svelte-kit/tsconfig.json\" is not there"],
    },
    Case {
        name: "a configuration at fault above a file that is not its main module",
        files: &[
            ("wrangler.toml", "main = 'src/index.ts'\nvars = 7"),
            ("src/index.ts", ""),
            ("tools/x.js", GOOD),
        ],
        arguments: &["check", "tools/x.js"],
        code: 0,
        says: &["wrangler.toml:2:8: expected a table for \"vars\", found an integer; so this"],
    },
    Case {
        name: "a node's configuration that is not there",
        files: &[],
        arguments: &["serve", "--config", "nowhere.toml"],
        code: 2,
        says: &["error: cannot read nowhere.toml: No such file or directory (os error 2)\n"],
    },
    Case {
        name: "a worker that nothing leads to",
        files: &[("a/index.js", GOOD), ("node.toml", "[[workers]]\npath = \"a\"")],
        arguments: &["check", "--node-config", "node.toml"],
        code: 0,
        says: &["warning: nothing leads to a: it has no route, no cron", "ok a starts in"],
    },
    Case {
        name: "one route for two workers",
        files: &[
            ("a/index.js", GOOD),
            ("b/index.js", GOOD),
            (
                "node.toml",
                "[[workers]]\npath = \"a\"\nroutes = [\"x.test\"]\n\
                 [[workers]]\npath = \"b\"\nroutes = [\"X.test.\"]",
            ),
        ],
        arguments: &["serve"],
        code: 2,
        says: &["worker b: ", "x.test"],
    },
    Case {
        name: "a port that is taken by nobody's right",
        files: &[("a/index.js", GOOD)],
        arguments: &["dev", "a", "--host", "203.0.113.1", "--port", "0"],
        code: 1,
        says: &["cannot listen on 203.0.113.1:0"],
    },
    Case {
        name: "an option that nothing knows",
        files: &[],
        arguments: &["dev", "--prot", "1", "a"],
        code: 2,
        says: &["unexpected argument '--prot'", "'--port'"],
    },
    Case {
        name: "a value that is no port",
        files: &[],
        arguments: &["dev", "--port", "65536", "a"],
        code: 2,
        says: &["invalid value '65536' for '--port <PORT>'"],
    },
    Case {
        name: "a command that nothing knows",
        files: &[],
        arguments: &["server"],
        code: 2,
        says: &["unrecognized subcommand 'server'", "'serve'"],
    },
    Case {
        name: "nothing to check",
        files: &[],
        arguments: &["check"],
        code: 2,
        says: &["Usage:"],
    },
    Case {
        name: "no command",
        files: &[],
        arguments: &[],
        code: 2,
        says: &["Usage:", "dev", "serve"],
    },
    Case {
        name: "help",
        files: &[],
        arguments: &["--help"],
        code: 0,
        says: &["Examples:", "Exit codes: 0 success, 1 failure, 2 bad arguments"],
    },
    Case {
        name: "help says that a check runs a project's command",
        files: &[],
        arguments: &["check", "--help"],
        code: 0,
        says: &["The `[build]` command of a project is run first"],
    },
    Case {
        name: "the version",
        files: &[],
        arguments: &["--version"],
        code: 0,
        says: &[concat!("isolane ", env!("CARGO_PKG_VERSION"), "\n")],
    },
];
