//! A tail that goes from stored to live: the last evening comes in while it is watched.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use annals_client::{Client, Event, RecordedEvent, Sequence, Shard, Tail, TailBody, TailStart, TailStream};
use anyhow::Context;
use futures_util::StreamExt;
use indicatif::HumanCount;
use tokio::sync::oneshot;

use super::flight::Flight;
use super::page::Page;
use super::week::{Live, head};

/// Stored events that the tail begins with.
const STORED_SHOWN: u64 = 3;

/// Live events that are shown at the start, before the rest is counted.
const LIVE_SHOWN: usize = 6;

/// Events of one append, and the pause after it: reports as they trickle in of an evening, in a second.
const REPORT_EVENTS: usize = 24;
const REPORT_PAUSE: Duration = Duration::from_millis(80);

pub(super) async fn show(client: &Client, page: &mut Page, live: Live) -> anyhow::Result<()> {
    page.heading("3  A tail that goes from stored to live, in the order of arrival")?;
    let stored = head(client, live.table).await?;
    let from = stored.saturating_sub(STORED_SHOWN) + 1;
    page.command(&format!("tail {}", live.table))?;
    let start = TailStart::Sequences(vec![(Shard::ZERO, Sequence::new(from))]);
    let messages = client.tail(Tail::table(live.table).start(start).client_name("annals demo")).await?;
    let count = live.events.len();
    let (caught_up, begin) = oneshot::channel();
    let appender = append(client, live, begin);
    let watcher = watch(page, messages, stored + count as u64, caught_up);
    // Whichever fails first is the one to be told: the other only waits for it.
    let ((), delays) = tokio::try_join!(appender, watcher)?;
    page.remark(&format!(
        "Nothing twice, nothing left out at the seam. Live events were here {:.1} ms after their commit (median of {}).",
        median(delays).as_secs_f64() * 1e3,
        HumanCount(count as u64)
    ))
}

/// Appends the events in small groups, once the tail has come to the live end.
async fn append(client: &Client, live: Live, begin: oneshot::Receiver<()>) -> anyhow::Result<()> {
    begin.await.context("the tail ended before it came to the live end")?;
    for report in live.events.chunks(REPORT_EVENTS) {
        client.append(live.table, report.iter().map(Event::clone)).await?;
        tokio::time::sleep(REPORT_PAUSE).await;
    }
    Ok(())
}

/// Shows what comes up to sequence `last`; how long after its commit each live event was here.
async fn watch(
    page: &mut Page,
    mut messages: TailStream,
    last: u64,
    caught_up: oneshot::Sender<()>,
) -> anyhow::Result<Vec<Duration>> {
    let (mut begin, mut delays, mut newest) = (Some(caught_up), Vec::new(), None);
    while newest.is_none_or(|newest| newest < last) {
        let message = messages.next().await.context("the tail ended by itself")??;
        match message.body {
            TailBody::Events(events) => {
                for event in events {
                    let sequence = event.sequence.get();
                    let follows = newest.is_none_or(|newest| newest + 1 == sequence);
                    anyhow::ensure!(follows, "the tail went from #{} to #{sequence}", newest.unwrap_or(0));
                    newest = Some(sequence);
                    if begin.is_none() {
                        delays.push(age(&event));
                    }
                    if delays.len() <= LIVE_SHOWN || sequence == last {
                        page.line(&Flight::of(&event)?.line())?;
                    } else if delays.len() == LIVE_SHOWN + 1 {
                        page.remark("  …")?;
                    }
                }
            }
            TailBody::CaughtUp => {
                page.remark("  all that was stored has been delivered; from here on it is live")?;
                if let Some(begin) = begin.take() {
                    // An appender that is gone has failed, and says so itself.
                    let _ = begin.send(());
                }
            }
            _ => {}
        }
    }
    Ok(delays)
}

#[expect(clippy::disallowed_methods, reason = "an age is told by the clock of who asks")]
fn age(event: &RecordedEvent) -> Duration {
    let committed = Duration::from_nanos(u64::try_from(event.commit_time.unix_nanos()).unwrap_or(0));
    SystemTime::now().duration_since(UNIX_EPOCH + committed).unwrap_or_default()
}

fn median(mut delays: Vec<Duration>) -> Duration {
    delays.sort_unstable();
    delays.get(delays.len() / 2).copied().unwrap_or_default()
}
