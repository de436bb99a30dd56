//! The directory's keys: so encoded that the order of bytes is the order of partition keys.
//!
//! `FORMAT.md` describes the bytes. A partition key may hold any bytes, so it is escaped: a zero becomes `00 ff`, and
//! `00 00` ends it. Then no key is a prefix of another, and what follows the key does not disturb the order.

use annals_model::{Shard, TableId};

const FORMAT: u8 = 0;
const PARTITION: u8 = 1;
const SHARD: u8 = 2;
const TABLE: u8 = 3;

const TABLE_END: usize = 1 + 16;

/// The one record that says what the directory belongs to.
pub(super) const IDENTITY: &[u8] = &[FORMAT];

/// A shard's part of a partition.
pub(super) fn partition(table: TableId, key: &[u8], shard: Shard) -> Vec<u8> {
    let mut out = partition_shards(table, key);
    out.extend_from_slice(&shard.get().to_be_bytes());
    out
}

/// What all shards' parts of a partition begin with.
pub(super) fn partition_shards(table: TableId, key: &[u8]) -> Vec<u8> {
    let mut out = partition_prefix(table, key);
    out.extend_from_slice(&[0, 0]);
    out
}

/// What all partitions of a table begin with whose keys begin with `key_prefix`.
pub(super) fn partition_prefix(table: TableId, key_prefix: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(TABLE_END + key_prefix.len() + 8);
    out.push(PARTITION);
    out.extend_from_slice(table.as_bytes());
    for &byte in key_prefix {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
    out
}

/// The first place after all shards' parts of a partition.
pub(super) fn after_partition(table: TableId, key: &[u8]) -> Vec<u8> {
    let mut out = partition_prefix(table, key);
    out.extend_from_slice(&[0, 1]);
    out
}

/// The key and the shard of a partition's record; none if the bytes are not one.
pub(super) fn parse_partition(bytes: &[u8]) -> Option<(Vec<u8>, Shard)> {
    let (&PARTITION, _) = bytes.split_first()? else { return None };
    let mut rest = bytes.get(TABLE_END..)?;
    let mut key = Vec::with_capacity(rest.len());
    loop {
        match rest {
            [0, 0xff, after @ ..] => {
                key.push(0);
                rest = after;
            }
            [0, 0, shard @ ..] => return Some((key, Shard::new(u32::from_be_bytes(shard.try_into().ok()?)))),
            [0, ..] | [] => return None,
            [byte, after @ ..] => {
                key.push(*byte);
                rest = after;
            }
        }
    }
}

/// How far the directory has come in a shard.
pub(super) fn shard(table: TableId, shard: Shard) -> Vec<u8> {
    let mut out = shards(table);
    out.extend_from_slice(&shard.get().to_be_bytes());
    out
}

/// What the records of all shards of a table begin with.
pub(super) fn shards(table: TableId) -> Vec<u8> {
    tagged(SHARD, table)
}

/// How many partitions a table has.
pub(super) fn table(table: TableId) -> Vec<u8> {
    tagged(TABLE, table)
}

/// What the records of all tables begin with.
pub(super) const TABLES: &[u8] = &[TABLE];

/// The table of a record made by `table`; none if the bytes are not one.
pub(super) fn parse_table(bytes: &[u8]) -> Option<TableId> {
    let (&TABLE, id) = bytes.split_first()? else { return None };
    Some(TableId::from_bytes(id.try_into().ok()?))
}

fn tagged(tag: u8, table: TableId) -> Vec<u8> {
    let mut out = Vec::with_capacity(TABLE_END + 4);
    out.push(tag);
    out.extend_from_slice(table.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE_ID: TableId = TableId::from_bytes([9; 16]);

    #[test]
    fn records_sort_as_their_partition_keys_do() {
        let mut keys: Vec<&[u8]> =
            vec![b"a", b"a\0", b"a\0\0", b"a\0\xff", b"a\0b", b"a\x01", b"ab", b"b", b"\0", b"\xff\xff"];
        keys.sort_unstable();
        let records: Vec<_> = keys.iter().map(|key| partition(TABLE_ID, key, Shard::new(7))).collect();
        assert!(records.is_sorted());
        for (key, record) in keys.iter().zip(&records) {
            assert_eq!(parse_partition(record), Some((key.to_vec(), Shard::new(7))));
            assert!(record.starts_with(&partition_shards(TABLE_ID, key)));
            assert!(*record < after_partition(TABLE_ID, key));
        }
        for (record, next) in records.iter().zip(&records[1..]) {
            let (key, _) = parse_partition(record).expect("a record");
            assert!(after_partition(TABLE_ID, &key) < *next);
        }
    }

    #[test]
    fn what_is_no_record_is_told() {
        let record = partition(TABLE_ID, b"k", Shard::ZERO);
        for length in 0..record.len() {
            assert_eq!(parse_partition(&record[..length]), None);
        }
        assert_eq!(parse_table(&table(TABLE_ID)), Some(TABLE_ID));
        assert_eq!(parse_table(&record), None);
    }
}
