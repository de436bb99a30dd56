//! Late events: where they arrived, and where they stand.

use annals_client::{Client, Tail, TailBody, TailStart};
use futures_util::StreamExt;
use indicatif::HumanCount;

use super::day::flights;
use super::flight::{Flight, span};
use super::page::Page;
use super::week::TABLE;

/// An aircraft one of whose flights left seven hours late, after another that was due later.
const AIRCRAFT: &str = "N15980";

/// The 10th of February in New York.
const DAY: (i64, i64) = (1_360_472_400, 1_360_558_800);

const NANOS_A_MINUTE: i64 = 60_000_000_000;

pub(super) async fn show(client: &Client, page: &mut Page) -> anyhow::Result<()> {
    page.heading("4  Late events in their place")?;
    page.command(&format!("tail {TABLE} --start earliest --stop-at-head"))?;
    let (late, all) = count_late(client).await?;
    page.text(&format!(
        "{} of {} events ({} %) arrived after one of a later time: what was due is reported when it has happened.",
        HumanCount(late),
        HumanCount(all),
        late * 100 / all.max(1)
    ))?;
    page.command(&format!("scan {TABLE} --key {AIRCRAFT} --from 2013-02-10T05:00:00Z --to 2013-02-11T05:00:00Z"))?;
    let flights = flights(client, AIRCRAFT, DAY).await?;
    for flight in &flights {
        match behind(flight, &flights) {
            Some(minutes) => page.line(&format!("{}  out of order by {}", flight.line(), span(minutes)))?,
            None => page.line(&flight.line())?,
        }
    }
    page.remark(
        "A scan puts each event where its time belongs, however late it came; # is its place in the order of arrival.",
    )
}

/// How many events arrived when one of a later time was known, and how many there are.
async fn count_late(client: &Client) -> anyhow::Result<(u64, u64)> {
    let mut messages = client.tail(Tail::table(TABLE).start(TailStart::Earliest).stop_at_head()).await?;
    let (mut newest, mut late, mut all) = (None, 0, 0);
    while let Some(message) = messages.next().await {
        let TailBody::Events(events) = message?.body else { continue };
        for event in events {
            let time = event.view()?.time();
            late += u64::from(time < newest);
            newest = newest.max(time);
            all += 1;
        }
    }
    Ok((late, all))
}

/// How far an event lay behind the newest of those that had arrived before it; none if it was the newest.
fn behind(flight: &Flight, others: &[Flight]) -> Option<i64> {
    let before = others.iter().filter(|other| other.sequence < flight.sequence);
    let newest = before.map(|other| other.time).max()?;
    let minutes = (newest.unix_nanos() - flight.time.unix_nanos()) / NANOS_A_MINUTE;
    (minutes > 0).then_some(minutes)
}
