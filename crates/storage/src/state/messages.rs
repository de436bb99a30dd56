//! The protobuf messages of state records and snapshots, and the way between them and the nouns.
//!
//! Fields are added, never changed: `FORMAT.md` lists them. Decoding checks everything that the nouns check.

use std::sync::Arc;
use std::time::Duration;

use annals_model::{
    Column, ColumnType, CommitTime, LearnedColumn, Retention, Schema, SchemaMode, Sequence, Shard, ShardCount,
    Sharding, Table, TableDefinition, TableId,
};

use super::clock_message::ClockMessage;
use super::{State, StateRecord};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Record {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    Created(TableMessage),
    #[prost(message, tag = "2")]
    Updated(UpdateMessage),
    #[prost(message, tag = "3")]
    Learned(LearnedMessage),
    #[prost(message, tag = "4")]
    Dropped(TableRef),
    #[prost(message, tag = "5")]
    Forgotten(TableRef),
    #[prost(message, tag = "6")]
    Floor(FloorMessage),
    #[prost(message, tag = "7")]
    Clock(ClockMessage),
}

#[derive(Clone, PartialEq, prost::Message)]
struct TableRef {
    #[prost(bytes = "vec", tag = "1")]
    table: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TableMessage {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(uint32, tag = "3")]
    shard_count: u32,
    #[prost(bool, tag = "4")]
    explicit_sharding: bool,
    #[prost(bool, tag = "5")]
    strict_schema: bool,
    #[prost(message, optional, tag = "6")]
    settings: Option<SettingsMessage>,
    #[prost(message, repeated, tag = "7")]
    columns: Vec<ColumnMessage>,
    #[prost(sfixed64, tag = "8")]
    created_unix_nanos: i64,
    #[prost(uint64, tag = "9")]
    revision: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SettingsMessage {
    #[prost(message, optional, tag = "1")]
    age_max: Option<DurationMessage>,
    #[prost(uint64, optional, tag = "2")]
    bytes_max: Option<u64>,
    #[prost(bool, tag = "3")]
    deletion_protection: bool,
    #[prost(message, optional, tag = "4")]
    lateness_max: Option<DurationMessage>,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct DurationMessage {
    #[prost(uint64, tag = "1")]
    seconds: u64,
    #[prost(uint32, tag = "2")]
    nanos: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ColumnMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "2")]
    column_type: u32,
    #[prost(message, optional, tag = "3")]
    learned_at: Option<PlaceMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PlaceMessage {
    #[prost(uint32, tag = "1")]
    shard: u32,
    #[prost(uint64, tag = "2")]
    sequence: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct UpdateMessage {
    #[prost(bytes = "vec", tag = "1")]
    table: Vec<u8>,
    #[prost(uint64, tag = "2")]
    revision: u64,
    #[prost(message, optional, tag = "3")]
    settings: Option<SettingsMessage>,
    #[prost(message, repeated, tag = "4")]
    columns: Vec<ColumnMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LearnedMessage {
    #[prost(bytes = "vec", tag = "1")]
    table: Vec<u8>,
    #[prost(uint64, tag = "2")]
    revision: u64,
    #[prost(message, repeated, tag = "3")]
    columns: Vec<ColumnMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FloorMessage {
    #[prost(bytes = "vec", tag = "1")]
    table: Vec<u8>,
    #[prost(uint32, tag = "2")]
    shard: u32,
    #[prost(uint64, tag = "3")]
    first_retained: u64,
}

/// The whole state.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Snapshot {
    #[prost(message, repeated, tag = "1")]
    tables: Vec<TableMessage>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    dropped: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "3")]
    floors: Vec<FloorMessage>,
    #[prost(sfixed64, tag = "4")]
    newest_commit_unix_nanos: i64,
    #[prost(message, repeated, tag = "5")]
    clock: Vec<ClockMessage>,
}

impl From<&StateRecord> for Record {
    fn from(record: &StateRecord) -> Self {
        let id = |table: &TableId| table.as_bytes().to_vec();
        let kind = match record {
            StateRecord::TableCreated(table) => Kind::Created(table.into()),
            StateRecord::TableUpdated { table, revision, retention, deletion_protection, lateness_max, columns } => {
                Kind::Updated(UpdateMessage {
                    table: id(table),
                    revision: *revision,
                    settings: Some(SettingsMessage::new(*retention, *deletion_protection, *lateness_max)),
                    columns: columns.iter().map(ColumnMessage::from).collect(),
                })
            }
            StateRecord::ColumnsLearned { table, revision, columns } => Kind::Learned(LearnedMessage {
                table: id(table),
                revision: *revision,
                columns: columns.iter().map(ColumnMessage::from).collect(),
            }),
            StateRecord::TableDropped { table } => Kind::Dropped(TableRef { table: id(table) }),
            StateRecord::DroppedForgotten { table } => Kind::Forgotten(TableRef { table: id(table) }),
            StateRecord::FloorRaised { table, shard, first_retained } => {
                Kind::Floor(FloorMessage { table: id(table), shard: shard.get(), first_retained: first_retained.get() })
            }
            StateRecord::ClockNoted(span) => Kind::Clock(span.into()),
        };
        Self { kind: Some(kind) }
    }
}

impl TryFrom<Record> for StateRecord {
    type Error = String;

    fn try_from(record: Record) -> Result<Self, String> {
        Ok(match record.kind.ok_or("a state record without a kind that this version knows")? {
            Kind::Created(table) => Self::TableCreated(table.try_into()?),
            Kind::Updated(update) => {
                let settings = update.settings.ok_or("an update of a table without its settings")?;
                Self::TableUpdated {
                    table: table_id(&update.table)?,
                    revision: update.revision,
                    retention: settings.retention()?,
                    deletion_protection: settings.deletion_protection,
                    lateness_max: duration(settings.lateness_max)?,
                    columns: columns(update.columns)?,
                }
            }
            Kind::Learned(learned) => Self::ColumnsLearned {
                table: table_id(&learned.table)?,
                revision: learned.revision,
                columns: columns(learned.columns)?,
            },
            Kind::Dropped(dropped) => Self::TableDropped { table: table_id(&dropped.table)? },
            Kind::Forgotten(forgotten) => Self::DroppedForgotten { table: table_id(&forgotten.table)? },
            Kind::Floor(floor) => Self::FloorRaised {
                table: table_id(&floor.table)?,
                shard: Shard::new(floor.shard),
                first_retained: Sequence::new(floor.first_retained),
            },
            Kind::Clock(message) => Self::ClockNoted(message.try_into()?),
        })
    }
}

impl From<&State> for Snapshot {
    fn from(state: &State) -> Self {
        Self {
            tables: state.tables.values().map(TableMessage::from).collect(),
            dropped: state.dropped.iter().map(|table| table.as_bytes().to_vec()).collect(),
            floors: state
                .floors
                .iter()
                .map(|((table, shard), first)| FloorMessage {
                    table: table.as_bytes().to_vec(),
                    shard: shard.get(),
                    first_retained: first.get(),
                })
                .collect(),
            newest_commit_unix_nanos: state.newest_commit.unix_nanos(),
            clock: state.clock.spans().iter().map(ClockMessage::from).collect(),
        }
    }
}

impl TryFrom<Snapshot> for State {
    type Error = String;

    fn try_from(snapshot: Snapshot) -> Result<Self, String> {
        let mut state = Self::default();
        for message in snapshot.tables {
            let table = Table::try_from(message)?;
            if let Some(twice) = state.tables.insert(table.id, table) {
                return Err(format!("table {} twice", twice.id));
            }
        }
        for table in &snapshot.dropped {
            state.dropped.insert(table_id(table)?);
        }
        for floor in snapshot.floors {
            let of = (table_id(&floor.table)?, Shard::new(floor.shard));
            state.floors.insert(of, Sequence::new(floor.first_retained));
        }
        state.newest_commit = CommitTime::from_unix_nanos(snapshot.newest_commit_unix_nanos);
        for message in snapshot.clock {
            state.clock.note(message.try_into()?).map_err(|error| error.to_string())?;
        }
        Ok(state)
    }
}

impl From<&Table> for TableMessage {
    fn from(table: &Table) -> Self {
        let definition = &table.definition;
        Self {
            id: table.id.as_bytes().to_vec(),
            name: definition.name.to_string(),
            shard_count: definition.shard_count.get(),
            explicit_sharding: definition.sharding == Sharding::Explicit,
            strict_schema: definition.schema_mode == SchemaMode::Strict,
            settings: Some(SettingsMessage::new(
                definition.retention,
                definition.deletion_protection,
                definition.lateness_max,
            )),
            columns: table.schema.columns().iter().map(ColumnMessage::from).collect(),
            created_unix_nanos: table.created.unix_nanos(),
            revision: table.revision,
        }
    }
}

impl TryFrom<TableMessage> for Table {
    type Error = String;

    fn try_from(message: TableMessage) -> Result<Self, String> {
        let settings = message.settings.ok_or("a table without its settings")?;
        let mut schema = Schema::default();
        for column in columns(message.columns)? {
            schema.add(column).map_err(|conflict| conflict.to_string())?;
        }
        Ok(Self {
            id: table_id(&message.id)?,
            definition: TableDefinition {
                name: message.name.parse().map_err(|error: annals_model::TableNameError| error.to_string())?,
                shard_count: ShardCount::new(message.shard_count).map_err(|error| error.to_string())?,
                sharding: if message.explicit_sharding { Sharding::Explicit } else { Sharding::Hash },
                schema_mode: if message.strict_schema { SchemaMode::Strict } else { SchemaMode::Open },
                retention: settings.retention()?,
                deletion_protection: settings.deletion_protection,
                lateness_max: duration(settings.lateness_max)?,
            },
            schema: Arc::new(schema),
            created: CommitTime::from_unix_nanos(message.created_unix_nanos),
            revision: message.revision,
        })
    }
}

impl SettingsMessage {
    fn new(retention: Retention, deletion_protection: bool, lateness_max: Option<Duration>) -> Self {
        let message =
            |duration: Duration| DurationMessage { seconds: duration.as_secs(), nanos: duration.subsec_nanos() };
        Self {
            age_max: retention.age_max.map(message),
            bytes_max: retention.bytes_max,
            deletion_protection,
            lateness_max: lateness_max.map(message),
        }
    }

    fn retention(&self) -> Result<Retention, String> {
        Ok(Retention { age_max: duration(self.age_max)?, bytes_max: self.bytes_max })
    }
}

impl From<&LearnedColumn> for ColumnMessage {
    fn from(learned: &LearnedColumn) -> Self {
        Self {
            name: learned.column.name.clone(),
            column_type: match learned.column.column_type {
                ColumnType::Bool => 1,
                ColumnType::Int64 => 2,
                ColumnType::Double => 3,
                ColumnType::String => 4,
                ColumnType::Bytes => 5,
                ColumnType::Timestamp => 6,
                ColumnType::Uuid => 7,
            },
            learned_at: learned
                .learned_at
                .map(|(shard, sequence)| PlaceMessage { shard: shard.get(), sequence: sequence.get() }),
        }
    }
}

fn columns(messages: Vec<ColumnMessage>) -> Result<Vec<LearnedColumn>, String> {
    let column_type = |code| {
        Ok(match code {
            1 => ColumnType::Bool,
            2 => ColumnType::Int64,
            3 => ColumnType::Double,
            4 => ColumnType::String,
            5 => ColumnType::Bytes,
            6 => ColumnType::Timestamp,
            7 => ColumnType::Uuid,
            code => return Err(format!("column type {code}, which this version does not know")),
        })
    };
    messages
        .into_iter()
        .map(|message| {
            Ok(LearnedColumn {
                column: Column { name: message.name, column_type: column_type(message.column_type)? },
                learned_at: message.learned_at.map(|place| (Shard::new(place.shard), Sequence::new(place.sequence))),
            })
        })
        .collect()
}

fn table_id(bytes: &[u8]) -> Result<TableId, String> {
    let bytes = bytes.try_into().map_err(|_| format!("a table id of {} bytes", bytes.len()))?;
    Ok(TableId::from_bytes(bytes))
}

fn duration(message: Option<DurationMessage>) -> Result<Option<Duration>, String> {
    let Some(DurationMessage { seconds, nanos }) = message else { return Ok(None) };
    if nanos >= 1_000_000_000 {
        return Err(format!("a duration with {nanos} nanoseconds beyond its seconds"));
    }
    Ok(Some(Duration::new(seconds, nanos)))
}
