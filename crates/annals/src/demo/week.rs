//! The week, put into the store in the order in which it became known.

use annals_client::proto::{self, CreateTableRequest};
use annals_client::{Client, Event};
use indicatif::HumanCount;

use super::page::Page;
use crate::import::{self, Input};

/// The table of the week.
pub(super) const TABLE: &str = "flights.nyc";

/// Where the last evening is played again when the week is stored already.
const REPLAY_TABLE: &str = "flights.replay";

/// Events of the week.
pub(super) const EVENTS: u64 = 17_292;

/// Of these, the ones that come in while the demo watches: the last evening.
const LIVE_EVENTS: u64 = 292;

/// Of a replay, the ones that are stored before it is watched.
const REPLAY_STORED: usize = 20;

const STORM: &[u8] = include_bytes!("../../fixtures/storm.ndjson.gz");
const COLUMNS: &str = "--key aircraft --time time \
    --type flight=int64,delay=int64,air_time=int64,distance=int64,seats=int64";

/// What is still to come, and where.
pub(super) struct Live {
    pub(super) table: &'static str,
    pub(super) events: Vec<Event>,
}

/// Stores the week but for its last evening, or what is missing of it, and gives that evening.
///
/// # Errors
/// When the server refuses.
pub(super) async fn store(client: &Client, page: &mut Page) -> anyhow::Result<Live> {
    page.heading("1  What is known is stored, in the order in which it became known")?;
    page.command(&format!("import {TABLE} storm.ndjson.gz --create {COLUMNS}"))?;
    make(client, TABLE).await?;
    let stored = head(client, TABLE).await?;
    let before_the_evening = EVENTS - LIVE_EVENTS;
    if stored < before_the_evening {
        let rows = format!("--skip-rows {stored} --rows {}", before_the_evening - stored);
        let args = import::Args::of_words(&format!("{TABLE} - {COLUMNS} {rows}"))?;
        let done = import::import(client, &args, vec![storm()]).await?;
        page.text(&done)?;
    }
    let evening = events_after(stored.max(before_the_evening))?;
    if evening.is_empty() {
        page.text(&format!(
            "The store holds all {} events of the week from an earlier run, and keeps them.",
            HumanCount(EVENTS)
        ))?;
        return replay(client).await;
    }
    let held = HumanCount(evening.len() as u64);
    page.text(&format!("The last {held} events, of the evening of 12 February, are held back for part 3."))?;
    Ok(Live { table: TABLE, events: evening })
}

/// The last evening once more, into a table of its own.
async fn replay(client: &Client) -> anyhow::Result<Live> {
    make(client, REPLAY_TABLE).await?;
    let mut events = events_after(EVENTS - LIVE_EVENTS)?;
    let live = events.split_off(REPLAY_STORED);
    client.append(REPLAY_TABLE, events).await?;
    Ok(Live { table: REPLAY_TABLE, events: live })
}

/// The newest sequence of a table of one shard: as many events have arrived.
pub(super) async fn head(client: &Client, table: &str) -> anyhow::Result<u64> {
    let stats = client.table(table).await?.stats.unwrap_or_default();
    Ok(stats.shards.iter().map(|shard| shard.last_sequence).max().unwrap_or(0))
}

async fn make(client: &Client, name: &str) -> anyhow::Result<()> {
    let table = proto::Table { name: name.to_owned(), ..proto::Table::default() };
    client.create_table(CreateTableRequest { table: Some(table), if_not_exists: true }).await?;
    Ok(())
}

/// The week's events but for so many.
fn events_after(rows: u64) -> anyhow::Result<Vec<Event>> {
    let args = import::Args::of_words(&format!("{TABLE} - {COLUMNS} --skip-rows {rows}"))?;
    import::events_of(&args, &[storm()])
}

fn storm() -> Input {
    Input::Embedded("storm.ndjson.gz", STORM)
}
