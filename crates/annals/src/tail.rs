//! `annals tail`: a table in arrival order, from a place in it and on into what comes.

use std::str::FromStr;

use annals_client::{Client, CommitTime, Sequence, Shard, Tail, TailBody, TailMessage, TailStart};
use futures_util::StreamExt;

use crate::connect::{ServerArgs, block_on};
use crate::interrupt::Interruptions;
use crate::output::{EventWriter, Format, FormatArgs, layout_of};
use crate::selection::PartitionArgs;
use crate::size_argument::counted;
use crate::terminal::{Stream, note};
use crate::time_argument::{TIME_HELP, TimeArgument, now};
use crate::token_argument::ResumeTokenText;

/// Its arguments.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  annals tail flights.events                       # what comes from now on, until Ctrl-C
  annals tail flights.events --start earliest --stop-at-head --format ndjson
  annals tail flights.events --start -10m --key N14228")]
pub(crate) struct Args {
    /// The table, as keyspace.table.
    table: String,
    #[command(flatten)]
    partitions: PartitionArgs,
    /// Only this shard; may be given several times.
    #[arg(long, value_name = "SHARD")]
    shard: Vec<u32>,
    /// Where to begin: earliest, latest, a resume token, a sequence, or a time of commit.
    #[arg(long, value_name = "PLACE", default_value = "latest", allow_hyphen_values = true,
        long_help = format!("Where to begin: earliest, latest, a resume token (token:…), a sequence (sequence:17; of several shards sequence:SHARD/17,…, and of \
        a shard that is not named the earliest), or a time of commit like {TIME_HELP}."))]
    start: Start,
    /// End once all that was stored at the beginning is written.
    #[arg(long)]
    stop_at_head: bool,
    /// End after so many events.
    #[arg(long, short = 'n', value_name = "EVENTS")]
    limit: Option<u64>,
    /// Only these columns.
    #[arg(long, short = 'c', value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Take a token although it was made for other partitions or shards.
    #[arg(long)]
    allow_scope_change: bool,
    /// Go on with what comes: what a tail does anyway unless --stop-at-head is given.
    #[arg(long, short = 'f', conflicts_with = "stop_at_head")]
    follow: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Where a tail begins, as text.
#[derive(Clone, Debug, PartialEq)]
enum Start {
    Earliest,
    Latest,
    Token(ResumeTokenText),
    /// Of each shard that is named; of the only one where none is.
    Sequences(Vec<(Option<u32>, u64)>),
    CommitTime(TimeArgument),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            token if token.starts_with("token:") => token.parse().map(Self::Token),
            places if places.starts_with("sequence:") => sequences(&places["sequence:".len()..]).map(Self::Sequences),
            time => time.parse().map(Self::CommitTime).map_err(|error| {
                format!("write earliest, latest, a token (token:…), a sequence (sequence:17) or a time of commit; for a time, {error}")
            }),
        }
    }
}

impl Start {
    /// `shards` are those that were asked for; none: all.
    fn resolve(&self, shards: &[u32], several_shards: bool) -> anyhow::Result<TailStart> {
        Ok(match self {
            Self::Earliest => TailStart::Earliest,
            Self::Latest => TailStart::Latest,
            Self::Token(token) => TailStart::Token(token.0.clone()),
            Self::CommitTime(time) => TailStart::CommitTime(CommitTime::from_unix_nanos(time.at(now()).unix_nanos())),
            Self::Sequences(places) => {
                let place = |&(shard, sequence): &(Option<u32>, u64)| {
                    let shard = match (shard, shards) {
                        (Some(shard), _) => shard,
                        (None, [only]) => *only,
                        (None, _) if !several_shards => 0,
                        (None, _) => anyhow::bail!(
                            "each shard of the table has sequences of its own; write --start sequence:SHARD/{sequence}"
                        ),
                    };
                    Ok((Shard::new(shard), Sequence::new(sequence)))
                };
                TailStart::Sequences(places.iter().map(place).collect::<anyhow::Result<_>>()?)
            }
        })
    }
}

/// Reads `17`, or `0/17,1/5`: the shards with their sequences.
fn sequences(text: &str) -> Result<Vec<(Option<u32>, u64)>, String> {
    let one = |text: &str| match text.split_once('/') {
        Some((shard, sequence)) => Some((Some(shard.parse().ok()?), sequence.parse().ok()?)),
        None => Some((None, text.parse().ok()?)),
    };
    let places: Option<Vec<_>> = text.split(',').map(one).collect();
    places
        .filter(|places| places.len() == 1 || places.iter().all(|(shard, _)| shard.is_some()))
        .ok_or_else(|| "write sequence:17, or of several shards sequence:0/17,1/5".to_owned())
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        let mut tail = Tail::table(&args.table).keys(args.partitions.keys()?);
        tail = tail.columns(&args.columns).client_name("annals tail");
        tail = args.shard.iter().fold(tail, |tail, &shard| tail.shard(Shard::new(shard)));
        if let Some(slice) = args.partitions.slice() {
            tail = tail.slice(slice.index, slice.count);
        }
        if args.stop_at_head {
            tail = tail.stop_at_head();
        }
        if args.allow_scope_change {
            tail = tail.allow_scope_change();
        }
        let client = args.server.connect().await?;
        let layout = layout_of(&client, &args.table, &args.columns, !args.stop_at_head).await?;
        tail = tail.start(args.start.resolve(&args.shard, layout.several_shards)?);
        let writer = EventWriter::new(args.format.or(Format::Lines), layout);
        follow(&client, tail, writer, args.limit, |token| format!("go on with the same command and --start {token}"))
            .await
    })
}

/// Writes what a tail delivers until it ends, `limit` events are written, or Ctrl-C or SIGTERM comes; then says on stderr
/// how to `go_on`. Either signal is the usual end of a tail and no failure.
pub(crate) async fn follow(
    client: &Client,
    tail: Tail,
    mut writer: EventWriter,
    limit: Option<u64>,
    go_on: impl Fn(&ResumeTokenText) -> String,
) -> anyhow::Result<()> {
    let mut interruptions = Interruptions::listen()?;
    let mut messages = client.tail(tail).await?;
    let mut left = limit.unwrap_or(u64::MAX);
    let mut ended = Ok(());
    while left > 0 {
        let message = tokio::select! {
            message = messages.next() => message,
            _ = interruptions.received() => break,
        };
        match message {
            Some(Ok(message)) => left = write_message(message, &mut writer, left)?,
            // What was delivered before is written, and a place to go on from.
            Some(Err(error)) => {
                ended = Err(error.into());
                break;
            }
            None => break,
        }
    }
    writer.finish()?;
    // Past a limit the token covers events that were delivered but not written, so it is no place to go on from.
    if left > 0 {
        note(&go_on(&ResumeTokenText(messages.resume_token().clone())));
    }
    ended
}

/// Writes a message's events, at most `left`; how many may still be written.
fn write_message(message: TailMessage, writer: &mut EventWriter, mut left: u64) -> anyhow::Result<u64> {
    match message.body {
        TailBody::Events(events) => {
            for event in events {
                if left == 0 {
                    break;
                }
                writer.write(event)?;
                left -= 1;
            }
            writer.flush()?;
        }
        TailBody::CaughtUp if Stream::of_stderr().is_terminal() => {
            note("all that was stored is shown; waiting for more, Ctrl-C ends");
        }
        TailBody::FellBehind(lag) => {
            note(&format!("too slow for the live end, {} behind", counted(lag.events, "event")));
        }
        TailBody::Interrupted { error, retry_in } => note(&format!("{error}; connecting again in {retry_in:.1?}")),
        TailBody::Started | TailBody::CaughtUp | TailBody::Heartbeat { .. } => {}
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_begins_where_it_is_told() {
        assert_eq!("earliest".parse(), Ok(Start::Earliest));
        assert!(matches!("-10m".parse(), Ok(Start::CommitTime(_))));
        assert!(matches!("token:AAEC".parse(), Ok(Start::Token(_))));
        assert_eq!("sequence:17".parse(), Ok(Start::Sequences(vec![(None, 17)])));
        assert_eq!("sequence:0/17,1/5".parse(), Ok(Start::Sequences(vec![(Some(0), 17), (Some(1), 5)])));
        for text in ["sequence:", "sequence:x", "sequence:1,2", "sequence:1/"] {
            assert!(text.parse::<Start>().is_err(), "{text}");
        }
        let error = "soon".parse::<Start>().expect_err("no place");
        assert!(error.contains("earliest") && error.contains("-2h"), "{error}");
    }
}
