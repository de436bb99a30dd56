//! The Rust client of Annals.
//!
//! ```no_run
//! use annals_client::{Client, Event, Scan, Tail, TailBody};
//! use futures_util::StreamExt;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("127.0.0.1:7440").await?;
//!
//! // Append: the answer means that the events are durable.
//! let event = Event::builder("N14228").column("origin", "EWR").column("delay_minutes", 17).build()?;
//! client.append("flights.events", [event]).await?;
//!
//! // Scan: a partition in time order, as of one moment.
//! let mut scan = client.scan(Scan::table("flights.events").key("N14228"));
//! while let Some(event) = scan.next().await {
//!     println!("{:?}", event?.view()?.get("delay_minutes"));
//! }
//!
//! // Tail: what that moment did not hold, in arrival order, for ever. The tail reconnects by itself.
//! let moment = scan.resume_token().ok_or("a finished scan has one")?.clone();
//! let mut tail = client.tail(Tail::table("flights.events").from_token(moment)).await?;
//! while let Some(message) = tail.next().await {
//!     if let TailBody::Events(events) = message?.body {
//!         println!("{} events", events.len());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Promises: an [`Event`] is its encoded bytes, from the producer to the last reader; a [`ScanStream`] and a
//! [`TailStream`] reconnect and go on from their token, exactly where they stopped.
//!
//! Does not: retry anything else behind the caller's back. Whether an append that got no answer is stored is not known,
//! and the error says so.

mod append;
mod backoff;
mod client;
mod error;
mod recorded;
mod scan;
mod tables;
mod tail;
mod token;

/// The contract's messages, for the calls that take or give them as they are.
pub use annals_wire::v1 as proto;

pub use annals_event::{Columns, DecodeError, Event, EventBuilder, EventError, EventView, Value};
pub use annals_model::fault::{Fault, Reason, Violation};
pub use annals_model::{ColumnType, CommitTime, EventTime, Sequence, Shard, TimeRange};
pub use append::{AppendSession, Appended, PendingAppend, ShardAppended};
pub use client::Client;
pub use error::Error;
pub use recorded::RecordedEvent;
pub use scan::{Counted, Plan, Scan, ScanSplit, ScanStream};
pub use tail::{Lag, Tail, TailBody, TailMessage, TailStart, TailStream, Watermark};
pub use token::{PageToken, ResumeToken};
