//! The server as a client sees it, over the plain engine: every call, and every way in which one is refused.

mod ahead;
mod appends;
mod bounds;
mod crowd;
mod deadlines;
mod harness;
mod lag;
mod scans;
mod sessions;
mod shared_tails;
mod splits;
mod stops;
mod tables;
mod tails;
mod unbuilt;
mod unknown_fields;
