//! What every door of Annals asks for, over any [`Engine`](annals_engine::Engine): [`Service`].
//!
//! - [`Service::append`], [`Service::append_session`]: requests are checked event by event, packed and committed.
//! - [`Service::scan`], [`Service::count`], [`Service::plan_scan`]: time order within partitions, as of one moment.
//! - [`Service::tail`], [`Service::list_tails`]: arrival order within shards, first what is stored, then what comes.
//! - [`Service::create_table`] and its neighbours: tables and partitions, made, described, changed and removed.
//! - [`RequestBudget`], [`AnswerBudget`]: what all doors together hold of requests and of answers.
//!
//! A door translates, the service decides, the engine keeps: what two doors would need is here. Requests are plain structs
//! that a door fills from what came; answers are nouns that it turns into its protocol's words. Events go through as the
//! bytes that their producers wrote.
//!
//! Promises: every call goes through one gate with its [`Caller`]; the engine's errors become faults in one place; a
//! reader that stalls costs its position and nothing else. Does not: know any protocol, encode a message, open a socket.

mod action;
mod answer_budget;
mod append;
mod caller;
mod clock;
mod deadline;
pub mod faults;
mod info;
mod limits;
mod lists;
mod projection;
mod request_budget;
mod scan;
mod scope;
mod scope_hasher;
mod service;
mod stop;
mod tables;
mod tail;

pub use action::Action;
pub use answer_budget::{AnswerBudget, AnswerPiece, Unsent};
pub use append::{AppendReceipt, AppendRequest, SessionError};
pub use caller::Caller;
pub use deadline::Deadline;
pub use info::ServerInfo;
pub use limits::Limits;
pub use request_budget::{Received, RequestBudget};
pub use scan::{PlanRequest, ScanPage, ScanPlan, ScanRequest, ScanSplit, SplitPart};
pub use scope::AskedSlices;
pub use service::Service;
pub use stop::{Stop, Stopper};
pub use tables::{
    CreateTable, DescribedTable, ListPartitions, ListTables, PartitionPage, TablePage, UpdateTable, UpdatedTable,
};
pub use tail::{
    EncodedPage, EventPage, Lag, ListTails, LivePages, TailInfo, TailInfoPage, TailRequest, TailStart, TailStep,
};
