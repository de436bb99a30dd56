//! The contract's messages with all their fields, and clients over them. Generated; `proto/annals/v1` documents them.

#![allow(missing_docs, clippy::pedantic, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/full/annals.v1.rs"));
