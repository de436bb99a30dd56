//! The event service as a server speaks it: requests are those of [`opaque`](crate::opaque), and answers with events are
//! encoded straight from what the store gives, see [`answer`](crate::answer). Generated; `proto/annals/v1` documents it.

#![allow(missing_docs, clippy::pedantic, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/serving/annals.v1.rs"));
