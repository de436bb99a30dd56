//! The runs of one shard that lie in segments.

/// A shard's runs in the order of their sequences, one after another without gap. Never changed in place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs {}
