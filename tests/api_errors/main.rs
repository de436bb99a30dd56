//! Bad input through gRPC: each refusal has its status code, `ErrorInfo` with domain `annals` and a reason, the index
//! of a bad event; and nothing of a refused request is stored or learned.
//!
//! `events` holds what is wrong with an event, `requests` what is wrong with a request or a table, `tokens` what is wrong
//! with a token, `unbuilt` what this version does not do.

mod events;
mod harness;
mod requests;
mod tokens;
mod unbuilt;
