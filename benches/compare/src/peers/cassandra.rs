//! Apache Cassandra: one node, through the `scylla` driver. A partition is a partition, a row an event with its parts
//! as columns, clustered by time.
//!
//! An append of many events is an unlogged batch: Cassandra keeps it together only by partition.

use annals_client::{Event, EventTime, Value};
use anyhow::Context;
use async_trait::async_trait;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use uuid::Uuid;

use crate::driver::{Driven, Store};
use crate::peer::{Peer, Subject};
use crate::server::Address;
use crate::work::Work;

const SCHEMA: [&str; 2] = [
    "CREATE KEYSPACE IF NOT EXISTS compare \
     WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE IF NOT EXISTS compare.events (key text, time bigint, id uuid, status bigint, load double, text text, \
     PRIMARY KEY (key, time, id))",
];
const INSERT: &str = "INSERT INTO compare.events (key, time, id, status, load, text) VALUES (?, ?, ?, ?, ?, ?)";
const SCAN: &str = "SELECT time, id, status, load, text FROM compare.events WHERE key = ?";

const NO_ORDER: &str = "rows have no order of arrival across partitions";
const ELSEWHERE: &str = "reading does not depend on when it syncs; see the other setting";

pub(super) static PEERS: [Peer; 2] = [
    Peer {
        name: "cassandra-synced",
        folder: "cassandra",
        setting: "synced",
        title: "Cassandra, synced",
        left_out: None,
        durability: "synced",
        settings: "heap 1 GiB, `commitlog_sync: batch`; unlogged batches; `scylla` driver",
        ports: 3,
        warm_up_seconds: 5,
        cannot: &[(Work::Scan, ELSEWHERE), (Work::Tail, NO_ORDER)],
        connect: |address| Box::pin(async move { connect(&address).await }),
    },
    Peer {
        name: "cassandra",
        folder: "cassandra",
        setting: "default",
        title: "Cassandra",
        left_out: None,
        durability: "written, synced every 10 s",
        settings: "heap 1 GiB, `commitlog_sync: periodic`; unlogged batches; `scylla` driver",
        ports: 3,
        warm_up_seconds: 5,
        cannot: &[(Work::Tail, NO_ORDER)],
        connect: |address| Box::pin(async move { connect(&address).await }),
    },
];

/// An event's parts as a row takes them.
type Row = (String, i64, Uuid, i64, f64, String);

struct Cassandra {
    session: Session,
    insert: PreparedStatement,
    scan: PreparedStatement,
}

async fn connect(address: &Address) -> anyhow::Result<Box<dyn Subject>> {
    let session = SessionBuilder::new().known_node(format!("127.0.0.1:{}", address.ports[0])).build().await?;
    for statement in SCHEMA {
        session.query_unpaged(statement, ()).await?;
    }
    let insert = session.prepare(INSERT).await?;
    let scan = session.prepare(SCAN).await?;
    Ok(Driven::subject(Cassandra { session, insert, scan }))
}

fn row(event: &Event) -> anyhow::Result<Row> {
    let view = event.view()?;
    let (Some(Value::Int64(status)), Some(Value::Double(load)), Some(Value::String(text))) =
        (view.get("status"), view.get("load"), view.get("text"))
    else {
        anyhow::bail!("the events have other columns than this table")
    };
    let key = String::from_utf8(view.key().to_vec())?;
    let time = view.time().map(EventTime::unix_nanos).context("events have a time")?;
    Ok((key, time, view.id().context("events have an id")?, status, load, text.to_owned()))
}

#[async_trait]
impl Store for Cassandra {
    async fn append(&self, events: Vec<Event>) -> anyhow::Result<()> {
        let rows = events.iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
        if let [row] = rows.as_slice() {
            self.session.execute_unpaged(&self.insert, row).await?;
            return Ok(());
        }
        let mut batch = Batch::new(BatchType::Unlogged);
        for _ in &rows {
            batch.append_statement(self.insert.clone());
        }
        self.session.batch(&batch, &rows).await?;
        Ok(())
    }

    async fn scan(&self, key: String) -> anyhow::Result<u64> {
        let answer = self.session.execute_unpaged(&self.scan, (key,)).await?.into_rows_result()?;
        Ok(answer.rows_num() as u64)
    }

    async fn tail(&self, _: u64) -> anyhow::Result<u64> {
        anyhow::bail!(NO_ORDER)
    }
}
