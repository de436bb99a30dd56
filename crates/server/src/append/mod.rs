//! Appending: a request is checked event by event, packed into batches for its shards, and handed to the engine.
//!
//! Nothing of a refused request is stored or learned: all events are walked before any is packed, and new columns
//! travel with the batches to be learned at commit.

mod check;
mod gathering;
mod request;
mod session;

use annals_engine::{Appended, Engine};
use annals_event::walk::EventIds;
use annals_model::Fault;
use annals_wire::opaque::AppendRequest;
use annals_wire::v1::AppendResponse;

use crate::clock;
use crate::deadline::Deadline;
use crate::faults;
use crate::shared::Shared;

pub(crate) use session::session;

use gathering::Gathering;

/// One request from its bytes to its answer, or to its deadline.
pub(crate) async fn append<E: Engine>(
    shared: &Shared<E>,
    request: AppendRequest,
    deadline: Option<Deadline>,
) -> Result<AppendResponse, Fault> {
    let mut gathering = Gathering::of(shared.table(&request.table)?);
    gathering.add(&request, clock::now(), &mut EventIds::new()).expect("the only request joins no other");
    let (append, asked) = gathering.finish();
    let appended = match append {
        None => Ok(Appended { shards: Vec::new() }),
        Some(append) => {
            let place = append.place.clone();
            let appending = shared.engine.append(append);
            match deadline {
                None => appending.await,
                Some(deadline) => {
                    let in_time = deadline.limit(appending).await;
                    // The future is gone by now, so that the place does not come later.
                    in_time.ok_or_else(|| faults::append_deadline_exceeded(place.is_taken()))?
                }
            }
        }
    };
    asked.answers(&*shared.engine, appended).pop().expect("a request has an answer")
}
