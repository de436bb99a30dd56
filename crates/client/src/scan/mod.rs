//! Scans: what to read, in which order, as of which moment.
//!
//! Promises: a scan reads as of one moment, also after it had to connect again.
//!
//! Does not: hold more than what the connection and one message have.

mod stream;

use annals_model::TimeRange;
use annals_wire::v1::{self, CountRequest, Direction, HashSlices, PlanScanRequest, ScanRequest};
use bytes::Bytes;

use crate::client::Client;
use crate::error::Error;
use crate::token::{PageToken, ResumeToken};

pub use stream::ScanStream;

/// A scan to be made. Without more than a table it reads everything, in the order of the partitions' tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan(ScanRequest);

impl Scan {
    /// A scan of `table`, `keyspace.table`.
    pub fn table(table: impl Into<String>) -> Self {
        Self(ScanRequest { table: table.into(), ..ScanRequest::default() })
    }

    /// Reads the partition `key`; may be called several times: partitions come in the order in which they are named.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.0.partition_keys.push(Bytes::copy_from_slice(key.as_ref()));
        self
    }

    /// Reads these partitions, in this order.
    #[must_use]
    pub fn keys(self, keys: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        keys.into_iter().fold(self, Self::key)
    }

    /// Reads the partitions of one slice out of `count` equal slices of the hash space.
    #[must_use]
    pub fn slice(mut self, index: u32, count: u32) -> Self {
        self.0.hash_slices = Some(HashSlices { count, indexes: vec![index] });
        self
    }

    /// Reads events of these event times.
    #[must_use]
    pub fn times(mut self, range: TimeRange) -> Self {
        self.0.time_range = Some(v1::TimeRange {
            start_unix_nanos: range.start().map(annals_model::EventTime::unix_nanos),
            end_unix_nanos: range.end().map(annals_model::EventTime::unix_nanos),
        });
        self
    }

    /// Latest events of each partition first.
    #[must_use]
    pub fn descending(mut self) -> Self {
        self.0.direction = Direction::Descending.into();
        self
    }

    /// At most so many events; 0: no limit.
    #[must_use]
    pub fn limit(mut self, events: u64) -> Self {
        self.0.limit = events;
        self
    }

    /// At most so many events of each partition; 0: no limit. Descending and 1: the latest event of each.
    #[must_use]
    pub fn limit_per_partition(mut self, events: u64) -> Self {
        self.0.limit_per_partition = events;
        self
    }

    /// Only these columns; none: all.
    #[must_use]
    pub fn columns(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.0.columns.extend(names.into_iter().map(Into::into));
        self
    }

    /// Goes on where an earlier scan of the same request stopped.
    #[must_use]
    pub fn after(mut self, page: &PageToken) -> Self {
        self.0.page_token = page.as_bytes().clone();
        self
    }

    /// Reads exactly what `moment` covers.
    #[must_use]
    pub fn as_of(mut self, moment: &ResumeToken) -> Self {
        self.0.as_of = moment.as_bytes().clone();
        self
    }

    /// The request as the contract has it.
    pub fn into_request(self) -> ScanRequest {
        self.0
    }
}

impl From<ScanRequest> for Scan {
    fn from(request: ScanRequest) -> Self {
        Self(request)
    }
}

/// What a scan would return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Events.
    pub events: u64,
    /// Partitions with at least one of them.
    pub partitions: u64,
}

/// A scan cut into splits of one moment: together the scan, each event in one of them.
#[derive(Clone, Debug)]
pub struct Plan {
    /// To be read by any workers, in any order, each as often as need be.
    pub splits: Vec<ScanSplit>,
    /// The scan's moment: a tail from here delivers what came later.
    pub resume_token: Option<ResumeToken>,
}

/// A part of a scan.
#[derive(Clone, Debug)]
pub struct ScanSplit {
    /// To be read as any scan.
    pub scan: Scan,
    /// About how many events it returns.
    pub estimated_events: u64,
    /// About how many bytes of events.
    pub estimated_bytes: u64,
}

impl Client {
    /// Reads a time range, in time order, as of one moment: that of the first answer, or the one asked for.
    ///
    /// The scan begins when the stream is first polled. A scan whose connection breaks goes on from its last message,
    /// at the same moment.
    pub fn scan(&self, scan: Scan) -> ScanStream {
        ScanStream::new(self.clone(), scan.into_request())
    }

    /// Cuts a scan into at most `splits_max` splits; 0: as many as the server finds fit for its size.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn plan_scan(&self, scan: Scan, splits_max: u32) -> Result<Plan, Error> {
        let request = PlanScanRequest { scan: Some(scan.into_request()), max_splits: splits_max };
        let answer = self.events().plan_scan(request).await.map_err(|status| Error::of_status(&status))?.into_inner();
        let splits = answer.splits.into_iter().map(|split| {
            let scan = split.scan.ok_or_else(|| Error::Protocol("a split without its scan".to_owned()))?;
            Ok(ScanSplit {
                scan: Scan(scan),
                estimated_events: split.estimated_events,
                estimated_bytes: split.estimated_bytes,
            })
        });
        Ok(Plan {
            splits: splits.collect::<Result<_, Error>>()?,
            resume_token: ResumeToken::from_wire(answer.resume_token),
        })
    }

    /// Counts what a scan would return.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn count(&self, scan: Scan) -> Result<Counted, Error> {
        let request = CountRequest { scan: Some(scan.into_request()) };
        let answer = self.events().count(request).await.map_err(|status| Error::of_status(&status))?.into_inner();
        Ok(Counted { events: answer.events, partitions: answer.partitions })
    }
}
