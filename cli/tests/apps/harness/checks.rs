//! What `checks.json` says: requests in their order, and what is expected of the answers. How an
//! answer is compared is in `expected.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures_util::future::join_all;
use hyper::Method;
use libtest_mimic::Failed;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{self, Answer};
use crate::expected::Expected;

/// The checks of an application.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checks {
    /// The name in the project's configuration.
    pub(crate) worker: String,
    /// What is in KV before the first request.
    #[serde(default)]
    pub(crate) kv: Vec<Values>,
    /// The packages that it is about, where it shares its `package.json`: for the comparison
    /// with wrangler (`benches/compatibility.py`).
    #[serde(default, rename = "packages")]
    _packages: Vec<String>,
    checks: Vec<Value>,
}

/// Values for a namespace.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Values {
    pub(crate) namespace: String,
    /// A file for `kv bulk put`, from the project's folder.
    pub(crate) file: String,
}

/// A request and what it leads to. Texts may have `${NAME}` for what an earlier check kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    it: String,
    request: Asked,
    response: Expected,
    /// Names for parts of the answer: `header NAME`, or `json POINTER`.
    #[serde(default)]
    keep: BTreeMap<String, String>,
    /// So many of it at the same time, in which `${n}` counts from 0.
    #[serde(default)]
    at_once: Option<usize>,
    /// What of Workers it needs that Isolane has not: there the answer is another one, and the
    /// day it is not, this is to be taken away.
    #[serde(default)]
    planned: Option<String>,
}

/// Who answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) port: u16,
    pub(crate) host: &'a str,
    /// What `${upstream}` stands for.
    pub(crate) upstream: &'a str,
    /// Whether it has all that Workers have.
    pub(crate) is_real: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    method: Option<String>,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<String>,
    /// A body that is JSON, with its `content-type`.
    #[serde(default)]
    json: Option<Value>,
}

type Kept = BTreeMap<String, String>;

impl Checks {
    /// Those of the project in a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failed> {
        let path = folder.join("checks.json");
        let text = fs::read_to_string(&path)?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()).into())
    }

    /// Runs all of them, in their order, and says which ones are not as expected.
    pub(crate) async fn run(&self, asking: Asking<'_>) -> Result<(), String> {
        let mut kept = Kept::from([
            ("upstream".to_owned(), asking.upstream.to_owned()),
            ("origin".to_owned(), format!("http://{}", asking.host)),
        ]);
        let mut problems = Vec::new();
        for written in &self.checks {
            let check = Check::deserialize(written).map_err(|error| error.to_string())?;
            let copies = (0..check.at_once.unwrap_or(1)).map(|n| {
                let mut known = kept.clone();
                known.insert("n".to_owned(), n.to_string());
                one(asking, filled(written, &known))
            });
            let mut results = join_all(copies).await.into_iter();
            // Copies go wrong in the same way: the first one says it.
            match results.try_fold(Kept::new(), |_, result| result) {
                Ok(fresh) => kept.extend(fresh),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }
}

async fn one(asking: Asking<'_>, written: Value) -> Result<Kept, String> {
    let check: Check = serde_json::from_value(written).map_err(|error| error.to_string())?;
    let (it, asked) = (&check.it, &check.request);
    let method = asked.method.as_deref().unwrap_or("GET").parse().unwrap_or(Method::GET);
    let mut headers: Vec<_> = asked.headers.clone().into_iter().collect();
    let mut body = asked.body.clone().map(String::into_bytes);
    if let Some(json) = &asked.json {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
        body = Some(json.to_string().into_bytes());
    }
    let (port, host) = (asking.port, asking.host);
    let answer = client::ask(port, host, &method, &asked.path, &headers, body).await;
    let answer = answer.map_err(|error| format!("it {it}: {error}"))?;
    let problems = check.response.problems(&answer);
    let mut kept = Kept::new();
    if let Some(feature) = check.planned.as_ref().filter(|_| !asking.is_real) {
        return if problems.is_empty() {
            Err(format!("it {it}: it does, though {feature} is said to be planned only"))
        } else {
            Ok(kept)
        };
    }
    if problems.is_empty() {
        for (name, part) in &check.keep {
            let found = part_of(&answer, part)
                .ok_or_else(|| format!("it {it}: the answer has no {part}: {answer:?}"))?;
            kept.insert(name.clone(), found);
        }
        return Ok(kept);
    }
    let (status, headers) = (answer.status, &answer.headers);
    let body = String::from_utf8_lossy(&answer.body);
    let problems = problems.join("\n  ");
    Err(format!("it {it}:\n  {problems}\n  answer: {status} {headers:?}\n  {body}"))
}

fn part_of(answer: &Answer, part: &str) -> Option<String> {
    let (kind, name) = part.split_once(' ')?;
    match kind {
        "header" => answer.header(name).map(str::to_owned),
        "json" => {
            let value: Value = serde_json::from_slice(&answer.body).ok()?;
            value.pointer(name)?.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

/// The same with what is known in place of `${NAME}`.
fn filled(value: &Value, known: &Kept) -> Value {
    match value {
        Value::String(text) => {
            let mut text = text.clone();
            for (name, value) in known {
                text = text.replace(&format!("${{{name}}}"), value);
            }
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|item| filled(item, known)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), filled(value, known))).collect()
        }
        other => other.clone(),
    }
}
