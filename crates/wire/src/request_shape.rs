//! Which fields a request may have: those of the contract that this server was built with, at every depth.
//!
//! A parser passes over fields that it does not know. An older server would then store events without the condition that
//! a newer client put on them, or scan without its filter, and neither would be told. So a request with such a field is
//! refused, whatever the call.
//!
//! Promises: what passes has no unknown field outside events; these have their own, stricter walk. An answer is not
//! checked: a client goes on with what it knows of a newer server's. Does not: decode anything, nor look at events.

use annals_model::fault::{Fault, Reason};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// A message that the services take or give.
pub trait Decodable: Message + Default + Send + 'static {
    /// The fields that it has, where it is a request.
    const SHAPE: Option<&'static Shape>;
}

/// The fields of a message.
#[derive(Debug)]
pub struct Shape {
    /// The message's name.
    name: &'static str,
    /// Its fields, by number.
    fields: &'static [FieldShape],
}

/// A field of a message.
#[derive(Debug)]
struct FieldShape {
    number: u32,
    name: &'static str,
    /// The message that it holds, if it holds one.
    holds: Option<&'static Shape>,
}

include!(concat!(env!("OUT_DIR"), "/shapes.rs"));

/// Refuses a request that has a field which is not in the contract. What is no message at all passes: decoding it says
/// what is wrong.
///
/// # Errors
/// `UNKNOWN_FIELD`, with the path of the message that has the field, its number and the message's name.
pub(crate) fn check<U: Decodable>(request: &[u8]) -> Result<(), Fault> {
    match U::SHAPE.and_then(|shape| find_unknown(shape, request)) {
        Some(unknown) => Err(unknown.fault()),
        None => Ok(()),
    }
}

/// A field that is not in the contract.
struct Unknown {
    /// The message that has it.
    message: &'static str,
    number: u32,
    /// The fields that lead to the message, the innermost first.
    path: Vec<&'static str>,
}

impl Unknown {
    fn fault(&self) -> Fault {
        let Self { message, number, path } = self;
        let number_text = number.to_string();
        let field = path.iter().rev().copied().chain([&*number_text]).collect::<Vec<_>>().join(".");
        let description = format!(
            "this server does not know field {number} of {message}, and nothing was done: it would leave out what the \
             field asks for. Use a newer server, or a client of this one's version (GetServerInfo tells it)"
        );
        Fault::of_field(Reason::UnknownField, field, description)
    }
}

fn find_unknown(shape: &'static Shape, mut message: &[u8]) -> Option<Unknown> {
    while !message.is_empty() {
        // What can't be read here can't be decoded either.
        let (number, wire_type) = decode_key(&mut message).ok()?;
        let Some(field) = shape.fields.iter().find(|field| field.number == number) else {
            return Some(Unknown { message: shape.name, number, path: Vec::new() });
        };
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, number, &mut message, DecodeContext::default()).ok()?;
            continue;
        }
        let length = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
        let (held, rest) = message.split_at_checked(length)?;
        message = rest;
        if let Some(holds) = field.holds
            && let Some(mut unknown) = find_unknown(holds, held)
        {
            unknown.path.push(field.name);
            return Some(unknown);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opaque::{AppendRequest, ScanResponse};
    use crate::v1::CreateTableRequest;

    fn refused<U: Decodable>(request: &[u8]) -> Option<String> {
        check::<U>(request).err().map(|fault| {
            assert_eq!(fault.reason, Reason::UnknownField);
            fault.violations[0].field.clone()
        })
    }

    fn held(field: u8, message: &[u8]) -> Vec<u8> {
        [&[field << 3 | 2, u8::try_from(message.len()).expect("short")], message].concat()
    }

    #[test]
    fn a_field_that_is_not_in_the_contract_is_found_at_every_depth() {
        let unknown = [0xf8, 0x3f, 1];
        assert_eq!(refused::<CreateTableRequest>(&unknown).as_deref(), Some("1023"));
        assert_eq!(refused::<CreateTableRequest>(&held(1, &unknown)).as_deref(), Some("table.1023"));
        let retention = held(1, &held(5, &unknown));
        assert_eq!(refused::<CreateTableRequest>(&retention).as_deref(), Some("table.retention.1023"));
        let behind = [CreateTableRequest { if_not_exists: true, table: None }.encode_to_vec(), retention].concat();
        assert_eq!(refused::<CreateTableRequest>(&behind).as_deref(), Some("table.retention.1023"));
    }

    #[test]
    fn events_are_left_to_their_own_walk_and_answers_are_not_checked() {
        let unknown = [0xf8, 0x3f, 1];
        assert_eq!(refused::<AppendRequest>(&held(2, &unknown)), None);
        assert_eq!(refused::<ScanResponse>(&unknown), None);
    }

    #[test]
    fn what_is_no_message_is_left_to_decoding() {
        for broken in [&[0xff_u8][..], &[0x0a, 9, 1], &[0x0b], &[0x0a]] {
            assert_eq!(refused::<CreateTableRequest>(broken), None, "{broken:?}");
        }
    }
}
