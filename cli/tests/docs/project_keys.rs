//! The keys of a project's configuration: those that the code knows, and what becomes of each when
//! a configuration has it. What they are is in `keys.json`. The settings of a queue's consumer, and
//! the compatibility flags, which say themselves what they are.

use std::fs;
use std::ops::RangeInclusive;

use bundle::{
    COMPATIBILITY_FLAGS, KnownKey, Project, QUEUE_BATCH_SIZE_RANGE, QUEUE_BATCH_TIMEOUT_S_RANGE,
    QUEUE_CONCURRENCY_RANGE, QUEUE_DELAY_S_RANGE, QUEUE_NAME_RULE, QUEUE_RETRIES_RANGE, known_keys,
};
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

/// The settings of a consumer of a queue.
pub(crate) fn consumers() -> Result<String, Failed> {
    let row = |key: &str, range: Option<RangeInclusive<u32>>, default: &str, is: &str| {
        let range = range.map(|range| {
            let (least, most) = (u64::from(*range.start()), u64::from(*range.end()));
            format!("{} to {}", table::number(least), table::number(most))
        });
        [table::code(key), range.unwrap_or_default(), default.to_owned(), is.to_owned()]
    };
    let rows = [
        [
            table::code("queue"),
            QUEUE_NAME_RULE.to_owned(),
            String::new(),
            "the queue's name; a queue has one consumer".to_owned(),
        ],
        row(
            "max_batch_size",
            Some(QUEUE_BATCH_SIZE_RANGE),
            "10",
            "how many messages make a batch at most",
        ),
        row(
            "max_batch_timeout",
            Some(QUEUE_BATCH_TIMEOUT_S_RANGE),
            "5",
            "for how many seconds the first message waits for others",
        ),
        row(
            "max_retries",
            Some(QUEUE_RETRIES_RANGE),
            "3",
            "how often a message is delivered again that was not acknowledged",
        ),
        row("dead_letter_queue", None, "none", "the queue that gets it after that, or nobody does"),
        row(
            "max_concurrency",
            Some(QUEUE_CONCURRENCY_RANGE),
            "as many as the backlog asks for",
            "how many batches are handled at a time; `null` is the default, too",
        ),
        row(
            "retry_delay",
            Some(QUEUE_DELAY_S_RANGE),
            "0",
            "for how many seconds a message is held back before it is delivered again",
        ),
        row("type", None, "`worker`", "nothing else: only a worker takes messages"),
        row("visibility_timeout_ms", None, "", "no effect, with a warning"),
    ];
    Ok(table::table(["key", "range", "default", "is"], rows))
}

/// The compatibility flags that do something.
pub(crate) fn flags() -> Result<String, Failed> {
    let rows = COMPATIBILITY_FLAGS.iter().map(|row| {
        let by_default = match (row.since, row.until) {
            (Some(since), _) => format!("from {since}"),
            (None, Some(until)) => format!("before {until}"),
            (None, None) => String::new(),
        };
        let on = [row.enables].into_iter().chain(row.also.iter().copied());
        [table::codes(on), by_default, table::codes(row.disables), row.effect.to_owned()]
    });
    Ok(table::table(["flag", "unasked", "off by", "gives"], rows))
}
