//! Admission: who asks goes in or is turned away, once, within the bounds and in order; and nobody waits for room that is
//! there, or past the end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use annals_model::TableId;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use crate::admission::{Admission, AdmissionLimits, Entrant, ExpiryThread, NotAdmitted, Permit, Waiting};
use crate::model::model;
use crate::sync::{AtomicBool, Ordering, Receiver, Sender, bounded, time};

const LIMITS: AdmissionLimits =
    AdmissionLimits { node_bytes_max: 10, table_bytes_max: 6, waiting_max: 8, wait_max: Duration::from_secs(1) };

/// Tells what became of it, once.
#[derive(Debug)]
struct Asking(Sender<Result<Permit, NotAdmitted>>);

impl Entrant for Asking {
    fn enter(self: Box<Self>, permit: Permit) -> Option<Permit> {
        self.0.try_send(Ok(permit)).err().and_then(|unsent| unsent.into_inner().ok())
    }

    fn turn_away(self: Box<Self>, why: NotAdmitted) {
        // Whoever asked may have gone.
        drop(self.0.try_send(Err(why)));
    }
}

/// An admission, and what those who are in hold together.
#[derive(Clone)]
struct Door {
    admission: Arc<Admission>,
    expiry: Arc<ExpiryThread>,
    /// Bytes by table; looked at all at once, which is why it is no lock of the model's.
    held: Arc<Mutex<[u64; 2]>>,
}

fn open() -> Door {
    let admission = Admission::new(LIMITS);
    let expiry = Arc::new(ExpiryThread::start(Arc::clone(&admission)).expect("a thread"));
    Door { admission, expiry, held: Arc::default() }
}

impl Door {
    fn ask(&self, table: usize, bytes: u64) -> (Option<Waiting>, Receiver<Result<Permit, NotAdmitted>>) {
        let (sender, answer) = bounded(1);
        let id = TableId::from_bytes([u8::try_from(table).expect("few tables"); 16]);
        (self.admission.admit(id, bytes, &self.expiry, Box::new(Asking(sender))), answer)
    }

    /// Is in for a while, with what it was given; checks that the bounds hold.
    fn stay(&self, table: usize, bytes: u64, permit: Permit) {
        let count = |change: &dyn Fn(u64) -> u64| {
            let mut held = self.held.lock().expect("whole");
            held[table] = change(held[table]);
            *held
        };
        let held = count(&|held| held + bytes);
        assert!(held.iter().all(|bytes| *bytes <= LIMITS.table_bytes_max), "{held:?}");
        assert!(held.iter().sum::<u64>() <= LIMITS.node_bytes_max, "{held:?}");
        thread::sleep(Duration::ZERO);
        count(&|held| held - bytes);
        drop(permit);
    }

    /// Everybody has gone: nothing is left behind, and the thread ends.
    fn leave(self) {
        let Self { admission, expiry, .. } = self;
        assert!(admission.is_idle(), "all room was given back");
        drop(Arc::into_inner(expiry).expect("everybody has gone"));
    }
}

/// Someone who asks for room of any size, three times, and once in a while goes before there is an answer.
fn visitor(door: &Door, table: usize, is_patient: bool) -> JoinHandle<()> {
    let door = door.clone();
    thread::spawn(move || {
        for _ in 0..3 {
            let bytes = thread_rng().gen_range(1..=LIMITS.table_bytes_max);
            let (waiting, answer) = door.ask(table, bytes);
            if !is_patient && thread_rng().gen_bool(0.3) {
                drop(waiting);
                continue;
            }
            match answer.recv().expect("who stays gets an answer") {
                Ok(permit) => door.stay(table, bytes, permit),
                Err(why) => assert_eq!(why, NotAdmitted::Closed, "no time passes"),
            }
        }
    })
}

#[test]
fn whoever_asks_gets_in_without_the_help_of_time_while_others_come_and_go() {
    model(20, || {
        let door = open();
        let visitors = [0, 0, 1].map(|table| visitor(&door, table, table == 1));
        for visitor in visitors {
            visitor.join().expect("gets in");
        }
        door.leave();
    });
}

#[test]
fn whoever_waits_behind_one_that_goes_away_gets_in_while_the_rest_is_held() {
    model(20, || {
        let door = open();
        let (_, answer) = door.ask(0, 4);
        let held = answer.recv().expect("an answer").expect("there is room");
        let going = thread::spawn({
            let door = door.clone();
            move || {
                let (waiting, _answer) = door.ask(0, 5);
                drop(waiting);
            }
        });
        let (_waiting, answer) = door.ask(0, 2);
        let beside = answer.recv().expect("an answer").expect("there is room beside what is held");
        drop((held, beside));
        going.join().expect("goes");
        door.leave();
    });
}

#[test]
fn of_one_table_whoever_asks_first_is_in_first() {
    model(20, || {
        let door = open();
        let other = visitor(&door, 1, true);
        let answers: Vec<_> = (0..5).map(|_| door.ask(0, thread_rng().gen_range(1..=4))).collect();
        // Each stays until the one before has gone; who was let in past another would keep that one out for ever.
        for (_waiting, answer) in answers {
            drop(answer.recv().expect("an answer").expect("room, in the end"));
        }
        other.join().expect("gets in");
        door.leave();
    });
}

#[test]
fn whoever_waits_too_long_is_turned_away_though_nothing_else_happens() {
    model(20, || {
        let door = open();
        let (_, answer) = door.ask(0, LIMITS.table_bytes_max);
        let permit = answer.recv().expect("an answer").expect("there is room");
        let kept = thread_rng().gen_bool(0.5).then_some(permit);
        let late = [1, 2].map(|bytes| {
            let door = door.clone();
            thread::spawn(move || {
                let (_waiting, answer) = door.ask(0, bytes);
                answer.recv().expect("an answer").map(drop)
            })
        });
        let is_over = Arc::new(AtomicBool::new(false));
        let clock = thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                while !is_over.load(Ordering::SeqCst) {
                    time::advance(LIMITS.wait_max / 2);
                    thread::yield_now();
                }
            }
        });
        for late in late {
            let answer = late.join().expect("is told");
            assert!(kept.is_none() || matches!(answer, Err(NotAdmitted::Overloaded { .. })), "{answer:?}");
        }
        is_over.store(true, Ordering::SeqCst);
        clock.join().expect("ends");
        drop(kept);
        door.leave();
    });
}

#[test]
fn the_end_is_told_to_all_who_wait_or_come_and_the_expiry_ends_though_tickets_are_left() {
    model(20, || {
        let door = open();
        let visitors = [0, 0, 1].map(|table| visitor(&door, table, true));
        let closer = thread::spawn({
            let admission = Arc::clone(&door.admission);
            move || admission.close()
        });
        for visitor in visitors {
            visitor.join().expect("gets an answer");
        }
        closer.join().expect("closes");
        let (_, answer) = door.ask(0, 1);
        assert!(matches!(answer.recv(), Ok(Err(NotAdmitted::Closed))));
        door.leave();
    });
}
