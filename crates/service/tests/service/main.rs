//! The service by itself, over the plain engine and without any protocol: what a door can rest on.

mod appends;
mod callers;
mod harness;
mod scans;
mod tails;
