//! The tables, as the state's snapshot and the journal have them.

use annals_model::{Schema, SchemaMode, Sharding, Table};
use annals_storage::state::State;
use serde_json::{Value as Json, json};

use crate::closed_store::ClosedStore;
use crate::output::{TextTable, write_json, write_text};
use crate::terminal::{Stream, note};

pub(super) fn show(store: &ClosedStore, json: bool) -> anyhow::Result<()> {
    let (read, _) = super::read(store)?;
    let state = &read.state;
    if json {
        write_json(&mut std::io::stdout(), &object_of(state))?;
        return super::end(&read);
    }
    if state.tables().is_empty() {
        note("the store has no tables");
    }
    let header = ["table", "id", "revision", "shards", "schema", "columns", "made"];
    let mut shown = TextTable::new(Stream::of_stdout(), header);
    shown.align_right([2, 3, 5]);
    for table in state.tables().values() {
        shown.add_row([
            table.definition.name.to_string(),
            table.id.to_string(),
            table.revision.to_string(),
            table.definition.shard_count.get().to_string(),
            mode_text(table).to_owned(),
            table.schema.columns().len().to_string(),
            table.created.to_string(),
        ]);
    }
    if !state.tables().is_empty() {
        shown.write(&mut std::io::stdout())?;
    }
    for ((table, shard), first_retained) in state.floors() {
        write_text(&format!("shard {shard} of table {table} is retained from sequence {first_retained} on"))?;
    }
    for table in state.dropped() {
        write_text(&format!("table {table} was dropped; something of it may still be stored"))?;
    }
    super::end(&read)
}

fn mode_text(table: &Table) -> &'static str {
    match table.definition.schema_mode {
        SchemaMode::Open => "open",
        SchemaMode::Strict => "strict",
    }
}

fn object_of(state: &State) -> Json {
    let tables = state.tables().values().map(|table| {
        json!({
            "name": table.definition.name.as_str(),
            "table_id": table.id.to_string(),
            "revision": table.revision,
            "shard_count": table.definition.shard_count.get(),
            "sharding": match table.definition.sharding { Sharding::Hash => "hash", Sharding::Explicit => "explicit" },
            "schema_mode": mode_text(table),
            "created": table.created.to_string(),
            "columns": columns_of(&table.schema),
        })
    });
    let floors = state.floors().iter().map(|((table, shard), first_retained)| {
        json!({"table_id": table.to_string(), "shard": shard.get(), "first_retained": first_retained.get()})
    });
    json!({
        "tables": tables.collect::<Vec<_>>(),
        "floors": floors.collect::<Vec<_>>(),
        "dropped": state.dropped().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "clock": state.clock().spans().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "newest_commit": state.newest_commit().to_string(),
    })
}

fn columns_of(schema: &Schema) -> Json {
    let columns = schema.columns().iter().map(|learned| {
        json!({
            "name": learned.column.name,
            "type": learned.column.column_type.to_string(),
            "learned_at": learned.learned_at.map(|(shard, sequence)| {
                json!({"shard": shard.get(), "sequence": sequence.get()})
            }),
        })
    });
    columns.collect()
}
