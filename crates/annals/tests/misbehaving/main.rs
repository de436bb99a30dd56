//! Clients that misbehave, against the real binary: they do not read, say nothing, take their calls back, never finish
//! what they begin, or take every file descriptor. The server stays up, its memory stays bounded, and whoever behaves is
//! served meanwhile.
//!
//! `ANNALS_TEST_CASES=1024` appends a whole GiB behind the stalled tail, and takes back 64 calls for each mebibyte of it.
//! `ANNALS_TEST_BINARY=PATH` tries another build of the server, such as a release.

mod descriptors;
mod eager;
mod harness;
mod idle;
mod raw;
mod resets;
mod silent;
mod stalled;
