//! How `isolane dev` starts: what it takes without arguments, what it says, which port it takes,
//! what it does with code that cannot be loaded, and TLS.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::says;
use crate::folder::Folder;
use crate::http::get;
use crate::process::Process;

fn start(folder: &Folder, arguments: &[&str]) -> Process {
    Process::start(folder.path(), arguments.iter().copied())
}

#[test]
fn without_arguments_it_serves_the_project_in_this_folder() {
    let folder = Folder::with(&[("index.ts", &says("here")), ("wrangler.toml", "name = 'shop'")]);
    let mut process = start(&folder, &["dev", "--port", "0"]);
    let port = process.dev_port();
    assert_eq!(get(port, "shop.localhost", "/").body, "here");
}

#[test]
fn it_says_what_each_worker_has() {
    let configuration = "name = 'shop'
        routes = ['shop.example.com/*']
        vars = { MODE = 'test', LEVEL = 3 }
        kv_namespaces = [{ binding = 'CART' }, { binding = 'USERS', id = 'u1' }]
        surprise = 1";
    let folder =
        Folder::with(&[("shop/index.js", &says("x")), ("shop/isolane.toml", configuration)]);
    let mut process = start(&folder, &["dev", "shop", "--port", "0"]);
    let first = process.stdout.until("isolane ");
    assert!(first.contains(env!("CARGO_PKG_VERSION")), "{first}");
    process.stdout.until("shop  http://shop.localhost:");
    process.stdout.until("        KV       CART, USERS (u1)");
    process.stdout.until("        vars     LEVEL, MODE");
    process.stdout.until("        routes   shop.example.com");
    process.stdout.until("KV data is in .isolane. Ctrl-C stops.");
    process.stderr.until("surprise");
}

const SHOWS_VARIABLES: &str = "export default { fetch(_, env) { return new Response(
        Object.entries(env).map(([name, value]) => name + '=' + value).sort().join(' ')) } }";

#[test]
fn variables_of_development_are_strings_in_env_watched_and_shown_by_name_alone() {
    let folder = Folder::with(&[
        ("app/index.js", SHOWS_VARIABLES),
        ("app/isolane.toml", "vars = { MODE = 'configured', LEVEL = 3 }"),
        ("app/.dev.vars", "API_KEY=\"hush hush\"\nMODE=local\n"),
    ]);
    let mut process = start(&folder, &["dev", "app", "--port", "0"]);
    let port = process.dev_port();
    process.stdout.until(".dev.vars env.API_KEY, env.MODE");
    let body = get(port, "localhost", "/").body;
    assert_eq!(body, "API_KEY=hush hush LEVEL=3 MODE=local");
    folder.write("app/.dev.vars", "API_KEY=changed\n");
    process.stdout.until("reloaded app ");
    let body = get(port, "localhost", "/").body;
    assert_eq!(body, "API_KEY=changed LEVEL=3 MODE=configured");
    std::fs::remove_file(folder.path().join("app/.dev.vars")).expect("it is removed");
    process.stdout.until("reloaded app ");
    assert_eq!(get(port, "localhost", "/").body, "LEVEL=3 MODE=configured");
    folder.write("app/.dev.vars", "no variable\n");
    process.stderr.until("error: app/.dev.vars:1:");
    process.stderr.until("app goes on as it was");
}

#[test]
fn an_environment_has_its_own_configuration_and_variables() {
    let configuration = "name = 'app'
        vars = { MODE = 'none' }
        [env.staging]
        vars = { MODE = 'staging' }";
    let folder = Folder::with(&[
        ("app/index.js", SHOWS_VARIABLES),
        ("app/wrangler.toml", configuration),
        ("app/.dev.vars", "KEY=common"),
        ("app/.dev.vars.staging", "KEY=of-staging"),
    ]);
    let mut process = start(&folder, &["dev", "app", "--env", "staging", "--port", "0"]);
    let port = process.dev_port();
    let body = get(port, "app-staging.localhost", "/").body;
    assert_eq!(body, "KEY=of-staging MODE=staging");
    drop(process);
    let mut unknown = start(&folder, &["dev", "app", "--env", "stagin", "--port", "0"]);
    unknown.stderr.until("staging");
    assert_eq!(unknown.ended().code(), Some(2));
}

#[test]
fn a_configuration_of_another_name_is_that_projects() {
    let configuration = |name: &str| format!("{{ \"name\": \"{name}\", \"main\": \"index.js\" }}");
    let folder = Folder::with(&[
        ("web/index.js", &says("web")),
        ("web/wrangler.jsonc", &configuration("usual")),
        ("web/wrangler.test.jsonc", &configuration("test")),
        ("api/index.js", &says("api")),
        ("api/src/other.js", &says("other")),
        ("api/api.json", &configuration("api")),
    ]);
    let configs = ["-c", "web/wrangler.test.jsonc", "--config", "api/api.json"];
    let mut process = start(&folder, &[&["dev", "--port", "0"], &configs[..]].concat());
    let port = process.dev_port();
    assert_eq!(get(port, "localhost", "/").body, "web");
    assert_eq!(get(port, "test.localhost", "/").body, "web");
    assert_eq!(get(port, "api.localhost", "/").body, "api");
    folder.write("api/api.json", &configuration("renamed"));
    process.stdout.until("api is now renamed");
    drop(process);
    // With a file it is the configuration for that main module.
    let mut process =
        start(&folder, &["dev", "--port", "0", "-c", "api/api.json", "api/src/other.js"]);
    let port = process.dev_port();
    assert_eq!(get(port, "renamed.localhost", "/").body, "other");
}

#[test]
fn whoever_uses_caches_is_told_once_that_nothing_is_stored() {
    let uses = "export default { async fetch(request) {
        await caches.default.put(request, new Response('x'));
        return new Response(`${await caches.default.match(request)} VERSION`);
    } }";
    let looks = "caches.default; export default { fetch: () => new Response('x') }";
    let folder = Folder::with(&[("uses.js", uses), ("looks.js", looks)]);
    let mut process = start(&folder, &["dev", "uses.js", "looks.js", "--port", "0"]);
    let port = process.dev_port();
    assert_eq!(get(port, "looks.localhost", "/").body, "x");
    for version in ["one", "two"] {
        folder.write("uses.js", &uses.replace("VERSION", version));
        process.stdout.until("reloaded uses");
        for _ in 0..3 {
            assert_eq!(get(port, "localhost", "/").body, format!("undefined {version}"));
        }
    }
    process.stdout.until("200 GET");
    folder.write("uses.js", "throw new Error('the last line')");
    process.stderr.until("the last line");
    let said = process.stderr.seen();
    assert_eq!(said.matches("uses caches, and nothing is stored yet").count(), 1, "{said}");
    assert!(!said.contains("looks uses caches"), "{said}");
}

#[test]
fn whoever_has_handlers_that_are_not_called_is_told_once() {
    let handlers =
        "export default { fetch: () => new Response('one'), email() {}, tailStream() {} }";
    let folder = Folder::with(&[("jobs.js", handlers), ("other.js", &says("x"))]);
    let mut process = start(&folder, &["dev", "jobs.js", "other.js", "--port", "0"]);
    let port = process.dev_port();
    let warning = "jobs has the handlers email and tailStream, which Isolane does not call yet";
    process.stderr.until(&format!("warning: {warning}"));
    folder.write("jobs.js", &handlers.replace("one", "two"));
    process.stdout.until("reloaded jobs");
    assert_eq!(get(port, "localhost", "/").body, "two");
    folder.write("jobs.js", "throw new Error('the last line')");
    process.stderr.until("the last line");
    let said = process.stderr.seen();
    assert_eq!(said.matches("does not call yet").count(), 1, "{said}");
    // Another set of them is told of, too.
    folder.write("jobs.js", &handlers.replace("tailStream", "queue"));
    process.stderr.until("jobs has the handler email, ");
}

#[test]
fn a_port_in_use_is_an_error_that_names_a_free_one() {
    let folder = Folder::with(&[("a.js", &says("x"))]);
    let other = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = other.local_addr().expect("it listens").port().to_string();
    let mut process = start(&folder, &["dev", "a.js", "--port", &port]);
    process.stderr.until(&format!("error: port {port} on 127.0.0.1 is in use"));
    assert_eq!(process.ended().code(), Some(2));
}

#[test]
fn the_configuration_says_which_port_unless_an_argument_does() {
    let other = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = other.local_addr().expect("it listens").port();
    let configuration = format!("[dev]\nport = {port}\nip = '127.0.0.1'");
    let folder =
        Folder::with(&[("app/index.js", &says("x")), ("app/wrangler.toml", &configuration)]);
    let mut process = start(&folder, &["dev", "app"]);
    process.stderr.until(&format!("error: port {port} on 127.0.0.1 is in use"));
    let mut process = start(&folder, &["dev", "app", "--port", "0"]);
    assert_eq!(get(process.dev_port(), "localhost", "/").body, "x");
}

#[test]
fn a_second_one_does_not_take_the_port_of_the_first() {
    let folder = Folder::with(&[("a.js", &says("x"))]);
    let mut first = start(&folder, &["dev", "a.js", "--port", "0"]);
    let port = first.dev_port().to_string();
    let mut second = start(&folder, &["dev", "a.js", "--port", &port, "--data", "other"]);
    second.stderr.until("is in use");
}

#[test]
fn code_that_cannot_be_loaded_is_waited_for() {
    let folder = Folder::with(&[("a.ts", "export default {\n  fetch( {\n")]);
    let mut process = start(&folder, &["dev", "a.ts", "--port", "0"]);
    process.stderr.until("error: a.ts:");
    process.stderr.until("waiting for a change");
    folder.write("a.ts", "import './gone.ts';");
    process.stderr.until("error: a.ts:1:8");
    process.stderr.until("waiting for a change");
    folder.write("a.ts", &says("mended"));
    let port = process.dev_port();
    assert_eq!(get(port, "localhost", "/").body, "mended");
}

#[test]
fn code_at_fault_is_waited_for_wherever_it_is() {
    // What is named, the main module, what that imports, and where it is.
    let cases: [(&[&str], &str, &str, &str); 3] = [
        (&["src/index.ts"], "src/index.ts", "./lib/text.ts", "src/lib/text.ts"),
        (&["apps/web"], "apps/web/index.ts", "../../shared/text.ts", "shared/text.ts"),
        (&["-c", "config/wrangler.toml"], "src/index.ts", "./lib/text.ts", "src/lib/text.ts"),
    ];
    for (named, main, import, at_fault) in cases {
        let code = format!(
            "import {{ text }} from '{import}';
            export default {{ fetch: () => new Response(text) }};"
        );
        let folder = Folder::with(&[
            (main, &code),
            (at_fault, "export const text = ;"),
            ("config/wrangler.toml", "name = 'app'\nmain = '../src/index.ts'"),
        ]);
        let mut process = start(&folder, &[&["dev", "--port", "0"], named].concat());
        process.stderr.until("waiting for a change");
        folder.write(at_fault, "export const text = 'mended';");
        let port = process.dev_port();
        assert_eq!(get(port, "localhost", "/").body, "mended", "{named:?}");
    }
}

#[test]
fn what_may_mend_code_is_waited_for_wherever_it_is() {
    // What the main module imports, what is there at first, and what mends it.
    let cases = [
        ("../../shared/text.ts", "shared/text.ts", "shared/text.ts"),
        ("../../shared/new/text.ts", "shared/other.ts", "shared/new/text.ts"),
        ("pkg", "package.json", "node_modules/pkg/index.js"),
    ];
    for (import, there, mends) in cases {
        let code = format!(
            "import {{ text }} from '{import}';
            export default {{ fetch: () => new Response(text) }};"
        );
        let folder = Folder::with(&[
            ("apps/web/index.ts", &code),
            (there, if there.ends_with(".json") { "{}" } else { "export const other = 1;" }),
        ]);
        let mut process = start(&folder, &["dev", "--port", "0", "apps/web"]);
        process.stderr.until("error: apps/web/index.ts:1:");
        process.stderr.until("waiting for a change");
        folder.write(mends, "export const text = 'mended';");
        let port = process.dev_port();
        assert_eq!(get(port, "localhost", "/").body, "mended", "{import}");
    }
}

fn curl(folder: &Folder, arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "60"])
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .expect("curl is there");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn with_https_there_is_a_certificate_that_a_local_authority_vouches_for() {
    let folder = Folder::with(&[("shop.js", &says("secure"))]);
    let mut authority = String::new();
    for _ in 0..2 {
        let mut process = start(&folder, &["dev", "shop.js", "--https", "--port", "0"]);
        let port = process.dev_port();
        process.stdout.until(".isolane/tls/ca.pem");
        let trusting = ["--cacert", ".isolane/tls/ca.pem"];
        for host in ["localhost", "shop.localhost", "127.0.0.1"] {
            let url = format!("https://{host}:{port}/");
            assert_eq!(curl(&folder, &[trusting[0], trusting[1], &url]), "secure", "{host}");
            let error = curl(&folder, &[&url]);
            assert!(error.starts_with("curl: (60)"), "nothing trusts it by itself: {error}");
        }
        // The authority stays from run to run.
        let path = folder.path().join(".isolane/tls");
        let text = std::fs::read_to_string(path.join("ca.pem")).expect("it is there");
        assert!(authority.is_empty() || authority == text);
        authority = text;
        let key = std::fs::metadata(path.join("ca.key")).expect("it is there");
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_certificate_of_ones_own_needs_its_key() {
    let folder = Folder::with(&[("a.js", &says("x"))]);
    let mut process = start(&folder, &["dev", "a.js", "--cert", "a.pem"]);
    process.stderr.until("--key");
    assert_eq!(process.ended().code(), Some(2));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it is made");
    folder.write("a.pem", &made.cert.pem());
    folder.write("a.key", &made.signing_key.serialize_pem());
    let arguments = ["dev", "a.js", "--cert", "a.pem", "--key", "a.key", "--port", "0"];
    let mut process = start(&folder, &arguments);
    let url = format!("https://localhost:{}/", process.dev_port());
    assert_eq!(curl(&folder, &["--cacert", "a.pem", &url]), "x");
}
