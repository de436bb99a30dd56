//! Requests with fields that the server does not know: refused by every call, at every depth, and nothing is done.

use annals_model::Reason;
use annals_testkit::event::TestEvent;
use annals_wire::DESCRIPTORS;
use bytes::{Buf, BufMut};
use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet, MethodDescriptorProto};
use tonic::client::Grpc;
use tonic::codec::{self, DecodeBuf, EncodeBuf};
use tonic::{Request, Status};

use crate::harness::*;

/// Tag 1023, and a varint.
const UNKNOWN: [u8; 3] = [0xf8, 0x3f, 1];

/// Messages as their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct RawCodec;

impl codec::Codec for RawCodec {
    type Encode = Vec<u8>;
    type Decode = usize;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl codec::Encoder for RawCodec {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl codec::Decoder for RawCodec {
    type Item = usize;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<usize>, Status> {
        let length = buffer.remaining();
        buffer.advance(length);
        Ok(Some(length))
    }
}

/// The messages that `request` can hold, each as the numbers and names of the fields that lead to it; itself first. An
/// event is not followed: it has a walk of its own.
fn places(contract: &FileDescriptorSet, request: &str) -> Vec<Vec<(u32, String)>> {
    let mut found = vec![Vec::new()];
    let Some(message) = find(contract, request) else { return found };
    for field in message.field.iter().filter(|field| field.r#type() == Type::Message) {
        if field.type_name() == ".annals.v1.Event" {
            continue;
        }
        let number = u32::try_from(field.number()).expect("a field's number");
        for place in places(contract, field.type_name()) {
            found.push([vec![(number, field.name().to_owned())], place].concat());
        }
    }
    found
}

fn find<'a>(contract: &'a FileDescriptorSet, name: &str) -> Option<&'a DescriptorProto> {
    let files = contract.file.iter();
    let mut all = files.flat_map(|file| file.message_type.iter().map(move |message| (file.package(), message)));
    all.find(|(package, message)| format!(".{package}.{}", message.name()) == name).map(|(_, message)| message)
}

/// A request that has the unknown field at this place, and the field as a refusal names it.
fn request_with_unknown(place: &[(u32, String)]) -> (Vec<u8>, String) {
    let mut bytes = UNKNOWN.to_vec();
    let mut path = "1023".to_owned();
    for (number, name) in place.iter().rev() {
        let mut outer = Vec::new();
        prost::encoding::encode_key(*number, prost::encoding::WireType::LengthDelimited, &mut outer);
        prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
        outer.extend_from_slice(&bytes);
        (bytes, path) = (outer, format!("{name}.{path}"));
    }
    (bytes, path)
}

async fn refusal(server: &Running, service: &str, method: &MethodDescriptorProto, request: Vec<u8>) -> Status {
    let path = format!("/annals.v1.{service}/{}", method.name()).parse().expect("a path");
    let mut client = Grpc::new(server.channel.clone());
    client.ready().await.expect("a connection");
    let requests = futures_util::stream::iter([request]);
    match client.streaming(Request::new(requests), path, RawCodec).await {
        Err(status) => status,
        Ok(answers) => answers.into_inner().message().await.expect_err("refused"),
    }
}

#[tokio::test]
async fn a_request_with_an_unknown_field_is_refused_by_every_call_at_every_depth() {
    let server = start().await;
    server.plain_table(1).await;
    server.append(&[TestEvent::new("k", 1)]).await;
    let contract = FileDescriptorSet::decode(DESCRIPTORS).expect("the contract's descriptors");
    let mut tried = 0;
    for service in contract.file.iter().filter(|file| file.package() == "annals.v1").flat_map(|file| &file.service) {
        for method in &service.method {
            for place in places(&contract, method.input_type()) {
                let (request, field) = request_with_unknown(&place);
                let refused = fault(refusal(&server, service.name(), method, request).await);
                assert_field(&refused, Reason::UnknownField, &field);
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "only {tried} places were found");
    assert_eq!(server.count().await, 1);
}
