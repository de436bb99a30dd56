//! What every door asks: the engine, its limits, and who is being served.

use std::sync::Arc;

use annals_engine::{Engine, PageBounds};
use annals_model::{Fault, Moment, Reason, Sequence, Table, TableName};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::answer_budget::AnswerBudget;
use crate::tail::{EncodedPage, LivePages, TailRegistry};
use crate::{Action, Caller, Limits, RequestBudget, Stop, faults};

/// The service over one engine, which all doors of a server share.
///
/// Each call takes its [`Caller`] first, and gives nouns or a [`Fault`]. Faults name fields as the API does:
/// `partition_keys[3]`.
#[derive(Debug)]
pub struct Service<E> {
    pub(crate) engine: Arc<E>,
    pub(crate) limits: Limits,
    pub(crate) tails: TailRegistry,
    pub(crate) requests: Arc<RequestBudget>,
    answers: Arc<AnswerBudget>,
    /// Places for append sessions.
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) stop: Stop,
}

impl<E: Engine> Service<E> {
    /// The service over `engine`, which begins no new work once `stop` tells that the server stops.
    pub fn new(engine: Arc<E>, limits: Limits, stop: Stop) -> Arc<Self> {
        Arc::new(Self {
            engine,
            tails: TailRegistry::default(),
            requests: RequestBudget::new(limits.receiving_bytes_max),
            answers: AnswerBudget::new(limits.sending_bytes_max, limits.send_buffer_bytes_max),
            sessions: Arc::new(Semaphore::new(limits.sessions_max)),
            limits,
            stop,
        })
    }

    /// The limits that it keeps.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The room for requests, which doors take for what comes in.
    pub fn requests(&self) -> &Arc<RequestBudget> {
        &self.requests
    }

    /// The room for answers, which doors take for what their clients have not taken.
    pub fn answers(&self) -> &Arc<AnswerBudget> {
        &self.answers
    }

    /// Tells when the server stops.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// The name of the engine behind it.
    pub fn engine_name(&self) -> &'static str {
        self.engine.name()
    }

    /// Room in which live tails share what they deliver, for a door that encodes its pages as `P`.
    pub fn live_pages<P: EncodedPage>(&self) -> Arc<LivePages<P>> {
        LivePages::new(self.limits.live_pages_bytes_max)
    }

    /// The table of this name, for a caller who may do `action` to it: the one gate. Whoever holds a table may.
    ///
    /// # Errors
    /// When the name is none, the caller may not, or the table is not there.
    pub fn table(&self, caller: &Caller, action: Action, name: &str) -> Result<Table, Fault> {
        let name = table_name(name, "table")?;
        self.permit(caller, action, Some(&name))?;
        self.engine.table(&name).ok_or_else(|| match self.engine.lost_tables() {
            Some(error) => faults::of_read(&error, &name),
            None => faults::table_not_found(name.as_str()),
        })
    }

    /// Refuses a caller who may not do `action` to the table of this name, there or not; without a name, to the server.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "everybody may do everything: there are no users"
    )]
    pub(crate) fn permit(&self, _caller: &Caller, _action: Action, _table: Option<&TableName>) -> Result<(), Fault> {
        Ok(())
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

    /// How much one page takes where there is room: with the events' own fields, a token and an event of the largest size
    /// a message of it stays below the contract's 4,000,000 bytes.
    pub(crate) fn full_bounds(&self) -> PageBounds {
        PageBounds { events_max: self.limits.response_events_max, bytes_max: self.limits.response_bytes_target }
    }

    /// How much the next page of a call takes: less than usual where clients hold up much that was made for them.
    pub(crate) fn page_bounds(&self) -> PageBounds {
        let bounds = self.full_bounds();
        PageBounds { bytes_max: self.answers.response_bytes(bounds.bytes_max), ..bounds }
    }

    /// Comes before each page of a stream. Where clients hold up much, it parts this page from the one before, which
    /// would be gathered into one piece otherwise.
    pub(crate) async fn pace(&self) {
        if self.answers.is_short() {
            yield_now().await;
        }
    }
}

/// Reads a table's name in the request's field `field`.
pub(crate) fn table_name(name: &str, field: &str) -> Result<TableName, Fault> {
    name.parse().map_err(|error: annals_model::TableNameError| {
        Fault::of_field(Reason::InvalidTableName, field, error.to_string())
    })
}
