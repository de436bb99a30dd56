//! Pages as a door encodes them.

use std::fmt::Debug;

use annals_model::StoredEvent;

/// Events as the answers of one door carry them, so that what many of its tails deliver is encoded once. Clones must be
/// cheap: they share the bytes.
pub trait EncodedPage: Clone + Debug + Send + Sync + 'static {
    /// Encodes events, in their order.
    fn encode(events: &[StoredEvent]) -> Self;

    /// Bytes that it keeps.
    fn byte_count(&self) -> usize;
}
