//! Filling a table before it is read.

use annals_client::{Client, Scan};
use anyhow::Context;

use super::progress::Counter;
use super::source::EventSource;

/// Events of one request.
const BATCH: usize = 1_000;

/// Appends events until the table holds so many of each of so many partitions: those of all partitions in turn, as
/// they come from many producers at once. A table that holds them already is left as it is.
///
/// # Errors
/// When the table holds other events, or an append fails.
pub(super) async fn fill(
    client: &Client,
    table: &str,
    source: &mut EventSource,
    partitions: u64,
    events_each: u64,
    counter: &Counter,
) -> anyhow::Result<()> {
    let wanted = partitions * events_each;
    let found = client.count(Scan::table(table)).await?;
    if (found.events, found.partitions) == (wanted, partitions) {
        return Ok(());
    }
    anyhow::ensure!(
        found.events == 0,
        "{table} holds {} events of {} partitions, and the bench needs {wanted} of {partitions}; name another --table, \
         or drop this one",
        found.events,
        found.partitions
    );
    let mut session = client.append_session();
    let mut batch = Vec::with_capacity(BATCH);
    for number in 0..wanted {
        batch.push(source.event_of(number % partitions));
        if batch.len() == BATCH || number + 1 == wanted {
            counter.add(batch.len() as u64);
            // Refusals end up in the count below; what counts here is that the events are there.
            drop(session.append(table, std::mem::take(&mut batch)).await?);
        }
    }
    session.finish().await?;
    let stored = client.count(Scan::table(table)).await.context("counting what was stored")?;
    anyhow::ensure!(stored.events == wanted, "of {wanted} events only {} were stored", stored.events);
    Ok(())
}
