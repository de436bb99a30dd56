//! The loop of the commit thread.

use std::io;
use std::sync::Arc;

use annals_model::CommitTime;
use annals_storage::framed::{FramePlace, Position};
use annals_storage::journal::{Journal, JournalError, Mark, Unsynced};
use annals_storage::layout::FileNumber;
use annals_storage::state::State;

use super::group::{GroupFailure, Refusal, WrittenGroup};
use super::handle::CommitHandle;
use super::plan::{Filling, Plan};
use super::request::{Errand, Freeze, Request};
use super::sync_thread::{Durability, SyncThread};
use crate::background;
use crate::commit_clock::CommitClock;
use crate::store::Store;
use crate::sync::{JoinHandle, Receiver, after, never, oneshot, select, unbounded};
use annals_engine::{AppendError, CatalogError, ReadOnlyReason};

/// What the commit thread starts from.
#[derive(Debug)]
pub(crate) struct CommitStart {
    pub(crate) store: Arc<Store>,
    pub(crate) journal: Journal,
    pub(crate) state: State,
}

/// The commit thread's own. See the module above.
#[derive(Debug)]
pub(crate) struct Committer {
    store: Arc<Store>,
    journal: Journal,
    clock: CommitClock,
    plan: Plan,
    requests: Receiver<Request>,
    errands: Receiver<Errand>,
    /// Memory was given back.
    memory: Receiver<()>,
    /// What flushing meets has changed.
    obstacles: Receiver<()>,
    syncs: SyncThread<Unsynced>,
    filling: Filling,
    under_way: Option<UnderWay>,
    /// Whether the newest frame holds data: a mark would move it off the place that a lying disk could lose.
    wants_mark: bool,
    is_closing: bool,
    /// Journal files up to this one are to be given up.
    freeze_through: Option<FileNumber>,
    /// Who waits for memtables to be frozen.
    freezes: Vec<(Freeze, oneshot::Sender<()>)>,
}

/// What is left when the thread has ended: everything that was taken is answered and synced.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) journal: Journal,
    pub(crate) clock: CommitClock,
}

#[derive(Debug)]
struct UnderWay {
    group: WrittenGroup,
    commit_time: CommitTime,
}

enum Event {
    Request(Request),
    Errand(Errand),
    Synced(Result<FramePlace, JournalError>),
    /// There may be room in memory now, or none to be waited for.
    Room,
    /// Nothing came for a while.
    Idle,
}

impl Durability for Unsynced {
    type Outcome = Result<FramePlace, JournalError>;

    fn make_durable(self) -> Self::Outcome {
        self.sync()
    }
}

impl Committer {
    /// Starts the thread. It gives the journal back when it ends: everything that was taken is then answered.
    pub(crate) fn start(start: CommitStart) -> io::Result<(CommitHandle, JoinHandle<Ended>)> {
        let CommitStart { store, journal, state } = start;
        let ((sender, requests), (errand_sender, errands)) = (unbounded(), unbounded());
        let (memory, obstacles) = (store.gauge().given_back().clone(), store.backlog().obstacles().clone());
        let clock = CommitClock::new(Arc::clone(&store.options().clock), store.ages().opening());
        let plan = Plan::new(state, &store.catalog().tables(), Arc::clone(store.gauge()));
        let handle = CommitHandle::new(sender, errand_sender, Arc::clone(&store));
        let committer = Self {
            store,
            journal,
            clock,
            plan,
            requests,
            errands,
            memory,
            obstacles,
            syncs: SyncThread::start()?,
            filling: Filling::default(),
            under_way: None,
            wants_mark: false,
            is_closing: false,
            freeze_through: None,
            freezes: Vec::new(),
        };
        let store = Arc::clone(&committer.store);
        let thread = background::start(&store, "commit", move || committer.run())?;
        Ok((handle, thread))
    }

    fn run(mut self) -> Ended {
        // What was replayed may cost more than memtables may; no group would end before some of it is flushed.
        self.store.freeze_where_due(&[]);
        while let Some(event) = self.next_event() {
            match event {
                Event::Request(request) => self.take(request),
                Event::Errand(errand) => self.run_errand(errand),
                Event::Synced(outcome) => self.finish(outcome),
                Event::Room => {}
                Event::Idle => self.filling.frame.push_mark(Mark::Idle),
            }
            if self.under_way.is_none() {
                self.take_waiting();
                self.freeze_as_asked();
                self.write();
            }
        }
        self.refuse_rest();
        Ended { journal: self.journal, clock: self.clock }
    }

    /// Freezes the memtables that somebody asked for; all that they hold is durable now.
    fn freeze_as_asked(&mut self) {
        for (which, answer) in self.freezes.drain(..) {
            match which {
                Freeze::All => self.store.freeze_all(),
                Freeze::Shards(shards) => self.store.freeze_shards(&shards),
            }
            // Who does not wait any more has what was asked for all the same.
            let _ = answer.send(());
        }
    }

    /// Refuses what came after the last request that was taken.
    fn refuse_rest(&mut self) {
        self.store.set_closed();
        for request in self.requests.try_iter() {
            match request {
                Request::Append { answer, .. } => drop(answer.send(Err(AppendError::Closed))),
                Request::Close => {}
            }
        }
        for errand in self.errands.try_iter() {
            match errand {
                Errand::Change { answer, .. } => drop(answer.send(Err(CatalogError::Closed))),
                Errand::Forget { answer, .. } => drop(answer.send(Err(CatalogError::Closed))),
                Errand::Freeze { answer, .. } => drop(answer),
                Errand::NoteClock => {}
            }
        }
    }

    /// Keeps the state at the beginning of a journal file, and flushes what has held back the oldest files for long.
    fn rolled(&mut self, file: FileNumber, end_before: Position) {
        self.store.keeper_desk().note_begun(file, end_before, self.plan.durable().clone());
        self.freeze_through = (self.store.oldest_journal_file())
            // The present file counts: it too would be read by the next opening.
            .filter(|oldest| file.get() - oldest.get() + 1 >= self.store.options().journal_files_max)
            // Half of them at once, so that this is done seldom and makes few small runs.
            .and_then(|oldest| FileNumber::new(oldest.get() + self.store.options().journal_files_max / 2));
    }

    /// Waits for the next thing to do; none once everything is done and nothing will come.
    fn next_event(&mut self) -> Option<Event> {
        if self.is_closing && self.under_way.is_none() {
            return None;
        }
        let (no_request, no_errand, never_idle) = (never(), never(), never());
        let is_open = !self.is_closing && !self.is_full();
        let errands = if is_open { &self.errands } else { &no_errand };
        let requests = if is_open && !self.store.is_memory_short() { &self.requests } else { &no_request };
        let after_silence;
        let idle = if self.wants_mark && self.under_way.is_none() {
            after_silence = after(self.store.options().idle_mark_after);
            &after_silence
        } else {
            &never_idle
        };
        select! {
            recv(self.syncs.outcomes()) -> outcome => {
                Some(Event::Synced(outcome.expect("the sync thread lives as long as this one")))
            },
            // Without a handle nobody can ask for anything any more, not even to close.
            recv(requests) -> request => Some(request.map_or_else(|_| Event::Request(Request::Close), Event::Request)),
            recv(errands) -> errand => Some(errand.map_or_else(|_| Event::Request(Request::Close), Event::Errand)),
            recv(self.memory) -> _ => Some(Event::Room),
            recv(self.obstacles) -> _ => Some(Event::Room),
            recv(idle) -> _ => Some(Event::Idle),
        }
    }

    fn is_full(&self) -> bool {
        self.filling.frame.body_bytes() >= self.store.options().group_bytes_max
    }

    fn take_waiting(&mut self) {
        if self.store.is_memory_short() {
            self.store.freeze_where_due(&[]);
        }
        while !self.is_closing && !self.is_full() {
            match self.errands.try_recv() {
                Ok(errand) => self.run_errand(errand),
                Err(_) => break,
            }
        }
        while !self.is_closing && !self.is_full() && !self.store.is_memory_short() {
            match self.requests.try_recv() {
                Ok(request) => self.take(request),
                Err(_) => break,
            }
        }
    }

    fn take(&mut self, request: Request) {
        let Request::Append { append, permit, answer } = request else {
            self.is_closing = true;
            return;
        };
        let failure = match (self.store.read_only(), self.store.memory_obstacle()) {
            (None, None) => return self.plan.append(append, permit, answer, &mut self.filling),
            (Some(reason), _) => GroupFailure::ReadOnly(reason),
            (None, Some(full)) => GroupFailure::DiskFull(full),
        };
        self.filling.group.refusals.push(Refusal::Append(answer, failure.for_append()));
    }

    fn run_errand(&mut self, errand: Errand) {
        let refused = self.store.read_only().map(GroupFailure::ReadOnly);
        match (errand, refused) {
            (Errand::Freeze { which, answer }, _) => self.freezes.push((which, answer)),
            (Errand::Change { change, answer }, None) => {
                let (now, _) = self.clock.now();
                self.plan.change(change, now, answer, &mut self.filling);
            }
            (Errand::NoteClock, None) => self.filling.frame.push_mark(Mark::Idle),
            (Errand::NoteClock, Some(_)) => {}
            (Errand::Forget { tables, answer }, None) => self.plan.forget(&tables, answer, &mut self.filling),
            (Errand::Forget { answer, .. }, Some(failure)) => drop(answer.send(Err(failure.for_change()))),
            (Errand::Change { answer, .. }, Some(failure)) => {
                self.filling.group.refusals.push(Refusal::Change(answer, failure.for_change()));
            }
        }
    }

    /// Writes what was filled, has it synced, and adds it to the memtables meanwhile; or, if it is small, before.
    fn write(&mut self) {
        if self.filling.frame.is_empty() {
            let mut unchanged = std::mem::take(&mut self.filling.group);
            unchanged.answer_refusals();
            // Changes that changed nothing: a floor that was not raised.
            return drop(unchanged.add_to_memtables(CommitTime::MIN, FileNumber::FIRST).publish(&self.store));
        }
        let is_mark = self.filling.group.is_empty();
        let (commit_time, reading) = self.clock.now();
        for span in self.store.ages().due(commit_time, self.clock.slew(), reading) {
            self.plan.note_clock(span, &mut self.filling);
        }
        let group = std::mem::take(&mut self.filling.group);
        let end_before = self.journal.end();
        let is_small = self.filling.frame.body_bytes() <= self.store.options().sync_here_bytes_max;
        match self.journal.write(&mut self.filling.frame, commit_time) {
            Ok(unsynced) => {
                let file = unsynced.place().file;
                self.wants_mark = !is_mark;
                let to_sync_here = if is_small {
                    Some(unsynced)
                } else {
                    self.syncs.begin(unsynced);
                    None
                };
                if file != end_before.file {
                    self.rolled(file, end_before);
                }
                if self.journal.wants_spare() {
                    self.store.keeper_desk().ask_for_spare(file);
                }
                let group = group.add_to_memtables(commit_time, file);
                self.under_way = Some(UnderWay { group, commit_time });
                self.filling.frame.clear();
                if let Some(unsynced) = to_sync_here {
                    self.finish(unsynced.make_durable());
                }
            }
            Err(error) => {
                self.plan.take_back(&group);
                let failure = self.failure(&error);
                // A mark that found no space is no loss; the next frame stands in for it.
                self.wants_mark &= !is_mark;
                group.fail(&failure);
                self.filling.frame.clear();
            }
        }
    }

    fn finish(&mut self, outcome: Result<FramePlace, JournalError>) {
        let UnderWay { group, commit_time } = self.under_way.take().expect("an outcome is of a group under way");
        match outcome {
            Ok(place) => {
                self.store.note_journal_reached(place.end);
                let shards: Vec<_> = group.heads().map(|(table, shard)| (Arc::clone(table), shard)).collect();
                let records = group.publish(&self.store);
                self.plan.note_durable(&records, commit_time);
                self.store.ages().note_durable(&records, commit_time);
                self.store.freeze_where_due(&shards);
                if let Some(last) = self.freeze_through.take() {
                    self.store.freeze_through(last);
                }
            }
            Err(error) => {
                let failure = self.failure(&error);
                group.fail(&failure);
                // What was filled meanwhile rests on what is not known now.
                let reason = self.store.read_only().unwrap_or(ReadOnlyReason::SyncFailed(error.to_string()));
                std::mem::take(&mut self.filling.group).fail(&GroupFailure::ReadOnly(reason));
                self.filling.frame.clear();
            }
        }
    }

    fn failure(&mut self, error: &JournalError) -> GroupFailure {
        match error {
            JournalError::Full(source) => {
                tracing::warn!("the journal finds no space ({source}): appends are refused until there is some");
                GroupFailure::DiskFull(source.to_string())
            }
            JournalError::FrameTooLong { .. } => GroupFailure::Unknown(error.to_string()),
            JournalError::Failed { .. } => {
                tracing::error!("{error}: the store takes no appends until it is opened again");
                self.store.set_read_only(ReadOnlyReason::SyncFailed(error.to_string()));
                self.wants_mark = false;
                GroupFailure::Unknown(error.to_string())
            }
        }
    }
}
