//! Which type each column of an import has.
//!
//! In this order: the type that was given, the type that the table's column has already, the type that the sampled
//! rows agree on, the type that the first cell looks like. Once set, a type stays for the whole import.

use std::collections::HashMap;
use std::sync::Arc;

use annals_client::ColumnType;

use super::bad_row::{Problem, shown};
use super::cell::{Cell, common_type, looks_like};
use super::row::RawCell;
use super::time_format::TimeReader;
use crate::double::holds_every_digit;

/// The type of one column, and how its times are written.
#[derive(Clone, Debug)]
struct Typed {
    column_type: ColumnType,
    source: TypeSource,
    times: TimeReader,
}

impl Typed {
    /// Refuses a decimal with digits that a double does not give back, unless somebody has asked for doubles.
    fn unchanged(&self, raw: &RawCell, cell: Option<Cell>) -> Result<Option<Cell>, String> {
        let is_asked_for = matches!(self.source, TypeSource::Given | TypeSource::Table);
        if !is_asked_for
            && let Some(Cell::Double(value)) = cell
            && value.is_finite()
            && let Some(text) = raw.to_text()
            && !holds_every_digit(text.trim())
        {
            return Err(format!("{} has more digits than a double keeps", shown(&text)));
        }
        Ok(cell)
    }
}

/// Why a column has its type; messages tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TypeSource {
    /// By `--type`.
    Given,
    /// The table's column has it.
    Table,
    /// Read off the first rows.
    Sampled,
    /// Read off the column's first cell, which came after the sample.
    FirstCell,
}

/// The types of the columns, by the names under which they are stored.
#[derive(Clone, Debug, Default)]
pub(super) struct ColumnTypes {
    by_name: HashMap<Arc<str>, Typed>,
    /// For columns whose times are not said to be written otherwise.
    times: TimeReader,
}

impl ColumnTypes {
    /// No types yet; times in cells are read by `times` unless a column is given a reader of its own.
    pub(super) fn new(times: TimeReader) -> Self {
        Self { by_name: HashMap::new(), times }
    }

    /// Sets a column's type unless it is set.
    pub(super) fn set(&mut self, name: &Arc<str>, column_type: ColumnType, source: TypeSource) {
        let times = &self.times;
        self.by_name.entry(Arc::clone(name)).or_insert_with(|| Typed { column_type, source, times: times.clone() });
    }

    /// Gives a column a type and a way to read its times.
    pub(super) fn give(&mut self, name: &Arc<str>, column_type: ColumnType, times: Option<TimeReader>) {
        let times = times.unwrap_or_else(|| self.times.clone());
        self.by_name.insert(Arc::clone(name), Typed { column_type, source: TypeSource::Given, times });
    }

    /// A column's type, once it is set.
    pub(super) fn get(&self, name: &str) -> Option<(ColumnType, TypeSource)> {
        self.by_name.get(name).map(|typed| (typed.column_type, typed.source))
    }

    /// The columns whose types were given.
    pub(super) fn given(&self) -> impl Iterator<Item = &str> {
        self.by_name.iter().filter(|(_, typed)| typed.source == TypeSource::Given).map(|(name, _)| &**name)
    }

    /// All columns by name.
    pub(super) fn sorted(&self) -> Vec<(&str, ColumnType, TypeSource)> {
        let mut all: Vec<_> =
            self.by_name.iter().map(|(name, typed)| (&**name, typed.column_type, typed.source)).collect();
        all.sort_unstable_by_key(|(name, ..)| *name);
        all
    }

    /// Reads a cell as its column's type, which it sets if it is the column's first.
    ///
    /// # Errors
    /// When the cell is not of the column's type.
    pub(super) fn read(&mut self, name: &Arc<str>, raw: &RawCell) -> Result<Option<Cell>, Problem> {
        if !self.by_name.contains_key(name) {
            let Some(column_type) = looks_like(raw) else { return Ok(None) };
            self.set(name, column_type, TypeSource::FirstCell);
        }
        let typed = &self.by_name[name];
        let cell = Cell::read(raw, typed.column_type, &typed.times).and_then(|cell| typed.unchanged(raw, cell));
        cell.map_err(|what| {
            let (problem, column_type) = (Problem::of_column(name, what), typed.column_type);
            match typed.source {
                TypeSource::Given => problem,
                TypeSource::Table => problem.advise(format!("the table's column holds {column_type}")),
                TypeSource::Sampled => problem.advise(format!(
                    "the rows at the start of the input made the column {column_type}: say otherwise with --type {name}=string"
                )),
                TypeSource::FirstCell => problem.advise(format!(
                    "its first cell made the column {column_type}: say otherwise with --type {name}=string"
                )),
            }
        })
    }
}

/// What sampled cells look like, by the names under which they are stored.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// None: only empty texts so far, which any type may turn out to have meant as null.
    by_name: HashMap<Arc<str>, Option<ColumnType>>,
}

impl Sample {
    /// Looks at one cell.
    pub(super) fn add(&mut self, name: &Arc<str>, raw: &RawCell) {
        let Some(looks) = looks_like(raw) else { return };
        let so_far = self.by_name.entry(Arc::clone(name)).or_default();
        if *raw != RawCell::EmptyQuotes {
            *so_far = Some(so_far.map_or(looks, |so_far| common_type(so_far, looks)));
        }
    }

    /// Sets the types that the sample agrees on, where none is set.
    pub(super) fn settle(self, types: &mut ColumnTypes) {
        for (name, column_type) in self.by_name {
            types.set(&name, column_type.unwrap_or(ColumnType::String), TypeSource::Sampled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Arc<str> {
        Arc::from(text)
    }

    fn text(text: &str) -> RawCell {
        RawCell::Text(text.to_owned())
    }

    #[test]
    fn a_given_type_wins_over_the_table_and_both_over_the_sample() {
        let mut types = ColumnTypes::default();
        types.give(&name("a"), ColumnType::Int64, None);
        types.set(&name("a"), ColumnType::String, TypeSource::Table);
        types.set(&name("b"), ColumnType::Int64, TypeSource::Table);
        let mut sample = Sample::default();
        for column in ["a", "b", "c"] {
            sample.add(&name(column), &text("1"));
        }
        sample.settle(&mut types);
        let found = ["a", "b", "c"].map(|column| types.get(column).expect("set"));
        assert_eq!(
            found,
            [
                (ColumnType::Int64, TypeSource::Given),
                (ColumnType::Int64, TypeSource::Table),
                (ColumnType::Double, TypeSource::Sampled)
            ]
        );
    }

    #[test]
    fn a_sample_of_numbers_and_words_is_text() {
        let mut types = ColumnTypes::default();
        let mut sample = Sample::default();
        for cell in [RawCell::Null, text("1"), text("NA")] {
            sample.add(&name("delay"), &cell);
        }
        sample.settle(&mut types);
        assert_eq!(types.read(&name("delay"), &text("2")), Ok(Some(Cell::String("2".to_owned()))));
    }

    #[test]
    fn empty_quotes_are_an_empty_text_only_in_a_column_of_text() {
        let mut types = ColumnTypes::default();
        let mut sample = Sample::default();
        for (column, cell) in [
            ("number", RawCell::EmptyQuotes),
            ("number", text("1.5")),
            ("word", text("a")),
            ("word", RawCell::EmptyQuotes),
            ("empty", RawCell::EmptyQuotes),
        ] {
            sample.add(&name(column), &cell);
        }
        sample.settle(&mut types);
        let mut read = |column| types.read(&name(column), &RawCell::EmptyQuotes);
        assert_eq!(read("number"), Ok(None));
        assert_eq!(read("word"), Ok(Some(Cell::String(String::new()))));
        assert_eq!(read("empty"), Ok(Some(Cell::String(String::new()))));
    }

    #[test]
    fn digits_that_a_double_loses_are_refused_unless_doubles_were_asked_for() {
        let mut types = ColumnTypes::default();
        types.give(&name("asked"), ColumnType::Double, None);
        types.set(&name("sampled"), ColumnType::Double, TypeSource::Sampled);
        let decimal = RawCell::Number("0.333333333333333333333".to_owned());
        assert_eq!(types.read(&name("asked"), &decimal), Ok(Some(Cell::Double(1.0 / 3.0))));
        let problem = types.read(&name("sampled"), &decimal).expect_err("digits are lost");
        assert_eq!(problem.what, "\"0.333333333333333333333\" has more digits than a double keeps");
        assert!(problem.advice.expect("advice").contains("--type sampled=string"));
    }

    #[test]
    fn a_column_that_comes_after_the_sample_takes_the_type_of_its_first_cell() {
        let mut types = ColumnTypes::default();
        assert_eq!(types.read(&name("late"), &RawCell::Null), Ok(None));
        assert_eq!(types.read(&name("late"), &text("1.5")), Ok(Some(Cell::Double(1.5))));
        let problem = types.read(&name("late"), &text("abc")).expect_err("no double");
        assert_eq!(problem.what, "\"abc\" is not a double");
        assert!(problem.advice.expect("advice").contains("--type late=string"));
    }
}
