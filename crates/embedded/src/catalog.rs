//! The tables of a store, as everyone but the commit thread sees them: those that are durable.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use annals_model::{TableId, TableName};

use super::table_state::TableState;
use crate::sync::{HashMap, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Tables by id and by name. Written by the commit thread alone.
#[derive(Debug, Default)]
pub(crate) struct Catalog(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    by_id: HashMap<TableId, Arc<TableState>>,
    by_name: BTreeMap<TableName, Arc<TableState>>,
}

impl Catalog {
    /// The table of this id; none if there is none (any more).
    pub(crate) fn get(&self, id: TableId) -> Option<Arc<TableState>> {
        self.read().by_id.get(&id).cloned()
    }

    /// The table of this name.
    pub(crate) fn find(&self, name: &TableName) -> Option<Arc<TableState>> {
        self.read().by_name.get(name).cloned()
    }

    /// All tables, in the order of their names.
    pub(crate) fn tables(&self) -> Vec<Arc<TableState>> {
        self.read().by_name.values().cloned().collect()
    }

    /// Adds a table.
    pub(crate) fn add(&self, table: Arc<TableState>) {
        let mut maps = self.write();
        maps.by_name.insert(table.table().definition.name.clone(), Arc::clone(&table));
        maps.by_id.insert(table.id(), table);
    }

    /// Removes a table. Another of its name, made meanwhile, stays.
    pub(crate) fn remove(&self, table: &TableState) {
        let mut maps = self.write();
        maps.by_id.remove(&table.id());
        let name = &table.table().definition.name;
        if maps.by_name.get(name).is_some_and(|present| present.id() == table.id()) {
            maps.by_name.remove(name);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Maps> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Maps> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
