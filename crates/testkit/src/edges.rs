//! Events from a seed whose cells, keys, names and times are the odd ones: what a text form is likely to lose.
//!
//! The columns and their types are always the same, so that events of any seeds fit into one table.

use annals_event::{Event, Value};
use annals_model::{ColumnType, EventTime};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// Every column that an event may have. Some are called as the parts of an event are, or need quotes somewhere.
pub const COLUMNS: [(&str, ColumnType); 21] = [
    ("bool", ColumnType::Bool),
    ("int", ColumnType::Int64),
    ("double", ColumnType::Double),
    ("text", ColumnType::String),
    ("bytes", ColumnType::Bytes),
    ("at", ColumnType::Timestamp),
    ("uuid", ColumnType::Uuid),
    ("key", ColumnType::String),
    ("time", ColumnType::Timestamp),
    ("id", ColumnType::Uuid),
    ("shard", ColumnType::Int64),
    ("columns.key", ColumnType::Double),
    ("columns", ColumnType::String),
    (" blanks ", ColumnType::String),
    ("\u{a0}", ColumnType::Double),
    ("quo\"te", ColumnType::Bytes),
    ("com,ma", ColumnType::String),
    ("new\r\nline", ColumnType::Int64),
    ("nul\0", ColumnType::Bool),
    ("base64:AAE=", ColumnType::String),
    ("{\"é\\\u{1b}", ColumnType::Double),
];

const INTEGERS: [i64; 9] =
    [0, 1, -1, i64::MAX, i64::MIN, 9_007_199_254_740_993, -9_007_199_254_740_993, 1 << 53, 1_360_332_000_123_456_789];

const DOUBLE_BITS: [u64; 18] = [
    0,
    0x8000_0000_0000_0000, // -0.0
    0x3ff0_0000_0000_0000, // 1.0
    0x4340_0000_0000_0000, // 2^53
    0x4340_0000_0000_0001, // 2^53 + 2
    0x7fef_ffff_ffff_ffff, // the largest
    0xffef_ffff_ffff_ffff, // the lowest
    0x0010_0000_0000_0000, // the smallest that is normal
    0x000f_ffff_ffff_ffff, // the largest that is not
    1,                     // the smallest
    0x7ff0_0000_0000_0000, // inf
    0xfff0_0000_0000_0000, // -inf
    0x7ff8_0000_0000_0000, // NaN
    0xfff8_0000_0000_0000, // NaN with a sign
    0x7ff0_0000_0000_0001, // a signalling NaN
    0x7ff8_0000_dead_beef, // a NaN that carries something
    901.971_145_749_404_3_f64.to_bits(),
    (-1.957_737_303_117_278_6e-264_f64).to_bits(),
];

const TEXTS: [&str; 26] = [
    "",
    " ",
    "a",
    "null",
    "NA",
    "true",
    "0",
    "007",
    "1.50",
    "1e400",
    "NaN",
    "base64:AAE=",
    "base64:!",
    "{\"bytes\":\"AA==\"}",
    "\"",
    "\"\"",
    "say \"a\", \"b\"",
    "a\nb",
    "\r",
    "a\r\n",
    "\0",
    "\u{1b}[31m",
    "\u{feff}",
    "é\u{301}\u{10ffff}",
    "\u{2028}",
    "2013-02-08T14:00:00.5Z",
];

const BYTES: [&[u8]; 7] = [b"", b"\0", b"\x00\xff", b"abc", b"\xff\xfe\xfd\xfc", b"base64:", b"\xed\xa0\x80"];

const TIMES: [i64; 9] =
    [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX, 1_360_332_000_123_456_789, -1_000_000_000, 1_483_228_799_999_999_999];

/// Makes events. The same seed makes the same.
#[derive(Debug)]
pub struct Edges {
    random: StdRng,
}

impl Edges {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    /// An event with a time and an id of its own, and any of the columns in any order.
    pub fn event(&mut self) -> Event {
        let key = self.key();
        let mut event = Event::builder(key).time(self.time()).id(Uuid::from_u128(self.random.random()));
        let mut columns = COLUMNS;
        for index in 1..columns.len() {
            columns.swap(index, self.random.random_range(0..=index));
        }
        let count = self.random.random_range(0..=columns.len());
        for (name, column_type) in &columns[..count] {
            self.with_cell(*column_type, |value| event.add_column(name, value));
        }
        event.build().expect("the names differ, and nothing is too long")
    }

    fn key(&mut self) -> Vec<u8> {
        if self.random.random_bool(0.5) {
            return self
                .some(&["N14228", " k ", "base64:", "base64:AAE=", "a,b", "\"", "\n", "\0", "é"])
                .as_bytes()
                .to_vec();
        }
        let length = self.random.random_range(1..20);
        (0..length).map(|_| self.random.random()).collect()
    }

    fn time(&mut self) -> EventTime {
        let nanos = if self.random.random_bool(0.5) { self.some(&TIMES) } else { self.random.random() };
        EventTime::from_unix_nanos(nanos)
    }

    fn with_cell(&mut self, column_type: ColumnType, put: impl FnOnce(Value<'_>)) {
        let any = self.random.random_bool(0.5);
        match column_type {
            ColumnType::Bool => put(self.random.random::<bool>().into()),
            ColumnType::Int64 => put(if any { self.random.random() } else { self.some(&INTEGERS) }.into()),
            ColumnType::Double => {
                let bits = if any { self.random.random() } else { self.some(&DOUBLE_BITS) };
                put(f64::from_bits(bits).into());
            }
            ColumnType::String if any => {
                let length = self.random.random_range(0..8);
                let text: String = (0..length).map(|_| self.random.random::<char>()).collect();
                put((&text).into());
            }
            ColumnType::String => put(self.some(&TEXTS).into()),
            ColumnType::Bytes => put(self.some(&BYTES).into()),
            ColumnType::Timestamp => put(self.time().into()),
            ColumnType::Uuid => put(Uuid::from_u128(self.random.random()).into()),
        }
    }

    fn some<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.random_range(0..choices.len())]
    }
}

/// The same event with its columns in the order of their names: where a form has an order of its own for columns,
/// events that are the same have the same of these, bit for bit.
pub fn in_order_of_names(event: &Event) -> Event {
    let view = event.view().expect("an event");
    let mut columns: Vec<_> = view.columns().collect();
    columns.sort_unstable_by_key(|(name, _)| *name);
    let mut ordered = Event::builder(view.key());
    ordered = view.time().into_iter().fold(ordered, annals_event::EventBuilder::time);
    ordered = view.id().into_iter().fold(ordered, annals_event::EventBuilder::id);
    for (name, value) in columns {
        ordered.add_column(name, value);
    }
    ordered.build().expect("it was one before")
}
