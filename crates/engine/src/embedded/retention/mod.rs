//! Retention: the oldest runs go once all their events are past a bound.

mod policy;
