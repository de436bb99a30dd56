//! Looks at sealed segments whole, for operators: every page, every index against what it indexes.
//!
//! Promises: reads everything and keeps nothing. Does not: mend anything.

pub(crate) mod inspect;
pub(crate) mod page_walk;
pub(crate) mod verify;
