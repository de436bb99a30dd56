//! The contract's protocol with every event as its encoded bytes: the messages that carry events, and servers and
//! clients over them. Generated; `proto/annals/v1` documents them.
//!
//! A field of type `Event` and a bytes field have the same encoding, so either side of a connection may use this view
//! and the other [`v1`](crate::v1). Decoding a request makes slices of its buffer; nothing in an event is looked at.
//! All messages that carry no event are those of `v1`.

#![allow(missing_docs, clippy::pedantic, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/opaque/annals.v1.rs"));

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost::Message;

    use crate::{opaque, v1};

    #[test]
    fn both_views_have_the_same_encoding() {
        let event = v1::Event { partition_key: Bytes::from_static(b"N14228"), ..v1::Event::default() };
        let full = v1::RecordedEvent { event: Some(event.clone()), shard: 3, sequence: 9, ..Default::default() };
        let view = opaque::RecordedEvent {
            event: event.encode_to_vec().into(),
            shard: 3,
            sequence: 9,
            ..opaque::RecordedEvent::default()
        };
        assert_eq!(full.encode_to_vec(), view.encode_to_vec());
        let request = v1::AppendRequest { table: "k.t".into(), events: vec![event; 2], ..Default::default() };
        let seen = opaque::AppendRequest::decode(Bytes::from(request.encode_to_vec())).expect("the same encoding");
        assert_eq!(seen.events, [full.event.expect("set").encode_to_vec(), view.event.to_vec()]);
    }

    #[test]
    fn a_decoded_event_is_a_slice_of_the_requests_buffer() {
        let request = opaque::AppendRequest { events: vec![Bytes::from(vec![7; 1000])], ..Default::default() };
        let buffer = Bytes::from(request.encode_to_vec());
        let decoded = opaque::AppendRequest::decode(buffer.clone()).expect("just encoded");
        assert!(buffer.as_ptr_range().contains(&decoded.events[0].as_ptr()));
    }
}
