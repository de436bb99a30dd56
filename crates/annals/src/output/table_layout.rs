//! What must be known of a table before its events can be written.

use annals_client::Client;

use super::event_writer::Layout;

/// Asks the server for the table's columns and shards. `columns` are those that the user named; none: all.
pub(crate) async fn layout_of(client: &Client, table: &str, columns: &[String]) -> anyhow::Result<Layout> {
    let table = client.table(table).await?;
    Ok(Layout {
        columns: (!columns.is_empty()).then(|| columns.to_vec()),
        table_columns: table.columns.into_iter().map(|column| column.name).collect(),
        several_shards: table.shard_count > 1,
    })
}
