//! Puts the JavaScript that is not in the snapshot into one table: that of the `node:` modules, our own
//! files and the vendored ones, and that of bindings which few workers have. Each is in the form in
//! which deno_core compiles a script on first use.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// (folder, what the specifiers of its files begin with)
const FOLDERS: [(&str, &str); 5] = [
    ("compat-vendor/node", "ext:isolane_node/"),
    ("src/compat", "ext:isolane_compat/"),
    ("src/queue", "ext:isolane_queue/"),
    ("src/rpc/js", "ext:isolane_rpc/"),
    ("src/services", "ext:isolane_services/"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut scripts = Vec::new();
    for (folder, prefix) in FOLDERS {
        println!("cargo:rerun-if-changed={folder}");
        let root = here.join(folder);
        collect(&root, &root, prefix, &mut scripts);
    }
    scripts.sort();
    let mut table = String::from("&[\n");
    for (specifier, script) in &scripts {
        writeln!(table, "({specifier:?}, {script:?}),").expect("a string takes it");
    }
    table.push(']');
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("compat_scripts.rs"), table).expect("OUT_DIR is writable");
}

fn collect(root: &Path, folder: &Path, prefix: &str, scripts: &mut Vec<(String, String)>) {
    let entries = std::fs::read_dir(folder).expect("the folder is part of the crate");
    for entry in entries {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            collect(root, &path, prefix, scripts);
        } else if path.extension().is_some_and(|extension| extension == "js") {
            let name = path.strip_prefix(root).expect("found below it").display();
            let source = std::fs::read_to_string(&path).expect("a file of the crate");
            assert!(source.is_ascii(), "{name} is not ASCII");
            scripts.push((format!("{prefix}{name}"), wrap(&source)));
        }
    }
}

/// The body of the function that deno_core makes of a script, whose text is one function that
/// is called, after comments.
fn wrap(source: &str) -> String {
    let start = source.find("(function").expect("a script is a function that is called");
    let script = source[start..].trim_end().trim_end_matches(';');
    format!("\"use strict\"; return ({script});")
}
