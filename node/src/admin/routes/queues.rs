//! The routes of queues and of their messages.

use super::QueueOperation as Do;
use super::{Content, Good, Operation, Parameter, Route};

const QUEUE: &str = "/v1/queues/{queue}";
const MESSAGES: &str = "/v1/queues/{queue}/messages";
const PURGE: &str = "/v1/queues/{queue}/purge";
const PAUSE: &str = "/v1/queues/{queue}/pause";
const RESUME: &str = "/v1/queues/{queue}/resume";

const RECORD: Content = Content::Json("Queue");

const FORCE: Parameter = Parameter::flag("force", "`true`: also where a worker consumes it.");
const LIMIT: Parameter = Parameter::whole("limit", "At most so many, from 1 to 100; 10 if absent.");

const fn route(method: &'static str, path: &'static str, does: Do, summary: &'static str) -> Route {
    Route::new(method, path, Operation::Queue(does), summary)
}

pub(super) static ROUTES: &[Route] = &[
    Route {
        answers: &[Good::new(
            200,
            "The queues in the order of their names.",
            Content::Json("Queues"),
        )],
        ..route("GET", "/v1/queues", Do::ListQueues, "List the queues.")
    },
    Route {
        answers: &[Good::new(200, "The queue.", RECORD)],
        faults: &[404],
        ..route("GET", QUEUE, Do::GetQueue, "See a queue, and who sends to it and gets of it.")
    },
    Route {
        body: Some(Content::Json("SetQueue")),
        answers: &[
            Good::new(200, "The queue was there; it is as it was asked for.", RECORD),
            Good::new(201, "The queue was made.", RECORD),
        ],
        faults: &[409, 507],
        ..route("PUT", QUEUE, Do::PutQueue, "Make a queue, or change one.")
    },
    Route {
        query: &[FORCE],
        answers: &[Good::new(204, "The queue is gone with its messages.", Content::None)],
        faults: &[404, 409, 507],
        ..route("DELETE", QUEUE, Do::DeleteQueue, "Delete a queue.")
    },
    Route {
        body: Some(Content::Json("SendMessage")),
        answers: &[Good::new(200, "The message is stored.", Content::Json("Sent"))],
        faults: &[404, 413, 507],
        ..route("POST", MESSAGES, Do::SendMessage, "Send a message.")
    },
    Route {
        query: &[LIMIT],
        answers: &[Good::new(
            200,
            "Messages that wait or are being delivered, about in the order of their delivery.",
            Content::Json("Messages"),
        )],
        faults: &[404],
        ..route("GET", MESSAGES, Do::ListMessages, "Look at messages, which stay where they are.")
    },
    Route {
        answers: &[Good::new(200, "The queue is empty.", Content::Json("Purged"))],
        faults: &[404, 507],
        ..route("POST", PURGE, Do::PurgeQueue, "Remove all messages of a queue.")
    },
    Route {
        answers: &[Good::new(200, "Nothing of the queue is delivered.", RECORD)],
        faults: &[404, 507],
        ..route("POST", PAUSE, Do::PauseQueue, "Deliver nothing of a queue until it is resumed.")
    },
    Route {
        answers: &[Good::new(200, "The queue's messages are delivered.", RECORD)],
        faults: &[404, 507],
        ..route("POST", RESUME, Do::ResumeQueue, "Deliver the messages of a queue again.")
    },
];
