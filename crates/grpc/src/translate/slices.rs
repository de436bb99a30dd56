//! Slices of the hash space.

use annals_model::HashSlices;
use annals_service::AskedSlices;
use annals_wire::v1;

pub(super) fn asked(slices: v1::HashSlices) -> AskedSlices {
    AskedSlices { count: slices.count, indexes: slices.indexes }
}

pub(super) fn to_wire(slices: &HashSlices) -> v1::HashSlices {
    v1::HashSlices { count: slices.count(), indexes: slices.indexes().to_vec() }
}
