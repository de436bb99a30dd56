//! What an engine holds, read whole.

use std::collections::BTreeMap;

use annals_engine::{ArrivalRead, ArrivalScope, Engine};
use annals_model::{Moment, Sequence, Shard, StoredEvent, Table, TableId};

use crate::trial::{WIDE, everything};

/// All tables of an engine.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) tables: BTreeMap<TableId, FoundTable>,
}

/// A table, and all that its shards hold.
#[derive(Clone, Debug)]
pub(super) struct FoundTable {
    pub(super) table: Table,
    pub(super) moment: Moment,
    pub(super) shards: Vec<FoundShard>,
}

/// What a shard holds.
#[derive(Clone, Debug)]
pub(super) struct FoundShard {
    pub(super) head: u64,
    /// The oldest sequence that retention left; the one after the head if it left nothing.
    pub(super) first: u64,
    /// By sequence.
    pub(super) events: Vec<StoredEvent>,
}

impl Found {
    /// Reads everything, by shard and in arrival order.
    pub(super) async fn read(engine: &impl Engine) -> Result<Self, String> {
        let mut tables = BTreeMap::new();
        for table in engine.tables() {
            let name = table.definition.name.clone();
            let found = FoundTable::read(engine, table).await.map_err(|error| format!("reading {name}: {error}"))?;
            tables.insert(found.table.id, found);
        }
        Ok(Self { tables })
    }

    /// Checks that a scan of each table brings the same events, in time order.
    pub(super) async fn check_scans(&self, engine: &impl Engine) -> Result<(), String> {
        for table in self.tables.values() {
            table.check_scan(engine).await.map_err(|error| format!("{}: {error}", table.table.definition.name))?;
        }
        Ok(())
    }
}

impl FoundTable {
    async fn read(engine: &impl Engine, table: Table) -> Result<Self, String> {
        let moment = engine.head(table.id).map_err(|error| error.to_string())?;
        let stats = engine.table_stats(table.id).await.map_err(|error| error.to_string())?;
        let mut shards = Vec::new();
        for shard in stats.shards {
            let head = moment.of(shard.shard).get();
            let first = if shard.first_sequence == Sequence::ZERO { head + 1 } else { shard.first_sequence.get() };
            let events = arrivals(engine, table.id, shard.shard, first, head).await?;
            shards.push(FoundShard { head, first, events });
        }
        Ok(Self { table, moment, shards })
    }

    async fn check_scan(&self, engine: &impl Engine) -> Result<(), String> {
        let mut expected: Vec<&StoredEvent> = self.shards.iter().flat_map(|shard| &shard.events).collect();
        expected.sort_by_key(|event| (event.token, event.key(), event.time, event.sequence, event.shard));
        let floor = Moment::new(self.shards.iter().map(|shard| Sequence::new(shard.first - 1)).collect::<Vec<_>>());
        let mut read = everything(self.table.id, self.moment.clone(), floor);
        let mut scanned = Vec::new();
        loop {
            let page = engine.read_partitions(read.clone()).await.map_err(|error| error.to_string())?;
            scanned.extend(page.events);
            read.after = page.next;
            if read.after.is_none() {
                break;
            }
        }
        let differs = scanned.iter().zip(&expected).position(|(scanned, expected)| scanned != *expected);
        match differs {
            None if scanned.len() == expected.len() => Ok(()),
            _ => Err(format!(
                "a scan brings {} events where arrivals bring {}; they differ first at {differs:?}",
                scanned.len(),
                expected.len()
            )),
        }
    }
}

async fn arrivals(
    engine: &impl Engine,
    table: TableId,
    shard: Shard,
    first: u64,
    head: u64,
) -> Result<Vec<StoredEvent>, String> {
    let mut events = Vec::new();
    let mut from = Sequence::new(first);
    while from.get() <= head {
        let through = Sequence::new(head);
        let read = ArrivalRead { table, shard, from, through, scope: ArrivalScope::All, bounds: WIDE };
        let page = engine.read_arrivals(read).await.map_err(|error| error.to_string())?;
        if page.next <= from {
            return Err(format!("shard {shard}: a page from {from} goes on at {}", page.next));
        }
        from = page.next;
        events.extend(page.events);
    }
    Ok(events)
}
