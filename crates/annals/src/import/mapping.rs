//! From rows to events: which columns make the key and the time, and which are stored under what name.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use annals_client::Event;
use uuid::Uuid;

use super::bad_row::{Problem, shown};
use super::column_types::{ColumnTypes, Sample};
use super::row::{RawCell, Row};
use super::time_format::TimeReader;
use crate::output::key_from_text;

/// The nanoseconds since 1970 of the month that times fall into whose unit was taken for a smaller one.
const JANUARY_1970: Range<i64> = 0..31 * 86_400 * 1_000_000_000;

/// What was said about the columns of an input.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// Joined, in this order, by `key_separator`; at least one.
    pub(super) key: Vec<String>,
    pub(super) key_separator: String,
    /// Joined, in this order, by a space. None: the server gives the time.
    pub(super) time: Vec<String>,
    pub(super) times: TimeReader,
    /// The event's id. None: the server makes one.
    pub(super) id: Option<String>,
    /// Only these are stored. None: all.
    pub(super) only: Option<HashSet<String>>,
    /// These are not.
    pub(super) except: HashSet<String>,
    /// Names in the input, and those under which they are stored.
    pub(super) renamed: HashMap<String, String>,
    /// Texts that mean null, besides CSV's empty field.
    pub(super) null_texts: HashSet<String>,
    /// Stores the columns of key, time and id as cells as well.
    pub(super) keep_mapped: bool,
}

/// Makes events of rows.
#[derive(Debug)]
pub(super) struct Mapping {
    columns: Columns,
    types: ColumnTypes,
    /// What is done with each column met so far.
    uses: HashMap<Arc<str>, Use>,
    /// Names that were given and have not been met.
    unmet: BTreeSet<String>,
    /// The same, of names under which columns are stored.
    unmet_stored: BTreeSet<String>,
    /// How many events have a time, and whether all of these lie in January 1970.
    timed: (u64, bool),
}

/// What is done with a column.
#[derive(Clone, Debug)]
struct Use {
    key_part: Option<usize>,
    time_part: Option<usize>,
    is_id: bool,
    stored_as: Option<Arc<str>>,
}

impl Mapping {
    /// Maps by `columns`; `types` holds what is known of them beforehand.
    pub(super) fn new(columns: Columns, types: ColumnTypes) -> Self {
        let given = columns.renamed.keys().chain(&columns.except).chain(columns.only.iter().flatten());
        let unmet = given.chain(&columns.key).chain(&columns.time).chain(&columns.id).cloned().collect();
        let unmet_stored = types.given().map(str::to_owned).collect();
        Self { columns, types, uses: HashMap::new(), unmet, unmet_stored, timed: (0, true) }
    }

    /// Sets the types that these rows agree on, where none is set.
    pub(super) fn sample<'a>(&mut self, rows: impl Iterator<Item = &'a Row>) {
        let mut sample = Sample::default();
        for row in rows {
            for (name, cell) in &row.cells {
                if let Some(stored) = self.use_of(name).stored_as
                    && !self.is_null(cell)
                {
                    sample.add(&stored, cell);
                }
            }
        }
        sample.settle(&mut self.types);
    }

    /// The row's event.
    ///
    /// # Errors
    /// What is wrong with the row.
    pub(super) fn event(&mut self, row: &Row) -> Result<Event, Problem> {
        let mut key = vec![None; self.columns.key.len()];
        let mut time = vec![None; self.columns.time.len()];
        let mut id = None;
        let mut cells = Vec::with_capacity(row.cells.len());
        for (name, raw) in &row.cells {
            let found = self.use_of(name);
            if self.is_null(raw) {
                continue;
            }
            let text = || Some(raw).filter(|&raw| *raw != RawCell::EmptyQuotes).and_then(RawCell::to_text);
            if let Some(part) = found.key_part {
                key[part] = text();
            }
            if let Some(part) = found.time_part {
                time[part] = text();
            }
            if found.is_id {
                id = text();
            }
            if let Some(stored) = found.stored_as
                && let Some(cell) = self.types.read(&stored, raw).map_err(|problem| under_input_name(problem, name))?
            {
                cells.push((stored, cell));
            }
        }
        let mut event = Event::builder(self.key(key, row)?);
        if let (Some(text), Some(name)) = (id, &self.columns.id) {
            let column = Arc::from(name.as_str());
            let not_one = |_| Problem::of_column(&column, format!("{} is not a UUID, as ids are", shown(&text)));
            event = event.id(Uuid::parse_str(text.trim()).map_err(not_one)?);
        }
        if !self.columns.time.is_empty() {
            let text = joined(&self.columns.time, time, " ", row)?;
            let read = self.columns.times.read(&text).map_err(|what| {
                let column = Arc::from(self.columns.time.join(","));
                Problem::of_column(&column, format!("{} {what}", shown(&text)))
                    .advise("say how times are written with --time-format and --time-zone")
            })?;
            self.timed = (self.timed.0 + 1, self.timed.1 && JANUARY_1970.contains(&read.unix_nanos()));
            event = event.time(read);
        }
        for (stored, cell) in &cells {
            cell.add_to(&mut event, stored);
        }
        event.build().map_err(|error| Problem::of_row(error.to_string()))
    }

    /// The bytes of the key. In one column a key that is not plain text is written as everywhere, as `base64:` and its
    /// bytes; what is joined of several is the text that it is.
    fn key(&self, parts: Vec<Option<String>>, row: &Row) -> Result<Vec<u8>, Problem> {
        let key = joined(&self.columns.key, parts, &self.columns.key_separator, row)?;
        match self.columns.key.as_slice() {
            [name] => key_from_text(&key).map_err(|what| Problem::of_column(&Arc::from(name.as_str()), what)),
            _ => Ok(key.into_bytes()),
        }
    }

    /// Whether the times were numbers and all of them lie in January 1970: likely their unit is another.
    pub(super) fn has_suspicious_times(&self) -> bool {
        self.columns.times.format.counts_since_epoch() && self.timed.0 > 0 && self.timed.1
    }

    /// The types that the columns have got so far.
    pub(super) fn types(&self) -> &ColumnTypes {
        &self.types
    }

    /// Names that were given and that no row has had.
    pub(super) fn unmet(&self) -> impl Iterator<Item = &str> {
        self.unmet.iter().chain(&self.unmet_stored).map(String::as_str)
    }

    /// Takes note of columns that an input has.
    pub(super) fn meet(&mut self, names: &[Arc<str>]) {
        for name in names {
            self.use_of(name);
        }
    }

    /// What is wrong where an option names a column that no row has had: it is likely misspelt.
    pub(super) fn unmet_problem(&self) -> Option<String> {
        const SHOWN_MAX: usize = 30;
        let unmet: Vec<_> = self.unmet().map(|name| format!("{name:?}")).collect();
        if unmet.is_empty() {
            return None;
        }
        let mut met: Vec<_> = self.uses.keys().map(|name| &**name).collect();
        met.sort_unstable();
        let more = if met.len() > SHOWN_MAX { " and more" } else { "" };
        met.truncate(SHOWN_MAX);
        Some(format!(
            "no row had a column {}, which an option names; the columns are {}{more}",
            unmet.join(" or "),
            met.join(", ")
        ))
    }

    fn is_null(&self, cell: &RawCell) -> bool {
        match cell {
            RawCell::Null => true,
            RawCell::Text(text) => self.columns.null_texts.contains(text),
            RawCell::EmptyQuotes => self.columns.null_texts.contains(""),
            _ => false,
        }
    }

    fn use_of(&mut self, name: &Arc<str>) -> Use {
        if let Some(known) = self.uses.get(name) {
            return known.clone();
        }
        self.unmet.remove(&**name);
        let found = self.columns.use_of(name);
        if let Some(stored) = &found.stored_as {
            self.unmet_stored.remove(&**stored);
        }
        // A log whose names hold data would otherwise grow the map without end.
        if self.uses.len() < annals_model::limits::TABLE_COLUMNS_MAX {
            self.uses.insert(Arc::clone(name), found.clone());
        }
        found
    }
}

impl Columns {
    fn use_of(&self, name: &Arc<str>) -> Use {
        let place = |names: &[String]| names.iter().position(|given| **given == **name);
        let (key_part, time_part) = (place(&self.key), place(&self.time));
        let is_id = self.id.as_deref() == Some(&**name);
        let is_mapped = key_part.is_some() || time_part.is_some() || is_id;
        let is_chosen = self.only.as_ref().is_none_or(|only| only.contains(&**name)) && !self.except.contains(&**name);
        let is_stored = is_chosen && (!is_mapped || self.keep_mapped);
        let stored_as = is_stored.then(|| match self.renamed.get(&**name) {
            Some(new) => Arc::from(new.as_str()),
            None => Arc::clone(name),
        });
        Use { key_part, time_part, is_id, stored_as }
    }
}

/// A user looks for a column under the name that it has in the input.
fn under_input_name(problem: Problem, name: &Arc<str>) -> Problem {
    Problem { column: Some(Arc::clone(name)), ..problem }
}

fn joined(names: &[String], parts: Vec<Option<String>>, separator: &str, row: &Row) -> Result<String, Problem> {
    let mut text = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        let name = &names[index];
        let Some(part) = part else {
            let column = Arc::from(name.as_str());
            if row.cells.iter().any(|(present, _)| **present == **name) {
                return Err(Problem::of_column(&column, "is empty, and key and time need it"));
            }
            let present: Vec<_> = row.cells.iter().map(|(present, _)| &**present).collect();
            return Err(Problem::of_column(&column, "is not in the row, and key and time need it")
                .advise(format!("the row has {}", present.join(", "))));
        };
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(&part);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use annals_client::{ColumnType, EventTime, Value};

    use super::*;

    fn columns(key: &[&str]) -> Columns {
        Columns {
            key: key.iter().map(ToString::to_string).collect(),
            key_separator: "/".to_owned(),
            time: vec!["time".to_owned()],
            times: TimeReader::default(),
            id: None,
            only: None,
            except: HashSet::new(),
            renamed: HashMap::new(),
            null_texts: HashSet::new(),
            keep_mapped: false,
        }
    }

    fn row(cells: &[(&str, &str)]) -> Row {
        let cell = |text: &str| if text.is_empty() { RawCell::Null } else { RawCell::Text(text.to_owned()) };
        Row { line: 2, cells: cells.iter().map(|(name, text)| (Arc::from(*name), cell(text))).collect() }
    }

    #[test]
    fn key_and_time_are_taken_out_and_the_rest_is_stored_typed() {
        let mut mapping = Mapping::new(columns(&["carrier", "flight"]), ColumnTypes::default());
        let row =
            row(&[("time", "1970-01-01T00:00:01Z"), ("carrier", "UA"), ("flight", "1"), ("delay", "2"), ("x", "")]);
        let event = mapping.event(&row).expect("a good row");
        let view = event.view().expect("an event");
        assert_eq!((view.key(), view.time()), (&b"UA/1"[..], Some(EventTime::from_unix_nanos(1_000_000_000))));
        assert_eq!(view.columns().collect::<Vec<_>>(), [("delay", Value::Double(2.0))]);
    }

    #[test]
    fn columns_are_chosen_renamed_and_nulled() {
        let mut said = columns(&["k"]);
        said.only = Some(["a".to_owned(), "b".to_owned(), "k".to_owned()].into());
        said.renamed = [("a".to_owned(), "alpha".to_owned())].into();
        said.null_texts = ["NA".to_owned()].into();
        said.keep_mapped = true;
        let mut mapping = Mapping::new(said, ColumnTypes::default());
        let row = row(&[("time", "1970-01-01"), ("k", "key"), ("a", "text"), ("b", "NA"), ("c", "1")]);
        let event = mapping.event(&row).expect("a good row");
        let view = event.view().expect("an event");
        assert_eq!(view.columns().collect::<Vec<_>>(), [("k", Value::String("key")), ("alpha", Value::String("text"))]);
    }

    #[test]
    fn a_row_without_its_key_says_which_column_is_missing() {
        let mut mapping = Mapping::new(columns(&["k"]), ColumnTypes::default());
        let empty = mapping.event(&row(&[("k", ""), ("time", "1970-01-01")])).expect_err("no key");
        assert_eq!(empty.what, "is empty, and key and time need it");
        let absent = mapping.event(&row(&[("time", "1970-01-01"), ("q", "1")])).expect_err("no key");
        assert_eq!(absent.advice.as_deref(), Some("the row has time, q"));
    }

    #[test]
    fn a_name_given_twice_in_a_row_is_refused() {
        let mut mapping = Mapping::new(columns(&["k"]), ColumnTypes::default());
        let twice =
            mapping.event(&row(&[("k", "a"), ("time", "1970-01-01"), ("c", "1"), ("c", "2")])).expect_err("twice");
        assert!(twice.what.contains("given twice"), "{}", twice.what);
    }

    #[test]
    fn sampled_types_are_those_of_the_stored_columns_and_unmet_names_are_known() {
        let mut said = columns(&["k"]);
        said.except = ["gone".to_owned(), "typo".to_owned()].into();
        said.null_texts = ["NA".to_owned()].into();
        let mut mapping = Mapping::new(said, ColumnTypes::default());
        let rows = [row(&[("k", "1"), ("gone", "x"), ("n", "NA")]), row(&[("k", "1"), ("n", "2.5"), ("time", "")])];
        mapping.sample(rows.iter());
        assert_eq!(mapping.types().get("n").map(|(column_type, _)| column_type), Some(ColumnType::Double));
        assert!(mapping.types().get("gone").is_none() && mapping.types().get("k").is_none());
        assert_eq!(mapping.unmet().collect::<Vec<_>>(), ["typo"]);
    }
}
