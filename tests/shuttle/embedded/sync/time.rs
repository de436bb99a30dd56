//! The time of a model, which moves when a test says so.

use std::cell::RefCell;
use std::ops::{Add, Sub};
use std::rc::Rc;
use std::time::Duration;

/// How far the time goes on when it is asked for.
const TICK: Duration = Duration::from_micros(1);

thread_local! {
    // A model's threads all run on one thread of the operating system.
    static TIME: RefCell<Time> = RefCell::default();
}

#[derive(Default)]
struct Time {
    now: Duration,
    next_alarm: u64,
    alarms: Vec<SetAlarm>,
}

struct SetAlarm {
    number: u64,
    at: Duration,
    ring: Rc<dyn Fn()>,
}

/// As the standard library's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

/// Something that is done at its time, unless this is dropped before.
#[derive(Debug)]
pub(super) struct Alarm(u64);

/// Begins at zero with no alarms; for the start of each run of a model.
pub fn begin() {
    let past = TIME.with_borrow_mut(std::mem::take);
    drop(past);
}

/// As `begin`, at `now`.
pub fn begin_at(now: Duration) {
    begin();
    TIME.with_borrow_mut(|time| time.now = now);
}

/// The time by now; it has gone on a little since it was last asked for, so that no two are the same.
pub fn tick() -> Duration {
    TIME.with_borrow_mut(|time| {
        time.now += TICK;
        time.now
    })
}

/// Lets so much time pass.
pub fn advance(by: Duration) {
    let due: Vec<_> = TIME.with_borrow_mut(|time| {
        time.now += by;
        let now = time.now;
        time.alarms.extract_if(.., |set| set.at <= now).map(|set| set.ring).collect()
    });
    // Each wakes somebody, who may go on before the next is woken.
    for ring in due {
        ring();
    }
    super::step();
}

/// Lets time pass until the next alarm; false if there is none.
pub fn advance_to_alarm() -> bool {
    let next = TIME.with_borrow(|time| {
        let next = time.alarms.iter().map(|set| set.at).min();
        next.map(|at| at.saturating_sub(time.now))
    });
    next.map(advance).is_some()
}

/// Has something done once it is `at`.
pub(super) fn alarm(at: Instant, ring: impl Fn() + 'static) -> Alarm {
    TIME.with_borrow_mut(|time| {
        time.next_alarm += 1;
        let number = time.next_alarm;
        time.alarms.push(SetAlarm { number, at: at.0, ring: Rc::new(ring) });
        Alarm(number)
    })
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let silenced = TIME.with_borrow_mut(|time| {
            time.alarms.iter().position(|set| set.number == self.0).map(|place| time.alarms.remove(place))
        });
        drop(silenced);
    }
}

impl Instant {
    pub fn now() -> Self {
        Self(TIME.with_borrow(|time| time.now))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0 + by)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
