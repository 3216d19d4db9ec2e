//! `queues`: what the worker sends to, and what it is called with
//! (<https://developers.cloudflare.com/workers/wrangler/configuration/#queues>).

use queue_rules::check_name;

use super::super::field::Field;
use super::super::tree::Value;
use super::Reader;
use crate::error::ConfigError;
use crate::settings::{
    QUEUE_BATCH_SIZE_RANGE, QUEUE_BATCH_TIMEOUT_S_RANGE, QUEUE_CONCURRENCY_RANGE,
    QUEUE_DELAY_S_RANGE, QUEUE_RETRIES_RANGE, QueueConsumer, QueueProducer,
};

/// The keys of a producer and of a consumer, for suggestions.
const PRODUCER: &[&str] = &["binding", "delivery_delay", "queue", "remote"];
const CONSUMER: &[&str] = &[
    "dead_letter_queue",
    "max_batch_size",
    "max_batch_timeout",
    "max_concurrency",
    "max_retries",
    "queue",
    "retry_delay",
    "type",
    "visibility_timeout_ms",
];

impl Reader<'_> {
    pub(super) fn queues(&mut self, queues: &Field<'_>) -> Result<(), ConfigError> {
        for entry in queues.table()? {
            let field = queues.inner(entry);
            match entry.key.as_str() {
                "producers" => {
                    for producer in field.list_or_null()? {
                        let producer = self.producer(&producer)?;
                        self.config.settings.queue_producers.push(producer);
                    }
                }
                "consumers" => {
                    for consumer in field.list_or_null()? {
                        let consumer = self.consumer(&consumer)?;
                        self.config.settings.queue_consumers.push(consumer);
                    }
                }
                _ => self.warn_unknown(queues, entry, &["producers", "consumers"]),
            }
        }
        Ok(())
    }

    fn producer(&mut self, producer: &Field<'_>) -> Result<QueueProducer, ConfigError> {
        let (mut binding, mut queue, mut delivery_delay) = (None, None, None);
        for entry in producer.table()? {
            let value = producer.inner(entry);
            match entry.key.as_str() {
                "binding" => binding = Some(self.binding(&value)?),
                "queue" => queue = Some(queue_name(&value)?),
                "delivery_delay" => {
                    delivery_delay = Some(value.integer(QUEUE_DELAY_S_RANGE)?);
                    let message = format!(
                        "\"{}\" is deprecated, and counts: say \"delaySeconds\" where you send",
                        value.name()
                    );
                    self.warn(producer, entry, message);
                }
                "remote" => self.remote(producer, entry)?,
                _ => self.warn_unknown(producer, entry, PRODUCER),
            }
        }
        let binding =
            binding.ok_or_else(|| producer.error("expected a \"binding\" in the producer"))?;
        let queue = match queue {
            Some(queue) => queue,
            None => {
                check_name(&binding).map_err(|error| {
                    producer.error(format!("expected a \"queue\" in the producer: {error}"))
                })?;
                binding.clone()
            }
        };
        Ok(QueueProducer { binding, queue, delivery_delay })
    }

    fn consumer(&mut self, consumer: &Field<'_>) -> Result<QueueConsumer, ConfigError> {
        let (mut read, mut is_named) = (QueueConsumer::default(), false);
        for entry in consumer.table()? {
            let value = consumer.inner(entry);
            match entry.key.as_str() {
                "queue" => {
                    read.queue = self.consumed(&value)?;
                    is_named = true;
                }
                "type" => worker_type(&value)?,
                "max_batch_size" => {
                    read.max_batch_size = Some(value.integer(QUEUE_BATCH_SIZE_RANGE)?);
                }
                "max_batch_timeout" => {
                    read.max_batch_timeout = Some(value.integer(QUEUE_BATCH_TIMEOUT_S_RANGE)?);
                }
                "max_retries" => read.max_retries = Some(value.integer(QUEUE_RETRIES_RANGE)?),
                "dead_letter_queue" => read.dead_letter_queue = Some(queue_name(&value)?),
                // As many as are needed.
                "max_concurrency" if matches!(value.value(), Value::Null) => {}
                "max_concurrency" => {
                    read.max_concurrency = Some(value.integer(QUEUE_CONCURRENCY_RANGE)?);
                }
                "retry_delay" => read.retry_delay = Some(value.integer(QUEUE_DELAY_S_RANGE)?),
                "visibility_timeout_ms" => {
                    let message = format!(
                        "\"{}\" has no effect: a batch is the worker's until its event has ended",
                        value.name()
                    );
                    self.warn(consumer, entry, message);
                }
                _ => self.warn_unknown(consumer, entry, CONSUMER),
            }
        }
        if !is_named {
            return Err(consumer.error("expected a \"queue\" in the consumer"));
        }
        if read.dead_letter_queue.as_ref() == Some(&read.queue) {
            return Err(consumer.error(format!(
                "\"{}\" is its own \"dead_letter_queue\": name another queue, or none",
                read.queue
            )));
        }
        Ok(read)
    }

    /// The name of a queue that has no consumer yet.
    fn consumed(&self, field: &Field<'_>) -> Result<String, ConfigError> {
        let name = queue_name(field)?;
        if self.config.settings.queue_consumers.iter().any(|other| other.queue == name) {
            return Err(
                field.error(format!("\"{name}\" is consumed twice: a queue has one consumer"))
            );
        }
        Ok(name)
    }
}

fn queue_name(field: &Field<'_>) -> Result<String, ConfigError> {
    let name = field.string()?;
    match check_name(name) {
        Ok(()) => Ok(name.to_owned()),
        Err(error) => Err(field.error(format!("\"{}\": {error}", field.name()))),
    }
}

/// `type`: who takes the messages.
fn worker_type(field: &Field<'_>) -> Result<(), ConfigError> {
    match field.string()? {
        "worker" => Ok(()),
        other => Err(field.error(format!(
            "expected \"worker\" for \"{}\", found \"{other}\": a queue hands its messages to a \
             worker, and nobody else can fetch them",
            field.name()
        ))),
    }
}
