//! Ages against the time that really passed, whatever the wall clock does.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::commit_clock::CommitClock;
use super::*;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;
/// 2026.
const BEGIN: i64 = 56 * YEAR;
const AGE: Duration = Duration::from_hours(16 * 24);
/// The grace of that age.
const GRACE: i64 = DAY;

/// Clocks that a test sets; the true time is what the wall clock would be if it were right.
#[derive(Debug)]
struct Clocks {
    truth: AtomicI64,
    wrong_by: AtomicI64,
    /// When the machine was started.
    started: AtomicI64,
    suspended: AtomicU64,
    is_synchronised: AtomicBool,
}

impl Clocks {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            truth: AtomicI64::new(BEGIN),
            wrong_by: AtomicI64::new(0),
            started: AtomicI64::new(BEGIN),
            suspended: AtomicU64::new(0),
            is_synchronised: AtomicBool::new(true),
        })
    }

    fn truth(&self) -> i64 {
        self.truth.load(Ordering::Relaxed)
    }

    fn pass(&self, nanos: i64) {
        self.truth.fetch_add(nanos, Ordering::Relaxed);
    }

    fn set_wrong_by(&self, nanos: i64) {
        self.wrong_by.store(nanos, Ordering::Relaxed);
    }

    fn call_synchronised(&self, is_synchronised: bool) {
        self.is_synchronised.store(is_synchronised, Ordering::Relaxed);
    }
}

impl Clock for Clocks {
    fn wall_nanos(&self) -> i64 {
        self.truth() + self.wrong_by.load(Ordering::Relaxed)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.boot_nanos() - self.suspended.load(Ordering::Relaxed)
    }

    fn boot_nanos(&self) -> u64 {
        (self.truth() - self.started.load(Ordering::Relaxed)).unsigned_abs()
    }

    fn is_synchronised(&self) -> Option<bool> {
        Some(self.is_synchronised.load(Ordering::Relaxed))
    }
}

/// A store's clocks alone: what the commit thread and maintenance do with them.
struct Session {
    clocks: Arc<Clocks>,
    ages: AgeClock,
    commits: CommitClock,
    state: State,
}

impl Session {
    fn open(clocks: &Arc<Clocks>, state: State) -> Self {
        let clock = Arc::clone(clocks) as Arc<dyn Clock>;
        let ages = AgeClock::open(Arc::clone(&clock), None, &state);
        let commits = CommitClock::new(clock, ages.opening());
        Self { clocks: Arc::clone(clocks), ages, commits, state }
    }

    /// Ends it as a crash would, and opens it again on a machine that was started anew.
    fn reopen(self, closed: i64, wrong_by: i64, is_synchronised: bool) -> Self {
        self.clocks.pass(closed);
        self.clocks.started.store(self.clocks.truth() - MINUTE, Ordering::Relaxed);
        self.clocks.set_wrong_by(wrong_by);
        self.clocks.call_synchronised(is_synchronised);
        Self::open(&self.clocks, self.state)
    }

    /// Commits something, durably.
    fn commit(&mut self) -> CommitTime {
        let (commit, reading) = self.commits.now();
        let due = self.ages.due(commit, self.commits.slew(), reading);
        let records: Vec<_> = due.into_iter().map(StateRecord::ClockNoted).collect();
        for record in &records {
            self.state.apply(record).expect("in order");
        }
        self.state.note_commit(commit);
        self.ages.note_durable(&records, commit);
        commit
    }

    /// Lets time pass with a look of maintenance now and then.
    fn run(&mut self, nanos: i64) {
        for _ in 0..16 {
            self.clocks.pass(nanos / 16);
            self.look();
        }
        self.clocks.pass(nanos % 16);
        self.look();
    }

    fn look(&mut self) {
        self.ages.look();
        if self.ages.wants_note([AGE].into_iter()) {
            self.commit();
        }
    }

    fn age(&self, commit: CommitTime) -> i64 {
        nanos(self.ages.now(AGE).of(commit))
    }
}

/// Steps of the wall clock.
const STEPS: [i64; 6] = [HOUR, -HOUR, DAY, -DAY, 10 * YEAR, -10 * YEAR];

#[track_caller]
fn check(age: i64, truth: i64, late: i64, what: &str) {
    assert!(age <= truth, "{what}: {} s early", (age - truth) / SECOND);
    assert!(truth - age <= late, "{what}: {} s late", (truth - age) / SECOND);
}

#[test]
fn while_a_store_is_open_ages_do_not_care_for_the_wall_clock() {
    for step in STEPS {
        for is_synchronised in [true, false] {
            let clocks = Clocks::new();
            clocks.call_synchronised(is_synchronised);
            let mut session = Session::open(&clocks, State::default());
            let before = session.commit();
            session.run(HOUR);
            clocks.set_wrong_by(step);
            let at = session.commit();
            session.run(DAY);
            let after = session.commit();
            session.run(3 * DAY);
            clocks.set_wrong_by(0);
            session.run(30 * DAY);
            let what = format!("a step by {} h, synchronised: {is_synchronised}", step / HOUR);
            check(session.age(before), 34 * DAY + HOUR, SECOND, &what);
            check(session.age(at), 34 * DAY, SECOND, &what);
            check(session.age(after), 33 * DAY, SECOND, &what);
        }
    }
}

#[test]
fn a_suspend_is_time_that_passes() {
    for is_synchronised in [true, false] {
        let clocks = Clocks::new();
        clocks.call_synchronised(is_synchronised);
        let mut session = Session::open(&clocks, State::default());
        let before = session.commit();
        session.run(HOUR);
        clocks.pass(2 * DAY);
        clocks.suspended.fetch_add((2 * DAY).unsigned_abs(), Ordering::Relaxed);
        let after = session.commit();
        assert_eq!(after.unix_nanos(), clocks.truth(), "commit times are the wall clock's at once");
        session.run(DAY);
        check(session.age(before), 3 * DAY + HOUR, SECOND, "from before the suspend");
        check(session.age(after), DAY, SECOND, "from after it");
    }
}

#[test]
fn the_time_that_a_store_was_closed_counts_after_the_grace_and_not_before() {
    let mut session = Session::open(&Clocks::new(), State::default());
    let first = session.commit();
    session.run(2 * DAY);
    let last = session.commit();
    let mut session = session.reopen(20 * DAY, 0, true);
    session.run(GRACE - MINUTE);
    check(session.age(last), GRACE - MINUTE, SECOND, "within the grace");
    session.run(2 * MINUTE);
    check(session.age(last), 20 * DAY + GRACE + MINUTE, SECOND, "after the grace");
    check(session.age(first), 22 * DAY + GRACE + MINUTE, SECOND, "after the grace");
    session.commit();
    let session = session.reopen(DAY, 0, false);
    check(session.age(first), 22 * DAY + GRACE + MINUTE, 2 * SECOND, "what was found out is durable");
}

#[test]
fn a_clock_that_is_wrong_at_opening_and_set_right_within_the_grace_is_used_right() {
    for wrong in STEPS {
        for is_synchronised in [true, false] {
            let mut session = Session::open(&Clocks::new(), State::default());
            let first = session.commit();
            session.run(2 * DAY);
            session.commit();
            let mut session = session.reopen(20 * DAY, wrong, is_synchronised);
            let wrongly = session.commit();
            session.run(GRACE / 2);
            session.clocks.set_wrong_by(0);
            session.clocks.call_synchronised(true);
            let rightly = session.commit();
            session.run(GRACE / 2 + MINUTE);
            let what = format!("wrong by {} h, synchronised: {is_synchronised}", wrong / HOUR);
            // A clock that calls itself right and is behind takes some of what another tells.
            let late = if is_synchronised && -wrong < 20 * DAY { (-wrong).max(0) } else { 0 };
            check(session.age(first), 23 * DAY + MINUTE, late + SECOND, &what);
            check(session.age(wrongly), GRACE + MINUTE, SECOND, &what);
            check(session.age(rightly), GRACE / 2 + MINUTE, SECOND, &what);
        }
    }
}

#[test]
fn a_clock_that_does_not_call_itself_synchronised_makes_nothing_older_however_long_it_runs() {
    for wrong in STEPS {
        let mut session = Session::open(&Clocks::new(), State::default());
        let first = session.commit();
        session.run(2 * DAY);
        session.commit();
        let mut session = session.reopen(20 * DAY, wrong, false);
        session.run(30 * DAY);
        check(session.age(first), 32 * DAY, SECOND, "not synchronised");
    }
}

#[test]
fn an_opening_with_a_wrong_clock_and_a_crash_neither_makes_older_nor_keeps_for_ever() {
    for wrong in STEPS {
        for is_synchronised in [true, false] {
            let mut session = Session::open(&Clocks::new(), State::default());
            let first = session.commit();
            session.run(2 * DAY);
            session.commit();
            let mut session = session.reopen(20 * DAY, wrong, is_synchronised);
            let between = session.commit();
            session.run(HOUR);
            session.commit();
            let mut session = session.reopen(3 * DAY, 0, true);
            let what = format!("wrong by {} h, synchronised: {is_synchronised}", wrong / HOUR);
            check(session.age(between), HOUR + 3 * DAY, 3 * DAY + SECOND, &what);
            session.run(GRACE + MINUTE);
            check(session.age(first), 26 * DAY + HOUR + MINUTE, 2 * SECOND, &what);
            // The one case that cannot be told apart: wrong, called right, and never set.
            if !is_synchronised || wrong > 0 {
                check(session.age(between), 4 * DAY + HOUR + MINUTE, 3 * DAY + SECOND, &what);
            }
        }
    }
}

#[test]
fn short_sessions_with_a_right_clock_keep_apart_when_each_was() {
    let mut session = Session::open(&Clocks::new(), State::default());
    let mut commits = Vec::new();
    for _ in 0..5 {
        commits.push((session.commit(), session.clocks.truth()));
        session.run(HOUR);
        session.commit();
        session = session.reopen(3 * DAY, 0, true);
    }
    session.run(GRACE + MINUTE);
    for (commit, truth) in commits {
        check(session.age(commit), session.clocks.truth() - truth, 3 * SECOND, "a session that was short");
    }
}

#[test]
fn a_clock_that_was_set_wrong_while_the_store_was_open_does_not_count_as_time_closed() {
    for wrong in STEPS {
        let mut session = Session::open(&Clocks::new(), State::default());
        let first = session.commit();
        session.run(2 * DAY);
        session.clocks.set_wrong_by(wrong);
        session.commit();
        session.run(2 * DAY);
        session.commit();
        let mut session = session.reopen(20 * DAY, 0, true);
        session.run(GRACE + MINUTE);
        let late = if wrong < 20 * DAY { wrong.max(0) } else { 0 };
        check(session.age(first), 25 * DAY + MINUTE, late + SECOND, &format!("wrong by {} h", wrong / HOUR));
    }
}

#[test]
fn the_state_keeps_few_spans_of_clocks_that_go_as_they_should() {
    let mut session = Session::open(&Clocks::new(), State::default());
    for _ in 0..1_000 {
        session.commit();
        session.run(10 * MINUTE);
    }
    assert_eq!(session.state.clock().spans().len(), 1);
    session.clocks.set_wrong_by(-HOUR);
    for _ in 0..1_000 {
        session.commit();
        session.run(10 * MINUTE);
    }
    assert_eq!(
        session.state.clock().spans().len(),
        3,
        "one as the clock is set, one once commit times have come there"
    );
}

/// Steps, suspends, restarts and crashes at random: nothing is ever older than it is, but by a clock that was wrong when the
/// store was opened and called itself right.
#[test]
fn nothing_is_older_than_it_is_whatever_the_clocks_do() {
    let seed = rand::rng().random_range(0..1_000_000);
    for seed in (0..300).chain([seed]) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut session = Session::open(&Clocks::new(), State::default());
        let mut committed: Vec<(CommitTime, i64)> = Vec::new();
        for _ in 0..120 {
            match random.random_range(0..10) {
                0 => {
                    // A clock that does not know better than to be wrong says so.
                    let is_wrong = random.random_bool(0.5);
                    let wrong = if is_wrong { STEPS[random.random_range(0..STEPS.len())] } else { 0 };
                    session = session.reopen(random.random_range(0..40 * DAY), wrong, !is_wrong);
                }
                1 => {
                    let wrong = STEPS[random.random_range(0..STEPS.len())];
                    session.clocks.set_wrong_by(wrong);
                    session.clocks.call_synchronised(false);
                }
                2 => {
                    session.clocks.set_wrong_by(0);
                    session.clocks.call_synchronised(true);
                }
                3..6 => session.run(random.random_range(0..5 * DAY)),
                _ => {
                    session.clocks.pass(random.random_range(0..HOUR));
                    let truth = session.clocks.truth();
                    committed.push((session.commit(), truth));
                }
            }
            for (commit, at) in &committed {
                let (age, truth) = (session.age(*commit), session.clocks.truth() - at);
                assert!(age <= truth, "seed {seed}: {} s early", (age - truth) / SECOND);
            }
            assert!(committed.is_sorted_by_key(|(commit, _)| *commit), "seed {seed}");
        }
    }
}
