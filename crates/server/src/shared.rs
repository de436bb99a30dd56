//! What all calls of one server share.

use std::sync::Arc;

use annals_engine::{Engine, PageBounds};
use annals_model::{Fault, Moment, Reason, Sequence, Table, TableName};
use tokio::sync::{Semaphore, watch};
use tokio::task::yield_now;

use crate::config::Limits;
use crate::connection::{Receiving, Sending};
use crate::encode;
use crate::faults;
use crate::tail::{LivePages, TailRegistry};

/// The engine, the limits, and who is being served.
#[derive(Debug)]
pub(crate) struct Shared<E> {
    pub(crate) engine: Arc<E>,
    pub(crate) limits: Limits,
    pub(crate) tails: TailRegistry,
    /// What live tails share.
    pub(crate) live_pages: Arc<LivePages>,
    /// Room for requests.
    pub(crate) receiving: Arc<Receiving>,
    /// Room for answers.
    pub(crate) sending: Arc<Sending>,
    /// Places for append sessions.
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) stop: Stop,
}

/// Tells that the server is stopping.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The sender says `true` once; until then nobody stops.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the server stops. Cancel-safe.
    pub(crate) async fn stopping(&mut self) {
        // A sender that is gone without a word is a server that is gone.
        let _ = self.0.wait_for(|is_stopping| *is_stopping).await;
    }
}

impl<E: Engine> Shared<E> {
    /// How much the next response of a call takes: less than usual where clients hold up much that was made for them.
    pub(crate) fn response_bounds(&self) -> PageBounds {
        let bounds = encode::response_bounds(&self.limits);
        PageBounds { bytes_max: self.sending.response_bytes(bounds.bytes_max), ..bounds }
    }

    /// Comes before each response of a stream. Where clients hold up much, it parts this response from the one before,
    /// which would be gathered into one piece otherwise.
    pub(crate) async fn pace(&self) {
        if self.sending.is_short() {
            yield_now().await;
        }
    }

    /// The floor of a token whose moment has just been taken: see [`ResumeToken`](annals_model::ResumeToken). Where a reader
    /// stands before events that are gone, all that its moment held of the shard is gone too: such a token says that nothing
    /// was removed when it was made, so that no scan as of it passes for whole. So does that of a table that was dropped.
    pub(crate) fn floor_of(&self, table: &Table, moment: &Moment) -> Moment {
        let mut floor = self.engine.floor(table.id).unwrap_or_else(|_| Moment::start(table.definition.shard_count));
        for (shard, covered) in moment.iter() {
            if floor.of(shard) > covered {
                floor.set(shard, Sequence::ZERO);
            }
        }
        floor
    }

    /// The table that a request names.
    pub(crate) fn table(&self, name: &str) -> Result<Table, Fault> {
        let name = table_name(name, "table")?;
        self.engine.table(&name).ok_or_else(|| match self.engine.lost_tables() {
            Some(error) => faults::of_read(&error, &name),
            None => faults::table_not_found(name.as_str()),
        })
    }
}

/// Reads a table's name in the request's field `field`.
pub(crate) fn table_name(name: &str, field: &str) -> Result<TableName, Fault> {
    name.parse().map_err(|error: annals_model::TableNameError| {
        Fault::of_field(Reason::InvalidTableName, field, error.to_string())
    })
}
