//! Faults of the service, and the engine's errors as faults: the one place where they are mapped.
//!
//! Trouble of the store is never reported as a mistake of the client. Errors that an operator must see are logged
//! here, once.

use std::time::Duration;

use annals_engine::{AppendError, CatalogError, ReadError, ReadOnlyReason};
use annals_event::RefusedEvents;
use annals_event::walk::Refusal;
use annals_model::{Fault, Reason, ResumeTokenError, TableName};

use crate::Deadline;

/// Space comes back when an operator or retention frees some: not at once.
const RETRY_AFTER_DISK_FULL: Duration = Duration::from_secs(1);
/// A restart takes about this long.
const RETRY_AFTER_SHUTDOWN: Duration = Duration::from_secs(1);

/// The table is not there.
pub(crate) fn table_not_found(name: &str) -> Fault {
    Fault::new(Reason::TableNotFound, format!("table {name} does not exist; make it with CreateTable"))
}

/// The server is going down; what was asked for was not done.
pub(crate) fn shutting_down() -> Fault {
    let message = "the server is shutting down; try again in a moment, with the last token where there is one";
    Fault::new(Reason::ShuttingDown, message).with_retry_after(RETRY_AFTER_SHUTDOWN)
}

/// Something that is in the contract and not in this server.
pub fn not_supported(field: &str) -> Fault {
    Fault::of_field(Reason::NotSupported, field, "this server does not support it; leave it out")
}

/// A field of the request has a value that it can't have.
pub fn invalid(field: &str, description: impl Into<String>) -> Fault {
    Fault::of_field(Reason::InvalidRequest, field, description)
}

/// A resume token that can't be read.
pub(crate) fn of_resume_token(field: &str, error: ResumeTokenError) -> Fault {
    Fault::of_field(Reason::MalformedToken, field, error.to_string())
}

/// A token of another table.
pub(crate) fn foreign_token(field: &str, table: &TableName) -> Fault {
    let description = format!(
        "the token was made for another table than {table}, or for one of this name that was dropped; start without it"
    );
    Fault::of_field(Reason::ForeignToken, field, description)
}

/// An append that the engine refused.
pub(crate) fn of_append(error: AppendError, table: &TableName) -> Fault {
    let message = error.to_string();
    match error {
        AppendError::UnknownTable(_) => table_not_found(table.as_str()),
        AppendError::UnknownShard { .. } => Fault::of_field(Reason::UnknownShard, "shard", message),
        AppendError::ColumnConflict { event_index, conflict } => of_event(event_index, &Refusal::Mistyped(conflict)),
        AppendError::UndeclaredColumn { event_index, name } => of_event(event_index, &Refusal::Undeclared(name)),
        AppendError::TooManyColumns { .. } => Fault::new(Reason::TooManyColumns, message),
        AppendError::Overloaded { retry_after, .. } => {
            Fault::new(Reason::Overloaded, message).with_retry_after(retry_after)
        }
        AppendError::DiskFull(_) => disk_full(message),
        AppendError::ReadOnly(reason) => read_only(&reason, message),
        AppendError::Closed => shutting_down(),
        AppendError::Unknown(_) => {
            tracing::error!(%table, "{message}");
            Fault::new(Reason::OutcomeUnknown, message)
        }
    }
}

/// An append whose deadline has passed; whether it had its place in the store's queue by then. A door tells it without
/// one where a request has not even come whole.
pub fn append_deadline_exceeded(deadline: &Deadline, has_place: bool) -> Fault {
    let became = if has_place {
        "while the events were being written: whether they are stored is not known; read before appending them again"
    } else {
        "before the events had their turn: nothing of them is stored"
    };
    Fault::new(Reason::DeadlineExceeded, format!("the deadline has passed ({}) {became}", deadline.set_with))
}

/// A session whose deadline has passed before so many of its requests were answered; of how many the outcome is unknown.
pub(crate) fn session_deadline_exceeded(deadline: &Deadline, unanswered: usize, unknown: usize) -> Fault {
    let set_with = deadline.set_with;
    let message = format!(
        "the session's deadline has passed ({set_with}) before {unanswered} requests that came were answered: of \
         the first {unknown} it is not known whether they are stored, read before appending them again; nothing of the \
         others is"
    );
    Fault::new(Reason::DeadlineExceeded, message)
}

/// A read that failed.
pub(crate) fn of_read(error: &ReadError, table: &TableName) -> Fault {
    let message = error.to_string();
    match error {
        ReadError::UnknownTable(_) => table_not_found(table.as_str()),
        ReadError::UnknownShard { .. } => Fault::of_field(Reason::UnknownShard, "shard", message),
        ReadError::Trimmed { .. } => Fault::new(Reason::EventsRemoved, message),
        ReadError::ScanExpired { .. } => Fault::new(Reason::ScanExpired, message),
        ReadError::MomentAhead { .. } => Fault::new(Reason::TokenAhead, message),
        ReadError::Damaged(_) => {
            tracing::error!(%table, "{message}");
            Fault::new(Reason::StoreDamaged, message)
        }
        ReadError::Io(_) => {
            tracing::error!(%table, "{message}");
            Fault::new(Reason::ReadFailed, message)
        }
        ReadError::Overloaded { retry_after } => Fault::new(Reason::Overloaded, message).with_retry_after(*retry_after),
        ReadError::Closed => shutting_down(),
    }
}

/// A change of a table that failed.
pub(crate) fn of_catalog(error: CatalogError, table: &TableName) -> Fault {
    let message = error.to_string();
    match error {
        CatalogError::AlreadyExists(_) => Fault::of_field(Reason::TableExists, "table.name", message),
        CatalogError::UnknownTable(_) => table_not_found(table.as_str()),
        CatalogError::RevisionChanged(_) => Fault::new(Reason::TableChanged, message),
        CatalogError::Protected(_) => protected(table, message),
        CatalogError::ColumnConflict(_) => Fault::new(Reason::ColumnTypeMismatch, message),
        CatalogError::TooManyColumns(_) => Fault::new(Reason::TooManyColumns, message),
        CatalogError::TooManyTables(_) => Fault::new(Reason::TooManyTables, message),
        CatalogError::DiskFull(_) => disk_full(message),
        CatalogError::ReadOnly(reason) => read_only(&reason, message),
        CatalogError::Read(error) => of_read(&error, table),
        CatalogError::Closed => shutting_down(),
        CatalogError::Unknown(_) => {
            tracing::error!(%table, "{message}");
            Fault::new(Reason::OutcomeUnknown, message)
        }
    }
}

/// The table's deletion protection stands in the way.
pub(crate) fn protected(table: &TableName, message: String) -> Fault {
    Fault::new(Reason::TableProtected, message).with_precondition(
        "DELETION_PROTECTION",
        table.as_str(),
        "clear deletion_protection with UpdateTable first",
    )
}

fn of_event(event_index: u32, refusal: &Refusal) -> Fault {
    let mut refused = RefusedEvents::default();
    refused.add(event_index as usize, refusal);
    refused.finish().expect_err("one event was refused")
}

fn disk_full(message: String) -> Fault {
    Fault::new(Reason::DiskFull, message).with_retry_after(RETRY_AFTER_DISK_FULL)
}

fn read_only(reason: &ReadOnlyReason, message: String) -> Fault {
    let description = match reason {
        ReadOnlyReason::SyncFailed(_) => "check the disk, then restart the server",
        ReadOnlyReason::Panicked(_) => "restart the server",
        ReadOnlyReason::OpenedReadOnly => "open the store for writing",
    };
    Fault::new(Reason::StoreReadOnly, message).with_precondition("STORE_WRITABLE", "store", description)
}

#[cfg(test)]
mod tests {
    use annals_model::{ColumnConflict, ColumnType, Sequence, Shard, ShardCount, TableId};

    use super::*;

    const ID: TableId = TableId::from_bytes([1; 16]);

    fn name() -> TableName {
        "k.t".parse().expect("a name")
    }

    fn conflict() -> ColumnConflict {
        ColumnConflict { name: "speed".into(), expected: ColumnType::Double, found: ColumnType::Bool, learned_at: None }
    }

    #[test]
    fn every_append_error_has_a_reason() {
        let retry_after = Duration::from_millis(50);
        let unknown_shard = AppendError::UnknownShard { shard: Shard::new(3), count: ShardCount::ONE };
        let cases = [
            (AppendError::UnknownTable(ID), Reason::TableNotFound),
            (unknown_shard, Reason::UnknownShard),
            (AppendError::ColumnConflict { event_index: 7, conflict: conflict() }, Reason::ColumnTypeMismatch),
            (AppendError::TooManyColumns { event_index: 7, name: "c".into() }, Reason::TooManyColumns),
            (AppendError::UndeclaredColumn { event_index: 7, name: "c".into() }, Reason::UnknownColumn),
            (AppendError::Overloaded { waiting_bytes: 1, retry_after }, Reason::Overloaded),
            (AppendError::DiskFull("journal".into()), Reason::DiskFull),
            (AppendError::ReadOnly(ReadOnlyReason::SyncFailed("EIO".into())), Reason::StoreReadOnly),
            (AppendError::ReadOnly(ReadOnlyReason::Panicked("flush".into())), Reason::StoreReadOnly),
            (AppendError::ReadOnly(ReadOnlyReason::OpenedReadOnly), Reason::StoreReadOnly),
            (AppendError::Closed, Reason::ShuttingDown),
            (AppendError::Unknown("EIO".into()), Reason::OutcomeUnknown),
        ];
        for (error, reason) in cases {
            assert_eq!(of_append(error, &name()).reason, reason);
        }
    }

    #[test]
    fn a_conflict_found_at_commit_names_the_event_as_one_found_by_the_walk_does() {
        let fault = of_append(AppendError::ColumnConflict { event_index: 7, conflict: conflict() }, &name());
        assert_eq!(fault.violations[0].field, "events[7].columns[\"speed\"]");
    }

    #[test]
    fn every_read_error_has_a_reason() {
        let shard = Shard::ZERO;
        let (asked, other) = (Sequence::new(3), Sequence::new(9));
        let cases = [
            (ReadError::UnknownTable(ID), Reason::TableNotFound),
            (ReadError::UnknownShard { shard, count: ShardCount::ONE }, Reason::UnknownShard),
            (ReadError::Trimmed { shard, asked, first_retained: other }, Reason::EventsRemoved),
            (ReadError::ScanExpired { shard }, Reason::ScanExpired),
            (ReadError::MomentAhead { shard, asked: other, head: asked }, Reason::TokenAhead),
            (ReadError::Damaged("block".into()), Reason::StoreDamaged),
            (ReadError::Io("EIO".into()), Reason::ReadFailed),
            (ReadError::Overloaded { retry_after: Duration::from_millis(5) }, Reason::Overloaded),
            (ReadError::Closed, Reason::ShuttingDown),
        ];
        for (error, reason) in cases {
            assert_eq!(of_read(&error, &name()).reason, reason);
        }
    }

    #[test]
    fn every_catalog_error_has_a_reason() {
        let cases = [
            (CatalogError::UnknownTable(ID), Reason::TableNotFound),
            (CatalogError::RevisionChanged(name()), Reason::TableChanged),
            (CatalogError::Protected(name()), Reason::TableProtected),
            (CatalogError::ColumnConflict(conflict()), Reason::ColumnTypeMismatch),
            (CatalogError::TooManyColumns(name()), Reason::TooManyColumns),
            (CatalogError::TooManyTables(9), Reason::TooManyTables),
            (CatalogError::DiskFull("journal".into()), Reason::DiskFull),
            (CatalogError::ReadOnly(ReadOnlyReason::OpenedReadOnly), Reason::StoreReadOnly),
            (CatalogError::Read(ReadError::Closed), Reason::ShuttingDown),
            (CatalogError::Closed, Reason::ShuttingDown),
            (CatalogError::Unknown("EIO".into()), Reason::OutcomeUnknown),
        ];
        for (error, reason) in cases {
            assert_eq!(of_catalog(error, &name()).reason, reason);
        }
    }
}
