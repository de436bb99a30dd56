//! What the commit thread is asked to do.

use std::sync::Arc;

use annals_model::{Column, Sequence, Shard, Table, TableDefinition, TableId};

use crate::admission::Permit;
use crate::sync::oneshot;
use annals_engine::{Append, AppendError, Appended, CatalogError, UpdateTable};

/// Where the answer to an append goes.
pub(super) type AppendAnswer = oneshot::Sender<Result<Appended, AppendError>>;

/// Where the answer to a change goes.
pub(super) type ChangeAnswer = oneshot::Sender<Result<Arc<Table>, CatalogError>>;

/// Where the answer to a request to forget goes.
pub(super) type ForgetAnswer = oneshot::Sender<Result<(), CatalogError>>;

/// An append that was let in, or the end. They are taken in the order in which they came, and not while memory is short.
#[derive(Debug)]
pub(super) enum Request {
    /// Store events. Answered once they are durable, or refused.
    Append { append: Append, permit: Permit, answer: AppendAnswer },
    /// Finish what came before, and end. Nothing comes after.
    Close,
}

/// A request that costs no memory worth speaking of: it does not wait behind appends that wait for memory, which others
/// may hold for as long as they like. It is answered once what it asked for is durable, or refused.
#[derive(Debug)]
pub(super) enum Errand {
    /// Change the catalog.
    Change { change: Change, answer: ChangeAnswer },
    /// Forget the ids of dropped tables of which nothing is left.
    Forget { tables: Vec<TableId>, answer: ForgetAnswer },
    /// Make durable how the clocks stand, by a mark.
    NoteClock,
    /// Freeze memtables, so that they are flushed; answered once they are frozen.
    Freeze { which: Freeze, answer: oneshot::Sender<()> },
}

/// Which memtables are to be frozen.
#[derive(Clone, Debug)]
pub(crate) enum Freeze {
    /// All.
    All,
    /// Those of these shards; tables that were dropped are passed over.
    Shards(Vec<(TableId, Shard)>),
}

/// A change of the catalog. All are answered with the table as it then is, or was.
#[derive(Debug)]
pub(crate) enum Change {
    /// Makes a table with these columns declared.
    Create { definition: TableDefinition, columns: Vec<Column> },
    /// Changes what may change.
    Update(UpdateTable),
    /// Removes a table with all its events.
    Drop(TableId),
    /// Raises the oldest retained sequences of shards. One that is not raised stays.
    RaiseFloors { table: TableId, floors: Vec<(Shard, Sequence)> },
}
