//! The keys of a project's configuration: those that the code knows, and what becomes of each when
//! a configuration has it. What they are is in `keys.json`.

use std::fs;

use bundle::{COMPATIBILITY_FLAGS, KnownKey, Project, Settings, known_keys};
use libtest_mimic::Failed;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::table;

/// What is said of a key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    /// With a dot before a key of a table.
    key: String,
    /// A value with which it would have an effect.
    example: Value,
    /// What it is; of one without effect, why it needs none.
    is: String,
    /// Whether it will be supported.
    #[serde(default)]
    plan: Option<String>,
}

/// What becomes of a key.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Served,
    /// It has no effect, and nobody is told.
    Ignored,
    /// Whoever has it is told that it is not supported.
    Missing,
}

/// A key with all there is to say.
struct Key {
    told: Told,
    fate: Fate,
    is_inherited: bool,
}

/// The keys that have an effect.
pub(crate) fn served() -> Result<String, Failed> {
    let keys = keys()?.into_iter().filter(|key| key.fate == Fate::Served);
    let rows = keys.map(|Key { told, is_inherited, .. }| {
        let inherited = match () {
            () if told.key.contains('.') || told.key == "env" => "",
            () if is_inherited => "yes",
            () => "no",
        };
        [table::code(&told.key), told.is, inherited.to_owned()]
    });
    Ok(table::table(["key", "is", "inherited by environments"], rows))
}

/// The keys that will have one.
pub(crate) fn planned() -> Result<String, Failed> {
    missing(|plan| !plan.starts_with("no:") && plan != "no")
}

/// The keys that will not.
pub(crate) fn not_planned() -> Result<String, Failed> {
    missing(|plan| plan.starts_with("no:") || plan == "no")
}

fn missing(is_shown: impl Fn(&str) -> bool) -> Result<String, Failed> {
    let mut rows = Vec::new();
    for Key { told, .. } in keys()?.into_iter().filter(|key| key.fate == Fate::Missing) {
        let plan = told.plan.ok_or_else(|| format!("keys.json: {} has no plan", told.key))?;
        if is_shown(&plan) {
            let plan = plan.strip_prefix("no: ").unwrap_or(&plan).to_owned();
            rows.push([table::code(&told.key), told.is, plan]);
        }
    }
    Ok(table::table(["key", "is", "plan, or what to do instead"], rows))
}

/// The keys that have none, and need none.
pub(crate) fn ignored() -> Result<String, Failed> {
    let keys = keys()?.into_iter().filter(|key| key.fate == Fate::Ignored);
    let rows = keys.map(|Key { told, .. }| [table::code(&told.key), told.is]);
    Ok(table::table(["key", "why it has no effect"], rows))
}

/// What is said of each key that the code knows, with what the code does.
fn keys() -> Result<Vec<Key>, Failed> {
    let told: Vec<Told> = serde_json::from_str(include_str!("keys.json"))?;
    let known: Vec<KnownKey> = known_keys().collect();
    if let Some(untold) = known.iter().find(|known| !told.iter().any(|it| it.key == known.name)) {
        let name = untold.name;
        return Err(format!("say in cli/tests/docs/keys.json what the key {name} is").into());
    }
    told.into_iter()
        .map(|told| {
            let top = told.key.split('.').next().unwrap_or_default();
            let known = known.iter().find(|known| known.name == top);
            let known = known.ok_or_else(|| format!("there is no key {}", told.key))?;
            let fate = match (is_refused(&told)?, known.is_of_tools) {
                (true, false) => Fate::Missing,
                (false, true) => Fate::Ignored,
                (false, false) => Fate::Served,
                (true, true) => return Err(format!("{} is and is not ignored", told.key).into()),
            };
            if fate != Fate::Missing && told.plan.is_some() {
                return Err(format!("keys.json: {} is there, and has a plan", told.key).into());
            }
            Ok(Key { told, fate, is_inherited: known.is_inherited })
        })
        .collect()
}

/// Whether a project that has the key is told that it has no effect.
fn is_refused(told: &Told) -> Result<bool, Failed> {
    let folder = tempfile::tempdir()?;
    let value = match told.key.split_once('.') {
        Some((table, key)) => json!({ table: { key: told.example } }),
        None => json!({ &told.key: told.example }),
    };
    fs::write(folder.path().join("wrangler.json"), value.to_string())?;
    fs::write(folder.path().join("tsconfig.json"), "{}")?;
    fs::write(folder.path().join("index.js"), "export default { fetch() {} }")?;
    let project = Project::open(folder.path())?;
    let warnings: Vec<_> = project.warnings().iter().map(ToString::to_string).collect();
    match warnings.as_slice() {
        [] => Ok(false),
        warnings if warnings.iter().all(|it| it.contains("is not supported yet")) => Ok(true),
        warnings => Err(format!("{}: {}", told.key, warnings.join("; ")).into()),
    }
}

/// What flags do that do something.
struct Flag {
    on: &'static [&'static str],
    off: &'static [&'static str],
    /// The first day that has it unasked, and the day before.
    since: Option<(&'static str, &'static str)>,
    is: &'static str,
    holds: fn(&Settings) -> bool,
}

const FLAGS: [Flag; 8] = [
    Flag {
        on: &["nodejs_compat", "nodejs_compat_v2"],
        off: &["no_nodejs_compat"],
        since: Some(("2026-08-04", "2026-08-03")),
        is: "the modules of Node.js, and `Buffer`, `process`, `global`, `setImmediate`",
        holds: Settings::node_compat,
    },
    Flag {
        on: &["nodejs_als"],
        off: &[],
        since: None,
        is: "of those `node:async_hooks` alone",
        // What the bundler does with it is the bundler's.
        holds: |settings| settings.compatibility_flags.iter().any(|flag| flag == "nodejs_als"),
    },
    Flag {
        on: &["enable_nodejs_global_timers"],
        off: &["no_nodejs_global_timers"],
        since: Some(("2026-02-10", "2026-02-09")),
        is: "with those of Node.js: `setTimeout` and `setInterval` answer objects",
        holds: |settings| {
            let flag = "nodejs_compat".to_owned();
            let mut settings = settings.clone();
            settings.compatibility_flags.push(flag);
            settings.node_timers()
        },
    },
    Flag {
        on: &["allow_eval_during_startup"],
        off: &["disallow_eval_during_startup"],
        since: Some(("2025-06-01", "2025-05-31")),
        is: "`eval` and `new Function` while the worker starts; in events they never are, unless the \
             project says `unsafe_eval = true`",
        holds: Settings::startup_eval,
    },
    Flag {
        on: &["upper_case_all_http_methods"],
        off: &["no_upper_case_all_http_methods"],
        since: Some(("2024-10-14", "2024-10-13")),
        is: "`fetch(url, { method: \"patch\" })` sends `PATCH`",
        holds: Settings::upper_case_methods,
    },
    Flag {
        on: &["no_cf_botmanagement_default"],
        off: &["cf_botmanagement_default"],
        since: Some(("2023-08-01", "2023-07-31")),
        is: "no `request.cf.botManagement` is made up",
        holds: |settings| !settings.bot_management_default(),
    },
    Flag {
        on: &["request_signal_passthrough"],
        off: &[],
        since: None,
        is: "subrequests that are made of the client's request end when the client goes away",
        holds: Settings::signal_passthrough,
    },
    Flag {
        on: &["unsafe_shared_memory"],
        off: &[],
        since: None,
        is: "`SharedArrayBuffer` (not a flag of Workers')",
        holds: Settings::shared_memory,
    },
];

impl Flag {
    /// Whether it holds for a project with that date and those flags.
    fn holds(&self, date: &str, flags: &[&str]) -> bool {
        let settings = Settings {
            compatibility_date: Some(date.to_owned()),
            compatibility_flags: flags.iter().map(ToString::to_string).collect(),
            ..Settings::default()
        };
        (self.holds)(&settings)
    }

    /// Whether the code does with it what is said of it.
    fn is_true(&self) -> bool {
        let early = self.since.map_or("2020-01-01", |(_, before)| before);
        let by_date = self.since.is_none_or(|(since, _)| self.holds(since, &[]));
        let can_be_undone = self.since.is_none_or(|(since, _)| !self.holds(since, self.off));
        let by_flag = self.on.iter().all(|flag| self.holds(early, &[flag]));
        by_date && can_be_undone && by_flag && !self.holds(early, &[])
    }
}

/// The compatibility flags that do something.
pub(crate) fn flags() -> Result<String, Failed> {
    let told: Vec<_> = FLAGS.iter().flat_map(|flag| [flag.on, flag.off].concat()).collect();
    if let Some(untold) = COMPATIBILITY_FLAGS.iter().find(|flag| !told.contains(flag)) {
        return Err(format!("say in {} what the flag {untold} does", file!()).into());
    }
    if let Some(gone) = told.iter().find(|flag| !COMPATIBILITY_FLAGS.contains(flag)) {
        return Err(format!("there is no flag {gone}").into());
    }
    if let Some(untrue) = FLAGS.iter().find(|flag| !flag.is_true()) {
        return Err(format!("{:?} is on otherwise than {} says", untrue.on, file!()).into());
    }
    let rows = FLAGS.map(|Flag { on, off, since, is, .. }| {
        let since = since.map_or("", |(since, _)| since).to_owned();
        let codes = |flags: &[&str]| table::codes(flags.iter().copied());
        [codes(on), since, codes(off), is.to_owned()]
    });
    Ok(table::table(["flag", "on from", "off by", "gives"], rows))
}
