//! What can go wrong, and what to do about it.

use annals_model::{Fault, Reason};
use annals_wire::fault::from_status;
use tonic::{Code, Status};

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
    /// An append got no answer, or one that says so: its events may or may not be stored. Read before appending again.
    #[error("whether the events are stored is not known: {0}")]
    OutcomeUnknown(String),
    /// The server refused the call, and says why. A refused append has stored nothing.
    #[error("{0}")]
    Refused(Box<Fault>),
    /// Something other than this version of Annals refused the call: a later version, or a proxy.
    #[error("the call was refused ({code}): {message}")]
    Foreign {
        /// The kind of error, by the gRPC convention.
        code: Code,
        /// What it says.
        message: String,
    },
    /// The server's answer is not what the contract says.
    #[error("the server's answer can't be understood: {0}")]
    Protocol(String),
}

impl Error {
    /// Why, if the server refused.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Refused(fault) => Some(fault.reason),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything, and does no harm if it is made again.
    ///
    /// False for [`Error::OutcomeUnknown`]: made again, the append could store its events twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken(_) => true,
            Self::Refused(fault) => fault.reason.is_retryable(),
            Self::Address { .. } | Self::OutcomeUnknown(_) | Self::Foreign { .. } | Self::Protocol(_) => false,
        }
    }

    /// The error of a call that reads, or that may be made again.
    pub(crate) fn of_status(status: &Status) -> Self {
        if let Some(fault) = from_status(status) {
            return Self::Refused(Box::new(fault));
        }
        match status.code() {
            // What a transport makes of a connection that breaks under a call.
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled | Code::DeadlineExceeded => {
                Self::Broken(described(status))
            }
            code => Self::Foreign { code, message: status.message().to_owned() },
        }
    }

    /// The error of an append: a connection that broke leaves open whether the events are stored.
    pub(crate) fn of_append_status(status: &Status) -> Self {
        match Self::of_status(status) {
            Self::Broken(reason) => Self::OutcomeUnknown(reason),
            Self::Refused(fault) if fault.reason == Reason::OutcomeUnknown => Self::OutcomeUnknown(fault.message),
            other => other,
        }
    }
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
    use std::time::Duration;

    use annals_wire::fault::to_status;

    use super::*;

    #[test]
    fn a_refusal_keeps_its_reason_its_violations_and_when_to_retry() {
        let fault =
            Fault::of_field(Reason::Overloaded, "events[3]", "too much").with_retry_after(Duration::from_secs(1));
        let error = Error::of_status(&to_status(&fault));
        assert_eq!(error.reason(), Some(Reason::Overloaded));
        assert!(error.is_retryable());
        assert!(matches!(error, Error::Refused(kept) if *kept == fault));
    }

    #[test]
    fn a_broken_connection_can_be_retried_by_a_read_but_not_by_an_append() {
        let status = Status::unavailable("connection reset");
        assert!(matches!(Error::of_status(&status), Error::Broken(_)));
        assert!(Error::of_status(&status).is_retryable());
        assert!(!Error::of_append_status(&status).is_retryable());
    }

    #[test]
    fn an_append_whose_outcome_the_server_does_not_know_is_no_refusal() {
        let status = to_status(&Fault::new(Reason::OutcomeUnknown, "a sync failed"));
        assert!(matches!(Error::of_append_status(&status), Error::OutcomeUnknown(_)));
    }

    #[test]
    fn a_mistake_in_the_request_is_not_retryable() {
        let status = to_status(&Fault::new(Reason::TableNotFound, "no table k.t"));
        assert!(!Error::of_status(&status).is_retryable());
        assert!(!Error::of_status(&Status::unauthenticated("a proxy's word")).is_retryable());
    }
}
