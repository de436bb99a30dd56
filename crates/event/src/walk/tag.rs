//! What a tag must be where the contract has a field.

use super::refusal::Refusal;
use crate::encoding::cursor::{Tag, WireType};

/// Refuses the tag unless its value is encoded as `expected`.
#[inline]
pub(super) fn expect(tag: Tag, expected: WireType, field: &'static str) -> Result<(), Refusal> {
    if tag.wire_type == expected { Ok(()) } else { Err(Refusal::WireType { field }) }
}
