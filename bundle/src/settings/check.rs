//! Whether settings are such as a configuration could have said: what the configuration's reader
//! makes so by itself, settings from elsewhere have to prove. Reading a configuration is
//! `config/schema.rs`'s.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use cron::Cron;
use queue_rules::check_name;
use thiserror::Error;

use super::{
    CPU_MS_RANGE, MAX_CRONS, MEMORY_MB_RANGE, QUEUE_BATCH_SIZE_RANGE, QUEUE_BATCH_TIMEOUT_S_RANGE,
    QUEUE_CONCURRENCY_RANGE, QUEUE_DELAY_S_RANGE, QUEUE_RETRIES_RANGE, QueueConsumer,
    SUBREQUESTS_RANGE, Settings,
};
use crate::name;

/// What of settings no configuration could have said. Whoever made them is at fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidSettings(String);

impl Settings {
    /// Whether numbers are in their ranges, names are names, and expressions can be read.
    ///
    /// # Errors
    /// [`InvalidSettings`], which names the key, what was expected and what was found.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        within("limits.cpu_ms", self.limits.cpu_ms, CPU_MS_RANGE)?;
        within("limits.memory_mb", self.limits.memory_mb, MEMORY_MB_RANGE)?;
        within("limits.subrequests", self.limits.subrequests, SUBREQUESTS_RANGE)?;
        crons(self.crons.as_deref().unwrap_or_default())?;
        for producer in &self.queue_producers {
            queue("queues.producers.queue", &producer.queue)?;
            let delay = producer.delivery_delay;
            within("queues.producers.delivery_delay", delay, QUEUE_DELAY_S_RANGE)?;
        }
        let mut consumed = HashSet::new();
        for consumer in &self.queue_consumers {
            self::consumer(consumer)?;
            if !consumed.insert(&*consumer.queue) {
                return invalid(format!(
                    "queues.consumers: {:?} is consumed twice: a queue has one consumer",
                    consumer.queue
                ));
            }
        }
        self.services.iter().try_for_each(|it| worker("services.service", &it.service))?;
        self.tail_consumers.iter().try_for_each(|it| worker("tail_consumers.service", it))
    }
}

fn consumer(consumer: &QueueConsumer) -> Result<(), InvalidSettings> {
    queue("queues.consumers.queue", &consumer.queue)?;
    if let Some(name) = &consumer.dead_letter_queue {
        queue("queues.consumers.dead_letter_queue", name)?;
    }
    for (key, value, range) in [
        ("max_batch_size", consumer.max_batch_size, QUEUE_BATCH_SIZE_RANGE),
        ("max_batch_timeout", consumer.max_batch_timeout, QUEUE_BATCH_TIMEOUT_S_RANGE),
        ("max_retries", consumer.max_retries, QUEUE_RETRIES_RANGE),
        ("max_concurrency", consumer.max_concurrency, QUEUE_CONCURRENCY_RANGE),
        ("retry_delay", consumer.retry_delay, QUEUE_DELAY_S_RANGE),
    ] {
        within(&format!("queues.consumers.{key}"), value, range)?;
    }
    Ok(())
}

fn crons(expressions: &[String]) -> Result<(), InvalidSettings> {
    if expressions.len() > MAX_CRONS {
        return invalid(format!(
            "triggers.crons has {} expressions, at most {MAX_CRONS} may be",
            expressions.len()
        ));
    }
    for expression in expressions {
        if let Err(error) = Cron::parse(expression) {
            return invalid(format!("triggers.crons: {error}: {}", error.fault));
        }
    }
    Ok(())
}

fn queue(key: &str, name: &str) -> Result<(), InvalidSettings> {
    check_name(name).map_err(|error| InvalidSettings(format!("{key}: {error}")))
}

fn worker(key: &str, label: &str) -> Result<(), InvalidSettings> {
    let is_short = (1..=name::MAX_NAME_BYTES).contains(&label.len());
    if is_short && name::normalise(label) == label {
        return Ok(());
    }
    invalid(format!("{key}: {label:?} is no worker's name"))
}

fn within(
    key: &str,
    value: Option<u32>,
    range: RangeInclusive<u32>,
) -> Result<(), InvalidSettings> {
    match value {
        Some(value) if !range.contains(&value) => {
            let (least, most) = range.into_inner();
            invalid(format!("{key} is {value}, expected a number from {least} to {most}"))
        }
        _ => Ok(()),
    }
}

fn invalid(problem: String) -> Result<(), InvalidSettings> {
    Err(InvalidSettings(problem))
}
