//! Appends and their answers.

use annals_engine::ShardAppended;
use annals_model::Fault;
use annals_service::{self as service, AppendReceipt};
use annals_wire::fault::to_rpc_status;
use annals_wire::opaque::AppendRequest;
use annals_wire::v1::append_session_response::Result as Outcome;
use annals_wire::v1::{AppendResponse, AppendSessionResponse, ShardAppend};
use prost::Message;

/// Moves the events; measures the message once.
pub(crate) fn append_request(request: AppendRequest) -> service::AppendRequest {
    let bytes = request.encoded_len();
    let unsupported = unsupported(&request);
    let AppendRequest { table, shard, events, .. } = request;
    service::AppendRequest { table, shard, events, bytes, unsupported }
}

fn unsupported(request: &AppendRequest) -> Option<&'static str> {
    let asked = [
        ("conditions", !request.conditions.is_empty()),
        ("producer", request.producer.is_some()),
        ("checkpoints", !request.checkpoints.is_empty()),
        ("watermark_unix_nanos", request.watermark_unix_nanos.is_some()),
        ("query_conditions", !request.query_conditions.is_empty()),
    ];
    asked.into_iter().find(|(_, is_given)| *is_given).map(|(field, _)| field)
}

pub(crate) fn append_response(receipt: AppendReceipt) -> AppendResponse {
    let AppendReceipt { shards, resume_token } = receipt;
    AppendResponse { shards: shards.into_iter().map(shard_append).collect(), deduplicated: false, resume_token }
}

fn shard_append(appended: ShardAppended) -> ShardAppend {
    ShardAppend {
        shard: appended.shard.get(),
        first_sequence: appended.first_sequence.get(),
        event_count: appended.event_count,
        commit_time_unix_nanos: appended.commit_time.unix_nanos(),
    }
}

/// The answer to a request of a session, in band.
pub(crate) fn append_session_response(answer: Result<AppendReceipt, Fault>) -> AppendSessionResponse {
    let outcome = match answer {
        Ok(receipt) => Outcome::Appended(append_response(receipt)),
        Err(fault) => Outcome::Error(to_rpc_status(&fault)),
    };
    AppendSessionResponse { result: Some(outcome) }
}
