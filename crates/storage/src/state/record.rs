//! Changes of the state, as they stand in the journal.

use std::time::Duration;

use annals_model::{LearnedColumn, Retention, Sequence, Shard, Table, TableId};
use prost::Message;

use super::{ClockSpan, messages};

/// One change of the state.
#[derive(Clone, Debug)]
pub enum StateRecord {
    /// A table was made, with the columns declared in it.
    TableCreated(Table),
    /// What may change of a table was set, and columns were declared.
    TableUpdated {
        /// The table.
        table: TableId,
        /// Its revision from now on; higher than before.
        revision: u64,
        /// Its retention from now on.
        retention: Retention,
        /// Whether it is protected from now on.
        deletion_protection: bool,
        /// Its lateness from now on.
        lateness_max: Option<Duration>,
        /// Columns that it did not have.
        columns: Vec<LearnedColumn>,
    },
    /// Events of the same frame taught a table columns.
    ColumnsLearned {
        /// The table.
        table: TableId,
        /// Its revision from now on; higher than before.
        revision: u64,
        /// Columns that it did not have.
        columns: Vec<LearnedColumn>,
    },
    /// A table was dropped with all its events.
    TableDropped {
        /// The table.
        table: TableId,
    },
    /// Nothing of a dropped table is left in journal and segments; its id need not be remembered.
    DroppedForgotten {
        /// The table.
        table: TableId,
    },
    /// Retention removes the events of a shard before a sequence.
    FloorRaised {
        /// The table.
        table: TableId,
        /// The shard.
        shard: Shard,
        /// The oldest sequence that is retained, or the one after the head if none is.
        first_retained: Sequence,
    },
    /// From this frame on the clocks go on in another way than before.
    ClockNoted(ClockSpan),
}

impl StateRecord {
    /// The record's bytes, as they stand in the journal.
    pub fn encode(&self) -> Vec<u8> {
        messages::Record::from(self).encode_to_vec()
    }

    /// Reads a record back.
    ///
    /// # Errors
    /// What does not make sense about the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let record = messages::Record::decode(bytes).map_err(|error| error.to_string())?;
        Self::try_from(record)
    }
}
