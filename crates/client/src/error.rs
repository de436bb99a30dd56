//! What can go wrong, and what to do about it.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The domain of `google.rpc.ErrorInfo` in errors that an Annals server decided on.
const DOMAIN: &str = "annals";

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The address can't be used.
    #[error("{address:?} is not an address: {reason}; write host:port or http://host:port")]
    Address {
        /// What was given.
        address: String,
        /// Why it is none.
        reason: String,
    },
    /// No connection could be made.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// The server's address.
        address: String,
        /// What the operating system or the protocol said.
        reason: String,
    },
    /// The connection broke, or the server could not be reached, during a call. A read can be tried again.
    #[error("the connection to the server broke: {0}")]
    Broken(String),
    /// An append got no answer: its events may or may not be stored.
    #[error("whether the events are stored is not known, the connection broke before the answer: {0}")]
    Unanswered(String),
    /// The server refused the call, and says why.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The server's answer is not what the contract says.
    #[error("the server's answer can't be understood: {0}")]
    Protocol(String),
}

/// A refusal, as the server put it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The kind of error, by the gRPC convention.
    pub code: Code,
    /// Why, in a word that stays the same: `UNKNOWN_TABLE`, `SCAN_EXPIRED`, … Empty if the server gave none.
    pub reason: String,
    /// What happened and what to do, for people.
    pub message: String,
    /// What is wrong with the request, part by part; at most 16.
    pub violations: Vec<Violation>,
    /// When to try again, where the server knows.
    pub retry_after: Option<Duration>,
}

/// One part of a request that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which part, for example `events[3]`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Error {
    /// The refusal, if the server refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The reason's word, if the server refused with one.
    pub fn reason(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.reason.as_str()).filter(|reason| !reason.is_empty())
    }

    /// Whether the same call may succeed later, and does no harm if it is made again.
    ///
    /// False for [`Error::Unanswered`]: made again, the append could store its events twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken(_) => true,
            Self::Refused(refusal) => matches!(refusal.code, Code::Unavailable | Code::ResourceExhausted),
            Self::Address { .. } | Self::Unanswered(_) | Self::Protocol(_) => false,
        }
    }

    /// The error of a call that reads, or that may be made again.
    pub(crate) fn of_status(status: &Status) -> Self {
        if is_the_servers_word(status) {
            Self::Refused(Box::new(Refusal::of_status(status)))
        } else {
            Self::Broken(described(status))
        }
    }

    /// The error of an append: a connection that broke leaves open whether the events are stored.
    pub(crate) fn of_append_status(status: &Status) -> Self {
        match Self::of_status(status) {
            Self::Broken(reason) => Self::Unanswered(reason),
            other => other,
        }
    }
}

impl Refusal {
    pub(crate) fn of_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
        Self {
            code: status.code(),
            reason: details.error_info().map(|info| info.reason.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            violations: violations
                .iter()
                .map(|one| Violation { field: one.field.clone(), description: one.description.clone() })
                .collect(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }
    }
}

/// Whether a server decided on this status, rather than the transport under the call.
///
/// Annals' own errors carry its domain. The codes below it are never made up by a transport.
fn is_the_servers_word(status: &Status) -> bool {
    let carries_domain = status.get_details_error_info().is_some_and(|info| info.domain == DOMAIN);
    carries_domain
        || !matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled | Code::DeadlineExceeded
        )
}

/// The status' message and what lies beneath it, without repeats.
fn described(status: &Status) -> String {
    described_error(status.message().to_owned(), std::error::Error::source(status))
}

/// A message, and the messages of its causes that it does not hold already.
pub(crate) fn described_error(mut text: String, mut cause: Option<&(dyn std::error::Error + 'static)>) -> String {
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = if text.is_empty() { more } else { format!("{text}: {more}") };
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_refusal_keeps_its_reason_its_violations_and_when_to_retry() {
        let mut details = ErrorDetails::with_error_info("OVERLOADED", DOMAIN, []);
        details.add_bad_request_violation("events[3]", "too large").set_retry_info(Some(Duration::from_millis(250)));
        let error = Error::of_status(&Status::with_error_details(Code::Unavailable, "try later", details));
        let refusal = error.refusal().expect("the domain marks it as the server's word");
        assert_eq!((error.reason(), refusal.retry_after), (Some("OVERLOADED"), Some(Duration::from_millis(250))));
        assert_eq!(refusal.violations[0].field, "events[3]");
        assert!(error.is_retryable());
    }

    #[test]
    fn a_broken_connection_can_be_retried_by_a_read_but_not_by_an_append() {
        let status = Status::unavailable("connection reset");
        assert!(matches!(Error::of_status(&status), Error::Broken(_)));
        assert!(Error::of_status(&status).is_retryable());
        assert!(!Error::of_append_status(&status).is_retryable());
        assert!(Error::of_append_status(&status).to_string().contains("not known"));
    }

    #[test]
    fn a_mistake_in_the_request_is_not_retryable() {
        assert!(!Error::of_status(&Status::invalid_argument("no key")).is_retryable());
        assert!(!Error::of_status(&Status::not_found("no table")).is_retryable());
    }
}
