//! What `annals plot` takes.

use std::time::Duration;

use chrono_tz::Tz;

use crate::connect::ServerArgs;
use crate::output::FormArgs;
use crate::selection::SelectionArgs;

const EXAMPLES: &str = "\
Examples:
  annals plot flights.nyc --by kind
  annals plot flights.nyc --by kind --only departed,cancelled --from 2013-02-08 --to 2013-02-11 --bucket 1h
  annals plot flights.nyc --column delay --key N351JB --time-zone America/New_York
  annals plot ops.log --from=-2h
";

/// Its arguments.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(super) server: ServerArgs,

    /// Draws the numbers of this column: mean, least and greatest. Left out: how many events there are.
    #[arg(long, value_name = "COLUMN")]
    pub(super) column: Option<String>,
    /// Draws a series for each value of this column; the smallest together.
    #[arg(long, value_name = "COLUMN")]
    pub(super) by: Option<String>,
    /// Draws only the series of these values, in this order.
    #[arg(long, value_name = "VALUE,…", value_delimiter = ',', requires = "by")]
    pub(super) only: Vec<String>,
    /// How much time a step holds, like 15m or 1h. Left out: the least that fits.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    pub(super) bucket: Option<Duration>,
    /// The zone whose days and hours are shown, like `America/New_York`.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(super) time_zone: Tz,

    /// Columns of the drawing. Left out: the terminal's, or 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(30..=1000))]
    pub(super) width: Option<u16>,
    /// Rows of each series. Left out: by how many there are.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(super) height: Option<u16>,
    #[command(flatten)]
    pub(super) form: FormArgs,
}

fn parse_span(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(span) if !span.is_zero() => Ok(span),
        _ => Err("write a span of time like 15m, 1h or 1d".to_owned()),
    }
}
