//! The book in `docs/`. Its pages are listed and its links lead somewhere (`docs/links.rs`); what
//! it shows to be typed does what it says (`docs/session.rs`); and what it says of keys, limits,
//! codes, globals, modules and metrics is what the code says (`docs/generated.rs`). So is what ARCHITECTURE.md
//! and the pages of `architecture/` say of files (`docs/architecture.rs`).
//!
//! The parts between `<!-- generated: NAME -->` and `<!-- end -->` are written by
//!
//! ```sh
//! ISOLANE_WRITE_DOCS=1 cargo test --release --workspace --test docs
//! ```

#[path = "docs/architecture.rs"]
mod architecture;
#[path = "docs/codes.rs"]
mod codes;
#[path = "docs/commands.rs"]
mod commands;
#[path = "docs/compatibility.rs"]
mod compatibility;
#[path = "docs/generated.rs"]
mod generated;
#[allow(dead_code, reason = "other tests make other requests")]
#[path = "support/http.rs"]
mod http;
#[path = "docs/limits.rs"]
mod limits;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/metrics.rs"]
mod metrics;
#[path = "docs/node_keys.rs"]
mod node_keys;
#[path = "docs/page.rs"]
mod page;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "docs/project_keys.rs"]
mod project_keys;
#[path = "docs/session.rs"]
mod session;
#[path = "docs/shown.rs"]
mod shown;
#[path = "docs/table.rs"]
mod table;
#[path = "docs/workers_api.rs"]
mod workers_api;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = links::trials();
    for name in page::names() {
        let page = name.trim_end_matches(".md").to_owned();
        let (tables, typed) = (name.clone(), name);
        trials.push(Trial::test(format!("tables::{page}"), move || generated::check(&tables)));
        trials.push(Trial::test(format!("typed::{page}"), move || session::run(&typed)));
    }
    trials.extend(architecture::trials());
    trials.extend(compatibility::trials());
    trials.extend(generated::trials());
    trials.extend(page::trials());
    trials.extend(shown::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
