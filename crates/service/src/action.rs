//! What a caller may be allowed to do.

/// What a call does to what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Tells that a table is there, what it is and how much it holds.
    Describe,
    /// Reads events or partitions.
    Read,
    /// Adds events.
    Append,
    /// Makes, changes or drops a table.
    Manage,
    /// Looks at what the server does for others.
    Operate,
}
