//! The plain engine's side of the contract.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_engine::{
    Append, AppendError, Appended, ArrivalPage, ArrivalRead, ArrivalScope, CatalogError, CountedScan, Engine,
    HeadBoard, HeadWatch, PageBounds, PartitionList, PartitionPage, PartitionRead, PartitionSelection, PartitionStats,
    ReadError, SizeEstimate, TableStats, TrimMode, Trimmed, UpdateTable, WatchScope,
};
use annals_model::{
    Column, CommitTime, HashSlices, Moment, PartitionKey, Retention, ScanPosition, Sequence, Shard, StoredEvent, Table,
    TableDefinition, TableId, TableName, TimeRange,
};

use super::table::PlainTable;

/// What outlives an engine.
#[derive(Debug, Default)]
pub(super) struct State {
    tables: BTreeMap<TableId, PlainTable>,
    tables_made: u8,
    clock: i64,
}

/// The plain engine. Its clock is a counter.
#[derive(Debug)]
pub struct PlainEngine {
    state: Arc<Mutex<State>>,
}

impl State {
    fn tick(&mut self) -> CommitTime {
        self.clock += 1_000;
        CommitTime::from_unix_nanos(self.clock)
    }

    fn table(&mut self, id: TableId) -> Result<&mut PlainTable, ReadError> {
        self.tables.get_mut(&id).ok_or(ReadError::UnknownTable(id))
    }

    fn named(&self, name: &TableName) -> Option<&Table> {
        self.tables.values().map(|table| &table.table).find(|table| table.definition.name == *name)
    }
}

impl PlainEngine {
    pub(super) fn open(state: Arc<Mutex<State>>) -> Self {
        let engine = Self { state };
        for table in engine.lock().tables.values_mut() {
            table.board = HeadBoard::new(&table.oracle.moment());
        }
        engine
    }

    pub(super) fn close(&self) {
        for table in self.lock().tables.values() {
            table.board.close();
        }
    }

    pub(super) fn settle(&self) {
        for table in self.lock().tables.values_mut() {
            table.settle();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many of `events` fit into the bounds; at least one.
fn fitting(events: &[StoredEvent], bounds: PageBounds) -> usize {
    let mut bytes = 0;
    let fits = events.iter().take(bounds.events_max).take_while(|event| {
        bytes += event.bytes.len();
        bytes <= bounds.bytes_max
    });
    fits.count().max(1).min(events.len())
}

fn check_shard(table: &PlainTable, shard: Shard) -> Result<(), ReadError> {
    let count = table.table.definition.shard_count;
    if count.contains(shard) { Ok(()) } else { Err(ReadError::UnknownShard { shard, count }) }
}

fn check_floor(table: &PlainTable, shard: Shard, asked: Sequence) -> Result<(), ReadError> {
    let floor = table.floor.of(shard);
    if asked > floor {
        return Ok(());
    }
    Err(ReadError::Trimmed { shard, asked, first_retained: floor.next() })
}

fn check_moment(table: &PlainTable, read: &PartitionRead) -> Result<(), ReadError> {
    let head = table.oracle.moment();
    for (shard, asked) in read.moment.iter() {
        if asked > head.of(shard) {
            return Err(ReadError::MomentAhead { shard, asked, head: head.of(shard) });
        }
    }
    match read.moment.first_shard_lost(&read.floor, &table.floor) {
        Some(shard) => Err(ReadError::ScanExpired { shard }),
        None => Ok(()),
    }
}

fn position(read: &PartitionRead, events: &[StoredEvent], last: usize) -> ScanPosition {
    let event = &events[last];
    let key_index = match &read.selection {
        PartitionSelection::Keys(keys) => keys.iter().position(|key| key.as_bytes() == event.key()).unwrap_or(0),
        PartitionSelection::Slices(_) => 0,
    };
    let given = events[..=last].iter().rev().take_while(|other| other.key() == event.key()).count();
    ScanPosition {
        key_index: u32::try_from(key_index).expect("a read names few keys"),
        key: PartitionKey::new(event.key().to_vec()).expect("a stored key is a key"),
        time: event.time,
        shard: event.shard,
        sequence: event.sequence,
        given_of_partition: given as u64,
    }
}

impl Engine for PlainEngine {
    fn name(&self) -> &'static str {
        "plain"
    }

    async fn create_table(&self, definition: TableDefinition, columns: Vec<Column>) -> Result<Table, CatalogError> {
        let mut state = self.lock();
        if let Some(there) = state.named(&definition.name) {
            return Err(CatalogError::AlreadyExists(Box::new(there.clone())));
        }
        state.tables_made += 1;
        let (id, now) = (TableId::from_bytes([state.tables_made; 16]), state.tick());
        let made = PlainTable::new(id, definition, columns, now);
        let table = made.table.clone();
        state.tables.insert(id, made);
        Ok(table)
    }

    fn table(&self, name: &TableName) -> Option<Table> {
        self.lock().named(name).cloned()
    }

    fn tables(&self) -> Vec<Table> {
        let mut tables: Vec<_> = self.lock().tables.values().map(|table| table.table.clone()).collect();
        tables.sort_by(|one, other| one.definition.name.cmp(&other.definition.name));
        tables
    }

    async fn update_table(&self, update: UpdateTable) -> Result<Table, CatalogError> {
        self.lock().table(update.table).map_err(unknown)?.update(update)
    }

    async fn drop_table(&self, id: TableId) -> Result<(), CatalogError> {
        let mut state = self.lock();
        let table = state.table(id).map_err(unknown)?;
        if table.table.definition.deletion_protection {
            return Err(CatalogError::Protected(table.table.definition.name.clone()));
        }
        table.board.close();
        state.tables.remove(&id);
        Ok(())
    }

    async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        append.place.take();
        let mut state = self.lock();
        let now = state.tick();
        let table = state.tables.get_mut(&append.table).ok_or(AppendError::UnknownTable(append.table))?;
        let appended = table.append(&append, now)?;
        for batch in &append.shards {
            table.board.wake(batch.shard, &batch.batch);
        }
        Ok(appended)
    }

    fn head(&self, table: TableId) -> Result<Moment, ReadError> {
        Ok(self.lock().table(table)?.board.moment())
    }

    fn first_retained(&self, id: TableId, shard: Shard) -> Result<Sequence, ReadError> {
        let mut state = self.lock();
        let table = state.table(id)?;
        check_shard(table, shard)?;
        Ok(table.floor.of(shard).next())
    }

    fn floor(&self, table: TableId) -> Result<Moment, ReadError> {
        Ok(self.lock().table(table)?.floor.clone())
    }

    fn watch(&self, table: TableId, scope: WatchScope) -> Result<HeadWatch, ReadError> {
        Ok(self.lock().table(table)?.board.watch(scope))
    }

    async fn read_arrivals(&self, read: ArrivalRead) -> Result<ArrivalPage, ReadError> {
        let mut state = self.lock();
        let table = state.table(read.table)?;
        check_shard(table, read.shard)?;
        check_floor(table, read.shard, read.from)?;
        let mut events = table.oracle.arrivals(read.shard, read.from, read.through, &read.scope);
        events.truncate(fitting(&events, read.bounds));
        let last = read.through.min(table.oracle.moment().of(read.shard));
        let rest = events.last().map_or(read.from, |event| event.sequence.next());
        let is_done = table.oracle.arrivals(read.shard, rest, read.through, &read.scope).is_empty();
        let next = if is_done { last.next().max(read.from) } else { rest };
        Ok(ArrivalPage { events, next })
    }

    async fn read_partitions(&self, read: PartitionRead) -> Result<PartitionPage, ReadError> {
        let mut state = self.lock();
        let table = state.table(read.table)?;
        check_moment(table, &read)?;
        let all = table.oracle.scan(&read);
        let is_after =
            |event: &StoredEvent, after: &ScanPosition| event.shard == after.shard && event.sequence == after.sequence;
        let start = match &read.after {
            Some(after) => all.iter().position(|event| is_after(event, after)).map_or(0, |index| index + 1),
            None => 0,
        };
        let events: Vec<_> = all[start..start + fitting(&all[start..], read.bounds)].to_vec();
        let end = start + events.len();
        let next = (end < all.len()).then(|| position(&read, &all, end - 1));
        Ok(PartitionPage { events, next })
    }

    async fn count(&self, read: PartitionRead) -> Result<CountedScan, ReadError> {
        let mut state = self.lock();
        let table = state.table(read.table)?;
        check_moment(table, &PartitionRead { after: None, ..read.clone() })?;
        Ok(table.oracle.count(&read))
    }

    async fn estimate(&self, id: TableId, slices: &HashSlices, times: TimeRange) -> Result<SizeEstimate, ReadError> {
        let mut state = self.lock();
        let table = state.table(id)?;
        let moment = table.oracle.moment();
        let shards = table.oracle.shards().collect::<Vec<_>>();
        let scope = ArrivalScope::Slices(slices.clone());
        let mut estimate = SizeEstimate::default();
        for shard in shards {
            for event in table.oracle.arrivals(shard, Sequence::FIRST, moment.of(shard), &scope) {
                if times.contains(event.time) {
                    estimate.events += 1;
                    estimate.bytes += event.bytes.len() as u64;
                }
            }
        }
        Ok(estimate)
    }

    async fn find_commit_time(&self, id: TableId, shard: Shard, time: CommitTime) -> Result<Sequence, ReadError> {
        let mut state = self.lock();
        let table = state.table(id)?;
        check_shard(table, shard)?;
        let from = table.floor.of(shard).next();
        let head = table.oracle.moment().of(shard);
        let events = table.oracle.arrivals(shard, from, Sequence::MAX, &ArrivalScope::All);
        let found = events.iter().find(|event| event.commit_time >= time).map(|event| event.sequence);
        match found {
            // All that is left was committed later: what was removed may have been, too.
            Some(first) if first == from && from > Sequence::FIRST => {
                Err(ReadError::Trimmed { shard, asked: from.previous(), first_retained: from })
            }
            found => Ok(found.unwrap_or_else(|| head.next())),
        }
    }

    async fn table_stats(&self, id: TableId) -> Result<TableStats, ReadError> {
        let mut state = self.lock();
        let table = state.table(id)?;
        Ok(TableStats {
            event_count: table.oracle.len(),
            partition_count: table.oracle.partitions().len() as u64,
            stored_bytes: table.stored_bytes(),
            shards: table.oracle.shard_stats(),
        })
    }

    async fn partition_stats(&self, id: TableId, key: &PartitionKey) -> Result<Option<PartitionStats>, ReadError> {
        Ok(self.lock().table(id)?.oracle.partitions().into_iter().find(|stats| stats.key == *key))
    }

    async fn list_partitions(&self, list: PartitionList) -> Result<Vec<PartitionStats>, ReadError> {
        let all = self.lock().table(list.table)?.oracle.partitions();
        let page = all
            .into_iter()
            .filter(|stats| stats.key.as_bytes().starts_with(&list.key_prefix))
            .filter(|stats| list.after.as_ref().is_none_or(|after| stats.key > *after))
            .take(list.partitions_max);
        Ok(page.collect())
    }

    async fn trim(&self, id: TableId, retention: Retention, mode: TrimMode) -> Result<Trimmed, CatalogError> {
        let mut state = self.lock();
        let now = state.tick();
        let table = state.table(id).map_err(unknown)?;
        Ok(table.trim(retention, now, mode == TrimMode::Apply))
    }
}

fn unknown(error: ReadError) -> CatalogError {
    match error {
        ReadError::UnknownTable(id) => CatalogError::UnknownTable(id),
        other => CatalogError::Read(other),
    }
}
