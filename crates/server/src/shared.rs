//! What all calls of one server share.

use std::sync::Arc;

use annals_engine::{Engine, PageBounds};
use annals_model::{Fault, Moment, Reason, Sequence, Table, TableName};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::config::Limits;
use crate::connection::{AnswerBudget, RequestBudget};
use crate::encode;
use crate::faults;
use crate::stop::Stop;
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
    pub(crate) receiving: Arc<RequestBudget>,
    /// Room for answers.
    pub(crate) sending: Arc<AnswerBudget>,
    /// Places for append sessions.
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) stop: Stop,
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
