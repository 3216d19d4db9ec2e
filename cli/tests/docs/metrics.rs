//! The metrics of a node, as `/metrics` describes them.

use std::collections::BTreeMap;
use std::fs;

use libtest_mimic::Failed;

use crate::http::get;
use crate::process::Process;
use crate::table;

/// A worker that wants more memory than the node has, so that there is an incident to be counted.
const WORKER: &str = "export default { fetch() {
  const memory = [];
  while (true) memory.push(new Uint8Array(1 << 20).fill(1));
} };\n";
const LIMITS: &str = "[limits]\nmemory_mb = 1024\n";

/// What is known of a metric.
#[derive(Default)]
struct Metric {
    kind: String,
    help: String,
    labels: Vec<String>,
}

/// Each metric with its kind, its labels and what it counts.
pub(crate) fn table() -> Result<String, Failed> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("greedy"))?;
    fs::write(folder.path().join("greedy/index.js"), WORKER)?;
    fs::write(folder.path().join("greedy/isolane.toml"), LIMITS)?;
    let configuration = "listen = [{ address = '127.0.0.1:0' }]\nlog = 'json'\n\
                         [limits]\nmemory_mb = 256\n\
                         [[workers]]\npath = 'greedy'\nroutes = ['greedy.test']\n";
    fs::write(folder.path().join("node.toml"), configuration)?;
    let mut process = Process::start(folder.path(), ["serve"]);
    let port = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        event["address"].as_str()?.rsplit_once(':')?.1.parse().ok()
    };
    let admin = port(&process.stderr.until("\"admin API\"")).ok_or("the admin API has no port")?;
    let front = port(&process.stderr.until("\"listening\"")).ok_or("the node has no port")?;
    get(front, "greedy.test", "/");
    process.stderr.until("isolane::incident");
    let text = get(admin, "localhost", "/metrics").body;
    let rows = metrics(&text)?.into_iter().map(|(name, metric)| {
        let labels = table::codes(metric.labels.iter().map(String::as_str));
        // A counter's samples end so (OpenMetrics 1.0, "Counter").
        let name = if metric.kind == "counter" { format!("{name}_total") } else { name };
        [table::code(&name), metric.kind, labels, metric.help]
    });
    Ok(table::table(["metric", "kind", "labels", "is"], rows))
}

/// Reads the OpenMetrics text format.
fn metrics(text: &str) -> Result<BTreeMap<String, Metric>, Failed> {
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    for line in text.lines() {
        let comment = line.strip_prefix("# ").and_then(|line| line.split_once(' '));
        if let Some((what, rest)) = comment {
            let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
            let metric = metrics.entry(name.to_owned()).or_default();
            match what {
                "HELP" => metric.help = value.trim_end_matches('.').to_owned(),
                "TYPE" => metric.kind = value.to_owned(),
                _ => {}
            }
        } else if let Some((name, labels)) = line.split_once('{') {
            let family = |known: &str| {
                name.strip_prefix(known).is_some_and(|end| end.is_empty() || end.starts_with('_'))
            };
            let known =
                metrics.keys().filter(|known| family(known)).max_by_key(|known| known.len());
            let Some(metric) = known.cloned().and_then(|known| metrics.get_mut(&known)) else {
                continue;
            };
            let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
            for label in labels.split("\",").filter_map(|label| label.split_once('=')) {
                // Buckets of a histogram are no label of ours.
                if label.0 != "le" && !metric.labels.iter().any(|known| known == label.0) {
                    metric.labels.push(label.0.to_owned());
                }
            }
        }
    }
    metrics.remove("EOF");
    if metrics.is_empty() {
        Err(format!("there are no metrics in {text:?}").into())
    } else {
        Ok(metrics)
    }
}
