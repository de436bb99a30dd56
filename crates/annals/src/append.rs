//! `annals append`: events written as JSON, from arguments, files or stdin.

use std::collections::{HashMap, VecDeque};
use std::io::{BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use annals_client::proto::Table;
use annals_client::{AppendSession, Appended, Client, ColumnType, Event, EventTime, PendingAppend, Shard};
use anyhow::{Context, anyhow, bail};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::connect::{ServerArgs, block_on};
use crate::foreign_format::text_of;
use crate::interrupt::{Interruption, Interruptions};
use crate::output::{FormArgs, event_from_json, write_json, write_text};
use crate::size_argument::counted;
use crate::table::column_type_of;
use crate::terminal::note;
use crate::time_argument::now;

/// Its arguments.
#[derive(clap::Args)]
#[command(
    after_help = "An event is {\"key\": \"…\", \"time\": \"…\", \"id\": \"…\", \"columns\": {\"name\": value}}; time and id may be left out.
A value is true, 17, 1.5 or \"text\", or {\"timestamp\": \"…\"}, {\"uuid\": \"…\"}, {\"bytes\": \"<base64>\"}, \
{\"double\": \"NaN\"}; null is a column that the event does not have.

What `annals scan` and `annals tail` write with --format ndjson comes back bit for bit. A member that is given twice, an \
integer past 64 bits, a number past what a double holds, a whole number that a column of doubles would round, and a time \
with more than nine decimals of a second are refused, not changed.

Examples:
  annals append flights.events '{\"key\": \"N14228\", \"time\": \"now\", \"columns\": {\"origin\": \"EWR\"}}'
  annals scan flights.events --json | annals append flights.copy --file -"
)]
pub(crate) struct Args {
    /// The table, as keyspace.table.
    table: String,
    /// Events, each a JSON object.
    #[arg(value_name = "EVENT", conflicts_with = "file")]
    events: Vec<String>,
    /// Read events from this file, one JSON object after another; - is stdin, and what is read when nothing is given.
    #[arg(long, short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// The shard, in a table where the appender chooses.
    #[arg(long)]
    shard: Option<u32>,
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Events of one request: a batch is large enough to be cheap and small enough to be answered soon.
const BATCH_EVENTS_MAX: usize = 1_000;
/// Bytes of one request; far below what a request may have, so that one more event always fits.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    block_on(async {
        let client = args.server.connect().await?;
        let table = client.table(&args.table).await?;
        let reader = EventReader { column_types: column_types(&table), now: now() };
        let appended = append_all(&client, args, reader).await?;
        report(&appended, args.form.json())
    })
}

/// Turns JSON into events of one table.
struct EventReader {
    column_types: HashMap<String, ColumnType>,
    now: EventTime,
}

impl EventReader {
    fn event(&self, json: &RawValue) -> Result<Event, String> {
        if json.get().starts_with('[') {
            return Err("is a JSON array; `jq -c '.[]'` writes its elements one after another".to_owned());
        }
        event_from_json(json.get(), self.now, |name| self.column_types.get(name).copied())
    }
}

fn column_types(table: &Table) -> HashMap<String, ColumnType> {
    table.columns.iter().filter_map(|column| Some((column.name.clone(), column_type_of(column)?))).collect()
}

/// The texts of JSON values, each with the place that it stands at.
type Values = Box<dyn Iterator<Item = anyhow::Result<(String, Box<RawValue>)>>>;

/// The JSON values of the arguments, the file or stdin, each with its place.
fn values(events: Vec<String>, file: Option<&Path>) -> anyhow::Result<Values> {
    if !events.is_empty() {
        return Ok(Box::new(events.into_iter().enumerate().map(|(index, text)| {
            let place = format!("event {}", index + 1);
            let json = serde_json::from_str(&text).with_context(|| format!("{place} is not JSON"))?;
            Ok((place, json))
        })));
    }
    let path = file.unwrap_or(Path::new("-"));
    let (name, input): (String, Box<dyn Read>) = if path == Path::new("-") {
        if std::io::stdin().is_terminal() {
            note("type events, each a JSON object; Ctrl-D ends");
        }
        ("stdin".to_owned(), Box::new(std::io::stdin()))
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("opening {}", path.display()))?;
        (path.display().to_string(), Box::new(file))
    };
    let input = text_of(BufReader::with_capacity(256 * 1024, input)).with_context(|| format!("cannot read {name}"))?;
    let stream = serde_json::Deserializer::from_reader(input).into_iter::<Box<RawValue>>();
    Ok(Box::new(stream.enumerate().map(move |(index, json)| {
        let place = format!("event {} of {name}", index + 1);
        Ok((place.clone(), json.with_context(|| format!("{place} is not JSON"))?))
    })))
}

/// Events between the thread that reads them and the session.
const EVENTS_READ_AHEAD: usize = 64;
/// How long an event waits at most for more to share its request, so that what comes through a pipe is soon stored.
const HELD_BACK_MAX: Duration = Duration::from_millis(500);
/// How long an append that is interrupted waits for the answers to what it has sent.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// Reads on a thread of its own: a pipe lets its reader wait for as long as it likes.
fn read(args: &Args, reader: EventReader) -> anyhow::Result<mpsc::Receiver<anyhow::Result<Event>>> {
    let (sender, events) = mpsc::channel(EVENTS_READ_AHEAD);
    let (arguments, file) = (args.events.clone(), args.file.clone());
    let read = move || {
        let values = match values(arguments, file.as_deref()) {
            Ok(values) => values,
            // Nobody waits any more where the other side is gone; so below.
            Err(error) => return drop(sender.blocking_send(Err(error))),
        };
        for value in values {
            let event =
                value.and_then(|(place, json)| reader.event(&json).map_err(|error| anyhow!("{place}: {error}")));
            let is_last = event.is_err();
            if sender.blocking_send(event).is_err() || is_last {
                return;
            }
        }
    };
    thread::Builder::new().name("append-reader".to_owned()).spawn(read).context("starting the reader's thread")?;
    Ok(events)
}

/// Appends what is read, batch by batch, and waits for the answers in order.
async fn append_all(client: &Client, args: &Args, reader: EventReader) -> anyhow::Result<Vec<Appended>> {
    let mut interruptions = Interruptions::listen()?;
    let mut events = read(args, reader)?;
    let route = match args.shard {
        Some(shard) => Route::Shard(client.clone(), Shard::new(shard)),
        None => Route::Session(client.append_session()),
    };
    let mut batches = Batches { route, waiting: VecDeque::new(), answers: Vec::new() };
    let (mut batch, mut batch_bytes) = (Vec::new(), 0);
    let mut oldest = Instant::now();
    loop {
        let event = tokio::select! {
            biased;
            interruption = interruptions.received() => return Err(batches.stop(interruption).await),
            () = tokio::time::sleep_until(oldest + HELD_BACK_MAX), if !batch.is_empty() => None,
            event = events.recv() => match event {
                Some(event) => Some(event),
                None => break,
            },
        };
        match event {
            Some(Ok(event)) => {
                if batch.is_empty() {
                    oldest = Instant::now();
                }
                batch_bytes += event.as_bytes().len();
                batch.push(event);
                if batch.len() < BATCH_EVENTS_MAX && batch_bytes < BATCH_BYTES_MAX {
                    continue;
                }
            }
            Some(Err(error)) => {
                // What came before the mistake is good; the error says how much is stored.
                if !batch.is_empty() {
                    batches.send(&args.table, batch).await?;
                }
                return Err(batches.give_up(error).await);
            }
            None => {}
        }
        batches.send(&args.table, std::mem::take(&mut batch)).await?;
        batch_bytes = 0;
    }
    if !batch.is_empty() {
        batches.send(&args.table, batch).await?;
    }
    batches.finish().await
}

/// How batches go to the server.
enum Route {
    /// One behind another, without waiting.
    Session(AppendSession),
    /// To one shard, each after the one before is answered.
    Shard(Client, Shard),
}

/// The batches on their way.
struct Batches {
    route: Route,
    waiting: VecDeque<PendingAppend>,
    answers: Vec<Appended>,
}

/// Batches that may wait for their answers before the oldest is waited for.
const BATCHES_WAITING_MAX: usize = 16;

impl Batches {
    async fn send(&mut self, table: &str, events: Vec<Event>) -> anyhow::Result<()> {
        let sent = match &mut self.route {
            Route::Session(session) => session.append(table, events).await,
            Route::Shard(client, shard) => {
                return match client.append_to_shard(table, *shard, events).await {
                    Ok(appended) => {
                        self.answers.push(appended);
                        Ok(())
                    }
                    Err(error) => Err(self.with_what_is_stored(error.into())),
                };
            }
        };
        match sent {
            Ok(pending) => self.waiting.push_back(pending),
            // The reason is the first answer that is missing, and not that the session has ended.
            Err(error) => return Err(self.drain().await.err().unwrap_or_else(|| error.into())),
        }
        if self.waiting.len() > BATCHES_WAITING_MAX { self.await_oldest().await } else { Ok(()) }
    }

    async fn await_oldest(&mut self) -> anyhow::Result<()> {
        if let Some(oldest) = self.waiting.pop_front() {
            let answer = oldest.await;
            match answer {
                Ok(appended) => self.answers.push(appended),
                Err(error) => return Err(self.with_what_is_stored(error.into())),
            }
        }
        Ok(())
    }

    async fn drain(&mut self) -> anyhow::Result<()> {
        while !self.waiting.is_empty() {
            self.await_oldest().await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> anyhow::Result<Vec<Appended>> {
        self.drain().await?;
        if let Route::Session(session) = self.route {
            session.finish().await?;
        }
        Ok(self.answers)
    }

    /// What was read before the mistake is appended all the same; the error says how much.
    async fn give_up(mut self, error: anyhow::Error) -> anyhow::Error {
        match self.drain().await {
            Ok(()) => self.with_what_is_stored(error),
            Err(worse) => worse,
        }
    }

    /// What was sent is likely stored, so its answers are waited for: else who goes on appends it twice.
    async fn stop(mut self, interruption: Interruption) -> anyhow::Error {
        let answered = tokio::time::timeout(STOP_TIME_MAX, self.drain()).await;
        let error = anyhow::Error::new(interruption);
        match answered {
            Ok(Ok(())) => self.with_what_is_stored(error),
            Ok(Err(worse)) => worse,
            Err(_) => self.with_what_is_stored(error.context(format!(
                "the server did not answer for {} s, and {} more may be stored",
                STOP_TIME_MAX.as_secs(),
                counted(self.waiting.len() as u64, "request")
            ))),
        }
    }

    fn with_what_is_stored(&self, error: anyhow::Error) -> anyhow::Error {
        match self.answers.iter().map(Appended::event_count).sum::<u64>() {
            0 => error.context("nothing was appended"),
            stored => error.context(format!(
                "the first {} appended; go on after that, as what is appended again is stored twice",
                if stored == 1 { "event is".to_owned() } else { format!("{} are", counted(stored, "event")) }
            )),
        }
    }
}

fn report(appended: &[Appended], as_json: bool) -> anyhow::Result<()> {
    let events: u64 = appended.iter().map(Appended::event_count).sum();
    if events == 0 {
        bail!("there was no event to append; give events as arguments, with --file, or on stdin");
    }
    let mut shards: Vec<(u32, u64, u64)> = Vec::new();
    for shard in appended.iter().flat_map(|appended| &appended.shards) {
        let (number, first, count) = (shard.shard.get(), shard.first_sequence.get(), shard.event_count);
        match shards.iter_mut().find(|(known, start, length)| *known == number && *start + *length == first) {
            Some((_, _, length)) => *length += count,
            None => shards.push((number, first, count)),
        }
    }
    if as_json {
        let shards = shards
            .iter()
            .map(|(shard, first, count)| json!({"shard": shard, "first_sequence": first, "event_count": count}));
        let value = json!({"events": events, "shards": shards.collect::<Vec<_>>()});
        return write_json(&mut std::io::stdout(), &value);
    }
    let places = shards.iter().map(|(shard, first, count)| format!("shard {shard}: {first} to {}", first + count - 1));
    write_text(&format!("{} appended ({})", counted(events, "event"), places.collect::<Vec<_>>().join(", ")))
}
