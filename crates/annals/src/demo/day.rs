//! One aircraft's day: a time range of one partition.

use annals_client::{Client, EventTime, Scan, TimeRange};
use futures_util::StreamExt;

use super::flight::Flight;
use super::page::Page;
use super::week::TABLE;

/// An aircraft that flew along the coast on the day of the storm; two of its flights to Boston were cancelled.
const AIRCRAFT: &str = "N351JB";

/// The 8th of February in New York.
const DAY: (i64, i64) = (1_360_299_600, 1_360_386_000);

pub(super) async fn show(client: &Client, page: &mut Page) -> anyhow::Result<()> {
    page.heading("2  One aircraft's day, in the order in which it happened")?;
    page.command(&format!("scan {TABLE} --key {AIRCRAFT} --from 2013-02-08T05:00:00Z --to 2013-02-09T05:00:00Z"))?;
    let flights = flights(client, AIRCRAFT, DAY).await?;
    for flight in &flights {
        page.line(&flight.line())?;
    }
    page.remark(&format!(
        "{} events, times in New York. #n is the n-th event that arrived; the storm closed Boston.",
        flights.len()
    ))
}

/// An aircraft's events from one second of the epoch to another, in the order of their times.
pub(super) async fn flights(client: &Client, aircraft: &str, (from, to): (i64, i64)) -> anyhow::Result<Vec<Flight>> {
    let time = |seconds: i64| Some(EventTime::from_unix_nanos(seconds * 1_000_000_000));
    let mut events = client.scan(Scan::table(TABLE).key(aircraft).times(TimeRange::new(time(from), time(to))?));
    let mut flights = Vec::new();
    while let Some(event) = events.next().await {
        flights.push(Flight::of(&event?)?);
    }
    Ok(flights)
}
