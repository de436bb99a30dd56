//! Tailing: arrival order within shards, first what is stored, then what comes.
//!
//! Promises: each event of the scope once, in the order of its shard, from the start on, or a fault says why not; each step
//! can be resumed from. Does not: keep events for a reader that is slow, nor have the order of several shards be one.
//!
//! A tail is a cursor for each shard. It is woken when a head moves and reads from the store; no queue holds events for
//! it, so there is no seam between catching up and live, and a slow reader costs what its cursor costs. Tails that are live
//! at the same place share what one of them has read.

mod bound_tail;
mod catch_up;
mod cursor;
mod encoded_page;
mod event_page;
mod live_pages;
mod registry;
mod request;
mod start;
mod step;
mod steps;

use std::sync::Arc;

use annals_engine::Engine;
use annals_model::Fault;
use futures_util::Stream;

use crate::{Caller, Service};

pub use encoded_page::EncodedPage;
pub use event_page::EventPage;
pub use live_pages::LivePages;
pub(crate) use registry::TailRegistry;
pub use registry::{ListTails, TailInfo, TailInfoPage};
pub use request::{TailRequest, TailStart};
pub use step::{Lag, TailStep};

use bound_tail::BoundTail;

impl<E: Engine> Service<E> {
    /// The steps of a tail, each made when it is taken; they end as the request says, or with the table or the server.
    /// The tail shares `pages` with others of its door, from [`live_pages`](Self::live_pages).
    ///
    /// # Errors
    /// When a field is wrong, a token is not of this table or scope, retention has removed the start, or there are too
    /// many tails. Steps fail as reads of the engine do, and when the server stops.
    pub async fn tail<P: EncodedPage>(
        self: &Arc<Self>,
        caller: &Caller,
        request: TailRequest,
        pages: &Arc<LivePages<P>>,
    ) -> Result<impl Stream<Item = Result<TailStep<P>, Fault>> + Send + use<E, P>, Fault> {
        let tail = BoundTail::new(self, caller, request).await?;
        steps::steps(Arc::clone(self), tail, caller, pages)
    }
}
