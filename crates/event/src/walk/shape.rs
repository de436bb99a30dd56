//! The columns of the event that was walked last: most events have those of the one before them.
//!
//! A column that is in the same place of the shape, with the same type, was checked already: its name is a name, the
//! table takes it, and no other column of the shape has its name. Only the columns from the first difference on are
//! looked at again.

use annals_model::ColumnType;

/// Up to so many names are compared each with each; more are sorted, so that 1,000 columns do not cost a million
/// comparisons.
const COMPARED_PAIRWISE: usize = 16;

/// Columns in the order in which an event gave them.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The names, end to end.
    names: Vec<u8>,
    columns: Vec<ShapeColumn>,
    /// Room to sort in, kept between events.
    sorted: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct ShapeColumn {
    name_start: u32,
    name_end: u32,
    column_type: ColumnType,
}

impl Shape {
    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }

    /// Whether column `index` has this name and type.
    #[inline]
    pub(super) fn has(&self, index: usize, name: &[u8], column_type: ColumnType) -> bool {
        match self.columns.get(index) {
            Some(column) => column.column_type == column_type && self.name_of(column) == name,
            None => false,
        }
    }

    /// Keeps the first `length` columns.
    pub(super) fn truncate(&mut self, length: usize) {
        self.columns.truncate(length);
        self.names.truncate(self.columns.last().map_or(0, |last| last.name_end as usize));
    }

    /// Adds a column whose name is not yet known to be the only one.
    pub(super) fn push(&mut self, name: &[u8], column_type: ColumnType) {
        let narrow = |length: usize| u32::try_from(length).expect("an event has at most 3 MiB");
        let name_start = narrow(self.names.len());
        self.names.extend_from_slice(name);
        self.columns.push(ShapeColumn { name_start, name_end: narrow(self.names.len()), column_type });
    }

    /// A name that two columns have.
    pub(super) fn repeated_name(&mut self) -> Option<&[u8]> {
        let repeated =
            if self.columns.len() <= COMPARED_PAIRWISE { self.repeated_pairwise() } else { self.repeated_sorted() };
        repeated.map(|index| self.name(index))
    }

    fn repeated_pairwise(&self) -> Option<usize> {
        (1..self.columns.len()).find(|&index| (0..index).any(|earlier| self.name(earlier) == self.name(index)))
    }

    fn repeated_sorted(&mut self) -> Option<usize> {
        let mut sorted = std::mem::take(&mut self.sorted);
        sorted.clear();
        sorted.extend(0..u32::try_from(self.columns.len()).expect("an event has at most 1,000 columns"));
        sorted.sort_unstable_by(|&left, &right| self.name(left as usize).cmp(self.name(right as usize)));
        let repeated = sorted
            .windows(2)
            .find(|pair| self.name(pair[0] as usize) == self.name(pair[1] as usize))
            .map(|pair| pair[0] as usize);
        self.sorted = sorted;
        repeated
    }

    fn name(&self, index: usize) -> &[u8] {
        self.name_of(&self.columns[index])
    }

    #[inline]
    fn name_of(&self, column: &ShapeColumn) -> &[u8] {
        &self.names[column.name_start as usize..column.name_end as usize]
    }
}
