//! The messages of a tail, over as many connections as it takes.
//!
//! The stream owns one invariant: within a shard, sequences only rise, over reconnects too. A server that broke it
//! would end the tail with an error rather than have an event handled twice.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use annals_model::{Sequence, Shard};
use annals_wire::opaque::TailResponse;
use annals_wire::v1::TailRequest;
use annals_wire::v1::tail_request::Start;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tonic::Streaming;

use super::HEARTBEAT_INTERVAL_DEFAULT;
use super::message::{TailBody, TailMessage};
use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::Error;
use crate::token::ResumeToken;

/// Silence of so many heartbeat intervals means that the connection is dead.
const SILENT_INTERVALS_MAX: u32 = 4;

/// A stream of the messages of a tail. Ends after an error, or once all that was asked for is delivered.
pub struct TailStream {
    messages: BoxStream<'static, Result<TailMessage, Error>>,
    resume_token: ResumeToken,
}

impl TailStream {
    pub(super) async fn begin(client: Client, request: TailRequest) -> Result<Self, Error> {
        let silence_max = silence_max(&request);
        let (call, first) = open(&client, request.clone(), silence_max).await?;
        let resume_token = first.resume_token.clone();
        let follower = Follower {
            client,
            request,
            silence_max,
            connection: Connection::Open(Box::new(call)),
            waiting: Some(first),
            last_sequences: HashMap::new(),
            resume_token: resume_token.clone(),
            backoff: Backoff::default(),
        };
        let messages = stream::try_unfold(follower, |mut follower| async move {
            Ok(follower.next().await?.map(|message| (message, follower)))
        });
        Ok(Self { messages: messages.boxed(), resume_token })
    }

    /// Resumes after the last message that this stream gave.
    pub fn resume_token(&self) -> &ResumeToken {
        &self.resume_token
    }
}

impl Stream for TailStream {
    type Item = Result<TailMessage, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.messages.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(message))) = &next {
            self.resume_token = message.resume_token.clone();
        }
        next
    }
}

struct Follower {
    client: Client,
    request: TailRequest,
    silence_max: Duration,
    connection: Connection,
    /// The message that came with a connection.
    waiting: Option<TailMessage>,
    last_sequences: HashMap<Shard, Sequence>,
    resume_token: ResumeToken,
    backoff: Backoff,
}

enum Connection {
    Open(Box<Streaming<TailResponse>>),
    /// To be made again after this wait.
    Broken {
        retry_in: Duration,
    },
    /// Nothing more is to come.
    Ended,
}

impl Follower {
    async fn next(&mut self) -> Result<Option<TailMessage>, Error> {
        let message = match self.waiting.take() {
            Some(first) => Ok(Some(first)),
            None => self.receive().await,
        };
        match message {
            Ok(Some(message)) => self.accept(message).map(Some),
            Ok(None) => {
                self.connection = Connection::Ended;
                Ok(None)
            }
            // The connection broke, or the server stops, starts or is busy: it goes on.
            Err(error) if error.is_retryable() => Ok(Some(self.interrupt(error))),
            Err(error) => {
                self.connection = Connection::Ended;
                Err(error)
            }
        }
    }

    async fn receive(&mut self) -> Result<Option<TailMessage>, Error> {
        match &mut self.connection {
            Connection::Open(call) => receive_from(call, self.silence_max).await,
            Connection::Broken { retry_in } => {
                tokio::time::sleep(*retry_in).await;
                let mut request = self.request.clone();
                request.start = Some(Start::ResumeToken(self.resume_token.as_bytes().clone()));
                request.consumer_default = 0;
                let (call, first) = open(&self.client, request, self.silence_max).await?;
                self.connection = Connection::Open(Box::new(call));
                Ok(Some(first))
            }
            Connection::Ended => Ok(None),
        }
    }

    /// Checks that no event comes twice, and notes how far the tail has come.
    fn accept(&mut self, message: TailMessage) -> Result<TailMessage, Error> {
        if let TailBody::Events(events) = &message.body {
            for event in events {
                let last = self.last_sequences.entry(event.shard).or_insert(Sequence::ZERO);
                if event.sequence <= *last {
                    self.connection = Connection::Ended;
                    return Err(Error::Protocol(format!(
                        "shard {} went back from sequence {last} to {}",
                        event.shard, event.sequence
                    )));
                }
                *last = event.sequence;
            }
        }
        // A server that takes the tail and then breaks at once has not recovered: only what follows the start counts.
        if !matches!(message.body, TailBody::Started) {
            self.backoff.reset();
        }
        self.resume_token = message.resume_token.clone();
        Ok(message)
    }

    fn interrupt(&mut self, error: Error) -> TailMessage {
        let wait = self.backoff.next_wait();
        let asked = match &error {
            Error::Refused(fault) => fault.retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        let retry_in = asked.max(wait);
        self.connection = Connection::Broken { retry_in };
        TailMessage { resume_token: self.resume_token.clone(), body: TailBody::Interrupted { error, retry_in } }
    }
}

/// Begins the call and waits for its first message, which comes at once and carries a token.
async fn open(
    client: &Client,
    request: TailRequest,
    silence_max: Duration,
) -> Result<(Streaming<TailResponse>, TailMessage), Error> {
    let mut events = client.events();
    let call = tokio::time::timeout(silence_max, events.tail(request)).await.map_err(|_| silent(silence_max))?;
    let mut call = call.map_err(|status| Error::of_status(&status))?.into_inner();
    let first = receive_from(&mut call, silence_max).await?;
    let first = first.ok_or_else(|| Error::Protocol("a tail ended without a message".to_owned()))?;
    Ok((call, first))
}

async fn receive_from(call: &mut Streaming<TailResponse>, silence_max: Duration) -> Result<Option<TailMessage>, Error> {
    let message = tokio::time::timeout(silence_max, call.message()).await.map_err(|_| silent(silence_max))?;
    message.map_err(|status| Error::of_status(&status))?.map(TailMessage::of_response).transpose()
}

fn silent(silence_max: Duration) -> Error {
    Error::Broken(format!("the server gave no sign of life for {silence_max:?}"))
}

fn silence_max(request: &TailRequest) -> Duration {
    let asked = request.heartbeat_interval.and_then(|interval| Duration::try_from(interval).ok());
    asked.unwrap_or(HEARTBEAT_INTERVAL_DEFAULT).saturating_mul(SILENT_INTERVALS_MAX)
}
