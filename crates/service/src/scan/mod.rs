//! Scanning: time order within partitions, as of one moment.
//!
//! Promises: pages are of one moment, and together hold each of its events once, or a fault says that some are gone.
//! Nothing is held between pages but the position: a scan that stalls costs nothing, and its page token is all that it
//! needs to go on, here or anywhere. Does not: read ahead of its reader.

mod bound_scan;
mod count;
mod pages;
mod plan;
mod request;

use std::sync::Arc;

use annals_engine::{CountedScan, Engine};
use annals_model::Fault;
use futures_util::Stream;

use crate::{Caller, Service};

pub use pages::ScanPage;
pub use plan::{PlanRequest, ScanPlan, ScanSplit, SplitPart};
pub use request::ScanRequest;

use bound_scan::BoundScan;

impl<E: Engine> Service<E> {
    /// The pages of a scan; at least one, each read when it is taken.
    ///
    /// # Errors
    /// When a field is wrong, or a token is not of this table and this request. Pages fail as reads of the engine do.
    pub fn scan(
        self: &Arc<Self>,
        caller: &Caller,
        request: ScanRequest,
    ) -> Result<impl Stream<Item = Result<ScanPage, Fault>> + Send + use<E>, Fault> {
        let scan = BoundScan::new(self, caller, request)?;
        Ok(pages::pages(Arc::clone(self), scan))
    }

    /// Events and partitions of a scan. Its `limit` counts as it does for the scan.
    ///
    /// # Errors
    /// As the scan.
    pub async fn count(&self, caller: &Caller, request: ScanRequest) -> Result<CountedScan, Fault> {
        let scan = BoundScan::new(self, caller, request)?;
        count::count(self, &scan).await
    }

    /// The splits of a scan, at least one: scans of one moment that together return each of its events once.
    ///
    /// # Errors
    /// As the scan; also when it has a limit or a page token, which belong to one reader.
    pub async fn plan_scan(&self, caller: &Caller, request: PlanRequest) -> Result<ScanPlan, Fault> {
        plan::plan(self, caller, request).await
    }
}
