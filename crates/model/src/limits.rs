//! The bounds that hold wherever an event, a request or a table is handled, each with its reason.
//!
//! These are the limits of the contract; `GetServerInfo` shows them. Limits of a server (streams, waits, queues) stand
//! in the server's configuration, those of an engine in the engine's.

/// Bytes of one encoded event. Default clients of other languages refuse a message over 4 MiB, and an event must
/// fit into one response with room for what the store adds.
pub const EVENT_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Bytes of one encoded append request: large enough for bulk loads, small enough that a request is one journal
/// frame and its memory is a small part of the admission budget.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Events of one append request.
pub const REQUEST_EVENTS_MAX: usize = 100_000;

/// Bytes of one response; below the 4 MiB that default clients accept.
pub const RESPONSE_BYTES_MAX: usize = 4_000_000;

/// Bytes of a partition key: its length is kept in 16 bits.
pub const PARTITION_KEY_BYTES_MAX: usize = 65_535;

/// Cells of one event.
pub const EVENT_COLUMNS_MAX: usize = 1_000;

/// Columns of one table, declared or learned; all of them are held in memory.
pub const TABLE_COLUMNS_MAX: usize = 10_000;

/// Bytes of a column's name.
pub const COLUMN_NAME_BYTES_MAX: usize = 255;

/// Shards of one table; a resume token carries a sequence for each.
pub const SHARDS_MAX: u32 = 256;

/// Characters of a keyspace's name.
pub const KEYSPACE_CHARS_MAX: usize = 100;

/// Characters of a table's name within its keyspace: those that a Kafka topic's name may have.
pub const TABLE_CHARS_MAX: usize = 249;

/// Bytes of an encoded event id, a UUID.
pub const EVENT_ID_BYTES: usize = 16;

/// Hash slices that one request may cut the hash space into: more than readers ever share a table.
pub const HASH_SLICES_MAX: u32 = 65_536;
