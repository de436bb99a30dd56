//! Rows, and places between them.

use annals_model::{EventTime, Sequence, TimeRange, Token, TokenRange};
use bytes::Bytes;

/// An event and what places it in a run; borrows the event's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The key's token.
    pub token: Token,
    /// The event's time.
    pub time: EventTime,
    /// The event's place in its shard.
    pub sequence: Sequence,
    /// The key's first byte in the event.
    pub key_offset: u32,
    /// The key's bytes.
    pub key_length: u16,
    /// The encoded event.
    pub event: &'a [u8],
}

impl<'a> Row<'a> {
    /// The event's partition key.
    ///
    /// # Panics
    /// When the key does not lie in the event; writers check that, readers only hand out rows in which it does.
    pub fn key(&self) -> &'a [u8] {
        let start = self.key_offset as usize;
        &self.event[start..start + usize::from(self.key_length)]
    }

    /// What rows are sorted by.
    pub fn order(&self) -> RowOrder<'a> {
        (self.token, self.key(), self.time, self.sequence)
    }
}

/// What rows are sorted by: token, key, event time, sequence.
pub type RowOrder<'a> = (Token, &'a [u8], EventTime, Sequence);

/// A place in the order of rows; a row of that order need not exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowPosition {
    /// The key's token.
    pub token: Token,
    /// The key.
    pub key: Bytes,
    /// The event time.
    pub time: EventTime,
    /// The sequence.
    pub sequence: Sequence,
}

impl RowPosition {
    /// Before every row whose token is `token` or higher.
    pub fn of_token(token: Token) -> Self {
        Self { token, key: Bytes::new(), time: EventTime::MIN, sequence: Sequence::ZERO }
    }

    /// Before every row of the partition whose time is `time` or later.
    pub fn of_time(token: Token, key: Bytes, time: EventTime) -> Self {
        Self { token, key, time, sequence: Sequence::ZERO }
    }

    /// After every row of the partition: no event has the last of all sequences.
    pub fn after_partition(token: Token, key: Bytes) -> Self {
        Self { token, key, time: EventTime::MAX, sequence: Sequence::MAX }
    }

    /// The position as rows are compared.
    pub fn order(&self) -> RowOrder<'_> {
        (self.token, &self.key, self.time, self.sequence)
    }
}

/// A stretch of rows: from `start` up to, and without, `end`, and of these only the rows in `times`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSpan {
    /// The first place that belongs to the span.
    pub start: RowPosition,
    /// The first place after the span; none: up to the last row.
    pub end: Option<RowPosition>,
    /// Rows of other times are passed over, where possible without reading them.
    pub times: TimeRange,
}

impl RowSpan {
    /// All rows.
    pub fn all() -> Self {
        Self::tokens(TokenRange::ALL, TimeRange::ALL)
    }

    /// The rows of one partition in a range of time.
    pub fn partition(token: Token, key: Bytes, times: TimeRange) -> Self {
        let start = RowPosition::of_time(token, key.clone(), times.start().unwrap_or(EventTime::MIN));
        let end = match times.end() {
            Some(time) => RowPosition::of_time(token, key, time),
            None => RowPosition::after_partition(token, key),
        };
        Self { start, end: Some(end), times: TimeRange::ALL }
    }

    /// The rows of all partitions whose tokens lie in a range, in a range of time.
    pub fn tokens(tokens: TokenRange, times: TimeRange) -> Self {
        let end = tokens.last.get().checked_add(1).map(|next| RowPosition::of_token(Token::new(next)));
        Self { start: RowPosition::of_token(tokens.first), end, times }
    }

    /// The span without the rows up to and with the one at `position`: where an ascending read goes on.
    #[must_use]
    pub fn after(mut self, position: RowPosition) -> Self {
        let next = RowPosition { sequence: position.sequence.next(), ..position };
        self.start = self.start.max(next);
        self
    }

    /// The span without the row at `position` and those behind it: where a descending read goes on.
    #[must_use]
    pub fn before(mut self, position: RowPosition) -> Self {
        self.end = Some(match self.end {
            Some(end) => end.min(position),
            None => position,
        });
        self
    }

    /// Whether no place lies in the span.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}
