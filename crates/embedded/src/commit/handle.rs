//! How others reach the commit thread.

use std::sync::Arc;
use std::time::Duration;

use annals_model::{Shard, Table, TableId};

use super::request::{AppendAnswer, Change, Errand, Freeze, Request};
use crate::admission::{Entrant, NotAdmitted, Permit, Waiting};
use crate::store::Store;
use crate::sync::{Semaphore, SendError, Sender, oneshot};
use annals_engine::{Append, AppendError, Appended, CatalogError};

/// When a refused append may try again: a few groups later.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Changes of the catalog that may be under way at once: they are rare, and each costs memory until it is durable.
const CHANGES_MAX: usize = 256;

/// Sends requests to the commit thread. What waits there is bounded before it is sent: appends by admission, changes by
/// `CHANGES_MAX`; the engine's own threads send one at a time.
#[derive(Clone, Debug)]
pub(crate) struct CommitHandle {
    requests: Sender<Request>,
    errands: Sender<Errand>,
    changes: Arc<Semaphore>,
    store: Arc<Store>,
}

/// An append that asks admission to let it in.
#[derive(Debug)]
struct EnteringAppend {
    requests: Sender<Request>,
    append: Append,
    answer: AppendAnswer,
}

impl CommitHandle {
    pub(super) fn new(requests: Sender<Request>, errands: Sender<Errand>, store: Arc<Store>) -> Self {
        Self { requests, errands, changes: Arc::new(Semaphore::new(CHANGES_MAX)), store }
    }

    /// Appends, once `admit` lets it in: that is when it takes its place in the order of commits. While it is not let in,
    /// dropping this takes it back.
    pub(crate) async fn append(
        &self,
        append: Append,
        admit: impl FnOnce(Box<dyn Entrant>) -> Option<Waiting>,
    ) -> Result<Appended, AppendError> {
        let (answer, answered) = oneshot::channel();
        let _waiting = admit(Box::new(EnteringAppend { requests: self.requests.clone(), append, answer }));
        answered.await.unwrap_or_else(|_| Err(self.lost().map_or(AppendError::Closed, AppendError::Unknown)))
    }

    /// Changes the catalog.
    pub(crate) async fn change(&self, change: Change) -> Result<Arc<Table>, CatalogError> {
        let _place = self.changes.acquire().await.map_err(|_| CatalogError::Closed)?;
        let (answer, answered) = oneshot::channel();
        self.errands.send(Errand::Change { change, answer }).map_err(|_| CatalogError::Closed)?;
        answered.await.unwrap_or_else(|_| Err(self.lost().map_or(CatalogError::Closed, CatalogError::Unknown)))
    }

    /// As [`change`](Self::change), for threads of the engine's own.
    pub(crate) fn change_and_wait(&self, change: Change) -> Result<Arc<Table>, CatalogError> {
        let (answer, answered) = oneshot::channel();
        self.errands.send(Errand::Change { change, answer }).map_err(|_| CatalogError::Closed)?;
        answered
            .blocking_recv()
            .unwrap_or_else(|_| Err(self.lost().map_or(CatalogError::Closed, CatalogError::Unknown)))
    }

    /// Has the state forget dropped tables of which nothing is left; for a thread of the engine's own.
    pub(crate) fn forget_and_wait(&self, tables: Vec<TableId>) -> Result<(), CatalogError> {
        let (answer, answered) = oneshot::channel();
        self.errands.send(Errand::Forget { tables, answer }).map_err(|_| CatalogError::Closed)?;
        answered
            .blocking_recv()
            .unwrap_or_else(|_| Err(self.lost().map_or(CatalogError::Closed, CatalogError::Unknown)))
    }

    /// Why a request has no answer: none if the commit thread ended in order, for then it answered all that it took.
    fn lost(&self) -> Option<String> {
        (!self.store.is_closed()).then(|| "the commit thread panicked; the log says where".to_owned())
    }

    /// Has all memtables frozen, so that they are flushed. Returns once they are; or at once, with nothing frozen, if the
    /// commit thread has ended.
    pub(crate) async fn freeze(&self) {
        let (answer, answered) = oneshot::channel();
        if self.errands.send(Errand::Freeze { which: Freeze::All, answer }).is_ok() {
            // Without an answer the thread has ended.
            drop(answered.await);
        }
    }

    /// Has the memtables of these shards frozen, for a thread of the engine's own. Does not wait for it.
    pub(crate) fn begin_freeze(&self, shards: Vec<(TableId, Shard)>) {
        let (answer, _) = oneshot::channel();
        // A commit thread that has ended has nothing to freeze.
        drop(self.errands.send(Errand::Freeze { which: Freeze::Shards(shards), answer }));
    }

    /// Has a frame written that makes durable how the clocks stand. Does not wait for it.
    pub(crate) fn begin_note_clock(&self) {
        // A commit thread that has ended has noted what it could.
        drop(self.errands.send(Errand::NoteClock));
    }

    /// Has the commit thread finish what came before, and end.
    pub(crate) fn close(&self) {
        // It ended already if nobody takes this.
        drop(self.requests.send(Request::Close));
    }
}

impl Entrant for EnteringAppend {
    fn enter(self: Box<Self>, permit: Permit) -> Option<Permit> {
        let Self { requests, append, answer } = *self;
        if answer.is_closed() {
            // Nobody waits for it any more.
            return Some(permit);
        }
        append.place.take();
        let Err(SendError(unsent)) = requests.send(Request::Append { append, permit, answer }) else { return None };
        let Request::Append { permit, answer, .. } = unsent else { return None };
        // Whoever waited may have gone meanwhile.
        drop(answer.send(Err(AppendError::Closed)));
        Some(permit)
    }

    fn turn_away(self: Box<Self>, why: NotAdmitted) {
        let error = match why {
            NotAdmitted::Overloaded { waiting_bytes } => {
                AppendError::Overloaded { waiting_bytes, retry_after: RETRY_AFTER }
            }
            NotAdmitted::Closed => AppendError::Closed,
        };
        // Whoever waited may have gone meanwhile.
        drop(self.answer.send(Err(error)));
    }
}
