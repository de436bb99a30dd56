//! Appending: a request is checked event by event, packed into batches for its shards, and handed to the engine.
//!
//! Nothing of a refused request is stored or learned: all events are walked before any is packed, and new columns
//! travel with the batches to be learned at commit.

mod check;
mod prepare;
mod session;

use std::collections::BTreeMap;

use annals_engine::Engine;
use annals_engine::contract::Appended;
use annals_model::{Moment, ResumeToken, ScopeDigest, Table};
use annals_wire::Fault;
use annals_wire::opaque::AppendRequest;
use annals_wire::v1::{AppendResponse, ShardAppend};
use annals_wire::walk::EventIds;

use crate::clock;
use crate::deadline::Deadline;
use crate::faults;
use crate::shared::Shared;

pub(crate) use session::session;

/// One request from its bytes to its answer, or to its deadline.
pub(crate) async fn append<E: Engine>(
    shared: &Shared<E>,
    request: AppendRequest,
    deadline: Option<Deadline>,
) -> Result<AppendResponse, Fault> {
    let table = shared.table(&request.table)?;
    let append = prepare::prepare(&table, &request, clock::now(), &mut EventIds::new())?;
    let place = append.place.clone();
    let appending = shared.engine.append(append);
    let appended = match deadline {
        None => appending.await,
        Some(deadline) => {
            let in_time = deadline.limit(appending).await;
            // The future is gone by now, so that the place does not come later.
            in_time.ok_or_else(|| faults::append_deadline_exceeded(place.is_taken()))?
        }
    };
    appended.map(|appended| answer(&table, &appended)).map_err(|error| faults::of_append(error, &table.definition.name))
}

/// Tells where the events went, with a token that covers them.
fn answer(table: &Table, appended: &Appended) -> AppendResponse {
    let mut moment = Moment::start(table.definition.shard_count);
    let mut shards = BTreeMap::new();
    for one in &appended.shards {
        moment.set(one.shard, one.first_sequence.advanced_by(one.event_count).previous());
        shards.insert(
            one.shard,
            ShardAppend {
                shard: one.shard.get(),
                first_sequence: one.first_sequence.get(),
                event_count: one.event_count,
                commit_time_unix_nanos: one.commit_time.unix_nanos(),
            },
        );
    }
    let token = ResumeToken { table: table.id, scope: ScopeDigest::ANY, moment };
    AppendResponse { shards: shards.into_values().collect(), deduplicated: false, resume_token: token.encode() }
}
