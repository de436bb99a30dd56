//! Calls that are in the contract and not in this server: each is refused by its name.

use annals_model::Reason;
use annals_wire::DESCRIPTORS;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Request;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;

use crate::harness::{assert_field, fault, start};

const UNBUILT: [&str; 2] = ["ConsumerService", "AccessService"];

#[tokio::test]
async fn each_call_of_a_service_that_is_not_built_is_refused_by_name() {
    let server = start().await;
    let contract = FileDescriptorSet::decode(DESCRIPTORS).expect("the contract's descriptors");
    let services = contract.file.iter().flat_map(|file| &file.service).filter(|one| UNBUILT.contains(&one.name()));
    let mut calls = 0;
    for service in services {
        for method in &service.method {
            let path = format!("/annals.v1.{}/{}", service.name(), method.name());
            let mut client = Grpc::new(server.channel.clone());
            client.ready().await.expect("a connection");
            let codec = ProstCodec::<(), ()>::default();
            let refused = client.unary(Request::new(()), path.parse().expect("a path"), codec).await;
            let name = format!("{}.{}", service.name(), method.name());
            assert_field(&fault(refused.expect_err("not built")), Reason::NotSupported, &name);
            calls += 1;
        }
    }
    assert_eq!(calls, 12, "the calls of both services");
}
