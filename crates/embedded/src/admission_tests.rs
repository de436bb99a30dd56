//! Who is let in, in which order, who waits, who is turned away.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use annals_model::TableId;

use super::admission::{Admission, AdmissionLimits, Entrant, ExpiryThread, NotAdmitted, Permit, Waiting};

const LIMITS: AdmissionLimits =
    AdmissionLimits { node_bytes_max: 100, table_bytes_max: 60, waiting_max: 4, wait_max: Duration::from_hours(1) };

/// What became of an entrant, by its name.
type News = (&'static str, Result<Permit, NotAdmitted>);

#[derive(Debug)]
struct Named(&'static str, mpsc::Sender<News>);

impl Entrant for Named {
    fn enter(self: Box<Self>, permit: Permit) -> Option<Permit> {
        self.1.send((self.0, Ok(permit))).err().and_then(|unsent| unsent.0.1.ok())
    }

    fn turn_away(self: Box<Self>, why: NotAdmitted) {
        self.1.send((self.0, Err(why))).expect("the test is told");
    }
}

/// An admission and what becomes of those who come.
struct Door {
    admission: Arc<Admission>,
    expiry: ExpiryThread,
    sender: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
}

fn table(number: u8) -> TableId {
    TableId::from_bytes([number; 16])
}

fn open(limits: AdmissionLimits) -> Door {
    let admission = Admission::new(limits);
    let expiry = ExpiryThread::start(Arc::clone(&admission)).expect("a thread");
    let (sender, news) = mpsc::channel();
    Door { admission, expiry, sender, news }
}

impl Door {
    fn ask(&self, name: &'static str, number: u8, bytes: u64) -> Option<Waiting> {
        let entrant = Box::new(Named(name, self.sender.clone()));
        self.admission.admit(table(number), bytes, &self.expiry, entrant)
    }

    /// Comes in at once.
    fn enter(&self, number: u8, bytes: u64) -> Permit {
        assert!(self.ask("at once", number, bytes).is_none());
        self.news.try_recv().expect("at once").1.expect("room")
    }

    fn wait(&self, name: &'static str, number: u8, bytes: u64) -> Waiting {
        self.ask(name, number, bytes).expect("a place among those who wait")
    }

    /// Who has come in since, in order.
    fn entered(&self) -> (Vec<&'static str>, Vec<Permit>) {
        self.news.try_iter().map(|(name, admitted)| (name, admitted.expect("let in"))).unzip()
    }
}

#[test]
fn a_flooded_table_waits_for_its_share_and_another_does_not_wait_for_it() {
    let door = open(LIMITS);
    let first = door.enter(1, 40);
    let _waiting = (door.wait("second", 1, 30), door.wait("third", 1, 10));
    let other = door.enter(2, 50);
    assert!(door.entered().0.is_empty(), "the third stays behind the second");
    drop(first);
    let (names, permits) = door.entered();
    assert_eq!(names, ["second", "third"]);
    drop((permits, other));
    assert!(door.admission.is_idle(), "all room was given back");
}

#[test]
fn who_waited_has_gone_in_before_anybody_who_comes_after_the_room_was_given_back() {
    let door = open(LIMITS);
    let held = door.enter(1, 60);
    let _waiting = door.wait("waited", 1, 10);
    drop(held);
    // Nothing was done for the one that waited: it is in all the same, and not only let in.
    assert!(door.ask("came later", 1, 10).is_none());
    assert_eq!(door.entered().0, ["waited", "came later"]);
}

#[test]
fn nobody_jumps_past_a_large_request_that_waits_for_the_node() {
    let door = open(LIMITS);
    let held = [door.enter(1, 45), door.enter(2, 45)];
    let _waiting = (door.wait("large", 3, 60), door.wait("small", 4, 5));
    assert!(door.entered().0.is_empty());
    drop(held);
    assert_eq!(door.entered().0, ["large", "small"]);
}

#[test]
fn a_waiter_that_went_away_takes_no_room_and_holds_up_nobody() {
    let door = open(LIMITS);
    let held = door.enter(1, 40);
    let gone = door.wait("gone", 1, 60);
    let _waiting = door.wait("behind", 1, 20);
    drop(gone);
    let (names, permits) = door.entered();
    assert_eq!(names, ["behind"], "there is room beside what is held");
    drop((held, permits));
    door.enter(1, 60);
}

#[test]
fn a_permit_that_is_not_used_after_all_is_room_again() {
    let Door { admission, expiry, sender, news } = open(LIMITS);
    assert!(admission.admit(table(1), 60, &expiry, Box::new(Named("first", sender.clone()))).is_none());
    let held = news.try_recv().expect("at once").1;
    let _waiting = admission.admit(table(1), 60, &expiry, Box::new(Named("nobody listens", sender)));
    drop((news, held));
    assert!(admission.is_idle());
}

#[test]
fn who_finds_no_room_in_time_is_turned_away() {
    let door = open(AdmissionLimits { wait_max: Duration::from_millis(1), ..LIMITS });
    let held = door.enter(1, 60);
    let _waiting = door.wait("late", 1, 5);
    let (_, refused) = door.news.recv().expect("it is told");
    assert_eq!(refused.expect_err("no room"), NotAdmitted::Overloaded { waiting_bytes: 65 });
    drop(held);
    door.enter(1, 60);
}

#[test]
fn no_more_wait_than_may_and_closing_turns_all_away() {
    let door = open(LIMITS);
    let _held = door.enter(1, 60);
    let _waiting: Vec<_> = (0..4).map(|_| door.wait("waits", 1, 10)).collect();
    assert!(door.ask("one too many", 1, 10).is_none());
    assert!(matches!(door.news.try_recv(), Ok((_, Err(NotAdmitted::Overloaded { .. })))));
    door.admission.close();
    assert!(door.news.try_iter().map(|(_, refused)| refused.expect_err("closed")).eq([NotAdmitted::Closed; 4]));
    assert!(door.ask("after the end", 2, 1).is_none());
    assert!(matches!(door.news.try_recv(), Ok((_, Err(NotAdmitted::Closed)))));
}

#[test]
fn a_request_larger_than_a_tables_share_comes_in_alone() {
    let door = open(LIMITS);
    let large = door.enter(1, 1_000);
    let _waiting = door.wait("small", 1, 1);
    assert!(door.entered().0.is_empty());
    drop(large);
    assert_eq!(door.entered().0, ["small"]);
}
