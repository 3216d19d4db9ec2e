//! What a worker finds on Isolane beside what it finds on Workers: globals, modules, `ctx`. What is
//! there is asked of a real isolate (`probe/index.js`); what Workers have is in `workers.json`, which
//! the same worker has answered in workerd.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use libtest_mimic::Failed;
use serde::Deserialize;

use crate::http::get;
use crate::process::Process;
use crate::table::{codes, number, table};

/// How many names are listed of what a module lacks; of more there are a few.
const MOST_NAMES: usize = 50;
const FEW_NAMES: usize = 8;

/// What a worker finds: names apart by blanks.
#[derive(Deserialize)]
struct Api {
    /// Globals, and the members of each.
    globals: BTreeMap<String, String>,
    /// Modules, and what each exports; `None` for one that is not there.
    modules: BTreeMap<String, Option<Exports>>,
    context: String,
}

#[derive(Deserialize)]
struct Exports {
    exports: String,
    /// Functions that say that they are not implemented.
    missing: String,
}

/// What is to be known of globals that are there: whether it still is so, in JavaScript, and what.
const NOTES: [(&str, &str, &str); 3] = [
    (
        "caches",
        "await caches.default.put('http://a.test/', new Response('x', { headers: \
         { 'cache-control': 'max-age=60' } })).then(() => caches.default.match('http://a.test/')) \
         === undefined",
        "stores nothing: `match` finds nothing, `put` checks what it is given; planned",
    ),
    (
        "WebSocket",
        "(() => { try { new WebSocket('wss://a.test/') } catch (e) { return e.message } })()\
         ?.includes('not supported yet')",
        "its constructor throws; planned",
    ),
    (
        "WebSocketPair",
        "(() => { try { new WebSocketPair() } catch (e) { return e.message } })()\
         ?.includes('not supported yet')",
        "its constructor throws; planned",
    ),
];

/// The globals by whether they are there.
pub(crate) fn globals() -> Result<String, Failed> {
    let (here, workers) = (here()?, workers()?);
    let (mut whole, mut part, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for (name, members) in &workers.globals {
        let list = match here.globals.get(name) {
            None => &mut missing,
            Some(own) if lacks(members, own).is_empty() && note(name).is_none() => &mut whole,
            Some(_) => &mut part,
        };
        list.push(name.as_str());
    }
    let is_own = |name: &&str| !workers.globals.contains_key(*name);
    let own: Vec<_> = here.globals.keys().map(String::as_str).filter(is_own).collect();
    let all: usize = workers.globals.len();
    let paragraph = |what: &str, names: &[&str]| {
        let count = number(names.len() as u64);
        format!("**{what}** ({count}): {}.\n", codes(names.iter().copied()))
    };
    Ok([
        paragraph(&format!("There, of the {all} of Workers"), &whole),
        paragraph("In part", &part),
        paragraph("Not there", &missing),
        paragraph("Here alone", &own),
    ]
    .join("\n"))
}

/// What the globals lack that are there in part.
pub(crate) fn globals_in_part() -> Result<String, Failed> {
    let (here, workers) = (here()?, workers()?);
    let mut rows = Vec::new();
    for (name, members) in &workers.globals {
        let Some(own) = here.globals.get(name) else { continue };
        let lacks = lacks(members, own).into_iter().map(|member| member_of(name, member));
        let lacks: Vec<_> = lacks.collect();
        if !lacks.is_empty() || note(name).is_some() {
            let lacks = codes(lacks.iter().map(String::as_str));
            rows.push([format!("`{name}`"), lacks, note(name).unwrap_or("").to_owned()]);
        }
    }
    Ok(table(["global", "lacks", ""], rows))
}

/// The modules, and what each lacks.
pub(crate) fn modules() -> Result<String, Failed> {
    let (here, workers) = (here()?, workers()?);
    let mut rows = Vec::new();
    for (name, theirs) in &workers.modules {
        let Some(theirs) = theirs else { continue };
        let all = theirs.exports.split(' ').count();
        let (state, lacking) = match here.modules.get(name).and_then(Option::as_ref) {
            None => ("not there".to_owned(), String::new()),
            Some(own) => {
                let lacks = lacks(&theirs.exports, &own.exports);
                let there = all - lacks.len();
                let state = match lacks.as_slice() {
                    [] => "there".to_owned(),
                    _ => format!("{there} of {all}"),
                };
                // Those that are there by name and throw.
                let is_stub = |name: &&str| own.missing.split(' ').any(|stub| stub == *name);
                let (stubs, absent): (Vec<_>, Vec<_>) = lacks.into_iter().partition(is_stub);
                let part = |what: &str, names: Vec<&str>| match names.as_slice() {
                    [] => None,
                    names if names.len() <= MOST_NAMES => Some(format!("{what}{}", some(names))),
                    names => {
                        let others = names.len() - FEW_NAMES;
                        Some(format!("{what}{} and {others} others", some(&names[..FEW_NAMES])))
                    }
                };
                let parts = [part("", absent), part("throw when called: ", stubs)];
                (state, parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
            }
        };
        rows.push([format!("`{name}`"), state, lacking]);
    }
    Ok(table(["module", "exports", "lacks"], rows))
}

fn some(names: &[&str]) -> String {
    codes(names.iter().copied())
}

/// The members of `ctx`.
pub(crate) fn context() -> Result<String, Failed> {
    let (here, workers) = (here()?, workers()?);
    let there: Vec<_> = here
        .context
        .split(' ')
        .filter(|name| workers.context.split(' ').any(|it| it == *name))
        .collect();
    let missing = lacks(&workers.context, &here.context);
    Ok(format!("There: {}. Not there: {}.\n", codes(there), codes(missing)))
}

/// Those names of the first list that are not in the second.
fn lacks<'a>(theirs: &'a str, own: &str) -> Vec<&'a str> {
    let own: Vec<_> = own.split(' ').collect();
    theirs.split(' ').filter(|name| !name.is_empty() && !own.contains(name)).collect()
}

/// A member as people write it.
fn member_of(global: &str, member: &str) -> String {
    match member.strip_prefix("static:") {
        Some(member) => format!("{global}.{member}"),
        None => format!(".{member}"),
    }
}

fn note(global: &str) -> Option<&'static str> {
    NOTES.iter().find(|(name, _, _)| *name == global).map(|(_, _, note)| *note)
}

fn workers() -> Result<Api, Failed> {
    Ok(serde_json::from_str(include_str!("workers.json"))?)
}

/// What the isolate has answered, once for all tests.
fn here() -> Result<Api, Failed> {
    static ANSWER: OnceLock<Result<String, String>> = OnceLock::new();
    let answer =
        ANSWER.get_or_init(|| asked().map_err(|problem| format!("{:?}", problem.message())));
    Ok(serde_json::from_str(answer.as_ref().map_err(Clone::clone)?)?)
}

/// Asks an isolate, and whether the notes are still true.
fn asked() -> Result<String, Failed> {
    let folder = tempfile::tempdir()?;
    fs::create_dir_all(folder.path().join("probe"))?;
    let (probe, settings) = (include_str!("probe/index.js"), include_str!("probe/isolane.toml"));
    fs::write(folder.path().join("probe/index.js"), probe)?;
    fs::write(folder.path().join("probe/isolane.toml"), settings)?;
    let checks = NOTES.map(|(name, check, _)| format!("{name}: async () => {check}"));
    let notes = format!(
        "const checks = {{ {} }};\nexport default {{ async fetch() {{\n  const untrue = [];\n  \
         for (const name in checks) if (await checks[name]() !== true) untrue.push(name);\n  \
         return new Response(untrue.join(' '));\n}} }};\n",
        checks.join(",\n")
    );
    fs::write(folder.path().join("notes.js"), notes)?;
    let mut process = Process::start(folder.path(), ["dev", "probe", "notes.js", "--port", "0"]);
    let port = process.dev_port();
    let untrue = get(port, "notes.localhost", "/").body;
    if !untrue.is_empty() {
        return Err(format!("no longer true is what {} says of {untrue}", file!()).into());
    }
    let answer = get(port, "probe.localhost", "/");
    match answer.status {
        200 => Ok(answer.body),
        status => Err(format!("the probe answers {status}: {}", answer.body).into()),
    }
}
