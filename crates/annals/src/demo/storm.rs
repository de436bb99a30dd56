//! The storm, drawn: departures and cancellations by the hour.

use annals_client::{Client, EventTime, Scan};

use super::flight::NEW_YORK;
use super::page::Page;
use super::week::TABLE;
use crate::plot::{Look, Measure, Question, TimeAxis, ask, draw};

/// From the 8th to the 10th of February in New York, in seconds of the epoch; the last second is in it.
const DAYS: (i64, i64) = (1_360_299_600, 1_360_558_799);

/// Columns that the plot of 72 hours needs, its labels with them.
const WIDTH_MIN: usize = 80;

pub(super) async fn show(client: &Client, page: &mut Page) -> anyhow::Result<()> {
    page.heading("5  The storm: departures and cancellations by the hour")?;
    page.command(&format!(
        "plot {TABLE} --by kind --only departed,cancelled --from 2013-02-08T05:00:00Z --to 2013-02-11T05:00:00Z \
         --time-zone America/New_York"
    ))?;
    let [first, last] = [DAYS.0, DAYS.1].map(|seconds| EventTime::from_unix_nanos(seconds * 1_000_000_000));
    let look = Look { width: page.width().max(WIDTH_MIN), rows: 6, colors: page.has_colors() };
    let axis = TimeAxis::new(first, last, None, look.room(), NEW_YORK)?;
    let only = ["departed".to_owned(), "cancelled".to_owned()];
    let question = Question { by: Some("kind"), only: &only, ..Question::default() };
    let series = ask(client, Scan::table(TABLE), question, &axis, (first, last)).await?;
    for line in draw(&series, &axis, Measure::Events, look) {
        page.line(&line)?;
    }
    Ok(())
}
