//! How others reach the commit thread.

use std::sync::Arc;

use annals_model::Table;
use crossbeam::channel::Sender;
use tokio::sync::oneshot;

use super::request::{Change, Request};
use crate::contract::{Append, AppendError, Appended, CatalogError};
use crate::embedded::admission::Permit;
use crate::embedded::store::Store;

/// Requests that may wait for the commit thread. Admission lets in fewer, by bytes; changes of the catalog are rare.
pub(super) const REQUESTS_MAX: usize = 65_536;

/// Sends requests to the commit thread.
#[derive(Clone, Debug)]
pub(crate) struct CommitHandle {
    requests: Sender<Request>,
    store: Arc<Store>,
}

impl CommitHandle {
    pub(super) fn new(requests: Sender<Request>, store: Arc<Store>) -> Self {
        Self { requests, store }
    }

    /// Appends; the permit is held until the answer. Requests are taken in the order in which this is first polled.
    pub(crate) async fn append(&self, append: Append, permit: Permit) -> Result<Appended, AppendError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Append { append, permit, answer }).map_err(|_| AppendError::Closed)?;
        answered.await.unwrap_or_else(|_| Err(self.lost().map_or(AppendError::Closed, AppendError::Unknown)))
    }

    /// Changes the catalog.
    pub(crate) async fn change(&self, change: Change) -> Result<Arc<Table>, CatalogError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Change { change, answer }).map_err(|_| CatalogError::Closed)?;
        answered.await.unwrap_or_else(|_| Err(self.lost().map_or(CatalogError::Closed, CatalogError::Unknown)))
    }

    /// As [`change`](Self::change), for threads of the engine's own.
    pub(crate) fn change_and_wait(&self, change: Change) -> Result<Arc<Table>, CatalogError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request::Change { change, answer }).map_err(|_| CatalogError::Closed)?;
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
        if self.requests.send(Request::Freeze { answer }).is_ok() {
            // Without an answer the thread has ended.
            drop(answered.await);
        }
    }

    /// Has the commit thread finish what came before, and end.
    pub(crate) fn close(&self) {
        // It ended already if nobody takes this.
        drop(self.requests.send(Request::Close));
    }
}
