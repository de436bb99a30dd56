//! Bodies of journal frames: made of records, or any bytes; and the records that were read, written out again.

use annals_model::{EventTime, Sequence, Shard, TableId};
use annals_storage::journal::{JournalRecord, Mark};
use annals_storage::state::StateRecord;

use super::super::input::Input;

const BATCH: u8 = 1;
const STATE: u8 = 2;
const MARK: u8 = 3;

/// Bytes of a record's kind and length.
const RECORD_HEADER: usize = 5;

/// A frame's body, how many records its header counts, and whether all of it makes sense.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) records: u32,
    pub(super) makes_sense: bool,
}

impl Body {
    pub(super) fn choose(input: &mut Input<'_>) -> Self {
        let choice = input.byte();
        if choice < 64 {
            return Self { records: (choice % 8).into(), bytes: input.part().to_vec(), makes_sense: false };
        }
        let (mut body, mut makes_sense) = (Vec::new(), true);
        let records = u32::from(choice % 4) + 1;
        for _ in 0..records {
            let (kind, record, is_sound) = record(input);
            body.push(kind);
            body.extend_from_slice(&u32::try_from(record.len()).expect("a small record").to_le_bytes());
            body.extend_from_slice(&record);
            makes_sense &= is_sound;
        }
        Self { bytes: body, records, makes_sense }
    }
}

/// A record's kind and bytes, and whether they make sense.
fn record(input: &mut Input<'_>) -> (u8, Vec<u8>, bool) {
    match input.byte() % 8 {
        0..3 => (BATCH, batch(input), true),
        3 => (STATE, floor(input).encode(), true),
        4 => (MARK, [&[1], &input.number().to_le_bytes()[..]].concat(), true),
        5 => (MARK, vec![0; 9], true),
        6 => (STATE, input.part().to_vec(), false),
        _ => (input.byte() % 5, input.part().to_vec(), false),
    }
}

fn batch(input: &mut Input<'_>) -> Vec<u8> {
    let count = 1 + u32::from(input.byte() % 6);
    let mut out = Vec::new();
    out.extend_from_slice(&[input.byte(); 16]);
    out.extend_from_slice(&input.word().to_le_bytes());
    out.extend_from_slice(&input.number().to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    let mut events = Vec::new();
    for _ in 0..count {
        let (before, key) = (usize::from(input.byte() % 4), 1 + usize::from(input.byte() % 40));
        let length = before + key + usize::from(input.byte());
        put_row(&mut out, length, before, key, input.number().cast_signed());
        events.resize(events.len() + length, input.byte());
    }
    out.extend_from_slice(&events);
    out
}

fn put_row(out: &mut Vec<u8>, length: usize, key_offset: usize, key_length: usize, time: i64) {
    let narrow = |length: usize| u32::try_from(length).expect("a small event");
    out.extend_from_slice(&narrow(length).to_le_bytes());
    out.extend_from_slice(&narrow(key_offset).to_le_bytes());
    out.extend_from_slice(&u16::try_from(key_length).expect("a key").to_le_bytes());
    out.extend_from_slice(&time.to_le_bytes());
}

fn floor(input: &mut Input<'_>) -> StateRecord {
    StateRecord::FloorRaised {
        table: TableId::from_bytes(input.array()),
        shard: Shard::new(input.word()),
        first_retained: Sequence::new(input.number()),
    }
}

/// Compares the records that were read of a body with its bytes.
///
/// # Panics
/// When a record is not what its bytes say.
pub(super) fn check(records: &[JournalRecord], body: &[u8]) {
    let mut rest = body;
    for record in records {
        let (header, behind) = rest.split_at(RECORD_HEADER);
        let length = u32::from_le_bytes(header[1..].try_into().expect("4 bytes")) as usize;
        let (bytes, behind) = behind.split_at(length);
        rest = behind;
        match record {
            JournalRecord::Batch(batch) => {
                let mut expected = Vec::new();
                expected.extend_from_slice(batch.table.as_bytes());
                expected.extend_from_slice(&batch.shard.get().to_le_bytes());
                expected.extend_from_slice(&batch.first_sequence.get().to_le_bytes());
                expected.extend_from_slice(&u32::try_from(batch.events.len()).expect("a small batch").to_le_bytes());
                for row in batch.events.rows() {
                    let (length, key_offset) = (row.length as usize, row.key_offset as usize);
                    put_row(&mut expected, length, key_offset, row.key_length.into(), time_of(row.time));
                }
                expected.extend_from_slice(batch.events.bytes());
                assert_eq!((header[0], bytes), (BATCH, &expected[..]), "a batch");
            }
            JournalRecord::State(record) => {
                let again = StateRecord::decode(&record.encode()).expect("what was read can be written");
                assert_eq!(again.encode(), record.encode(), "a change of the state");
                assert_eq!(header[0], STATE);
            }
            JournalRecord::Mark(mark) => {
                let (kind, edit) = match mark {
                    Mark::Idle => (0, 0),
                    Mark::Close { edit } => (1, *edit),
                };
                assert_eq!((header[0], bytes), (MARK, &[&[kind], &edit.to_le_bytes()[..]].concat()[..]), "a mark");
            }
        }
    }
    assert!(rest.is_empty(), "all of a body is records");
}

fn time_of(time: EventTime) -> i64 {
    time.unix_nanos()
}
