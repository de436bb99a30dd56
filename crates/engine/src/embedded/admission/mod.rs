//! Admission: how many bytes may wait to be committed, over all and of one table.
//!
//! It comes before sequencing: what is let in is committed in the order in which it came. A table has a share, so that
//! one that is flooded does not stall the rest. Who finds no room waits, for a bounded time, behind those of its table
//! that wait already; tables take turns. Nobody jumps past a large request that waits for the node's room, or it would
//! never find any.

mod expiry;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use annals_model::TableId;
use tokio::sync::oneshot;

pub(crate) use expiry::ExpiryThread;

/// The bounds of admission.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "each is a bound, which its name says")]
pub(crate) struct AdmissionLimits {
    /// Bytes that may be under way at once.
    pub(crate) node_bytes_max: u64,
    /// Of these, bytes of one table.
    pub(crate) table_bytes_max: u64,
    /// Requests that may wait for room.
    pub(crate) waiting_max: usize,
    /// How long one waits.
    pub(crate) wait_max: Duration,
}

/// Why a request was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// It found no room in time; so many bytes are under way or wait.
    Overloaded { waiting_bytes: u64 },
    /// The store is closing.
    Closed,
}

/// Who may come in. See the module.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: AdmissionLimits,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    is_closed: bool,
    used: u64,
    waiting: usize,
    waiting_bytes: u64,
    next_waiter: u64,
    tables: HashMap<TableId, TableBook>,
    /// The tables with waiters, in the order of their turns.
    turns: VecDeque<TableId>,
    /// Whether the one whose turn it is waits for the node's room.
    is_node_full: bool,
}

#[derive(Debug, Default)]
struct TableBook {
    used: u64,
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    bytes: u64,
    answer: oneshot::Sender<Result<Permit, NotAdmitted>>,
}

/// One who waits.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    table: TableId,
    number: u64,
}

/// Room that was given; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    table: TableId,
    bytes: u64,
}

/// Answers that are sent once the book is closed: a permit that finds nobody is dropped, which opens the book again.
type Answers = Vec<(oneshot::Sender<Result<Permit, NotAdmitted>>, Result<Permit, NotAdmitted>)>;

impl Admission {
    /// Admission within these limits, with nothing under way.
    pub(crate) fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self { limits, book: Mutex::default() })
    }

    /// Lets `bytes` of a table in, at once or when there is room. Whoever asks first, of one table, is let in first.
    ///
    /// # Errors
    /// When there was no room in time, too many wait already, or the store is closing.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        table: TableId,
        bytes: u64,
        expiry: &ExpiryThread,
    ) -> Result<Permit, NotAdmitted> {
        // More than a table's share would wait in vain.
        let bytes = bytes.min(self.limits.table_bytes_max);
        let (number, answered, answers) = {
            let mut book = self.open_book();
            if book.is_closed {
                return Err(NotAdmitted::Closed);
            }
            if book.lets_in_at_once(&self.limits, table, bytes) {
                book.take(table, bytes);
                return Ok(Permit { admission: Arc::clone(self), table, bytes });
            }
            if book.waiting >= self.limits.waiting_max || self.limits.wait_max.is_zero() {
                return Err(book.overloaded());
            }
            let (number, answered) = book.wait(table, bytes);
            // Finds out whether it is the node's room that is waited for.
            (number, answered, self.grant(&mut book))
        };
        send(answers);
        expiry.watch(self.limits.wait_max, Ticket { table, number });
        answered.await.unwrap_or(Err(NotAdmitted::Closed))
    }

    /// Turns a waiter away that has waited long enough; does nothing if it is no longer there.
    fn expire(self: &Arc<Self>, ticket: Ticket) {
        let mut book = self.open_book();
        let overloaded = book.overloaded();
        let Some(waiter) = book.leave(ticket) else { return };
        // It may have been the one that held the others back.
        let mut answers = self.grant(&mut book);
        drop(book);
        answers.push((waiter.answer, Err(overloaded)));
        send(answers);
    }

    /// Turns everybody away, from now on.
    pub(crate) fn close(&self) {
        let mut book = self.open_book();
        book.is_closed = true;
        (book.waiting, book.waiting_bytes, book.is_node_full) = (0, 0, false);
        book.turns.clear();
        let waiters = book.tables.values_mut().flat_map(|table| table.waiters.drain(..));
        let answers = waiters.map(|waiter| (waiter.answer, Err(NotAdmitted::Closed))).collect();
        drop(book);
        send(answers);
    }

    fn give_back(self: &Arc<Self>, table: TableId, bytes: u64) {
        let mut book = self.open_book();
        book.give_back(table, bytes);
        let answers = self.grant(&mut book);
        drop(book);
        send(answers);
    }

    /// Lets in all who find room, table by table in turns.
    fn grant(self: &Arc<Self>, book: &mut Book) -> Answers {
        let mut answers = Answers::new();
        let mut turns_without_room = 0;
        book.is_node_full = false;
        while turns_without_room < book.turns.len() {
            let table = book.turns[0];
            let present = &book.tables[&table];
            let bytes = present.waiters.front().expect("a table has turns while it has waiters").bytes;
            if present.used + bytes > self.limits.table_bytes_max {
                book.turns.rotate_left(1);
                turns_without_room += 1;
            } else if book.used + bytes > self.limits.node_bytes_max {
                book.is_node_full = true;
                break;
            } else {
                let waiter = book.next_of(table);
                book.take(table, bytes);
                answers.push((waiter.answer, Ok(Permit { admission: Arc::clone(self), table, bytes })));
                turns_without_room = 0;
            }
        }
        answers
    }

    fn open_book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends answers. An answer that finds nobody is dropped, and a permit with it.
fn send(answers: Answers) {
    for (answer, result) in answers {
        drop(answer.send(result));
    }
}

impl Book {
    fn lets_in_at_once(&self, limits: &AdmissionLimits, table: TableId, bytes: u64) -> bool {
        let (used, has_waiters) =
            self.tables.get(&table).map_or((0, false), |table| (table.used, !table.waiters.is_empty()));
        !has_waiters
            && !self.is_node_full
            && used + bytes <= limits.table_bytes_max
            && self.used + bytes <= limits.node_bytes_max
    }

    fn take(&mut self, table: TableId, bytes: u64) {
        self.used += bytes;
        self.tables.entry(table).or_default().used += bytes;
    }

    fn give_back(&mut self, table: TableId, bytes: u64) {
        self.used -= bytes;
        let present = self.tables.get_mut(&table).expect("a table is in the book while a permit of it is out");
        present.used -= bytes;
        self.forget_if_idle(table);
    }

    fn wait(&mut self, table: TableId, bytes: u64) -> (u64, oneshot::Receiver<Result<Permit, NotAdmitted>>) {
        let (answer, answered) = oneshot::channel();
        let number = self.next_waiter;
        self.next_waiter += 1;
        self.waiting += 1;
        self.waiting_bytes += bytes;
        let waiters = &mut self.tables.entry(table).or_default().waiters;
        waiters.push_back(Waiter { number, bytes, answer });
        if waiters.len() == 1 {
            self.turns.push_back(table);
        }
        (number, answered)
    }

    /// Takes the table's first waiter out of its queue, and gives the turn on.
    fn next_of(&mut self, table: TableId) -> Waiter {
        let waiters = &mut self.tables.get_mut(&table).expect("a table with a turn is in the book").waiters;
        let waiter = waiters.pop_front().expect("a table has turns while it has waiters");
        self.turns.pop_front();
        if !waiters.is_empty() {
            self.turns.push_back(table);
        }
        self.waiting -= 1;
        self.waiting_bytes -= waiter.bytes;
        waiter
    }

    fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        let waiters = &mut self.tables.get_mut(&ticket.table)?.waiters;
        let index = waiters.binary_search_by_key(&ticket.number, |waiter| waiter.number).ok()?;
        let waiter = waiters.remove(index)?;
        if waiters.is_empty() {
            self.turns.retain(|&table| table != ticket.table);
        }
        self.waiting -= 1;
        self.waiting_bytes -= waiter.bytes;
        self.forget_if_idle(ticket.table);
        Some(waiter)
    }

    fn forget_if_idle(&mut self, table: TableId) {
        if self.tables.get(&table).is_some_and(|present| present.used == 0 && present.waiters.is_empty()) {
            self.tables.remove(&table);
        }
    }

    fn overloaded(&self) -> NotAdmitted {
        NotAdmitted::Overloaded { waiting_bytes: self.used + self.waiting_bytes }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.give_back(self.table, self.bytes);
    }
}
