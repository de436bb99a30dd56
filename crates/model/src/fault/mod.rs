//! What can go wrong between a client and a server, with all that a caller can act on.
//!
//! [`Fault`] is the domain's error at every door. Each door makes an error of its protocol out of it in one place; a
//! server turns its engine's errors into faults in one place of its own.
//!
//! Promises: every fault has a reason that programs can tell, and a text that says what to do.
//!
//! Does not: know any protocol's codes.

mod kind;
mod reason;

use std::time::Duration;

pub use kind::FaultKind;
pub use reason::Reason;

/// Violations that one answer lists: errors travel in headers, which clients limit to 8 KiB.
pub const VIOLATIONS_MAX: usize = 16;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Why, for programs.
    pub reason: Reason,
    /// What happened and what to do, for people.
    pub message: String,
    /// What is wrong with the request, at most [`VIOLATIONS_MAX`].
    pub violations: Vec<Violation>,
    /// How many things are wrong with the request, also those that `violations` leaves out.
    pub violations_total: u64,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// What must be changed first, by somebody.
    pub precondition: Option<Box<Precondition>>,
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, as a path: `events[17].columns["speed"]`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// A state of the system that keeps a request from being served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// What kind of state: `DELETION_PROTECTION`.
    pub kind: String,
    /// Of what: a table, the store.
    pub subject: String,
    /// What to do about it.
    pub description: String,
}

impl Fault {
    /// A fault without further details.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            violations: Vec::new(),
            violations_total: 0,
            retry_after: None,
            precondition: None,
        }
    }

    /// A fault of one field of the request.
    pub fn of_field(reason: Reason, field: impl Into<String>, description: impl Into<String>) -> Self {
        let (field, description) = (field.into(), description.into());
        let message = format!("{field}: {description}");
        Self { violations: vec![Violation { field, description }], violations_total: 1, ..Self::new(reason, message) }
    }

    /// The same fault, with the time after which to try again.
    #[must_use]
    pub fn with_retry_after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    /// The same fault, with what must be changed first.
    #[must_use]
    pub fn with_precondition(self, kind: &str, subject: impl Into<String>, description: impl Into<String>) -> Self {
        let precondition = Precondition { kind: kind.into(), subject: subject.into(), description: description.into() };
        Self { precondition: Some(Box::new(precondition)), ..self }
    }
}
