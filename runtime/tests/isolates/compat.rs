//! The `node:` modules in real isolates: each case of `tests/compat/cases` answers what Node
//! has answered (`tests/compat/expected`, written by `regenerate.mjs`).

use std::path::{Path, PathBuf};

use isolane_runtime::{ModuleSource, Outcome};
use libtest_mimic::Trial;

use crate::support::{Switches, Worker, trial};

/// Imports a case and reports on it.
const MAIN: &str = r#"
    import expressions from "./case.js";
    import { report } from "./show.js";
    export default { fetch: async () => new Response(await report(expressions)) };
"#;

pub fn trials() -> Vec<Trial> {
    let cases = std::fs::read_dir(folder().join("cases")).expect("the cases are there");
    let mut names: Vec<String> = cases
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    let cases = names
        .into_iter()
        .map(|name| trial(&format!("compat::cases::{name}"), move || answers_as_node(name)));
    cases.chain(other_trials()).collect()
}

fn other_trials() -> Vec<Trial> {
    vec![
        trial("compat::a_module_exports_what_its_script_gives", || async {
            // `require` gives the script's object, which the table of exports must agree with.
            let reply = Worker::from_source(&importing_all(
                "const { createRequire } = process.getBuiltinModule('module');
                 const require = createRequire('/x');
                 const own = new Set(['default', 'prototype', 'length', 'name', 'module.exports', 'usingDomains', 'captureRejections', 'init', 'utf8Write']);
                 const missing = names.flatMap((name, n) => {
                     const exported = require(name);
                     return Object.keys(exported)
                         .filter((key) => !own.has(key) && exported[key] !== undefined && !(key in all[n]) && /^[a-z]\\w*$/i.test(key))
                         .map((key) => `${name} ${key}`);
                 });
                 const undefinedOnes = names.flatMap((name, n) => Object.keys(all[n]).filter((key) => all[n][key] === undefined).map((key) => `${name} ${key}`));
                 return Response.json([missing, undefinedOnes])",
            ))
            .with_node_compat()
            .get("/")
            .await;
            assert_eq!(
                reply.unwrap().text(),
                r#"[[],["node:process exitCode","node:process stdin"]]"#
            );
        }),
        trial("compat::the_way_into_the_bindings_cannot_be_imported", || async {
            for specifier in [
                "isolane:modules",
                "ext:isolane_compat/crypto.js",
                "isolane:node:buffer",
                "ext:core/mod.js",
            ] {
                let stat =
                    format!("import * as m from '{specifier}'; export default {{ fetch() {{}} }};");
                assert!(Worker::from_source(&stat).get("/").await.is_err(), "{specifier}");
                let dynamic = format!(
                    "return new Response(await import('{specifier}').then(() => 'there', () => 'refused'))"
                );
                let reply = Worker::with_handler(&dynamic).get("/").await;
                assert_eq!(reply.unwrap().text(), "refused", "{specifier}");
            }
        }),
        trial("compat::each_module_can_be_imported", || async {
            let reply = Worker::from_source(&importing_all(
                "return Response.json(all.filter((m) => m.default === undefined).length)",
            ))
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), "0");
        }),
        trial("compat::a_computed_import_has_what_the_flags_give", || async {
            let ask = "const tried = (name) => import(name).then(() => 'there', () => 'refused');
                 return Response.json([await tried('async_hooks'), await tried('buffer')])";
            for (worker, expected) in [
                (Worker::with_handler(ask), r#"["refused","refused"]"#),
                (Worker::with_handler(ask).with_node_als(), r#"["there","refused"]"#),
                (Worker::with_handler(ask).with_node_compat(), r#"["there","there"]"#),
            ] {
                assert_eq!(worker.get("/").await.unwrap().text(), expected);
            }
        }),
        trial("compat::the_globals_are_there_only_with_the_flag", || async {
            let ask = "return Response.json(['Buffer', 'process', 'global', 'setImmediate', 'clearImmediate'].filter((name) => name in globalThis).length)";
            assert_eq!(Worker::with_handler(ask).get("/").await.unwrap().text(), "0");
            let with = Worker::with_handler(ask).with_node_compat();
            assert_eq!(with.get("/").await.unwrap().text(), "5");
        }),
        trial("compat::the_global_timers_are_nodes_from_a_date_on", || async {
            let ask = "let fired = 0;
                 const timeout = setTimeout(() => fired++, 1), cleared = [setTimeout(() => fired += 10, 1), setInterval(() => fired += 10, 1)];
                 if (typeof timeout === 'number') { clearTimeout(timeout); clearTimeout(cleared[0]); clearInterval(cleared[1]); return new Response('numbers') }
                 clearTimeout(cleared[0]); clearInterval(+cleared[1]); clearTimeout(undefined); clearTimeout({});
                 const refs = [timeout.hasRef(), timeout.unref() === timeout, timeout.hasRef(), timeout.ref().hasRef()];
                 await new Promise((resolve) => setTimeout(resolve, 5));
                 const once = fired;
                 timeout.refresh();
                 await new Promise((resolve) => setTimeout(resolve, 5));
                 const ended = setTimeout(() => fired += 100, 1); clearTimeout(ended); ended.refresh();
                 { using disposed = setTimeout(() => fired += 10, 1); setTimeout(() => fired += 10, 1).close(); }
                 const { setTimeout: ofModule } = await import('node:' + 'timers');
                 let n = 0;
                 await new Promise((resolve) => { const interval = setInterval(function () { if (++n === 2) { clearInterval(this); resolve(this === interval) } }, 1) });
                 let wrong; try { setTimeout('code') } catch (e) { wrong = e.code }
                 return Response.json([typeof +timeout, refs, once, fired, n, setTimeout === ofModule, timeout.constructor.name, wrong])";
            let numbers = Worker::with_handler(ask).with_node_compat().get("/").await;
            assert_eq!(numbers.unwrap().text(), "numbers");
            let switches = Switches { node_timers: true, ..Switches::default() };
            let worker = Worker::with_handler(ask).with_node_compat().with_switches(switches);
            assert_eq!(
                worker.get("/").await.unwrap().text(),
                r#"["number",[true,true,false,true],1,2,2,true,"Timeout","ERR_INVALID_ARG_TYPE"]"#
            );
            let without = Worker::with_handler(ask).with_switches(switches).get("/").await;
            assert_eq!(without.unwrap().text(), "numbers");
        }),
        trial("compat::a_global_is_loaded_once_and_can_be_replaced", || async {
            let reply = Worker::from_source(
                "import { Buffer as imported } from 'node:buffer';
                 const kind = (name) => 'value' in Object.getOwnPropertyDescriptor(globalThis, name);
                 const before = kind('Buffer');
                 const same = Buffer === imported;
                 process = 5;
                 export default { fetch: () => Response.json([before, same, kind('Buffer'), process]) };",
            )
            .with_node_compat()
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), "[false,true,true,5]");
        }),
        trial("compat::the_environment_is_the_worker_s_variables", || async {
            let reply =
                Worker::with_handler("env.A = 'changed'; return Response.json({ ...process.env })")
                    .with_node_compat()
                    .with_var("A", "text")
                    .with_var("B", 5)
                    .with_var("C", serde_json::json!({ "d": [true] }))
                    .with_kv("KV")
                    .get("/")
                    .await;
            assert_eq!(reply.unwrap().text(), r#"{"A":"text","B":"5","C":"{\"d\":[true]}"}"#);
        }),
        trial("compat::the_process_cannot_be_ended", || async {
            let reply = Worker::with_handler(
                "try { process.exit(3) } catch (error) { return new Response(error.message) }",
            )
            .with_node_compat()
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), "process.exit(3) is not possible in a worker");
        }),
        trial("compat::what_is_missing_says_so", || async {
            let reply = Worker::from_source(
                "import crypto, { createCipheriv } from 'node:crypto';
                 const say = (f) => { try { f() } catch (e) { return e.message } };
                 export default { fetch: () => Response.json([say(() => createCipheriv('x')), say(() => new crypto.Sign())]) };",
            )
            .get("/")
            .await;
            let expected =
                r#"["not implemented: crypto.createCipheriv","not implemented: crypto.Sign"]"#;
            assert_eq!(reply.unwrap().text(), expected);
        }),
        trial("compat::what_is_written_to_standard_output_is_a_console_line", || async {
            let worker = Worker::with_handler(
                "process.stdout.write('one '); process.stderr.write('bad\\n'); process.stdout.write('two\\nthree\\n'); return new Response('')",
            )
            .with_node_compat()
            .build();
            worker.get("/").await.unwrap();
            assert_eq!(worker.line("one").await.1, "one two\nthree");
            worker.line("bad").await;
        }),
        trial("compat::nothing_of_the_inside_can_be_reached", || async {
            let reply = Worker::from_source(&importing_all(REACH))
                .with_node_compat()
                .with_cpu_ms(20_000)
                .get("/")
                .await;
            assert_eq!(reply.unwrap().text(), "[]");
        }),
        trial("compat::long_work_in_rust_is_charged_and_stopped", || async {
            for work in [
                "crypto.pbkdf2Sync('p', 's', 2 ** 31 - 1, 64, 'sha512')",
                "await new Promise((r) => crypto.pbkdf2('p', 's', 2 ** 31 - 1, 64, 'sha512', r))",
                "crypto.pbkdf2Sync('p', 's', 1, 2 ** 25, 'md5')",
                "const h = crypto.createHash('sha512'); const b = new Uint8Array(2 ** 25); while (true) h.update(b)",
                "while (true) crypto.scryptSync('p', 's', 32)",
                "while (true) Buffer.from('a'.repeat(1e6)).toString('base64')",
            ] {
                let worker = Worker::from_source(&format!(
                    "import crypto from 'node:crypto'; export default {{ async fetch() {{ {work} }} }};"
                ))
                .with_node_compat()
                .with_default_limits()
                .build();
                let ended = worker.get("/").await;
                let is_cpu = matches!(&ended, Err(f) if f.outcome() == Outcome::ExceededCpu);
                assert!(is_cpu, "{work}: {ended:?}");
            }
        }),
        trial("compat::scrypt_that_hashes_too_much_is_refused", || async {
            let reply = Worker::from_source(
                "import { scryptSync } from 'node:crypto';
                 const tries = [
                     () => scryptSync('p', Buffer.alloc(1 << 20), 64, { N: 2, r: 1, p: 65536 }),
                     () => scryptSync('p', 's', 1 << 20, { N: 2, r: 1, p: 65536 }),
                 ];
                 export default { fetch() {
                     return Response.json(tries.map((go) => {
                         try { return go().length } catch (e) { return e.name }
                     }))
                 } };",
            )
            .with_node_compat()
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), r#"["RangeError","RangeError"]"#);
        }),
        trial("compat::a_logger_may_write_to_standard_output_from_console_log", || async {
            let reply = Worker::from_source(
                "console.log = (...all) => process.stdout.write(all.join(' ') + '\\n');
                 export default { fetch() { console.log('a', 'b'); return new Response('ok') } };",
            )
            .with_node_compat()
            .get("/")
            .await;
            assert_eq!(reply.unwrap().text(), "ok");
        }),
        trial("compat::a_limit_that_is_reached_while_a_module_loads_cannot_be_caught", || async {
            let worker = Worker::with_handler(
                "Object.defineProperty(globalThis, 'console', { get() { while (true) {} } });
                 try { process.getBuiltinModule('node:console') } catch {}
                 return new Response('caught')",
            )
            .with_node_compat()
            .with_default_limits()
            .build();
            let failure = worker.get("/").await.unwrap_err();
            assert_eq!(failure.outcome(), Outcome::ExceededCpu, "{failure:?}");
        }),
        trial("compat::a_limit_that_is_reached_while_modules_load_harms_nothing", || async {
            let imports = importing("await import", "return new Response('loaded')");
            let globals = "[Buffer, process, setImmediate]; return new Response('loaded')";
            for cpu_ms in (1..=12).cycle().take(36) {
                let load = Worker::from_source(&imports).with_cpu_ms(cpu_ms).build();
                let touch =
                    Worker::with_handler(globals).with_node_compat().with_cpu_ms(cpu_ms).build();
                for worker in [&load, &touch, &load] {
                    match worker.get("/").await {
                        Ok(reply) => assert_eq!(reply.text(), "loaded"),
                        Err(failure) => {
                            assert_eq!(failure.outcome(), Outcome::ExceededCpu, "{failure:?}")
                        }
                    }
                }
            }
        }),
    ]
}

/// Looks at all that the modules lead to, for the functions of the bindings.
const REACH: &str = r#"
    const bad = [], seen = new Set(), queue = [...all.map((m) => [m, ""]), [globalThis, "globalThis"]];
    while (queue.length > 0) {
        const [value, path] = queue.pop();
        if (value === null || !["object", "function"].includes(typeof value) || seen.has(value)) continue;
        seen.add(value);
        if (typeof value === "function" && /^op_/.test(value.name)) bad.push(path);
        for (const key of Reflect.ownKeys(value)) {
            if (["ops", "loadExtScript", "setAsyncContext", "primordials"].includes(key)) bad.push(path + "." + key);
            const property = Reflect.getOwnPropertyDescriptor(value, key);
            for (const part of ["value", "get", "set"]) {
                if (property?.[part] !== undefined) queue.push([property[part], `${path}.${String(key)}`]);
            }
        }
        queue.push([Object.getPrototypeOf(value), `${path}.__proto__`]);
    }
    return Response.json(bad);
"#;

/// A worker with all modules in `all`.
fn importing_all(handler: &str) -> String {
    let specifiers: Vec<_> = provided::NODE.iter().map(|module| module.specifier).collect();
    let imports = specifiers.iter().enumerate();
    let imports: String =
        imports.map(|(n, name)| format!("import * as m{n} from '{name}';\n")).collect();
    let all: Vec<_> = (0..specifiers.len()).map(|n| format!("m{n}")).collect();
    format!(
        "{imports} const all = [{}];
         const names = {specifiers:?};
         export default {{ async fetch(request) {{ {handler} }} }};",
        all.join(", ")
    )
}

/// A worker that imports all modules while it handles an event.
fn importing(import: &str, handler: &str) -> String {
    let imports: String =
        provided::all().map(|module| format!("{import}('{}');\n", module.specifier)).collect();
    format!("export default {{ async fetch(request) {{ {imports} {handler} }} }};")
}

async fn answers_as_node(name: String) {
    let read = |path: &Path| std::fs::read_to_string(path).expect("it is part of the tests");
    let case = read(&folder().join("cases").join(format!("{name}.js")));
    let expected = read(&folder().join("expected").join(format!("{name}.txt")));
    let show = read(&folder().join("show.js"));
    let worker = Worker::from_source(MAIN)
        .with_module("./case.js", ModuleSource::EsModule(case.into()))
        .with_module("./show.js", ModuleSource::EsModule(show.into()))
        .with_node_compat()
        .with_shared_memory()
        .with_cpu_ms(10_000)
        .build();
    let reply = worker.get("/").await.unwrap_or_else(|failure| panic!("{failure:?}"));
    let differences = differences(&expected, reply.text());
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n"));
}

fn differences(expected: &str, given: &str) -> Vec<String> {
    let expected: Vec<_> = expected.lines().collect();
    let given: Vec<_> = given.lines().collect();
    (0..expected.len().max(given.len()))
        .filter(|line| expected.get(*line) != given.get(*line))
        .map(|line| {
            let expression = expected.get(line.saturating_sub(1)).unwrap_or(&"");
            let one = |lines: &[&str]| lines.get(line).copied().unwrap_or("nothing").to_owned();
            format!("{expression}\n  Node:    {}\n  Isolane: {}", one(&expected), one(&given))
        })
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat")
}
