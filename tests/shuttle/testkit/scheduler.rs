//! Which thread goes on at each step, from a seed.
//!
//! How often another is chosen than the one that runs differs from seed to seed, from at each step to every 30th or so:
//! few changes reach far into what one thread does alone, many try out fine steps. In some runs one thread is held up
//! for long, as it may be on a busy machine. The thread that lets time pass goes on only where nobody else can.

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

/// The thread that lets time pass: the first that the main one starts.
const CLOCK: usize = 1;

/// Steps for which a thread is held up, at most.
const HELD_UP_STEPS_MAX: u32 = 5_000;

/// Threads of which one is held up: those of an engine that was opened first, with one more.
const HELD_UP_THREADS: usize = 14;

/// Decides one run.
#[derive(Debug)]
pub(crate) struct Turns {
    seed: u64,
    random: StdRng,
    has_begun: bool,
    /// How likely it is at each step that any thread goes on, and not the one that runs.
    change: f64,
    held_up: Option<HeldUp>,
}

#[derive(Debug)]
struct HeldUp {
    thread: usize,
    steps: u32,
}

impl Turns {
    /// The turns of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let change = [1.0, 0.3, 0.1, 0.03][random.random_range(0..4)];
        let held_up = random.random_bool(0.3).then(|| HeldUp {
            thread: random.random_range(CLOCK + 1..=HELD_UP_THREADS),
            steps: random.random_range(1..HELD_UP_STEPS_MAX),
        });
        Self { seed, random, has_begun: false, change, held_up }
    }

    /// Whether a thread waits though it could go on; counts the step.
    fn is_held_up(&mut self, thread: TaskId) -> bool {
        let Some(held_up) = &mut self.held_up else { return false };
        if held_up.steps == 0 || usize::from(thread) != held_up.thread {
            return false;
        }
        held_up.steps -= 1;
        true
    }
}

impl Scheduler for Turns {
    fn new_execution(&mut self) -> Option<Schedule> {
        (!std::mem::replace(&mut self.has_begun, true)).then(|| Schedule::new(self.seed))
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, _: bool) -> Option<TaskId> {
        let able: Vec<TaskId> = runnable.iter().map(|task| task.id()).collect();
        let mut free: Vec<TaskId> = able.iter().copied().filter(|&task| usize::from(task) != CLOCK).collect();
        if free.len() > 1 {
            free.retain(|&task| !self.is_held_up(task));
        }
        let stays = current.filter(|task| free.contains(task));
        match (stays, free.len()) {
            (_, 0) => able.first().copied(),
            (Some(current), _) if !self.random.random_bool(self.change) => Some(current),
            (_, count) => Some(free[self.random.random_range(0..count)]),
        }
    }

    fn next_u64(&mut self) -> u64 {
        self.random.next_u64()
    }
}
