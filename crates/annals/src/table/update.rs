//! `annals table update`: change retention, lateness or protection, or add columns.

use std::time::Duration;

use annals_client::proto::{Retention, Table, UpdateTableRequest};

use super::confirmation::confirm;
use super::shown::show_table;
use super::{Bound, ColumnArgument, bound_span_of, proto_span, span_of};
use crate::connect::{ServerArgs, block_on};
use crate::output::FormArgs;
use crate::size_argument::{ByteSize, counted};
use crate::terminal::note;

/// Its arguments. What is not given stays as it is.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  annals table update flights.events --retention-age 90d --dry-run
  annals table update flights.events --retention-bytes none --protect true")]
pub(super) struct Args {
    /// The table, as keyspace.table.
    name: String,
    /// Remove events this long after they were stored; none keeps them.
    #[arg(long, value_name = "SPAN|none", value_parser = bound_span_of)]
    retention_age: Option<Bound<Duration>>,
    /// Remove the oldest events once the table takes more than this on disk; none keeps them.
    #[arg(long, value_name = "BYTES|none")]
    retention_bytes: Option<Bound<ByteSize>>,
    /// Declare a column; may be given several times.
    #[arg(long, value_name = "NAME:TYPE")]
    add_column: Vec<ColumnArgument>,
    /// How late an event may come and still not hold back the low watermark.
    #[arg(long, value_name = "SPAN", value_parser = span_of)]
    max_lateness: Option<Duration>,
    /// Set or clear the protection from dropping, and from removing events at once.
    #[arg(long, value_name = "BOOL")]
    protect: Option<bool>,
    /// Do not ask, where the change removes events at once.
    #[arg(long, short = 'y')]
    yes: bool,
    /// Change nothing; tell what the change would remove.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let answer = block_on(async {
        let client = args.server.connect().await?;
        // A retention is replaced whole, so the bound that was not given comes from the table as it is.
        let retention = match (args.retention_age, args.retention_bytes) {
            (None, None) => None,
            _ => Some(changed_retention(args, &client.table(&args.name).await?)?),
        };
        let mut request = UpdateTableRequest {
            name: args.name.clone(),
            retention,
            add_columns: args.add_column.iter().map(Into::into).collect(),
            deletion_protection: args.protect,
            max_lateness: args.max_lateness.map(proto_span).transpose()?,
            validate_only: args.dry_run,
            ..UpdateTableRequest::default()
        };
        if retention.is_some() && !args.dry_run && !args.yes {
            request.validate_only = true;
            let tried = client.update_table(request.clone()).await?;
            if tried.removed_events > 0 {
                let loss = format!("{} ({})", counted(tried.removed_events, "event"), ByteSize(tried.removed_bytes));
                confirm(&format!("the new retention of {} removes {loss} for good", args.name), &args.name)?;
            }
            request.validate_only = false;
        }
        Ok(client.update_table(request).await?)
    })?;
    let (events, bytes) = (counted(answer.removed_events, "event"), ByteSize(answer.removed_bytes));
    if args.dry_run {
        note(&format!("nothing was changed; the change would remove {events} ({bytes}) at once"));
    } else if answer.removed_events > 0 {
        note(&format!("the new retention removes {events} ({bytes})"));
    }
    answer.table.map_or(Ok(()), |table| show_table(&table, args.form.json()))
}

fn changed_retention(args: &Args, table: &Table) -> anyhow::Result<Retention> {
    let mut retention = table.retention.unwrap_or_default();
    match args.retention_age {
        None => {}
        Some(Bound::None) => retention.max_age = None,
        Some(Bound::Set(age)) => retention.max_age = Some(proto_span(age)?),
    }
    match args.retention_bytes {
        None => {}
        Some(Bound::None) => retention.max_bytes = 0,
        Some(Bound::Set(size)) => retention.max_bytes = size.0,
    }
    Ok(retention)
}
