//! A scan's request, checked and bound to a moment.

use annals_engine::{Engine, PageBounds, PartitionRead, PartitionSelection, ScanOrder};
use annals_event::Projection;
use annals_model::{
    Fault, HashSlices, Moment, PageToken, Reason, ResumeToken, ScanPosition, ScopeDigest, Table, TimeRange,
};
use annals_wire::v1::{Direction, ScanRequest};
use bytes::Bytes;

use crate::digest::Digest;
use crate::shared::Shared;
use crate::{faults, scope};

/// What is to be scanned.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub(super) table: Table,
    pub(super) selection: PartitionSelection,
    pub(super) times: TimeRange,
    pub(super) order: ScanOrder,
    /// At most so many events in this call.
    pub(super) limit: Option<u64>,
    pub(super) limit_per_partition: Option<u64>,
    pub(super) projection: Option<Projection>,
    pub(super) moment: Moment,
    pub(super) after: Option<ScanPosition>,
    /// Of all that may not change between pages.
    digest: u64,
}

impl Scan {
    /// Checks a request. Without a token its moment is now.
    ///
    /// # Errors
    /// When a field is wrong, or a token is not of this table and this request.
    pub(crate) fn new<E: Engine>(shared: &Shared<E>, request: ScanRequest) -> Result<Self, Fault> {
        let table = shared.table(&request.table)?;
        scope::no_filter(&request.filter)?;
        let order = order(request.direction)?;
        let times = scope::time_range(request.time_range)?;
        let projection = scope::projection(&request.columns)?;
        let slices = scope::hash_slices(request.hash_slices.clone())?;
        let digest = digest(&table, &request, order, times, slices.as_ref());
        let head = shared.engine.head(table.id).map_err(|error| faults::of_read(&error, &table.definition.name))?;
        let (moment, after) = if request.page_token.is_empty() {
            (moment(&request.as_of, &table, head)?, None)
        } else {
            let token = page_token(&request.page_token, &table, digest)?;
            (token.moment, Some(token.position))
        };
        Ok(Self {
            selection: selection(request.partition_keys, slices, shared)?,
            times,
            order,
            limit: (request.limit > 0).then_some(request.limit),
            limit_per_partition: (request.limit_per_partition > 0).then_some(request.limit_per_partition),
            projection,
            moment,
            after,
            digest,
            table,
        })
    }

    /// The read of the page after `after`.
    pub(super) fn read(&self, after: Option<ScanPosition>, bounds: PageBounds) -> PartitionRead {
        PartitionRead {
            table: self.table.id,
            moment: self.moment.clone(),
            selection: self.selection.clone(),
            times: self.times,
            order: self.order,
            limit_per_partition: self.limit_per_partition,
            after,
            bounds,
        }
    }

    /// The token from which a tail delivers what this scan's moment did not hold.
    pub(super) fn resume_token(&self) -> Bytes {
        ResumeToken { table: self.table.id, scope: ScopeDigest::ANY, moment: self.moment.clone() }.encode()
    }

    /// The token with which the scan goes on after `position`.
    pub(super) fn page_token(&self, position: ScanPosition) -> Bytes {
        PageToken { table: self.table.id, request: self.digest, moment: self.moment.clone(), position }.encode()
    }
}

fn order(direction: i32) -> Result<ScanOrder, Fault> {
    match Direction::try_from(direction) {
        Ok(Direction::Unspecified | Direction::Ascending) => Ok(ScanOrder::Ascending),
        Ok(Direction::Descending) => Ok(ScanOrder::Descending),
        Err(_) => Err(faults::invalid("direction", format!("{direction} is no direction"))),
    }
}

fn selection<E: Engine>(
    keys: Vec<Bytes>,
    slices: Option<HashSlices>,
    shared: &Shared<E>,
) -> Result<PartitionSelection, Fault> {
    match (keys.is_empty(), slices) {
        (true, slices) => Ok(PartitionSelection::Slices(slices.unwrap_or_else(HashSlices::all))),
        (false, None) => Ok(PartitionSelection::Keys(scope::partition_keys(keys, &shared.limits)?)),
        (false, Some(_)) => Err(faults::invalid("hash_slices", "name partition_keys or hash_slices, not both")),
    }
}

fn moment(as_of: &[u8], table: &Table, head: Moment) -> Result<Moment, Fault> {
    if as_of.is_empty() { Ok(head) } else { Ok(scope::resume_token("as_of", as_of, table, &head)?.moment) }
}

fn page_token(token: &[u8], table: &Table, digest: u64) -> Result<PageToken, Fault> {
    let token = PageToken::decode(token)
        .map_err(|error| Fault::of_field(Reason::MalformedToken, "page_token", error.to_string()))?;
    let count = table.definition.shard_count.get() as usize;
    if token.table != table.id || token.moment.sequences().len() != count {
        return Err(faults::foreign_token("page_token", &table.definition.name));
    }
    if token.request != digest {
        let description = "the token belongs to another scan: between pages only limit may change";
        return Err(Fault::of_field(Reason::ScanChanged, "page_token", description));
    }
    Ok(token)
}

/// A digest of the request as it is understood, without `limit` and the page token.
fn digest(
    table: &Table,
    request: &ScanRequest,
    order: ScanOrder,
    times: TimeRange,
    slices: Option<&HashSlices>,
) -> u64 {
    let mut digest = Digest::new("scan");
    digest.part(table.id.as_bytes());
    digest.parts(request.partition_keys.iter().map(|key| &key[..]));
    digest.number(slices.map_or(0, |slices| u64::from(slices.count())));
    digest.numbers(slices.map_or(&[][..], HashSlices::indexes).iter().copied());
    for bound in [times.start(), times.end()] {
        digest.number(u64::from(bound.is_some()));
        digest.number(bound.map_or(0, |time| time.unix_nanos().cast_unsigned()));
    }
    digest.number(u64::from(order == ScanOrder::Descending));
    digest.number(request.limit_per_partition);
    digest.parts(request.columns.iter().map(String::as_bytes));
    digest.part(&request.as_of);
    digest.finish()
}
