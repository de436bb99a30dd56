//! Resume and page tokens: what a client passes back is refused, or is exactly what the server hands out.

use std::fmt::Debug;

use annals_model::limits::{PARTITION_KEY_BYTES_MAX, SHARDS_MAX};
use annals_model::{
    EventTime, Moment, PageToken, PartitionKey, ResumeToken, ScanPosition, ScopeDigest, Sequence, Shard, TableId,
};
use bytes::Bytes;

use super::input::Input;

/// Takes bytes as tokens, as they are and with a checksum that holds; or makes tokens of them.
///
/// # Panics
/// When bytes are taken that no server hands out, when a token does not come back as it was handed out, or when one is
/// taken of which a byte was changed.
pub fn token(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 4 {
        0 => check_taken(input.rest()),
        1 => {
            let body = input.rest();
            check_taken(&[body, &crc32c::crc32c(body).to_le_bytes()].concat());
        }
        2 => {
            let (table, scope) = (table(&mut input), scope(&mut input));
            let (moment, floor) = moment_and_floor(&mut input);
            let token = ResumeToken { table, scope, moment, floor };
            check_made(&token, &token.encode(), |bytes| ResumeToken::decode(bytes).ok(), &mut input);
        }
        _ => {
            let token = page_token(&mut input);
            check_made(&token, &token.encode(), |bytes| PageToken::decode(bytes).ok(), &mut input);
        }
    }
}

fn check_taken(bytes: &[u8]) {
    if let Ok(token) = ResumeToken::decode(bytes) {
        assert_eq!(token.encode(), bytes, "a server encodes {token:?} in one way only");
    }
    if let Ok(token) = PageToken::decode(bytes) {
        assert_eq!(token.encode(), bytes, "a server encodes {token:?} in one way only");
    }
}

fn check_made<T: Debug + PartialEq>(
    token: &T,
    encoded: &Bytes,
    decode: impl Fn(&[u8]) -> Option<T>,
    input: &mut Input<'_>,
) {
    assert_eq!(decode(encoded).as_ref(), Some(token), "what was handed out is taken back");
    let mut mangled = encoded.to_vec();
    mangled[input.below(encoded.len())] ^= input.byte().max(1);
    assert_eq!(decode(&mangled), None, "a changed byte is found");
    assert_eq!(decode(&encoded[..input.below(encoded.len())]), None, "a cut is found");
}

fn table(input: &mut Input<'_>) -> TableId {
    TableId::from_bytes(input.array())
}

fn scope(input: &mut Input<'_>) -> ScopeDigest {
    match input.number() {
        0 => ScopeDigest::ANY,
        value => ScopeDigest::new(value),
    }
}

fn moment_and_floor(input: &mut Input<'_>) -> (Moment, Moment) {
    let shards = 1 + input.below(SHARDS_MAX as usize);
    let mut moment = || Moment::new((0..shards).map(|_| Sequence::new(input.number())).collect::<Vec<_>>());
    (moment(), moment())
}

fn page_token(input: &mut Input<'_>) -> PageToken {
    let mut key = [&[input.byte()], input.part()].concat();
    key.truncate(PARTITION_KEY_BYTES_MAX);
    let position = ScanPosition {
        key_index: input.word(),
        key: PartitionKey::new(key).expect("1 to 65,535 bytes"),
        time: EventTime::from_unix_nanos(input.number().cast_signed()),
        shard: Shard::new(input.word()),
        sequence: Sequence::new(input.number()),
        given_of_partition: input.number(),
    };
    let (moment, floor) = moment_and_floor(input);
    PageToken { table: table(input), request: input.number(), moment, floor, position }
}
