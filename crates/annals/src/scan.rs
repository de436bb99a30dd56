//! `annals scan`: a time range, in time order, as of one moment.

use annals_client::{Client, ResumeToken, Scan, ScanStream, Tail};
use futures_util::StreamExt;

use crate::connect::{ServerArgs, block_on};
use crate::output::{EventWriter, Format, FormatArgs, layout_of};
use crate::selection::SelectionArgs;
use crate::terminal::note;
use crate::token_argument::{PageTokenText, ResumeTokenText};

/// Its arguments.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  annals scan flights.events --key N14228 --from 2013-02-08 --to 2013-02-09
  annals scan flights.events --from -2h --format ndjson > events.ndjson
  annals scan flights.events --descending --limit-per-partition 1   # the latest of each partition

  annals scan flights.events -o ndjson | annals append flights.copy
  annals scan flights.events -o csv | annals import flights.copy \\
    --key key --time time --id id --exclude shard,sequence,commit_time

NDJSON and CSV come back bit for bit, NDJSON through append, CSV through import into a table that has the columns. \
In CSV a column of the table that is called key, time, id, shard, sequence or commit_time, or that begins with columns., \
stands as columns.NAME; import takes it back with --rename columns.NAME=NAME.")]
pub(crate) struct Args {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Latest events of each partition first.
    #[arg(long, short = 'd')]
    descending: bool,
    /// At most so many events.
    #[arg(long, short = 'n', value_name = "EVENTS", default_value_t = 0, hide_default_value = true)]
    limit: u64,
    /// At most so many events of each partition.
    #[arg(long, value_name = "EVENTS", default_value_t = 0, hide_default_value = true)]
    limit_per_partition: u64,
    /// Only these columns.
    #[arg(long, short = 'c', value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Go on where an earlier scan of the same events stopped at its limit.
    #[arg(long, value_name = "TOKEN")]
    page_token: Option<PageTokenText>,
    /// Then go on with the events that come: first exactly those that the scan's moment did not hold.
    #[arg(long, short = 'f', conflicts_with_all = ["limit", "limit_per_partition", "descending"])]
    follow: bool,
    /// Write the scan's resume token to stderr at the end; `annals tail --start` goes on from it.
    #[arg(long)]
    print_token: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        let keys = args.selection.partitions.keys()?;
        let scan = to_scan(args, &keys)?;
        if args.follow && args.selection.has_times() {
            anyhow::bail!(
                "--follow delivers what arrives, of any event time, so it can't be combined with --from and --to; scan \
                 the range first, then follow with `annals tail`"
            );
        }
        let client = args.server.connect().await?;
        let layout = layout_of(&client, &args.selection.table, &args.columns, args.follow).await?;
        let format = args.format.or(if args.follow { Format::Lines } else { Format::Table });
        let mut writer = EventWriter::new(format, layout);
        let mut events = client.scan(scan);
        write_all(&mut events, &mut writer).await?;
        if args.follow
            && let Some(moment) = events.resume_token()
        {
            return follow(&client, args, &keys, moment.clone(), writer).await;
        }
        writer.finish()?;
        if let Some(page) = events.next_page_token() {
            note(&format!("more is left; go on with --page-token {}", PageTokenText(page.clone())));
        }
        if args.print_token
            && let Some(moment) = events.resume_token()
        {
            let (table, token) = (&args.selection.table, ResumeTokenText(moment.clone()));
            let of_the_same = if args.selection.partitions.are_all() { "" } else { ", of the same partitions" };
            note(&format!("go on with `annals tail {table} --start {token}`{of_the_same}"));
        }
        Ok(())
    })
}

fn to_scan(args: &Args, keys: &[Vec<u8>]) -> anyhow::Result<Scan> {
    let mut scan = args.selection.scan_of(keys)?.limit(args.limit).limit_per_partition(args.limit_per_partition);
    scan = scan.columns(&args.columns);
    if args.descending {
        scan = scan.descending();
    }
    if let Some(page) = &args.page_token {
        scan = scan.after(&page.0);
    }
    Ok(scan)
}

async fn write_all(events: &mut ScanStream, writer: &mut EventWriter) -> anyhow::Result<()> {
    while let Some(event) = events.next().await {
        writer.write(event?)?;
    }
    Ok(())
}

async fn follow(
    client: &Client,
    args: &Args,
    keys: &[Vec<u8>],
    moment: ResumeToken,
    mut writer: EventWriter,
) -> anyhow::Result<()> {
    writer.flush()?;
    let mut tail = Tail::table(&args.selection.table).keys(keys).columns(&args.columns).client_name("annals scan");
    if let Some(slice) = args.selection.partitions.slice() {
        tail = tail.slice(slice.index, slice.count);
    }
    let table = &args.selection.table;
    let of_the_same = if args.selection.partitions.are_all() { "" } else { ", of the same partitions" };
    let go_on = |token: &ResumeTokenText| format!("go on with `annals tail {table} --start {token}`{of_the_same}");
    crate::tail::follow(client, tail.from_token(moment), writer, None, go_on).await
}
