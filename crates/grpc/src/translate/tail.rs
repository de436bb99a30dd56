//! Tails.

use annals_model::{CommitTime, Fault};
use annals_service::{self as service, TailStart, faults};
use annals_wire::v1::tail_request::Start;
use annals_wire::v1::{StartPosition, TailRequest};

use super::{duration, slices};

/// # Errors
/// When it asks for what is not built, or its start is none.
pub(crate) fn tail_request(request: TailRequest) -> Result<service::TailRequest, Fault> {
    let unsupported = [
        ("pace", request.pace.is_some()),
        ("consumer", matches!(request.start, Some(Start::Consumer(_)))),
        ("member", request.member.is_some()),
        ("consumer_default", request.consumer_default != 0),
    ];
    if let Some((field, _)) = unsupported.into_iter().find(|(_, is_given)| *is_given) {
        return Err(faults::not_supported(field));
    }
    Ok(service::TailRequest {
        table: request.table,
        partition_keys: request.partition_keys,
        shards: request.shards,
        hash_slices: request.hash_slices.map(slices::asked),
        columns: request.columns,
        filter: request.filter,
        start: request.start.map(start).transpose()?,
        allow_scope_change: request.allow_scope_change,
        stop_at_head: request.stop_at_head,
        end_token: request.end_token,
        heartbeat: request.heartbeat_interval.as_ref().map(duration::from_wire),
        client_name: request.client_name,
    })
}

fn start(start: Start) -> Result<TailStart, Fault> {
    match start {
        Start::Position(position) => match StartPosition::try_from(position) {
            Ok(StartPosition::Earliest) => Ok(TailStart::Earliest),
            Ok(StartPosition::Latest) => Ok(TailStart::Latest),
            Ok(StartPosition::Unspecified) | Err(_) => {
                Err(faults::invalid("position", "it is START_POSITION_EARLIEST or START_POSITION_LATEST"))
            }
        },
        Start::ResumeToken(token) => Ok(TailStart::Token(token)),
        Start::ShardPositions(positions) => {
            let positions = positions.positions.into_iter().map(|one| (one.shard, one.next_sequence));
            Ok(TailStart::Sequences(positions.collect()))
        }
        Start::CommitTimeUnixNanos(nanos) => Ok(TailStart::CommitTime(CommitTime::from_unix_nanos(nanos))),
        Start::Consumer(_) => Err(faults::not_supported("consumer")),
    }
}
