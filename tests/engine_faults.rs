//! Each call that the embedded engine makes to its disk fails once, in each way in which such a call can fail: nothing
//! acknowledged is lost, nothing refused is stored, reads go on, and the store opens again.
//!
//! A failed sync also drops what it was to make durable, and later syncs say that all is well: what Linux does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use annals_testkit::disk::{Fault, Operation};
use annals_testkit::{power, seed};

/// Engines at a time: most of them wait for the next try of what has failed.
const THREADS: usize = 8;

#[test]
fn nothing_is_lost_when_any_call_to_the_disk_fails_in_any_way() {
    let mut cases = Vec::new();
    for seed in seed::seeds(4) {
        let calls = power::calls(seed).unwrap_or_else(|wrong| panic!("{wrong}"));
        for operation in Operation::ALL {
            for &failure in power::failures(operation) {
                cases.extend((0..calls.of(operation)).map(|nth| (seed, Fault::Nth { operation, nth, failure })));
            }
        }
    }
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(&(seed, fault)) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Err(found) = power::run_with_fault(seed, fault) {
                        wrong.lock().expect("nobody panics").push(found);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("nobody panics");
    eprintln!("{} faults", cases.len());
    assert!(cases.len() > 100, "{} faults", cases.len());
    if let Some(first) = wrong.first() {
        panic!("{} of {} faults: {first}", wrong.len(), cases.len());
    }
}
