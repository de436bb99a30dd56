//! What must be known of a table before its events can be written.

use annals_client::Client;
use annals_client::proto::Table;

use super::event_writer::Layout;
use crate::terminal::note;

/// Asks the server for the table's columns and shards. `columns` are those that the user named; none: all. Where events
/// that come are waited for (`follows`), a column may come with them, and its absence is only noted.
///
/// # Errors
/// When there is no such table, or it has no column of a name that the user gave.
pub(crate) async fn layout_of(
    client: &Client,
    table: &str,
    columns: &[String],
    follows: bool,
) -> anyhow::Result<Layout> {
    let table = client.table(table).await?;
    if let Some(problem) = absent_column(&table, columns) {
        anyhow::ensure!(follows, "{problem}");
        note(&format!("{problem} so far"));
    }
    Ok(Layout {
        columns: (!columns.is_empty()).then(|| columns.to_vec()),
        table_columns: table.columns.into_iter().map(|column| column.name).collect(),
        several_shards: table.shard_count > 1,
    })
}

/// What is wrong with the first of these columns that the table does not have.
pub(crate) fn absent_column<S: AsRef<str>>(table: &Table, columns: &[S]) -> Option<String> {
    let has = |name: &str| table.columns.iter().any(|column| column.name == name);
    let absent = columns.iter().map(AsRef::as_ref).find(|name| !has(name))?;
    Some(format!("table {} has no column {absent:?} (`annals table describe {0}` shows those that it has)", table.name))
}
