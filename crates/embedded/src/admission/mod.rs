//! Admission: how many bytes may wait to be committed, over all and of one table.
//!
//! It comes before sequencing: what is let in is committed in the order in which it came. Whoever is let in goes in at
//! that moment, not when its task next runs, so that none of its table that came later can pass it. A table has a share,
//! so that one that is flooded does not stall the rest. Who finds no room waits, for a bounded time, behind those of its
//! table that wait already; tables take turns. Nobody jumps past a large request that waits for the node's room, or it
//! would never find any.
//!
//! Promises: bytes under way stay within the node's and each table's bound, and appends of a table are committed in the
//! order in which they were let in.
//!
//! Does not: look into appends, or know what the commit thread does with them.

mod expiry;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use annals_model::TableId;

use crate::sync::{HashMap, Mutex, MutexGuard};

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

/// Who asks to come in. One of the two methods is called, once; neither may wait for anything.
pub(crate) trait Entrant: Debug + Send + 'static {
    /// Goes in. Of one table this is called in the order of admission, while the book is open: so a permit that is not
    /// used after all is given back rather than dropped, which would open the book again.
    fn enter(self: Box<Self>, permit: Permit) -> Option<Permit>;

    /// Is told why it cannot come in.
    fn turn_away(self: Box<Self>, why: NotAdmitted);
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
    entrant: Box<dyn Entrant>,
}

/// One who waits.
#[derive(Clone, Copy, Debug)]
struct Ticket {
    table: TableId,
    number: u64,
}

/// A place among those who wait, until this is dropped: who has not been let in by then takes no room any more.
#[derive(Debug)]
pub(crate) struct Waiting {
    admission: Arc<Admission>,
    ticket: Ticket,
}

/// Room that was given; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    table: TableId,
    bytes: u64,
}

/// Permits that nobody uses, to be dropped once the book is closed: that opens it again.
#[must_use]
struct Unused(Vec<Permit>);

impl Admission {
    /// Admission within these limits, with nothing under way.
    pub(crate) fn new(limits: AdmissionLimits) -> Arc<Self> {
        Arc::new(Self { limits, book: Mutex::default() })
    }

    /// Lets an entrant with `bytes` of a table in, at once or when there is room; or turns it away when there was no room
    /// in time, too many wait already, or the store is closing. Whoever asks first, of one table, goes in first. Gives
    /// the place of one that waits.
    pub(crate) fn admit(
        self: &Arc<Self>,
        table: TableId,
        bytes: u64,
        expiry: &ExpiryThread,
        entrant: Box<dyn Entrant>,
    ) -> Option<Waiting> {
        // More than a table's share would wait in vain.
        let bytes = bytes.min(self.limits.table_bytes_max);
        let mut book = self.open_book();
        if !book.is_closed && book.lets_in_at_once(&self.limits, table, bytes) {
            book.take(table, bytes);
            drop(book);
            // Those of this table that are let in meanwhile came from tasks that know nothing of this one.
            drop(entrant.enter(Permit { admission: Arc::clone(self), table, bytes }));
            return None;
        }
        let refused = if book.is_closed {
            Some(NotAdmitted::Closed)
        } else {
            (book.waiting >= self.limits.waiting_max || self.limits.wait_max.is_zero()).then(|| book.overloaded())
        };
        if let Some(why) = refused {
            drop(book);
            entrant.turn_away(why);
            return None;
        }
        let number = book.wait(table, bytes, entrant);
        // Finds out whether it is the node's room that is waited for.
        let unused = self.grant(&mut book);
        drop(book);
        drop(unused);
        let ticket = Ticket { table, number };
        expiry.watch(self.limits.wait_max, ticket);
        Some(Waiting { admission: Arc::clone(self), ticket })
    }

    /// Turns a waiter away that has waited long enough; does nothing if it is no longer there.
    fn expire(self: &Arc<Self>, ticket: Ticket) {
        let why = self.open_book().overloaded();
        if let Some(entrant) = self.leave(ticket) {
            entrant.turn_away(why);
        }
    }

    /// Takes a waiter out of its queue, if it is still there.
    fn leave(self: &Arc<Self>, ticket: Ticket) -> Option<Box<dyn Entrant>> {
        let mut book = self.open_book();
        let waiter = book.leave(ticket)?;
        // It may have been the one that held the others back.
        let unused = self.grant(&mut book);
        drop(book);
        drop(unused);
        Some(waiter.entrant)
    }

    /// Turns everybody away, from now on.
    pub(crate) fn close(&self) {
        let mut book = self.open_book();
        book.is_closed = true;
        (book.waiting, book.waiting_bytes, book.is_node_full) = (0, 0, false);
        book.turns.clear();
        let waiters: Vec<_> = book.tables.values_mut().flat_map(|table| table.waiters.drain(..)).collect();
        book.tables.retain(|_, table| table.used > 0);
        drop(book);
        for waiter in waiters {
            waiter.entrant.turn_away(NotAdmitted::Closed);
        }
    }

    fn give_back(self: &Arc<Self>, table: TableId, bytes: u64) {
        let mut book = self.open_book();
        book.give_back(table, bytes);
        let unused = self.grant(&mut book);
        drop(book);
        drop(unused);
    }

    /// Lets in all who find room, table by table in turns.
    fn grant(self: &Arc<Self>, book: &mut Book) -> Unused {
        let mut unused = Unused(Vec::new());
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
                unused.0.extend(waiter.entrant.enter(Permit { admission: Arc::clone(self), table, bytes }));
                turns_without_room = 0;
            }
        }
        unused
    }

    /// Whether nothing is under way and nobody waits.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        let book = self.open_book();
        book.tables.is_empty() && book.turns.is_empty() && (book.used, book.waiting, book.waiting_bytes) == (0, 0, 0)
    }

    fn open_book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn wait(&mut self, table: TableId, bytes: u64, entrant: Box<dyn Entrant>) -> u64 {
        let number = self.next_waiter;
        self.next_waiter += 1;
        self.waiting += 1;
        self.waiting_bytes += bytes;
        let waiters = &mut self.tables.entry(table).or_default().waiters;
        waiters.push_back(Waiter { number, bytes, entrant });
        if waiters.len() == 1 {
            self.turns.push_back(table);
        }
        number
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

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.admission.leave(self.ticket));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.give_back(self.table, self.bytes);
    }
}
