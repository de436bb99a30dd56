//! Sending what is read: one thread reads and types rows, this one sends their events over one session.
//!
//! Between the two stand a few batches, and between the session and the server a bounded number of bytes, so an import
//! of any size takes the same memory. Answers come in the order of the rows: the last one tells how far the rows are
//! stored.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use annals_client::{AppendSession, Client, Error, PendingAppend};
use annals_model::TableName;
use anyhow::Context;
use tokio::sync::mpsc;

use super::input::Input;
use super::mapping::Mapping;
use super::progress::Progress;
use super::rows::{Batch, Place, ReadOptions, ReadReport, read_rows_as_they_come};
use super::table;
use crate::interrupt::{Interruption, Interruptions};
use crate::size_argument::counted;

/// Batches between the reader and the session: enough that neither waits for the other's hiccups.
const BATCHES_READ_AHEAD: usize = 4;

/// How long an import that is interrupted waits for the answers to what it has sent: a sync takes a moment, and a person
/// waits for the prompt.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// What came of an import.
#[derive(Debug)]
pub(crate) struct LoadReport {
    /// Events that are durable.
    pub(crate) events: u64,
    /// What was read, and the mapping with the types that it came to.
    pub(super) read: ReadReport,
    pub(super) mapping: Mapping,
}

/// The table that events go to.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) client: &'a Client,
    pub(super) table: &'a TableName,
    /// The shards to make it with, if it is still to be made.
    pub(super) to_make: Option<u32>,
}

impl Target<'_> {
    async fn make(&mut self) -> anyhow::Result<()> {
        match self.to_make.take() {
            Some(shards) => table::make(self.client, self.table, shards).await,
            None => Ok(()),
        }
    }
}

/// Reads the rows of `inputs` and appends their events to `table`, in order.
///
/// # Errors
/// When a row is bad, an input can't be read or an append fails. The message says up to which row all is stored.
pub(super) async fn load(
    target: Target<'_>,
    inputs: Vec<Input>,
    options: ReadOptions,
    mapping: Mapping,
    progress: &Progress,
) -> anyhow::Result<LoadReport> {
    let mut interruptions = Interruptions::listen()?;
    let (batches, read_ahead) = mpsc::channel(BATCHES_READ_AHEAD);
    let bytes_read = progress.bytes_read();
    let reader = thread::Builder::new()
        .name("import-reader".to_owned())
        .spawn(move || read_all(&inputs, &options, mapping, &bytes_read, &batches))
        .context("starting the reader's thread")?;
    let mut sender = Sender {
        session: target.client.append_session(),
        target,
        unanswered: VecDeque::new(),
        events: 0,
        stored: None,
    };
    let sent = sender.send_all(read_ahead, &mut interruptions, progress).await;
    let Sender { session, target, events, stored, .. } = sender;
    let target_of_none = target.to_make.is_some().then_some(target);
    let outcome = match sent {
        // All batches were taken, so the reader is at its end.
        Ok(()) => {
            session.finish().await.context("the session broke")?;
            let read = reader.join().map_err(|_| anyhow::anyhow!("the reader's thread panicked; please report it"))?;
            // Without rows there is a table all the same, as --create promises.
            match (read, target_of_none) {
                (Ok(read), Some(mut target)) => target.make().await.map(|()| read),
                (read, _) => read,
            }
        }
        // The reader ends at its next batch; it may be waiting for a pipe, and nobody waits for it.
        Err(error) => Err(error),
    };
    outcome.map(|(read, mapping)| LoadReport { events, read, mapping }).map_err(|error| match stored {
        Some(Place { input, line, row }) => error.context(format!(
            "the import stopped; {} stored, up to {input}, line {line} (go on with --skip-rows {})",
            if events == 1 { "1 event is".to_owned() } else { format!("{} are", counted(events, "event")) },
            row + 1
        )),
        None => error.context("the import stopped; nothing is stored"),
    })
}

fn read_all(
    inputs: &[Input],
    options: &ReadOptions,
    mut mapping: Mapping,
    bytes_read: &Arc<AtomicU64>,
    batches: &mpsc::Sender<anyhow::Result<Batch>>,
) -> anyhow::Result<(ReadReport, Mapping)> {
    let send = |batch| batches.blocking_send(batch).is_ok();
    let report = read_rows_as_they_come(inputs, options, &mut mapping, bytes_read, send)?;
    Ok((report, mapping))
}

struct Sender<'a> {
    session: AppendSession,
    target: Target<'a>,
    unanswered: VecDeque<Sent>,
    /// Events that were answered: durable.
    events: u64,
    /// The last row that is stored, and all before it.
    stored: Option<Place>,
}

struct Sent {
    answer: PendingAppend,
    events: u64,
    first: Place,
    last: Place,
}

impl Sender<'_> {
    async fn send_all(
        &mut self,
        mut read_ahead: mpsc::Receiver<anyhow::Result<Batch>>,
        interruptions: &mut Interruptions,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        loop {
            let answered = async {
                match self.unanswered.front_mut() {
                    Some(sent) => (&mut sent.answer).await,
                    None => std::future::pending().await,
                }
            };
            // Answers are taken first, so that what waits stays short.
            tokio::select! {
                biased;
                answer = answered => self.note(answer, progress)?,
                interruption = interruptions.received() => return self.stop(interruption, progress).await,
                batch = read_ahead.recv() => match batch {
                    Some(Ok(batch)) => self.send(batch, progress).await?,
                    Some(Err(error)) => {
                        self.take_answers(progress).await?;
                        return Err(error);
                    }
                    None => break,
                },
            }
        }
        self.take_answers(progress).await
    }

    async fn take_answers(&mut self, progress: &Progress) -> anyhow::Result<()> {
        while let Some(sent) = self.unanswered.front_mut() {
            let answer = (&mut sent.answer).await;
            self.note(answer, progress)?;
        }
        Ok(())
    }

    /// What was sent is likely stored, so its answers are waited for: else a user who goes on stores it twice.
    async fn stop(&mut self, interruption: Interruption, progress: &Progress) -> anyhow::Result<()> {
        let answered = tokio::time::timeout(STOP_TIME_MAX, self.take_answers(progress)).await;
        let Ok(taken) = answered else {
            let events = counted(self.unanswered.iter().map(|sent| sent.events).sum(), "event");
            let waited = STOP_TIME_MAX.as_secs();
            let what = format!("the server did not answer for {waited} s, and {events} more may be stored");
            return Err(anyhow::Error::new(interruption).context(what));
        };
        taken?;
        Err(interruption.into())
    }

    /// Sends a batch, and takes answers while there is no room for it.
    async fn send(&mut self, batch: Batch, progress: &Progress) -> anyhow::Result<()> {
        let Batch { events, first, last, .. } = batch;
        let count = events.len() as u64;
        self.target.make().await?;
        match self.session.append(self.target.table.as_str(), events).await {
            Ok(answer) => {
                self.unanswered.push_back(Sent { answer, events: count, first, last });
                Ok(())
            }
            // The session has ended; an earlier batch's answer says why.
            Err(error) => {
                self.take_answers(progress).await?;
                Err(error.into())
            }
        }
    }

    fn note(&mut self, answer: Result<annals_client::Appended, Error>, progress: &Progress) -> anyhow::Result<()> {
        let Some(sent) = self.unanswered.pop_front() else { return Ok(()) };
        answer.map_err(|error| refusal(error, &sent))?;
        self.events += sent.events;
        self.stored = Some(sent.last);
        progress.stored(self.events);
        Ok(())
    }
}

/// An append that failed, by the rows that it held.
fn refusal(error: Error, sent: &Sent) -> anyhow::Error {
    let Sent { first, last, .. } = sent;
    let through = if first.input == last.input { String::new() } else { format!("{}, ", last.input) };
    // What is wrong with which event is in the error itself.
    let place = format!("{}, lines {} to {through}{}", first.input, first.line, last.line);
    anyhow::Error::new(error).context(place)
}
