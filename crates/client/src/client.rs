//! The connection to a server.

use std::time::Duration;

use annals_model::limits::RESPONSE_BYTES_MAX;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::server_service_client::ServerServiceClient;
use annals_wire::v1::table_service_client::TableServiceClient;
use annals_wire::v1::{GetServerInfoRequest, GetServerInfoResponse, ListTailsRequest, ListTailsResponse};
use tonic::transport::{Channel, Endpoint};

use crate::error::{Error, described_error};

/// A connection that is not made within this time is refused.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is asked for a sign of life this often, so that one to a machine that is gone is found.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// A connection that gives no sign of life for this long is given up.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// No response is larger than 4,000,000 bytes; this is what other languages' clients take by default.
const RECEIVED_BYTES_MAX: usize = 4 * 1024 * 1024;
const _: () = assert!(RESPONSE_BYTES_MAX <= RECEIVED_BYTES_MAX);

/// A connection to a server, shared by all clones. It is made again by itself when it breaks.
#[derive(Clone, Debug)]
pub struct Client {
    address: String,
    channel: Channel,
}

impl Client {
    /// Connects to `address`: `host:port` or `http://host:port`.
    ///
    /// # Errors
    /// [`Error::Address`] or [`Error::Connect`].
    pub async fn connect(address: impl Into<String>) -> Result<Self, Error> {
        let address = address.into();
        let endpoint = endpoint(&address)?;
        let channel = endpoint.connect().await.map_err(|error| Error::Connect {
            address: address.clone(),
            reason: described_error(String::new(), std::error::Error::source(&error)),
        })?;
        Ok(Self { address, channel })
    }

    /// Prepares a connection to `address` that is made by the first call.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn connect_lazy(address: impl Into<String>) -> Result<Self, Error> {
        let address = address.into();
        let channel = endpoint(&address)?.connect_lazy();
        Ok(Self { address, channel })
    }

    /// The address as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the server is, what it can do, and its limits.
    ///
    /// # Errors
    /// When the server can't be reached.
    pub async fn server_info(&self) -> Result<GetServerInfoResponse, Error> {
        let answer = ServerServiceClient::new(self.channel.clone()).get_server_info(GetServerInfoRequest {}).await;
        Ok(answer.map_err(|status| Error::of_status(&status))?.into_inner())
    }

    /// One page of the live tails, with their lag.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn list_tails(&self, request: ListTailsRequest) -> Result<ListTailsResponse, Error> {
        let answer = ServerServiceClient::new(self.channel.clone()).list_tails(request).await;
        Ok(answer.map_err(|status| Error::of_status(&status))?.into_inner())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Channel> {
        EventServiceClient::new(self.channel.clone()).max_decoding_message_size(RECEIVED_BYTES_MAX)
    }

    pub(crate) fn table_service(&self) -> TableServiceClient<Channel> {
        TableServiceClient::new(self.channel.clone()).max_decoding_message_size(RECEIVED_BYTES_MAX)
    }
}

fn endpoint(address: &str) -> Result<Endpoint, Error> {
    let refuse = |reason: String| Error::Address { address: address.to_owned(), reason };
    if address.starts_with("https://") {
        return Err(refuse("this client does not speak TLS".to_owned()));
    }
    let uri = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let endpoint = Endpoint::from_shared(uri).map_err(|error| refuse(error.to_string()))?;
    if endpoint.uri().port().is_none() {
        return Err(refuse("it names no port".to_owned()));
    }
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port_with_or_without_a_scheme() {
        for address in ["127.0.0.1:7440", "http://127.0.0.1:7440", "localhost:7440", "[::1]:7440"] {
            assert!(endpoint(address).is_ok(), "{address}");
        }
        for address in ["", "localhost", "https://localhost:7440", "a b:1", "http://"] {
            let error = endpoint(address).expect_err(address).to_string();
            assert!(error.contains("host:port"), "{address}: {error}");
        }
    }
}
