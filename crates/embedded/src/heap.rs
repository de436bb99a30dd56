//! A binary heap of indexes into a list that lies elsewhere.
//!
//! The order is given with each call, since it depends on where the cursors behind the indexes stand. The caller
//! promises that between calls only the cursor on top moves, and calls `settle_top` or `pop` when it has.

use std::cmp::Ordering;

/// Indexes with the least one, by the caller's order, on top.
#[derive(Debug, Default)]
pub(super) struct IndexHeap {
    indexes: Vec<usize>,
}

impl IndexHeap {
    /// The least index.
    pub(super) fn peek(&self) -> Option<usize> {
        self.indexes.first().copied()
    }

    /// The index that comes after the least one.
    pub(super) fn peek_second(&self, order: impl Fn(usize, usize) -> Ordering) -> Option<usize> {
        self.indexes.iter().copied().skip(1).take(2).min_by(|&a, &b| order(a, b))
    }

    /// Forgets all indexes.
    pub(super) fn clear(&mut self) {
        self.indexes.clear();
    }

    /// Adds an index.
    pub(super) fn push(&mut self, index: usize, order: impl Fn(usize, usize) -> Ordering) {
        self.indexes.push(index);
        let mut child = self.indexes.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if order(self.indexes[child], self.indexes[parent]) != Ordering::Less {
                break;
            }
            self.indexes.swap(child, parent);
            child = parent;
        }
    }

    /// Takes the least index out.
    pub(super) fn pop(&mut self, order: impl Fn(usize, usize) -> Ordering) -> Option<usize> {
        if self.indexes.is_empty() {
            return None;
        }
        let least = self.indexes.swap_remove(0);
        self.settle_top(order);
        Some(least)
    }

    /// Moves the top down to where it belongs, after what it stands for has grown.
    pub(super) fn settle_top(&mut self, order: impl Fn(usize, usize) -> Ordering) {
        let mut parent = 0;
        loop {
            let left = 2 * parent + 1;
            if left >= self.indexes.len() {
                return;
            }
            let right = left + 1;
            let least =
                if right < self.indexes.len() && order(self.indexes[right], self.indexes[left]) == Ordering::Less {
                    right
                } else {
                    left
                };
            if order(self.indexes[least], self.indexes[parent]) != Ordering::Less {
                return;
            }
            self.indexes.swap(least, parent);
            parent = least;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_come_out_in_the_callers_order() {
        let values = [5, 1, 4, 1, 3, 9, 2];
        let by_value = |a: usize, b: usize| values[a].cmp(&values[b]);
        let mut heap = IndexHeap::default();
        for index in 0..values.len() {
            heap.push(index, by_value);
        }
        let (mut seen, mut seconds) = (Vec::new(), Vec::new());
        while heap.peek().is_some() {
            seconds.extend(heap.peek_second(by_value).map(|index| values[index]));
            seen.extend(heap.pop(by_value).map(|index| values[index]));
        }
        assert_eq!(seen, [1, 1, 2, 3, 4, 5, 9]);
        assert_eq!(seconds, seen[1..]);
    }
}
