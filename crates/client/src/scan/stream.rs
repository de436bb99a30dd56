//! The events of a scan, as they come.
//!
//! The stream is the scan: pages follow one another until nothing is left or the limit is reached. When the connection
//! breaks it goes on from the last page token, which reads the same moment, so nothing is left out or given twice; it
//! gives up after a few tries in a row that brought nothing.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use annals_wire::opaque::ScanResponse;
use annals_wire::v1::ScanRequest;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use tonic::Streaming;

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::Error;
use crate::recorded::RecordedEvent;
use crate::token::{PageToken, ResumeToken};

/// Tries in a row that bring nothing before a scan gives up: about six seconds.
const TRIES_MAX: u32 = 6;

/// A stream of the events of a scan.
pub struct ScanStream {
    messages: BoxStream<'static, Result<ScanResponse, Error>>,
    events: std::vec::IntoIter<annals_wire::opaque::RecordedEvent>,
    resume_token: Option<ResumeToken>,
    next_page_token: Option<PageToken>,
}

impl ScanStream {
    pub(super) fn new(client: Client, request: ScanRequest) -> Self {
        let reader = Reader { client, request, messages: None, backoff: Backoff::default(), state: State::Fresh };
        let messages = stream::try_unfold(reader, |mut reader| async move {
            Ok(reader.next().await?.map(|message| (message, reader)))
        });
        Self { messages: messages.boxed(), events: Vec::new().into_iter(), resume_token: None, next_page_token: None }
    }

    /// The scan's moment: a tail from here delivers exactly what the scan does not. Known from the first event on.
    pub fn resume_token(&self) -> Option<&ResumeToken> {
        self.resume_token.as_ref()
    }

    /// Where a later scan can go on, once this one has ended at its limit; none if nothing is left.
    pub fn next_page_token(&self) -> Option<&PageToken> {
        self.next_page_token.as_ref()
    }
}

impl Stream for ScanStream {
    type Item = Result<RecordedEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.events.next() {
                return Poll::Ready(Some(Ok(event.into())));
            }
            match ready!(self.messages.poll_next_unpin(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(message)) => {
                    self.events = message.events.into_iter();
                    self.next_page_token = PageToken::from_wire(message.next_page_token);
                    if let Some(token) = ResumeToken::from_wire(message.resume_token) {
                        self.resume_token = Some(token);
                    }
                }
            }
        }
    }
}

/// Reads the messages of a scan over as many calls as it takes.
struct Reader {
    client: Client,
    /// What is still to be read: its page token and limit follow what was delivered.
    request: ScanRequest,
    messages: Option<Streaming<ScanResponse>>,
    backoff: Backoff,
    state: State,
}

/// What is known of the rest of the scan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The call under way has brought nothing yet.
    Fresh,
    /// The last message said that more is left, and more is wanted.
    MoreIsLeft,
    /// Everything was delivered; only the call's status is still to come.
    AllDelivered,
    /// Nothing more is to be asked for.
    Ended,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<ScanResponse>, Error> {
        while self.state != State::Ended {
            match self.try_next().await {
                Ok(Some(message)) => {
                    self.backoff.reset();
                    self.advance(&message);
                    return Ok(Some(message));
                }
                Ok(None) => self.end_call()?,
                Err(Error::Broken(_)) if self.state == State::AllDelivered => self.state = State::Ended,
                Err(Error::Broken(_)) if self.has_begun() && self.backoff.tries() < TRIES_MAX => {
                    self.messages = None;
                    tokio::time::sleep(self.backoff.next_wait()).await;
                }
                Err(error) => {
                    self.state = State::Ended;
                    return Err(error);
                }
            }
        }
        Ok(None)
    }

    async fn try_next(&mut self) -> Result<Option<ScanResponse>, Error> {
        let messages = match &mut self.messages {
            Some(messages) => messages,
            none => {
                let call = self.client.events().scan(self.request.clone()).await;
                none.insert(call.map_err(|status| Error::of_status(&status))?.into_inner())
            }
        };
        messages.message().await.map_err(|status| Error::of_status(&status))
    }

    /// Notes what is left after this message.
    fn advance(&mut self, message: &ScanResponse) {
        let limited = self.request.limit > 0;
        self.request.limit = self.request.limit.saturating_sub(message.events.len() as u64);
        self.request.page_token = message.next_page_token.clone();
        let all_delivered = message.next_page_token.is_empty() || (limited && self.request.limit == 0);
        self.state = if all_delivered { State::AllDelivered } else { State::MoreIsLeft };
    }

    /// The call ended well: the next page, or the end of the scan.
    fn end_call(&mut self) -> Result<(), Error> {
        self.messages = None;
        self.state = match self.state {
            State::MoreIsLeft => State::Fresh,
            State::AllDelivered | State::Ended => State::Ended,
            State::Fresh => return Err(Error::Protocol("a scan ended without a message".to_owned())),
        };
        Ok(())
    }

    /// Only a scan that has a page token reads the same moment when it is asked for again.
    fn has_begun(&self) -> bool {
        !self.request.page_token.is_empty()
    }
}
