//! From what the registry knows of workers to what the admin API says of them.

use registry::{Binding, Consumer, DeploymentRecord, VersionRecord, WorkerRecord};

use crate::deployments::Uploaded;

/// A worker as the API says it.
pub(super) fn worker(record: &WorkerRecord) -> api::Worker {
    let triggers = &record.active.triggers;
    api::Worker {
        name: record.name.clone(),
        revision: record.revision,
        active: deployment(&record.active),
        secrets: record.secrets.clone(),
        crons: triggers.crons.clone(),
        consumes: triggers.consumers.iter().map(consumer).collect(),
        tails: triggers.tail_consumers.clone(),
    }
}

/// An activation as the API says it. What it is called for is said of the worker alone.
pub(super) fn deployment(record: &DeploymentRecord) -> api::Deployment {
    let DeploymentRecord { revision, version, previous, routes, activated_at_ms, .. } = record;
    api::Deployment {
        revision: *revision,
        version: version.clone(),
        previous: previous.clone(),
        routes: routes.clone(),
        activated_at_ms: *activated_at_ms,
        who: record.who.clone(),
        message: record.message.clone(),
    }
}

/// A version as the API says it.
pub(super) fn version(record: &VersionRecord) -> api::Version {
    api::Version {
        id: record.id.clone(),
        worker: record.worker.clone(),
        created_at_ms: record.created_at_ms,
        who: record.who.clone(),
        message: record.message.clone(),
        size_bytes: record.size_bytes,
        gzip_bytes: record.gzip_bytes,
        start_cpu_us: record.start_cpu_us,
        handlers: record.handlers.clone(),
        routes: record.routes.clone(),
        bindings: record.bindings.iter().map(binding).collect(),
        compatibility_date: record.compatibility_date.clone(),
        crons: record.crons.clone(),
        consumes: record.consumers.iter().map(consumer).collect(),
        tails: record.tail_consumers.clone(),
    }
}

fn binding(binding: &Binding) -> api::Binding {
    let Binding { kind, name, target } = binding.clone();
    api::Binding { kind, name, target }
}

fn consumer(consumer: &Consumer) -> api::Consumer {
    api::Consumer {
        queue: consumer.queue.clone(),
        max_batch_size: consumer.max_batch_size,
        max_batch_timeout: consumer.max_batch_timeout,
        max_retries: consumer.max_retries,
        dead_letter_queue: consumer.dead_letter_queue.clone(),
        max_concurrency: consumer.max_concurrency,
        retry_delay: consumer.retry_delay,
    }
}

impl Uploaded {
    /// What the admin API says of it.
    pub fn to_api(&self) -> api::Uploaded {
        api::Uploaded { version: version(&self.version), warnings: self.warnings.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn a_worker_is_said_as_ever_and_its_triggers_where_it_has_some() {
        let mut record = WorkerRecord {
            name: "shop".to_owned(),
            revision: 3,
            active: DeploymentRecord {
                revision: 2,
                version: "00".to_owned(),
                who: Some("ada".to_owned()),
                ..DeploymentRecord::default()
            },
            secrets: vec!["KEY".to_owned()],
        };
        let plain = concat!(
            r#"{"name":"shop","revision":3,"active":{"revision":2,"version":"00","previous":null,"#,
            r#""routes":[],"activated_at_ms":0,"who":"ada","message":null},"secrets":["KEY"]}"#,
        );
        assert_eq!(said(&worker(&record)), plain);
        let triggers = &mut record.active.triggers;
        triggers.crons.push("0 * * * *".to_owned());
        triggers.consumers.push(Consumer { queue: "q".to_owned(), ..Consumer::default() });
        triggers.tail_consumers.push("watcher".to_owned());
        let more = r#","crons":["0 * * * *"],"consumes":[{"queue":"q"}],"tails":["watcher"]}"#;
        let with_triggers = plain.strip_suffix('}').unwrap().to_owned() + more;
        assert_eq!(said(&worker(&record)), with_triggers);
    }

    #[test]
    fn a_version_says_of_its_bindings_where_they_lead() {
        let binding = |kind: &str, name: &str, target: Option<&str>| Binding {
            kind: kind.to_owned(),
            name: name.to_owned(),
            target: target.map(str::to_owned),
        };
        let record = VersionRecord {
            id: "00".to_owned(),
            worker: "shop".to_owned(),
            bindings: vec![binding("queue", "Q", Some("orders")), binding("var", "A", None)],
            ..VersionRecord::default()
        };
        let expected = concat!(
            r#"{"id":"00","worker":"shop","created_at_ms":0,"who":null,"message":null,"#,
            r#""size_bytes":0,"gzip_bytes":0,"start_cpu_us":0,"handlers":[],"routes":[],"#,
            r#""bindings":[{"kind":"queue","name":"Q","target":"orders"},"#,
            r#"{"kind":"var","name":"A","target":null}],"compatibility_date":null}"#,
        );
        assert_eq!(said(&version(&record)), expected);
        let uploaded =
            Uploaded { version: record, created: true, warnings: vec!["careful".to_owned()] };
        let text = said(&uploaded.to_api());
        assert_eq!(text, format!(r#"{{"version":{expected},"warnings":["careful"]}}"#));
    }
}
