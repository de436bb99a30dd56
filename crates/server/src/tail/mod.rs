//! Tailing: arrival order within shards, first what is stored, then what comes.
//!
//! A tail is a cursor for each shard. It is woken when a head moves and reads from the store; no queue holds events for
//! it, so there is no seam between catching up and live, and a slow reader costs what its cursor costs. Tails that are live
//! at the same place share what one of them has read.

mod catch_up;
mod cursor;
mod live_pages;
mod page;
mod registry;
mod request;
mod responses;
mod start;

pub(crate) use live_pages::LivePages;
pub(crate) use registry::{TailRegistry, list};
pub(crate) use request::Tail;
pub(crate) use responses::responses;
