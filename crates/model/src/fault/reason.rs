//! Why a call failed: a name for programs, and the kind of failure that each is.

use std::fmt;

use super::FaultKind;

macro_rules! reasons {
    ($($(#[$doc:meta])+ $variant:ident = $text:literal, $kind:ident;)+) => {
        /// Why a call failed, and with it what to do. Adding one is a change of the contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])+ $variant,)+
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name of the reason, as every door gives it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// What kind of failure it is.
            pub fn kind(self) -> FaultKind {
                match self {
                    $(Self::$variant => FaultKind::$kind,)+
                }
            }
        }
    };
}

reasons! {
    /// A field of the request has a value that it can't have. Fix the request.
    InvalidRequest = "INVALID_REQUEST", InvalidArgument;
    /// The request's bytes can't be decoded. Use the contract's generated code.
    MalformedRequest = "MALFORMED_REQUEST", InvalidArgument;
    /// The request has a field that this server does not know. Use a newer server, or a client of its version.
    UnknownField = "UNKNOWN_FIELD", InvalidArgument;
    /// Not `keyspace.table`.
    InvalidTableName = "INVALID_TABLE_NAME", InvalidArgument;
    /// An event is refused; `BadRequest` says which and why. Nothing of the request was stored.
    InvalidEvent = "INVALID_EVENT", InvalidArgument;
    /// An event holds a cell of another type than its column's.
    ColumnTypeMismatch = "COLUMN_TYPE_MISMATCH", InvalidArgument;
    /// An event holds a column that a strict table does not have.
    UnknownColumn = "UNKNOWN_COLUMN", InvalidArgument;
    /// An event is larger than one may be.
    EventTooLarge = "EVENT_TOO_LARGE", InvalidArgument;
    /// The request is larger than one may be. Split it.
    RequestTooLarge = "REQUEST_TOO_LARGE", InvalidArgument;
    /// The request holds more events than one may hold. Split it.
    TooManyEvents = "TOO_MANY_EVENTS", InvalidArgument;
    /// An append without events.
    NoEvents = "NO_EVENTS", InvalidArgument;
    /// A partition key outside 1 to 65,535 bytes.
    InvalidPartitionKey = "INVALID_PARTITION_KEY", InvalidArgument;
    /// A time range that ends before it starts.
    ReversedTimeRange = "REVERSED_TIME_RANGE", InvalidArgument;
    /// Hash slices that name nothing.
    InvalidHashSlices = "INVALID_HASH_SLICES", InvalidArgument;
    /// The table has no such shard.
    UnknownShard = "UNKNOWN_SHARD", InvalidArgument;
    /// A table with explicit sharding was not told the shard.
    ShardMissing = "SHARD_MISSING", InvalidArgument;
    /// A table that is sharded by hash was told a shard.
    ShardNotAllowed = "SHARD_NOT_ALLOWED", InvalidArgument;
    /// A token that is cut, mangled or none at all. Pass tokens back as they were handed out.
    MalformedToken = "MALFORMED_TOKEN", InvalidArgument;
    /// A token of another table, or of a table of this name that was dropped.
    ForeignToken = "FOREIGN_TOKEN", InvalidArgument;
    /// The scan behind a page token was another one. Only `limit` may change between pages.
    ScanChanged = "SCAN_CHANGED", InvalidArgument;
    /// The token was made for other keys, shards or slices; `allow_scope_change` takes it all the same.
    ScopeChanged = "SCOPE_CHANGED", InvalidArgument;
    /// No table of that name.
    TableNotFound = "TABLE_NOT_FOUND", NotFound;
    /// The partition holds no events.
    PartitionNotFound = "PARTITION_NOT_FOUND", NotFound;
    /// There is a table of that name.
    TableExists = "TABLE_EXISTS", AlreadyExists;
    /// There is a table of that name, and it is not the one asked for.
    TableDiffers = "TABLE_DIFFERS", AlreadyExists;
    /// Deletion protection is set; clear it first.
    TableProtected = "TABLE_PROTECTED", FailedPrecondition;
    /// The store takes no writes until an operator has looked at it.
    StoreReadOnly = "STORE_READ_ONLY", FailedPrecondition;
    /// The token covers events that the store does not hold: it is of another store, or this one was put back.
    TokenAhead = "TOKEN_AHEAD", FailedPrecondition;
    /// Something else changed the table at the same time. Look at it again, then try again.
    TableChanged = "TABLE_CHANGED", Aborted;
    /// Retention has removed events that were asked for. Start later, knowing that some are gone.
    EventsRemoved = "EVENTS_REMOVED", OutOfRange;
    /// Retention has removed events of the scan's moment since it began. Start it again.
    ScanExpired = "SCAN_EXPIRED", OutOfRange;
    /// The table has as many columns as one can have.
    TooManyColumns = "TOO_MANY_COLUMNS", ResourceExhausted;
    /// The store has as many tables as one can have.
    TooManyTables = "TOO_MANY_TABLES", ResourceExhausted;
    /// The server follows as many tails as it may.
    TooManyTails = "TOO_MANY_TAILS", ResourceExhausted;
    /// More waits than the server takes in. Try again after `RetryInfo`.
    Overloaded = "OVERLOADED", ResourceExhausted;
    /// The disk is full. Writes go on by themselves once there is space.
    DiskFull = "DISK_FULL", ResourceExhausted;
    /// Not built. The message says what.
    NotSupported = "NOT_SUPPORTED", Unimplemented;
    /// The server is shutting down. Try again elsewhere, or later.
    ShuttingDown = "SHUTTING_DOWN", Unavailable;
    /// A write failed under way: it may or may not be stored. Read before writing again.
    OutcomeUnknown = "OUTCOME_UNKNOWN", Unknown;
    /// The call's deadline has passed. The message of an append says whether it may be stored.
    DeadlineExceeded = "DEADLINE_EXCEEDED", DeadlineExceeded;
    /// Stored bytes are not what was written. Run `annals verify`.
    StoreDamaged = "STORE_DAMAGED", DataLoss;
    /// The operating system refused a read.
    ReadFailed = "READ_FAILED", Internal;
}

impl Reason {
    /// The reason of this name; none for one of a later version.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }

    /// Whether the same request may succeed later without anybody changing anything, and was not carried out.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Overloaded | Self::DiskFull | Self::ShuttingDown | Self::TooManyTails)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
