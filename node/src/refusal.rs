//! Why a request has no response of a worker's own, and how each reason maps to a status, a
//! code, an outcome and a sentence. How the page looks is in `refusal/page.rs`.

mod page;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use router::HostError;
use runtime::{Failure, Outcome};
use thiserror::Error;

pub(crate) use page::{Author, respond};

/// When a client that was sent away because of load may come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request has no response of a worker's own.
#[derive(Debug, Clone, Error)]
pub enum Refusal {
    /// The request names no host.
    #[error("The request has no Host header.")]
    NoHost,
    /// The request names more than one host.
    #[error("The request names more than one host.")]
    ManyHosts,
    /// What the request names is not a hostname.
    #[error("The request's host is not valid: {0}.")]
    BadHost(HostError),
    /// The request is well formed but not one that a worker can get.
    #[error("The request is malformed: {0}.")]
    BadRequest(&'static str),
    /// A method that no `Request` can have (Fetch Standard, "forbidden method").
    #[error("The method {0} is not allowed.")]
    BadMethod(http::Method),
    /// No route leads from the hostname to a worker.
    #[error("There is no worker for the host {host}.{}", others(.hosts))]
    UnknownHost {
        /// The hostname, in normal form.
        host: Arc<str>,
        /// In development the hosts of the workers that there are.
        hosts: Vec<String>,
    },
    /// The TLS handshake was for another host than the request.
    #[error("This connection is for the host {sni}, the request for another one.")]
    Misdirected {
        /// The name that the TLS handshake was made for.
        sni: Arc<str>,
    },
    /// The URL is too long.
    #[error("The URL is longer than {limit_bytes} bytes.")]
    UriTooLong {
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// The headers are too long together.
    #[error("The headers are longer than {limit_bytes} bytes.")]
    HeadersTooLarge {
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// The request has too many header fields.
    #[error("The request has more than {limit} header fields.")]
    TooManyHeaders {
        /// How many there may be.
        limit: usize,
    },
    /// The request's body is too long.
    #[error("The request's body is longer than {limit_bytes} bytes.")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit_bytes: u64,
    },
    /// The request's body did not come in time.
    #[error("The request's body did not arrive in time.")]
    BodyTimeout,
    /// The request's body broke off.
    #[error("The request's body broke off.")]
    BodyBroken,
    /// An expectation that nobody here meets (RFC 9110 section 10.1.1).
    #[error("The request expects what this server does not do.")]
    BadExpectation,
    /// The worker had no answer within the time that the node gives requests.
    #[error("The worker did not answer in time.")]
    NoAnswerInTime,
    /// A host that a node for development was not told of. A page of any site can make a
    /// browser ask under a name of its own (DNS rebinding).
    #[error(
        "The host {host} is not one of this development server's: it answers localhost, \
         *.localhost, addresses and the hosts of configured routes. To allow this one, start \
         it with: isolane dev --host {host}"
    )]
    NotForDevelopment {
        /// The hostname, in normal form.
        host: Arc<str>,
    },
    /// The request has come through as many workers as it may.
    #[error(
        "The request has come through {limit} workers, which fetch themselves or each other in a \
         loop."
    )]
    TooManyHops {
        /// How many that are.
        limit: u8,
    },
    /// The worker answered with a status that ends no request.
    #[error("The worker answered with the status {0}, which cannot end a request.")]
    BadStatus(http::StatusCode),
    /// The worker took a connection whose client has asked for nothing of the kind, or cannot in HTTP/2. In
    /// the words of Workers.
    #[error(
        "Worker tried to return a WebSocket in a response to a request which did not contain the \
         header \"Upgrade: websocket\"."
    )]
    UpgradeNotAsked,
    /// The event failed.
    #[error("{}", explain(.0))]
    Failed(Failure),
}

/// The worker that a request was for.
#[derive(Debug, Clone)]
pub struct Served {
    /// The worker's name.
    pub worker: Arc<str>,
    /// Its version's identifier.
    pub version: Arc<str>,
}

/// Turns places in the code that runs into places in the sources.
pub trait MapStack: Send + Sync {
    /// The stack of an error of that worker and version, with the places of its sources.
    fn map_stack(&self, served: &Served, stack: &str) -> String;

    /// The text of a file that such a stack names, where it is at hand as it was when the version
    /// was made from it.
    fn source(&self, served: &Served, file: &str) -> Option<String> {
        let _ = (served, file);
        None
    }
}

impl Refusal {
    /// The status of the response.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoHost | Self::ManyHosts | Self::BadHost(_) => 400,
            Self::BadRequest(_) | Self::BodyBroken => 400,
            Self::UnknownHost { .. } => 404,
            Self::BadMethod(_) => 405,
            Self::BodyTimeout => 408,
            Self::BodyTooLarge { .. } => 413,
            Self::UriTooLong { .. } => 414,
            Self::BadExpectation => 417,
            Self::Misdirected { .. } | Self::NotForDevelopment { .. } => 421,
            Self::HeadersTooLarge { .. } | Self::TooManyHeaders { .. } => 431,
            Self::BadStatus(_) | Self::UpgradeNotAsked => 500,
            Self::NoAnswerInTime => 504,
            // RFC 5842 section 7.2, "Loop Detected".
            Self::TooManyHops { .. } => 508,
            Self::Failed(failure) => failure.status(),
        }
    }

    /// The value of `isolane-error`. What is the client's fault alone is 1000 and the status.
    pub fn code(&self) -> u16 {
        match self {
            Self::UnknownHost { .. } => 1001,
            Self::TooManyHops { .. } => 1019,
            Self::BadStatus(_) | Self::UpgradeNotAsked => 1101,
            Self::NoAnswerInTime => 1107,
            Self::Failed(failure) => failure.code(),
            Self::NoHost
            | Self::ManyHosts
            | Self::BadHost(_)
            | Self::BadRequest(_)
            | Self::BadMethod(_)
            | Self::BadExpectation
            | Self::NotForDevelopment { .. }
            | Self::Misdirected { .. }
            | Self::UriTooLong { .. }
            | Self::HeadersTooLarge { .. }
            | Self::TooManyHeaders { .. }
            | Self::BodyTooLarge { .. }
            | Self::BodyTimeout
            | Self::BodyBroken => 1000 + self.status(),
        }
    }

    /// The value of `isolane-outcome`. Where no worker was looked for there is none, and where a
    /// body ended the event the client has canceled it by what it sent.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NoHost
            | Self::ManyHosts
            | Self::BadHost(_)
            | Self::BadRequest(_)
            | Self::BadMethod(_)
            | Self::BadExpectation
            | Self::NotForDevelopment { .. }
            | Self::UnknownHost { .. }
            | Self::Misdirected { .. }
            | Self::UriTooLong { .. }
            | Self::HeadersTooLarge { .. }
            | Self::TooManyHeaders { .. } => Outcome::ScriptNotFound,
            Self::BodyTooLarge { .. } | Self::BodyTimeout | Self::BodyBroken => Outcome::Canceled,
            Self::NoAnswerInTime => Outcome::ExceededWallTime,
            Self::BadStatus(_) | Self::UpgradeNotAsked | Self::TooManyHops { .. } => {
                Outcome::Exception
            }
            Self::Failed(failure) => failure.outcome(),
        }
    }

    /// Whether it is about where the request ends and the next one begins.
    pub(crate) fn is_of_framing(&self) -> bool {
        matches!(self, Self::BadRequest(_) | Self::BodyBroken | Self::BodyTimeout)
    }

    /// When the client may try again, where trying again helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failed(
                Failure::LoadShed { .. }
                | Failure::NodeFull
                | Failure::Untaken { .. }
                | Failure::ShuttingDown,
            ) => Some(RETRY_AFTER),
            Self::Failed(Failure::Quarantined { wait_s, .. }) => Some(Duration::from_secs(*wait_s)),
            _ => None,
        }
    }

    /// What only the author of the worker may see: the message and V8's stack, which may be empty.
    pub(crate) fn inside(&self) -> Option<(String, &str)> {
        let Self::Failed(failure) = self else { return None };
        match failure {
            Failure::Threw { message, stack } | Failure::CannotStart { message, stack, .. } => {
                Some((message.clone(), stack))
            }
            other => Some((other.to_string(), "")),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn others(hosts: &[String]) -> String {
    match hosts {
        [] => String::new(),
        hosts => format!(" The workers are at {}.", hosts.join(", ")),
    }
}

/// A failure in words that show nothing of the worker's inside.
fn explain(failure: &Failure) -> String {
    match failure {
        Failure::NeverResponds => "The script will never generate a response.".into(),
        Failure::IsolateLost { .. } => "The worker was lost while it ran. Please try again.".into(),
        other => other.told(),
    }
}
