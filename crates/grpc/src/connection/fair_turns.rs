//! Who goes on in one connection: its calls, which make answers, or the connection, which writes them.
//!
//! A connection and its calls are tasks of one thread, which runs them one after another. When many calls are ready
//! and each makes its answer before the connection comes to write, the client has nothing to do meanwhile, and the
//! server nothing while the client takes all of it in. So calls make some answers, and then the connection has its turn.
//!
//! Does not bound what is held: a connection that cannot write has its turn all the same, and how far a call goes ahead of
//! its client is [`Unsent`](annals_service::Unsent)'s to say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

/// Bytes of answers after which the connection has its turn: writing them costs far more than taking turns does.
const TURN_BYTES: usize = 64 * 1024;
/// Calls that are woken when the turn comes back to them. As many as make a turn's bytes, where answers are small ones.
const CALLS_WOKEN: usize = 4;

/// The turns of one connection and its calls.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often the connection had its turn.
    number: u64,
    /// What calls have made since.
    bytes: usize,
    /// Calls that wait for their turn, by when they came.
    waiting: BTreeMap<u64, Waker>,
    next_ticket: u64,
}

/// A call's part in the turns.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    /// The turn in which it was last let in: in that it may also end its answer.
    let_in: Option<u64>,
    /// Its place among those that wait, from when it had to until it is let in.
    ticket: Option<u64>,
}

impl Turns {
    /// The connection has written what it could: calls may go on. Comes back to the connection after some of them, for as
    /// long as any wait.
    pub(super) fn pass_on(&self, context: &Context<'_>) {
        let woken = self.with(|state| {
            (state.number, state.bytes) = (state.number + 1, 0);
            let woken: Vec<Waker> =
                std::iter::from_fn(|| state.waiting.pop_first()).map(|(_, waker)| waker).take(CALLS_WOKEN).collect();
            if !state.waiting.is_empty() {
                context.waker().wake_by_ref();
            }
            woken
        });
        woken.into_iter().for_each(Waker::wake);
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Turn {
    pub(super) fn new(turns: Arc<Turns>) -> Self {
        Self { turns, let_in: None, ticket: None }
    }

    /// Whether the call may make an answer; if not, its task is woken when it may.
    pub(super) fn has_come(&mut self, context: &Context<'_>) -> bool {
        let Self { turns, let_in, ticket } = self;
        turns.with(|state| {
            if *let_in == Some(state.number) {
                return true;
            }
            let place = *ticket.get_or_insert(state.next_ticket);
            if state.bytes < TURN_BYTES {
                state.waiting.remove(&place);
                (*let_in, *ticket) = (Some(state.number), None);
                return true;
            }
            state.next_ticket = state.next_ticket.max(place + 1);
            state.waiting.insert(place, context.waker().clone());
            false
        })
    }

    /// Notes an answer that the connection is to write. Its task is woken by whoever hands the answer over.
    pub(super) fn made(&self, bytes: usize) {
        self.turns.with(|state| state.bytes += bytes);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.turns.with(|state| state.waiting.remove(&ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn task() -> (Arc<Woken>, Waker) {
        let woken = Arc::new(Woken::default());
        (Arc::clone(&woken), Waker::from(woken))
    }

    #[test]
    fn calls_go_on_in_the_order_in_which_they_came_and_the_connection_comes_in_between() {
        let turns = Arc::new(Turns::default());
        let (connection, connection_waker) = task();
        let mut first = Turn::new(Arc::clone(&turns));
        let (_, waker) = task();
        assert!(first.has_come(&Context::from_waker(&waker)));
        first.made(TURN_BYTES);
        assert!(first.has_come(&Context::from_waker(&waker)), "it ends what it began");
        let mut waiting: Vec<_> = (0..2 * CALLS_WOKEN).map(|_| (Turn::new(Arc::clone(&turns)), task())).collect();
        for (turn, (_, waker)) in &mut waiting {
            assert!(!turn.has_come(&Context::from_waker(waker)), "the connection writes first");
        }
        let woken = |waiting: &[(Turn, (Arc<Woken>, Waker))]| {
            waiting.iter().map(|(_, (woken, _))| woken.0.load(Ordering::Relaxed)).collect::<Vec<_>>()
        };
        turns.pass_on(&Context::from_waker(&connection_waker));
        assert_eq!(woken(&waiting), [vec![1; CALLS_WOKEN], vec![0; CALLS_WOKEN]].concat());
        assert_eq!(connection.0.load(Ordering::Relaxed), 1, "it has its next turn after them");
        let (turn, (_, waker)) = &mut waiting[0];
        assert!(turn.has_come(&Context::from_waker(waker)));
        turns.pass_on(&Context::from_waker(&connection_waker));
        assert_eq!(woken(&waiting), vec![1; 2 * CALLS_WOKEN]);
        assert_eq!(connection.0.load(Ordering::Relaxed), 1, "nobody waits any more");
    }

    #[test]
    fn a_call_that_asks_twice_waits_once_and_one_that_ends_not_at_all() {
        let turns = Arc::new(Turns::default());
        let (woken, waker) = task();
        let context = Context::from_waker(&waker);
        let mut call = Turn::new(Arc::clone(&turns));
        call.made(TURN_BYTES);
        assert!(!call.has_come(&context) && !call.has_come(&context));
        assert_eq!(turns.with(|state| state.waiting.len()), 1);
        drop(call);
        turns.pass_on(&Context::from_waker(Waker::noop()));
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
    }
}
