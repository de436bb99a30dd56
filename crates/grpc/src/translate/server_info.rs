//! What this server is.

use annals_model::limits;
use annals_service::ServerInfo;
use annals_wire::v1::{GetServerInfoResponse, Limits};

/// Version, engine, and the limits that a client must know.
pub(crate) fn server_info(info: ServerInfo) -> GetServerInfoResponse {
    let narrow = |limit: usize| u32::try_from(limit).expect("the contract's counts are far below 2^32");
    GetServerInfoResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: info.engine.to_owned(),
        features: Vec::new(),
        limits: Some(Limits {
            event_bytes_max: limits::EVENT_BYTES_MAX as u64,
            request_bytes_max: info.request_bytes_max as u64,
            request_events_max: narrow(limits::REQUEST_EVENTS_MAX),
            event_columns_max: narrow(limits::EVENT_COLUMNS_MAX),
            table_columns_max: narrow(limits::TABLE_COLUMNS_MAX),
            shards_max: limits::SHARDS_MAX,
        }),
        server_time_unix_nanos: info.server_time.unix_nanos(),
    }
}
