//! What is left to chance elsewhere, and follows from the seed of a schedule here.

use std::hash::{BuildHasherDefault, DefaultHasher};

use shuttle::rand::{RngCore, thread_rng};
use uuid::{Builder, Uuid};

/// As the standard library's, gone through in an order that follows from what was added.
pub type HashMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// As `HashMap`.
pub type HashSet<T> = std::collections::HashSet<T, BuildHasherDefault<DefaultHasher>>;

/// An id that the schedule draws.
pub fn new_uuid() -> Uuid {
    let mut bytes = [0; 16];
    thread_rng().fill_bytes(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid()
}
