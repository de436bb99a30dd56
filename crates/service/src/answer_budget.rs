//! How much the server holds of answers that their clients have not taken, over all connections.
//!
//! What sends an answer takes it over whole and keeps what its client does not take, so a call must not make its next
//! answer before the last is nearly gone. What all calls hold together makes answers smaller the more it comes to: a
//! thousand clients that stall cost hardly more than a hundred, and whoever reads goes on, in smaller steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;

use bytes::{Buf, Bytes};
use futures_util::task::AtomicWaker;

/// The least that the bound on all answers lets one response hold, so that every call goes on.
const RESPONSE_BYTES_MIN: usize = 8 * 1024;
/// The part of the room that is left which one response may take: the last of it goes to many.
const SHARES: usize = 16;

/// The room for answers that were not taken.
#[derive(Debug)]
pub struct AnswerBudget {
    /// What the answers keep in memory, also where a part of one is sent.
    bytes: AtomicUsize,
    bytes_max: usize,
    /// Of one call.
    call_bytes_max: usize,
}

impl AnswerBudget {
    /// Room for so many bytes, of which one call holds so many.
    pub fn new(bytes_max: usize, call_bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), bytes_max, call_bytes_max })
    }

    /// Bytes of events that the next response of any call is built up to; `target` while there is room.
    pub fn response_bytes(&self, target: usize) -> usize {
        let left = self.bytes_max.saturating_sub(self.bytes.load(Ordering::Relaxed));
        (left / SHARES).max(RESPONSE_BYTES_MIN).min(target)
    }

    /// How much of a call's answers may be left when its next is made. A fast client's next answer is made while the
    /// last is on its way; where many hold much, not before it is gone.
    fn call_bytes(&self) -> usize {
        if self.is_short() { 0 } else { self.call_bytes_max / 2 }
    }

    /// Whether many clients hold much.
    pub fn is_short(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.bytes_max / 2
    }
}

/// What one call has handed over to be sent.
#[derive(Debug)]
pub struct Unsent {
    bytes: AtomicUsize,
    waiting: AtomicWaker,
    budget: Arc<AnswerBudget>,
}

impl Unsent {
    /// A call that has handed over nothing.
    pub fn new(budget: Arc<AnswerBudget>) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), waiting: AtomicWaker::new(), budget })
    }

    /// Whether the call may make its next answer; if not, its task is woken once it may.
    pub fn has_room(&self, context: &Context<'_>) -> bool {
        if self.is_low() {
            return true;
        }
        self.waiting.register(context.waker());
        self.is_low()
    }

    fn is_low(&self) -> bool {
        self.bytes.load(Ordering::Acquire) <= self.budget.call_bytes()
    }

    fn sent(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Release);
        if self.is_low() {
            self.waiting.wake();
        }
    }
}

/// A piece of an answer, counted from when it is made until it is sent or given up.
#[derive(Debug)]
pub struct AnswerPiece {
    rest: Bytes,
    length: usize,
    unsent: Arc<Unsent>,
}

impl AnswerPiece {
    /// Counts a piece that was made for a call.
    pub fn new(bytes: Bytes, unsent: &Arc<Unsent>) -> Self {
        let length = bytes.len();
        unsent.bytes.fetch_add(length, Ordering::Relaxed);
        unsent.budget.bytes.fetch_add(length, Ordering::Relaxed);
        Self { rest: bytes, length, unsent: Arc::clone(unsent) }
    }
}

impl Buf for AnswerPiece {
    fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.rest
    }

    fn advance(&mut self, count: usize) {
        self.rest.advance(count);
        self.unsent.sent(count);
    }
}

impl Drop for AnswerPiece {
    fn drop(&mut self) {
        self.unsent.budget.bytes.fetch_sub(self.length, Ordering::Relaxed);
        self.unsent.sent(self.rest.len());
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    const TARGET: usize = 256 * 1024;

    fn answer(bytes: usize, unsent: &Arc<Unsent>) -> AnswerPiece {
        AnswerPiece::new(Bytes::from(vec![0; bytes]), unsent)
    }

    #[test]
    fn a_call_waits_until_its_answer_is_nearly_sent() {
        let unsent = Unsent::new(AnswerBudget::new(100 * TARGET, TARGET));
        let context = Context::from_waker(Waker::noop());
        let mut first = answer(TARGET, &unsent);
        assert!(!unsent.has_room(&context));
        first.advance(TARGET / 2);
        assert!(unsent.has_room(&context), "the next is made while the rest is on its way");
        let second = answer(TARGET, &unsent);
        assert!(!unsent.has_room(&context));
        drop((first, second));
        assert!(unsent.has_room(&context), "what is given up takes no room");
    }

    #[test]
    fn the_more_is_held_the_smaller_are_answers_and_none_is_made_ahead() {
        let budget = AnswerBudget::new(100 * TARGET, TARGET);
        assert_eq!(budget.response_bytes(TARGET), TARGET);
        let stalled: Vec<_> = (0..90).map(|_| answer(TARGET, &Unsent::new(Arc::clone(&budget)))).collect();
        assert_eq!(budget.response_bytes(TARGET), 10 * TARGET / SHARES);
        let unsent = Unsent::new(Arc::clone(&budget));
        let mut own = answer(100, &unsent);
        let context = Context::from_waker(Waker::noop());
        own.advance(99);
        assert!(!unsent.has_room(&context));
        own.advance(1);
        assert!(unsent.has_room(&context));
        let more: Vec<_> = (0..20).map(|_| answer(TARGET, &unsent)).collect();
        assert_eq!(budget.response_bytes(TARGET), RESPONSE_BYTES_MIN, "every call goes on");
        drop((stalled, more, own));
        assert_eq!(budget.bytes.load(Ordering::Relaxed), 0);
        assert_eq!(budget.response_bytes(TARGET), TARGET);
    }
}
