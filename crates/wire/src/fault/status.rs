//! A fault as a gRPC status, and back: the one pair of functions that does it.
//!
//! The details follow the gRPC convention: `ErrorInfo` with domain `annals` and the reason, always; `BadRequest`,
//! `RetryInfo` and `PreconditionFailure` where there is something to say.

use std::collections::HashMap;

use annals_model::fault::{Fault, FaultKind, Precondition, Reason, Violation};
use bytes::Bytes;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// `ErrorInfo.domain` of every error of Annals.
const DOMAIN: &str = "annals";

/// The `ErrorInfo` metadata that holds how many violations there were.
const VIOLATIONS: &str = "violations";

/// The status of a fault.
pub fn to_status(fault: &Fault) -> Status {
    let mut details = ErrorDetails::new();
    let mut metadata = HashMap::new();
    if fault.violations_total > 0 {
        metadata.insert(VIOLATIONS.to_owned(), fault.violations_total.to_string());
    }
    details.set_error_info(fault.reason.as_str(), DOMAIN, metadata);
    if !fault.violations.is_empty() {
        let violations = fault.violations.iter().map(|one| FieldViolation::new(&one.field, &one.description));
        details.set_bad_request(violations.collect::<Vec<_>>());
    }
    if fault.retry_after.is_some() {
        details.set_retry_info(fault.retry_after);
    }
    if let Some(precondition) = &fault.precondition {
        let Precondition { kind, subject, description } = &**precondition;
        details.add_precondition_failure_violation(kind, subject, description);
    }
    Status::with_error_details(code_of(fault.reason.kind()), &fault.message, details)
}

/// The fault behind a status; none if the status is not of this version of Annals: then only its code can be relied
/// upon.
pub fn from_status(status: &Status) -> Option<Fault> {
    let details = status.check_error_details().ok()?;
    let info = details.error_info().filter(|info| info.domain == DOMAIN)?;
    let violations: Vec<Violation> = details.bad_request().map_or_else(Vec::new, |bad| {
        let violation =
            |one: &FieldViolation| Violation { field: one.field.clone(), description: one.description.clone() };
        bad.field_violations.iter().map(violation).collect()
    });
    let precondition = details.precondition_failure().and_then(|failure| {
        let one = failure.violations.first()?;
        let (kind, subject) = (one.r#type.clone(), one.subject.clone());
        Some(Box::new(Precondition { kind, subject, description: one.description.clone() }))
    });
    Some(Fault {
        reason: Reason::parse(&info.reason)?,
        message: status.message().to_owned(),
        violations_total: info.metadata.get(VIOLATIONS).map_or(Some(0), |total| total.parse().ok())?,
        violations,
        retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        precondition,
    })
}

/// The status of a fault as a message, for answers in band.
pub fn to_rpc_status(fault: &Fault) -> tonic_types::Status {
    let status = to_status(fault);
    let decoded = tonic_types::Status::decode(status.details());
    decoded.expect("a status with details holds them as an encoded google.rpc.Status")
}

/// The status that a message holds; [`from_status`] finds the fault in it.
pub fn from_rpc_status(message: &tonic_types::Status) -> Status {
    let details = Bytes::from(message.encode_to_vec());
    Status::with_details(Code::from_i32(message.code), message.message.clone(), details)
}

/// The status code of a kind of failure: the one place that knows both.
pub fn code_of(kind: FaultKind) -> Code {
    match kind {
        FaultKind::InvalidArgument => Code::InvalidArgument,
        FaultKind::NotFound => Code::NotFound,
        FaultKind::AlreadyExists => Code::AlreadyExists,
        FaultKind::FailedPrecondition => Code::FailedPrecondition,
        FaultKind::Aborted => Code::Aborted,
        FaultKind::OutOfRange => Code::OutOfRange,
        FaultKind::ResourceExhausted => Code::ResourceExhausted,
        FaultKind::Unimplemented => Code::Unimplemented,
        FaultKind::Unavailable => Code::Unavailable,
        FaultKind::Unknown => Code::Unknown,
        FaultKind::DeadlineExceeded => Code::DeadlineExceeded,
        FaultKind::DataLoss => Code::DataLoss,
        FaultKind::Internal => Code::Internal,
    }
}
