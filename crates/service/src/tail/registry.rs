//! Who is tailing what, and how far behind they are: for operators, and to bound how many there are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use annals_engine::Engine;
use annals_model::{Fault, Moment, Reason, Shard, Table, TableId};
use bytes::Bytes;

use super::catch_up::lag;
use super::step::Lag;
use crate::lists::page_entries;
use crate::{Action, Caller, Service};

/// Which tails a caller wants to see.
#[derive(Clone, Debug, Default)]
pub struct ListTails {
    /// Of this table; empty: of all.
    pub table: String,
    /// At most so many; 0 leaves it to the service.
    pub page_size: i32,
    /// Where to go on, from an earlier page; empty: at the beginning.
    pub page_token: Bytes,
}

/// One page of tails.
#[derive(Clone, Debug)]
pub struct TailInfoPage {
    /// In the order in which they began.
    pub tails: Vec<TailInfo>,
    /// With which the list goes on; empty if nothing is left.
    pub next_page_token: Bytes,
}

/// A tail that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailInfo {
    /// Its table.
    pub table: String,
    /// What it or its caller calls itself.
    pub client_name: String,
    /// Where its caller is; empty in this process.
    pub peer: String,
    /// Whether it stands at the head.
    pub is_live: bool,
    /// How far behind it is; none where that can't be told.
    pub lag: Option<Lag>,
}

/// The tails of one server.
#[derive(Debug, Default)]
pub(crate) struct TailRegistry {
    tails: Arc<Mutex<Tails>>,
}

#[derive(Debug, Default)]
struct Tails {
    next_id: u64,
    by_id: BTreeMap<u64, Arc<TailEntry>>,
}

/// A tail as others see it.
#[derive(Debug)]
pub(super) struct TailEntry {
    table: TableId,
    table_name: String,
    client_name: String,
    peer: String,
    shards: Vec<Shard>,
    is_live: AtomicBool,
    position: Mutex<Moment>,
}

/// A tail's place in the registry; dropping it gives it up.
#[derive(Debug)]
pub(super) struct Registered {
    tails: Arc<Mutex<Tails>>,
    id: u64,
    entry: Arc<TailEntry>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TailRegistry {
    /// Notes a tail, if there is room for one more.
    pub(super) fn register(
        &self,
        table: &Table,
        client_name: String,
        peer: String,
        shards: Vec<Shard>,
        position: Moment,
        tails_max: usize,
    ) -> Result<Registered, Fault> {
        let entry = Arc::new(TailEntry {
            table: table.id,
            table_name: table.definition.name.to_string(),
            client_name,
            peer,
            shards,
            is_live: AtomicBool::new(false),
            position: Mutex::new(position),
        });
        let mut tails = lock(&self.tails);
        if tails.by_id.len() >= tails_max {
            let message = format!("this server follows {tails_max} tails, the most it may (limits.tails_max)");
            return Err(Fault::new(Reason::TooManyTails, message));
        }
        tails.next_id += 1;
        let id = tails.next_id;
        tails.by_id.insert(id, Arc::clone(&entry));
        Ok(Registered { tails: Arc::clone(&self.tails), id, entry })
    }

    fn after(&self, id: u64) -> Vec<(u64, Arc<TailEntry>)> {
        lock(&self.tails).by_id.range(id + 1..).map(|(id, entry)| (*id, Arc::clone(entry))).collect()
    }
}

impl Registered {
    pub(super) fn moved(&self, position: &Moment, is_live: bool) {
        lock(&self.entry.position).clone_from(position);
        self.entry.is_live.store(is_live, Ordering::Relaxed);
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        lock(&self.tails).by_id.remove(&self.id);
    }
}

impl<E: Engine> Service<E> {
    /// One page of the tails under way, in the order in which they began.
    ///
    /// # Errors
    /// When the request names no table or carries a token that is none.
    pub async fn list_tails(&self, caller: &Caller, request: ListTails) -> Result<TailInfoPage, Fault> {
        let table = match &request.table[..] {
            "" => {
                self.permit(caller, Action::Operate, None)?;
                None
            }
            name => Some(self.table(caller, Action::Operate, name)?.id),
        };
        let entries_max = page_entries(request.page_size, &self.limits)?;
        let mut found = self.tails.after(decode_token(&request.page_token)?);
        found.retain(|(_, entry)| table.is_none_or(|table| entry.table == table));
        let has_more = found.len() > entries_max;
        found.truncate(entries_max);
        let next_page_token = found.last().filter(|_| has_more).map_or_else(Bytes::new, |(id, _)| encode_token(*id));
        let mut tails = Vec::with_capacity(found.len());
        for (_, entry) in found {
            let position = lock(&entry.position).clone();
            // A table that was dropped meanwhile ends its tails; there is no lag to tell.
            let lag = lag(self, entry.table, &entry.shards, &position).await.ok();
            tails.push(TailInfo {
                table: entry.table_name.clone(),
                client_name: entry.client_name.clone(),
                peer: entry.peer.clone(),
                is_live: entry.is_live.load(Ordering::Relaxed),
                lag,
            });
        }
        Ok(TailInfoPage { tails, next_page_token })
    }
}

fn encode_token(id: u64) -> Bytes {
    Bytes::copy_from_slice(&id.to_be_bytes())
}

fn decode_token(token: &[u8]) -> Result<u64, Fault> {
    if token.is_empty() {
        return Ok(0);
    }
    let id = token.try_into().map(u64::from_be_bytes).ok().filter(|id| *id < u64::MAX);
    id.ok_or_else(|| {
        let description = "the page token is malformed; pass it back exactly as it was handed out";
        Fault::of_field(Reason::MalformedToken, "page_token", description)
    })
}
