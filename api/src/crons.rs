//! Crons: when workers are called, and what came of it.

use serde::{Deserialize, Serialize};

/// Crons, of one worker or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crons {
    /// In the order of the workers' names.
    pub crons: Vec<Cron>,
}

/// An expression at whose minutes a worker is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cron {
    /// The worker's name.
    pub worker: String,
    /// The expression, as it was written; its time is UTC.
    pub cron: String,
    /// When it is due next, in milliseconds since the UNIX epoch; nothing where it never is, or where nobody
    /// calls it then.
    pub next_run_ms: Option<u64>,
    /// Its last run, if it has had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<CronRun>,
}

/// A run of a cron.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronRun {
    /// The minute for which it was due, in milliseconds since the UNIX epoch.
    pub at_ms: u64,
    /// How it ended: `ok`, `exception`, `exceededCpu` and so on; nothing while it runs, and where its end is
    /// not known.
    pub outcome: Option<String>,
}

/// What is sent to run a worker's `scheduled` handler now. A node that finds more than it knows refuses it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunCron {
    /// What the handler is told as `controller.cron`; the worker's first cron where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// What the handler is told as `controller.scheduledTime`, in milliseconds since the UNIX epoch; now
    /// where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_time_ms: Option<u64>,
}

/// What came of that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronRan {
    /// How it ended: `ok`, `exception`, `exceededCpu` and so on.
    pub outcome: String,
    /// Whether the handler has called `controller.noRetry()`.
    pub no_retry: bool,
    /// How long it took, in milliseconds.
    pub wall_ms: u64,
    /// The CPU time that it used, in milliseconds.
    pub cpu_ms: u64,
    /// What was thrown, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<CronException>,
}

/// What a handler threw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CronException {
    /// `Error: message`.
    pub message: String,
    /// The stack, with the places of the sources; empty where there is none.
    pub stack: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cron_without_a_run_has_none() {
        let text = r#"{"worker":"shop","cron":"0 * * * *","next_run_ms":null}"#;
        let mut cron: Cron = serde_json::from_str(text).unwrap();
        assert_eq!(cron.last_run, None);
        assert_eq!(serde_json::to_string(&cron).unwrap(), text);
        cron.last_run = Some(CronRun { at_ms: 60_000, outcome: Some("ok".to_owned()) });
        let text = serde_json::to_string(&cron).unwrap();
        assert!(text.ends_with(r#","last_run":{"at_ms":60000,"outcome":"ok"}}"#), "{text}");
    }

    #[test]
    fn a_run_that_asks_for_more_is_refused() {
        assert_eq!(serde_json::from_str::<RunCron>("{}").unwrap(), RunCron::default());
        serde_json::from_str::<RunCron>(r#"{"cron":"","scheduled_time_ms":7}"#).unwrap();
        serde_json::from_str::<RunCron>(r#"{"crons":""}"#).unwrap_err();
    }
}
