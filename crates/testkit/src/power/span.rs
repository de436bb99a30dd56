//! From when something was asked for until it was answered, counted in changes of the disk.

/// From when something was asked for until it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    begun: usize,
    /// None: it was not answered, or in a way that leaves open whether it was done.
    answered: Option<usize>,
}

impl Span {
    /// It was there when the recording began.
    pub(super) const BEFORE: Self = Self { begun: 0, answered: Some(0) };

    /// Asked for after `begun` changes, answered after `answered`.
    pub(super) fn new(begun: usize, answered: usize) -> Self {
        Self { begun, answered: Some(answered) }
    }

    /// Asked for after `begun` changes, and never answered.
    pub(super) fn unanswered(begun: usize) -> Self {
        Self { begun, answered: None }
    }

    /// Whether it must have been done when the power goes after `at` changes.
    pub(super) fn must(self, at: usize) -> bool {
        self.answered.is_some_and(|answered| answered <= at)
    }

    /// Whether it can have been done when the power goes after `at` changes.
    pub(super) fn may(self, at: usize) -> bool {
        self.begun < at || self.must(at)
    }
}
