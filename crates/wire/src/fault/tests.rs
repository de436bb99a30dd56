//! Every reason goes through a status and back, with everything that can hang on it.

use std::collections::HashSet;
use std::time::Duration;

use annals_event::RefusedEvents;
use annals_event::walk::Refusal;
use annals_model::fault::{Fault, Reason};
use tonic::Code;

use super::*;

fn full(reason: Reason) -> Fault {
    Fault::of_field(reason, "events[3].columns[\"speed\"]", "is \u{2026} wrong")
        .with_retry_after(Duration::from_millis(1500))
        .with_precondition("DELETION_PROTECTION", "flights.nyc", "clear it first")
}

/// Kinds of failure are named as the codes are.
fn named(code: Code) -> String {
    format!("{code:?}")
}

#[test]
fn every_reason_comes_back_from_its_status_with_all_details() {
    for &reason in Reason::ALL {
        for fault in [Fault::new(reason, "plain"), full(reason)] {
            let status = to_status(&fault);
            assert_eq!(
                (named(status.code()), status.message()),
                (format!("{:?}", reason.kind()), fault.message.as_str())
            );
            assert_eq!(from_status(&status), Some(fault.clone()), "{reason}");
            let in_band = from_rpc_status(&to_rpc_status(&fault));
            assert_eq!((in_band.code(), from_status(&in_band)), (status.code(), Some(fault)), "{reason} in band");
        }
    }
}

#[test]
fn reasons_have_names_of_their_own_that_parse() {
    let names: HashSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names.len(), Reason::ALL.len());
    for &reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        assert!(reason.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
    }
}

#[test]
fn a_status_of_something_else_is_no_fault() {
    assert_eq!(from_status(&tonic::Status::unavailable("connection refused")), None);
}

#[test]
fn the_largest_status_fits_into_the_headers_that_clients_take() {
    let name = "\u{1F600}".repeat(64);
    let mut refused = RefusedEvents::default();
    for index in 99_000..99_100 {
        refused.add(index, &Refusal::TextNotText(name.clone()));
    }
    let status = to_status(&refused.finish().expect_err("refused"));
    let header_bytes = status.details().len() * 4 / 3 + 3 * status.message().len();
    assert!(header_bytes < 8 * 1024 - 512, "{header_bytes} bytes");
}
