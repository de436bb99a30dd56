//! Appending: a request is checked event by event, packed into batches for its shards, and handed to the engine.
//!
//! Promises: nothing of a refused request is stored or learned, since all events are walked before any is packed, and new
//! columns travel with the batches to be learned at commit; a session's requests are committed in the order in which they
//! came and answered in that order. Does not: copy an event but into the batch of its shard, or wait for a client.

mod check;
mod gathering;
mod receipt;
mod request;
mod session;

use std::sync::Arc;

use annals_engine::{Appended, Engine};
use annals_event::walk::EventIds;
use annals_model::Fault;
use futures_util::Stream;

use crate::{Action, Caller, Deadline, Service, clock, faults};

pub use receipt::AppendReceipt;
pub use request::AppendRequest;
pub use session::SessionError;

use gathering::Gathering;

impl<E: Engine> Service<E> {
    /// One request from its bytes to its answer, or to its deadline: durable once it is answered.
    ///
    /// # Errors
    /// Nothing is stored, but for `OutcomeUnknown`, and for a deadline whose message says so.
    pub async fn append(
        &self,
        caller: &Caller,
        request: AppendRequest,
        deadline: Option<Deadline>,
    ) -> Result<AppendReceipt, Fault> {
        let mut gathering = Gathering::of(self.table(caller, Action::Append, &request.table)?);
        gathering.add(&request, clock::now(), &mut EventIds::new()).expect("the only request joins no other");
        let (append, asked) = gathering.finish();
        let appended = match append {
            None => Ok(Appended { shards: Vec::new() }),
            Some(append) => {
                let place = append.place.clone();
                let appending = self.engine.append(append);
                match deadline {
                    None => appending.await,
                    Some(deadline) => {
                        let in_time = deadline.limit(appending).await;
                        // The future is gone by now, so that the place does not come later.
                        in_time.ok_or_else(|| faults::append_deadline_exceeded(&deadline, place.is_taken()))?
                    }
                }
            }
        };
        asked.answers(&*self.engine, appended).pop().expect("a request has an answer")
    }

    /// The answers to a stream of requests, each once and in order; what is not yet answered is bounded. The stream is
    /// read only while an answer is waited for. Its error ends the session once all before it is answered, and comes back
    /// as it was.
    ///
    /// # Errors
    /// When as many sessions are open as may be.
    pub fn append_session<R, B>(
        self: &Arc<Self>,
        caller: &Caller,
        requests: R,
        deadline: Option<Deadline>,
    ) -> Result<impl Stream<Item = Result<Result<AppendReceipt, Fault>, SessionError<B>>> + Send + use<E, R, B>, Fault>
    where
        R: Stream<Item = Result<AppendRequest, B>> + Send + Unpin + 'static,
        B: Send + 'static,
    {
        session::session(Arc::clone(self), caller.clone(), requests, deadline)
    }
}
