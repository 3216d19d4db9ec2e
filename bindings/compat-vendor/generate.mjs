// Makes the files of `node/`: JavaScript that any isolate can load lazily, from the sources
// of the crate deno_node (TypeScript and ES modules) and of the npm package punycode.
// Usage: npm ci && npm run generate -- PATH_OF_THE_UNPACKED_CRATE (see README.md).
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const crate = process.argv[2];
if (!crate || !existsSync(join(crate, "polyfills"))) {
  console.error("usage: npm run generate -- PATH_OF_THE_UNPACKED_CRATE_DENO_NODE");
  process.exit(2);
}
const version = /^version = "(.*)"/m.exec(readFileSync(join(crate, "Cargo.toml"), "utf8"))[1];

/** The modules that the facades in `src/compat` build on; what they load follows. */
const ENTRIES = [
  "_events.mjs",
  "assert.ts",
  "diagnostics_channel.js",
  "internal/buffer.mjs",
  "internal/streams/duplexpair.js",
  "internal/webstreams/adapters.js",
  "path/mod.ts",
  "querystring.js",
  "stream.ts",
  "stream/consumers.js",
  "stream/promises.js",
  "stream/web.js",
  "string_decoder.ts",
  "url.ts",
  "util.ts",
];

/** What is ours instead, by the specifier in the sources. */
const OURS = {
  "ext:core/mod.js": null,
  "ext:deno_io/12_io.js": "internal/terminal.js",
  "ext:deno_node/_fs/_fs_glob.ts": "internal/glob.js",
  "ext:deno_node/_next_tick.ts": "internal/next_tick.js",
  "ext:deno_node/_process/process.ts": "internal/next_tick.js",
  "ext:deno_node/_util/os.ts": "internal/platform.js",
  "ext:deno_node/internal/errors/error_source.ts": "internal/error_source.js",
  "ext:deno_node/internal/event_target.mjs": "internal/event_symbols.js",
  "ext:deno_node/internal/idna.ts": "internal/idna.js",
  "ext:deno_node/internal/options.ts": "internal/options.js",
  "ext:deno_node/internal_binding/constants.ts": "internal/os_constants.js",
  "ext:deno_node/internal_binding/util.ts": "internal/binding_util.js",
  "ext:deno_node/internal_binding/uv.ts": "internal/uv.js",
  "node:async_hooks": "async_hooks.js",
  "node:process": "process.js",
};

/** Public names of files that are vendored. */
const ALIASES = {
  "node:_stream_duplex": "internal/streams/duplex.js",
  "node:_stream_passthrough": "internal/streams/passthrough.js",
  "node:_stream_readable": "internal/streams/readable.js",
  "node:_stream_transform": "internal/streams/transform.js",
  "node:_stream_writable": "internal/streams/writable.js",
  "node:assert": "assert.ts",
  "node:path": "path/mod.ts",
  "node:stream": "stream.ts",
  "node:stream/promises": "stream/promises.js",
  "node:url": "url.ts",
};

/** What is only reached by functions that we do not offer. */
const NEVER = ["node:v8", "ext:deno_node/internal/worker/js_transferable.js"];

const PROCESS = 'core.loadExtScript("ext:isolane_compat/process.js").default';
const PLATFORM = 'core.loadExtScript("ext:isolane_compat/internal/platform.js")';
const ADAPTERS = [
  "loadExtScript(webStreamsAdaptersSpecifier)",
  'loadExtScript("ext:deno_node/internal/webstreams/adapters.js")',
];

/** Changes to single files, each with its reason; a change that no longer fits is an error. */
const PATCHES = {
  // There is no global `process` without the compatibility flag.
  "_events.mjs": [[/(?<=\n *)process\.emitWarning\(w\)/, `${PROCESS}.emitWarning(w)`]],
  "assert.ts": [[/(?<=\n *)process\.emitWarning\(/, `${PROCESS}.emitWarning(`]],
  "internal/assert/calltracker.js": [[/(?<=\n *if \()process\._exiting/, `${PROCESS}._exiting`]],
  "internal/buffer.mjs": [
    [/(?<=\n *)process\.emitWarning\(/g, `${PROCESS}.emitWarning(`],
    // Errors and bounds as Node has them.
    ['validateNumber(start, "start", 0, kMaxLength)', 'validateNumber(start, "offset", 0, kMaxLength)'],
    ['throw new RangeError("Out of range index");', "return this;"],
    [/new RangeError\("Buffer size must be a multiple of (\d\d-bits)"\)/g, 'new (core.loadExtScript("ext:deno_node/internal/errors.ts").ERR_INVALID_BUFFER_SIZE)("$1")'],
    ["and < 2 ** ${", "and < 2${n} ** ${"],
    ['ERR_INVALID_ARG_TYPE("argument", "string")', 'ERR_INVALID_ARG_TYPE("string", "string", string)'],
  ],
  "path/_posix.ts": [[/globalThis\.process\.cwd\(\)/g, `${PLATFORM}.cwd()`]],
  // There is no Deno: no host to ask for a terminal, a process or resources.
  "internal/assert/assertion_error.js": [["Deno.consoleSize().columns", "80"]],
  "internal/errors.ts": [[/ObjectPrototypeIsPrototypeOf\(\s*Deno\.errors\.\w+\.prototype,\s*\w+,?\s*\)/g, "false"]],
  "internal/util/colors.ts": [["!Deno.noColor", "false"]],
  "internal/util/debuglog.ts": [["Deno.pid", "1"]],
  "path/_win32.ts": [
    [/const \{ Deno \} = globalThis( as any)?;/, `const Deno = ${PLATFORM}.host;`],
    ["globalThis.process.env", "Deno.variables"],
  ],
  // One object, also as the property of the default export.
  "stream.ts": [["import * as promises from", "import promises from"]],
  // `node:stream` loads this file: a cycle.
  "internal/streams/duplexpair.js": [[`from "node:stream"`, `from "node:_stream_duplex"`]],
  // Imported for its side effect only: a cycle.
  "stream/promises.js": [[/import \* as _mod2 from "node:stream";/, ""], [/\n_mod2;/, ""]],
  // The web streams' adapters are named by a constant.
  "internal/streams/duplex.js": [ADAPTERS],
  "internal/streams/writable.js": [ADAPTERS],
  "internal/streams/readable.js": [
    ADAPTERS,
    // `read()` gives all that is buffered, as in the releases of Node up to 24.
    [/\n *\/\/ Fast path for buffers\.\n *if \(\(state\[kState\] & kDecoder\) === 0 && state\.length\) \{\n.*\n *\}/, ""],
  ],
};

const wanted = [...ENTRIES];
const done = new Set();
rmSync(join(here, "node"), { recursive: true, force: true });

/** The specifier under which an isolate finds what the sources call `specifier`. */
function target(specifier, importer) {
  if (specifier in OURS) {
    return `ext:isolane_compat/${OURS[specifier]}`;
  }
  if (NEVER.includes(specifier)) {
    return "ext:isolane_compat/internal/never.js";
  }
  const file = ALIASES[specifier] ?? /^ext:deno_node\/(.*)$/.exec(specifier)?.[1];
  if (file !== undefined) {
    wanted.push(file);
    return `ext:isolane_node/${scriptName(file)}`;
  }
  if (/^ext:deno_(web|webidl|fetch|crypto)\//.test(specifier)) {
    return specifier;
  }
  throw new Error(`${importer} needs ${specifier}, of which nothing is known here`);
}

function scriptName(file) {
  return file.replace(/\.(ts|mjs)$/, ".js");
}

/** An ES module as the body of a function that returns its exports. */
function esmToFunction(code) {
  const late = [];
  const body = code
    .replace(/^import \{ (core|primordials)(, (core|primordials|internals))* \} from "ext:core\/mod\.js";$/gm, "")
    .replace(/^import \* as (\w+) from "([^"]+)";$/gm, 'const $1 = core.loadExtScript("$2");')
    .replace(/^import (\w+) from "([^"]+)";$/gm, 'const $1 = core.loadExtScript("$2").default;')
    .replace(/^import \{([^}]+)\} from "([^"]+)";$/gm, (_all, names, specifier) =>
      `const {${names.replace(/\bas\b/g, ":")}} = core.loadExtScript("${specifier}");`)
    .replace(/^export default function (\w+)/gm, (_all, name) => {
      late.push(`default: ${name}`);
      return `function ${name}`;
    })
    .replace(/^export default (\w+);$/gm, (_all, name) => {
      late.push(`default: ${name}`);
      return "";
    })
    .replace(/^export default \{/gm, () => {
      late.push("default: defaultExport");
      return "const defaultExport = {";
    })
    .replace(/^export const (\w+)/gm, (_all, name) => {
      late.push(name);
      return `const ${name}`;
    })
    .replace(/^export \{([^}]+)\};$/gm, (_all, names) => {
      for (const name of names.split(",").map((name) => name.trim()).filter(Boolean)) {
        const [inner, outer] = name.split(/ as /);
        late.push(outer === undefined ? inner : `${outer}: ${inner}`);
      }
      return "";
    });
  const left = /^(import|export)\b.*$/m.exec(body);
  if (left !== null) {
    throw new Error(`not understood: ${left[0]}`);
  }
  return `(function () {\n"use strict";\nconst { core, primordials } = __bootstrap;\n${body}\nreturn { ${late.join(", ")} };\n})();\n`;
}

function convert(file) {
  let source = readFileSync(join(crate, "polyfills", file), "utf8");
  for (const [from, to] of PATCHES[file] ?? []) {
    const patched = source.replace(from, to);
    if (patched === source) {
      throw new Error(`the patch ${from} no longer fits ${file}`);
    }
    source = patched;
  }
  let { code } = transformSync(source, {
    loader: file.endsWith(".ts") ? "ts" : "js",
    format: "esm",
    charset: "ascii",
    target: "esnext",
    legalComments: "none",
    tsconfigRaw: "{}",
  });
  if (/^(import|export)\b/m.test(code)) {
    code = esmToFunction(code);
  }
  code = code
    .replace(/(?:core\.)?createLazyLoader\(\s*("[^"]+")\s*\)/g, "(() => core.loadExtScript($1))")
    .replace(/(loadExtScript\(\s*)"([^"]+)"/g, (_all, before, specifier) =>
      specifier.startsWith("ext:isolane_")
        ? `${before}"${specifier}"`
        : `${before}"${target(specifier, file)}"`);
  const header = `// Generated by generate.mjs from deno_node ${version}, polyfills/${file}. See LICENSE.\n`;
  write(scriptName(file), header + code);
}

function write(name, text) {
  if (/[^\x00-\x7f]/.test(text)) {
    throw new Error(`${name} is not ASCII`);
  }
  const path = join(here, "node", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

while (wanted.length > 0) {
  const file = wanted.shift();
  if (!done.has(file)) {
    done.add(file);
    convert(file);
  }
}

// `node:punycode` is this package, in Node too.
const punycode = transformSync(readFileSync(join(here, "node_modules/punycode/punycode.js"), "utf8"), {
  charset: "ascii",
  legalComments: "none",
}).code;
write(
  "punycode.js",
  "// Generated by generate.mjs from the npm package punycode. See LICENSE.\n" +
    `(function () {\nconst module = {};\n${punycode}\nreturn module.exports;\n})();\n`,
);
console.log(`${done.size + 1} files`);
