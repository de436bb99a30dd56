//! Every reason goes through a status and back, with everything that can hang on it.

use std::collections::HashSet;
use std::time::Duration;

use tonic::Code;

use super::*;

fn full(reason: Reason) -> Fault {
    Fault::of_field(reason, "events[3].columns[\"speed\"]", "is \u{2026} wrong")
        .with_retry_after(Duration::from_millis(1500))
        .with_precondition("DELETION_PROTECTION", "flights.nyc", "clear it first")
}

#[test]
fn every_reason_comes_back_from_its_status_with_all_details() {
    for &reason in Reason::ALL {
        for fault in [Fault::new(reason, "plain"), full(reason)] {
            let status = to_status(&fault);
            assert_eq!((status.code(), status.message()), (reason.code(), fault.message.as_str()), "{reason}");
            assert_eq!(from_status(&status), Some(fault.clone()), "{reason}");
            let in_band = from_rpc_status(&to_rpc_status(&fault));
            assert_eq!((in_band.code(), from_status(&in_band)), (reason.code(), Some(fault)), "{reason} in band");
        }
    }
}

#[test]
fn reasons_have_names_of_their_own_that_parse_and_no_ok() {
    let names: HashSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names.len(), Reason::ALL.len());
    for &reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        assert_ne!(reason.code(), Code::Ok);
        assert!(reason.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
    }
}

#[test]
fn a_status_of_something_else_is_no_fault() {
    assert_eq!(from_status(&tonic::Status::unavailable("connection refused")), None);
}

#[test]
fn sixteen_refused_events_are_listed_and_all_are_counted() {
    let mut refused = RefusedEvents::default();
    for index in 5..45 {
        refused.add(index, &Refusal::KeyEmpty);
    }
    let fault = refused.finish().expect_err("refused");
    assert_eq!((fault.reason, fault.violations.len(), fault.violations_total), (Reason::InvalidEvent, 16, 40));
    assert_eq!(fault.violations[0].field, "events[5].partition_key");
    assert_eq!(RefusedEvents::default().finish(), Ok(()));
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
