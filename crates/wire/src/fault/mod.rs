//! What can go wrong between a client and a server, with all that a caller can act on.
//!
//! [`Fault`] is the domain's error at the protocol boundary. Exactly one function makes a gRPC status of it and one
//! reads it back, side by side in `status.rs`; a test takes every reason through both. A server turns its engine's
//! errors into faults in one place of its own.

mod reason;
mod status;

use std::time::Duration;

use annals_event::walk::Refusal;

pub use reason::Reason;
pub use status::{from_rpc_status, from_status, to_rpc_status, to_status};

/// Violations that one answer lists: a status travels in headers, which clients limit to 8 KiB.
pub const VIOLATIONS_MAX: usize = 16;

/// Bytes of violations that one answer lists, for the same reason; the first is listed in any case.
const VIOLATION_BYTES_MAX: usize = 3 * 1024;

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

/// Collects the refused events of one request.
#[derive(Debug, Default)]
pub struct RefusedEvents {
    fault: Option<Fault>,
    listed_bytes: usize,
    total: u64,
}

impl RefusedEvents {
    /// Notes that the event at `index` of the request is refused.
    pub fn add(&mut self, index: usize, refusal: &Refusal) {
        self.total += 1;
        let path = refusal.path();
        let dot = if path.is_empty() { "" } else { "." };
        let violation = Violation { field: format!("events[{index}]{dot}{path}"), description: refusal.to_string() };
        self.listed_bytes += violation.field.len() + violation.description.len();
        if let Some(fault) = &mut self.fault {
            if fault.violations.len() < VIOLATIONS_MAX && self.listed_bytes <= VIOLATION_BYTES_MAX {
                fault.violations.push(violation);
            }
            return;
        }
        let message = format!("{} of the request: {refusal}", violation.field);
        self.fault = Some(Fault { violations: vec![violation], ..Fault::new(reason_of(refusal), message) });
    }

    /// Nothing if no event was refused.
    ///
    /// # Errors
    /// The fault of the request: its reason is that of the first event refused.
    pub fn finish(self) -> Result<(), Fault> {
        match self.fault {
            Some(fault) => Err(Fault { violations_total: self.total, ..fault }),
            None => Ok(()),
        }
    }
}

fn reason_of(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::EventTooLarge(_) => Reason::EventTooLarge,
        Refusal::Mistyped(_) | Refusal::MistypedWithin { .. } => Reason::ColumnTypeMismatch,
        Refusal::Undeclared(_) => Reason::UnknownColumn,
        _ => Reason::InvalidEvent,
    }
}

#[cfg(test)]
mod tests;
