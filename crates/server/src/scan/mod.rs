//! Scanning: time order within partitions, as of one moment.
//!
//! Nothing is held between pages but the position: a scan that stalls costs nothing, and its page token is all that it
//! needs to go on, here or anywhere.

mod count;
mod pages;
mod plan;
mod request;

pub(crate) use count::count;
pub(crate) use pages::pages;
pub(crate) use plan::plan;
pub(crate) use request::Scan;
