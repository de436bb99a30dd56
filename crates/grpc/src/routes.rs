//! All services of a server: the contract's, health and reflection.

use std::sync::Arc;

use annals_engine::Engine;
use annals_model::limits::RESPONSE_BYTES_MAX;
use annals_service::Service;
use annals_wire::DESCRIPTORS;
use annals_wire::opaque::access_service_server::AccessServiceServer;
use annals_wire::opaque::consumer_service_server::ConsumerServiceServer;
use annals_wire::opaque::server_service_server::ServerServiceServer;
use annals_wire::opaque::table_service_server::TableServiceServer;
use annals_wire::serving::event_service_server::EventServiceServer;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::services::{AccessApi, ConsumerApi, EventApi, ServerApi, TableApi};

/// What a session's message adds to the append request in it: a tag and a length.
const SESSION_BYTES: usize = 8;
/// Bytes of a request that appends nothing.
const SMALL_REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The names under which health is asked for; the empty one stands for the whole server.
const NAMES: [&str; 4] = ["", "annals.v1.EventService", "annals.v1.TableService", "annals.v1.ServerService"];

/// The services over the service, and the reporter of their health.
pub(crate) async fn routes<E: Engine>(service: &Arc<Service<E>>) -> (Routes, HealthReporter) {
    let (reporter, health) = tonic_health::server::health_reporter();
    report(&reporter, ServingStatus::Serving).await;
    let request_bytes_max = service.limits().request_bytes_max;
    let small_bytes_max = request_bytes_max.min(SMALL_REQUEST_BYTES_MAX);
    let events = EventServiceServer::new(EventApi::new(service))
        .max_decoding_message_size(request_bytes_max + SESSION_BYTES)
        .max_encoding_message_size(RESPONSE_BYTES_MAX);
    let tables = TableServiceServer::new(TableApi(Arc::clone(service)))
        .max_decoding_message_size(small_bytes_max)
        .max_encoding_message_size(RESPONSE_BYTES_MAX);
    let servers = ServerServiceServer::new(ServerApi(Arc::clone(service)))
        .max_decoding_message_size(small_bytes_max)
        .max_encoding_message_size(RESPONSE_BYTES_MAX);
    let consumers = ConsumerServiceServer::new(ConsumerApi)
        .max_decoding_message_size(small_bytes_max)
        .max_encoding_message_size(RESPONSE_BYTES_MAX);
    let access = AccessServiceServer::new(AccessApi)
        .max_decoding_message_size(small_bytes_max)
        .max_encoding_message_size(RESPONSE_BYTES_MAX);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(events)
        .add_service(tables)
        .add_service(servers)
        .add_service(consumers)
        .add_service(access)
        .add_service(health)
        .add_service(reflection().build_v1().expect("the contract's own descriptors"))
        .add_service(reflection().build_v1alpha().expect("the contract's own descriptors"));
    (routes.prepare(), reporter)
}

/// Tells those who ask for health.
pub(crate) async fn report(reporter: &HealthReporter, status: ServingStatus) {
    for name in NAMES {
        reporter.set_service_status(name, status).await;
    }
}
