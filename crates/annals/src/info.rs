//! `annals info`: what a server is, what it can do, and its limits.

use annals_client::EventTime;
use serde_json::json;

use crate::connect::{ServerArgs, block_on};
use crate::output::{FormArgs, write_json, write_text};
use crate::size_argument::{ByteSize, grouped};

/// Its arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    form: FormArgs,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let info = block_on(async { Ok(args.server.connect().await?.server_info().await?) })?;
    let limits = info.limits.unwrap_or_default();
    let server_time = EventTime::from_unix_nanos(info.server_time_unix_nanos);
    if args.form.json() {
        let limits = json!({
            "event_bytes_max": limits.event_bytes_max,
            "request_bytes_max": limits.request_bytes_max,
            "request_events_max": limits.request_events_max,
            "event_columns_max": limits.event_columns_max,
            "table_columns_max": limits.table_columns_max,
            "shards_max": limits.shards_max,
        });
        let value = json!({
            "version": info.version, "engine": info.engine, "features": info.features, "limits": limits,
            "server_time": server_time.to_string(),
        });
        return write_json(&mut std::io::stdout(), &value);
    }
    let features =
        if info.features.is_empty() { "none beyond the first version".to_owned() } else { info.features.join(", ") };
    write_text(&format!(
        "Annals {} at {}, engine {}\n\
         features       {features}\n\
         server time    {server_time}\n\
         an event       at most {}, {} columns\n\
         a request      at most {}, {} events\n\
         a table        at most {} columns, {} shards",
        info.version,
        args.server.server,
        info.engine,
        ByteSize(limits.event_bytes_max),
        grouped(limits.event_columns_max.into()),
        ByteSize(limits.request_bytes_max),
        grouped(limits.request_events_max.into()),
        grouped(limits.table_columns_max.into()),
        grouped(limits.shards_max.into()),
    ))
}
