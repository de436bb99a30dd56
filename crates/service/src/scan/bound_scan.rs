//! A scan that was checked and bound to a moment.

use annals_engine::{Engine, PageBounds, PartitionRead, PartitionSelection, ReadError, ScanOrder};
use annals_event::Projection;
use annals_model::{
    Fault, HashSlices, Moment, PageToken, Reason, ResumeToken, ScanPosition, ScopeDigest, Table, TimeRange,
};
use bytes::Bytes;

use super::request::ScanRequest;
use crate::scope_hasher::ScopeHasher;
use crate::{Action, Caller, Service, faults, scope};

/// What is to be scanned.
#[derive(Clone, Debug)]
pub(super) struct BoundScan {
    pub(super) table: Table,
    pub(super) selection: PartitionSelection,
    pub(super) times: TimeRange,
    pub(super) order: ScanOrder,
    /// At most so many events in this call.
    pub(super) limit: Option<u64>,
    pub(super) limit_per_partition: Option<u64>,
    pub(super) projection: Option<Projection>,
    pub(super) moment: Moment,
    /// What retention had removed when the moment was taken.
    floor: Moment,
    /// Whether the moment was taken for this call: then it may be taken anew as long as nothing of it was answered.
    is_fresh: bool,
    pub(super) after: Option<ScanPosition>,
    /// Of all that may not change between pages.
    digest: u64,
}

impl BoundScan {
    /// Checks a request. Without a token its moment is now.
    ///
    /// # Errors
    /// When a field is wrong, or a token is not of this table and this request.
    pub(super) fn new<E: Engine>(service: &Service<E>, caller: &Caller, request: ScanRequest) -> Result<Self, Fault> {
        let table = service.table(caller, Action::Read, &request.table)?;
        scope::no_filter(&request.filter)?;
        let times = scope::time_range(request.start, request.end)?;
        let projection = scope::projection(&request.columns)?;
        let slices = scope::hash_slices(request.hash_slices.clone())?;
        let digest = digest(&table, &request, times, slices.as_ref());
        let head = service.engine.head(table.id).map_err(|error| faults::of_read(&error, &table.definition.name))?;
        let is_fresh = request.page_token.is_empty() && request.as_of.is_empty();
        let (moment, floor, after) = if !request.page_token.is_empty() {
            let token = page_token(&request.page_token, &table, digest)?;
            (token.moment, token.floor, Some(token.position))
        } else if !request.as_of.is_empty() {
            let token = scope::resume_token("as_of", &request.as_of, &table, &head)?;
            (token.moment, token.floor, None)
        } else {
            // After the head: what went before this is no part of the moment, what goes later shows itself.
            let floor = service.engine.floor(table.id);
            (head, floor.map_err(|error| faults::of_read(&error, &table.definition.name))?, None)
        };
        Ok(Self {
            selection: selection(request.partition_keys, slices, service)?,
            times,
            order: request.order,
            limit: request.limit.filter(|limit| *limit > 0),
            limit_per_partition: request.limit_per_partition.filter(|limit| *limit > 0),
            projection,
            moment,
            floor,
            is_fresh,
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
            floor: self.floor.clone(),
            selection: self.selection.clone(),
            times: self.times,
            order: self.order,
            limit_per_partition: self.limit_per_partition,
            after,
            bounds,
        }
    }

    /// Takes the moment anew, where it is one of this call's own and retention has overtaken it before anything was
    /// answered: a scan of what is stored now never expires so. False where the moment was given.
    pub(super) fn renew<E: Engine>(&mut self, service: &Service<E>) -> Result<bool, Fault> {
        if self.is_fresh {
            let of_read = |error| faults::of_read(&error, &self.table.definition.name);
            self.moment = service.engine.head(self.table.id).map_err(of_read)?;
            self.floor = service.engine.floor(self.table.id).map_err(of_read)?;
        }
        Ok(self.is_fresh)
    }

    /// Checks that nothing of the moment was removed since it was taken, in any shard: for who reads no events himself.
    pub(super) fn check_whole<E: Engine>(&self, service: &Service<E>) -> Result<(), Fault> {
        let of_read = |error| faults::of_read(&error, &self.table.definition.name);
        let removed = service.engine.floor(self.table.id).map_err(of_read)?;
        match self.moment.first_shard_lost(&self.floor, &removed) {
            Some(shard) if !self.is_fresh => Err(of_read(ReadError::ScanExpired { shard })),
            _ => Ok(()),
        }
    }

    /// The token from which a tail delivers what this scan's moment did not hold.
    pub(super) fn resume_token(&self) -> Bytes {
        let (moment, floor) = (self.moment.clone(), self.floor.clone());
        ResumeToken { table: self.table.id, scope: ScopeDigest::ANY, moment, floor }.encode()
    }

    /// The token with which the scan goes on after `position`.
    pub(super) fn page_token(&self, position: ScanPosition) -> Bytes {
        let (moment, floor) = (self.moment.clone(), self.floor.clone());
        PageToken { table: self.table.id, request: self.digest, moment, floor, position }.encode()
    }
}

fn selection<E: Engine>(
    keys: Vec<Bytes>,
    slices: Option<HashSlices>,
    service: &Service<E>,
) -> Result<PartitionSelection, Fault> {
    match (keys.is_empty(), slices) {
        (true, slices) => Ok(PartitionSelection::Slices(slices.unwrap_or_else(HashSlices::all))),
        (false, None) => Ok(PartitionSelection::Keys(scope::partition_keys(keys, &service.limits)?)),
        (false, Some(_)) => Err(faults::invalid("hash_slices", "name partition_keys or hash_slices, not both")),
    }
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
fn digest(table: &Table, request: &ScanRequest, times: TimeRange, slices: Option<&HashSlices>) -> u64 {
    let mut hasher = ScopeHasher::new("scan");
    hasher.part(table.id.as_bytes());
    hasher.parts(request.partition_keys.iter().map(|key| &key[..]));
    hasher.number(slices.map_or(0, |slices| u64::from(slices.count())));
    hasher.numbers(slices.map_or(&[][..], HashSlices::indexes).iter().copied());
    for bound in [times.start(), times.end()] {
        hasher.number(u64::from(bound.is_some()));
        hasher.number(bound.map_or(0, |time| time.unix_nanos().cast_unsigned()));
    }
    hasher.number(u64::from(request.order == ScanOrder::Descending));
    hasher.number(request.limit_per_partition.unwrap_or(0));
    hasher.parts(request.columns.iter().map(String::as_bytes));
    hasher.part(&request.as_of);
    hasher.finish()
}
