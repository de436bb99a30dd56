//! Who is let in, who waits, who is turned away.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use super::*;

const LIMITS: AdmissionLimits =
    AdmissionLimits { node_bytes_max: 100, table_bytes_max: 60, waiting_max: 4, wait_max: Duration::from_hours(1) };

fn table(number: u8) -> TableId {
    TableId::from_bytes([number; 16])
}

fn open(limits: AdmissionLimits) -> (Arc<Admission>, ExpiryThread) {
    let admission = Admission::new(limits);
    let expiry = ExpiryThread::start(Arc::clone(&admission)).expect("a thread");
    (admission, expiry)
}

fn poll<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn now<F: Future>(future: F) -> F::Output {
    poll(pin!(future)).expect("at once")
}

#[test]
fn a_flooded_table_waits_for_its_share_and_another_does_not_wait_for_it() {
    let (admission, expiry) = open(LIMITS);
    let first = now(admission.admit(table(1), 40, &expiry)).expect("room");
    let mut second = Box::pin(admission.admit(table(1), 30, &expiry));
    let mut third = Box::pin(admission.admit(table(1), 10, &expiry));
    assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none(), "the third stays behind the second");
    let other = now(admission.admit(table(2), 50, &expiry)).expect("room beside the flooded table");
    drop(first);
    assert!(poll(second.as_mut()).is_some_and(|admitted| admitted.is_ok()));
    assert!(poll(third.as_mut()).is_some_and(|admitted| admitted.is_ok()));
    drop(other);
    assert!(admission.open_book().tables.is_empty(), "all room was given back");
}

#[test]
fn nobody_jumps_past_a_large_request_that_waits_for_the_node() {
    let (admission, expiry) = open(LIMITS);
    let held = [table(1), table(2)].map(|table| now(admission.admit(table, 45, &expiry)).expect("room"));
    let mut large = pin!(admission.admit(table(3), 60, &expiry));
    let mut small = pin!(admission.admit(table(4), 5, &expiry));
    assert!(poll(large.as_mut()).is_none() && poll(small.as_mut()).is_none());
    drop(held);
    assert!(poll(large.as_mut()).is_some() && poll(small.as_mut()).is_some());
}

#[test]
fn a_waiter_that_went_away_gives_its_room_back() {
    let (admission, expiry) = open(LIMITS);
    let held = now(admission.admit(table(1), 60, &expiry)).expect("room");
    {
        let mut gone = Box::pin(admission.admit(table(1), 60, &expiry));
        assert!(poll(gone.as_mut()).is_none());
    }
    drop(held);
    now(admission.admit(table(1), 60, &expiry)).expect("room again");
}

#[test]
fn who_finds_no_room_in_time_is_turned_away() {
    let (admission, expiry) = open(AdmissionLimits { wait_max: Duration::from_millis(1), ..LIMITS });
    let held = now(admission.admit(table(1), 60, &expiry)).expect("room");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let refused = runtime.block_on(admission.admit(table(1), 5, &expiry)).expect_err("no room");
    assert_eq!(refused, NotAdmitted::Overloaded { waiting_bytes: 65 });
    drop(held);
    now(admission.admit(table(1), 60, &expiry)).expect("room again");
}

#[test]
fn no_more_wait_than_may_and_closing_turns_all_away() {
    let (admission, expiry) = open(LIMITS);
    let held = now(admission.admit(table(1), 60, &expiry)).expect("room");
    let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(admission.admit(table(1), 10, &expiry))).collect();
    for waiter in &mut waiting {
        assert!(poll(waiter.as_mut()).is_none());
    }
    assert!(matches!(now(admission.admit(table(1), 10, &expiry)), Err(NotAdmitted::Overloaded { .. })));
    admission.close();
    for waiter in &mut waiting {
        assert!(matches!(poll(waiter.as_mut()), Some(Err(NotAdmitted::Closed))));
    }
    assert!(matches!(now(admission.admit(table(2), 1, &expiry)), Err(NotAdmitted::Closed)));
    drop(held);
}

#[test]
fn a_request_larger_than_a_tables_share_comes_in_alone() {
    let (admission, expiry) = open(LIMITS);
    let large = now(admission.admit(table(1), 1_000, &expiry)).expect("room");
    assert!(poll(pin!(admission.admit(table(1), 1, &expiry))).is_none());
    drop(large);
}
