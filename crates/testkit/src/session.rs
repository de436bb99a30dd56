//! A session that appends until its server is gone, with several requests under way.

use std::collections::VecDeque;

use annals_wire::opaque::AppendSessionRequest;
use annals_wire::opaque::event_service_client::EventServiceClient;
use annals_wire::v1::append_session_response::Result as Answer;
use futures_util::stream;
use tokio::sync::mpsc;
use tonic::transport::Channel;

use crate::calls::append_request;
use crate::generator::{Generator, Shape};
use crate::ledger::Entry;

/// Requests under way.
const IN_FLIGHT: usize = 4;

/// Appends random events through one session until the server is gone. Calls `answered` after each answer.
///
/// # Panics
/// When the server refuses a request, as it must not.
pub async fn append_until_gone(channel: &Channel, table: &str, seed: u64, answered: impl Fn()) -> Vec<Entry> {
    let (requests, mut receiver) = mpsc::channel(IN_FLIGHT);
    let requests_sent = stream::poll_fn(move |context| receiver.poll_recv(context));
    let mut generator = Generator::new(seed, Shape { partitions: 50, ..Shape::default() });
    let mut client = EventServiceClient::new(channel.clone());
    let (mut entries, mut under_way) = (Vec::new(), VecDeque::new());
    let mut answers = match client.append_session(requests_sent).await {
        Ok(answers) => answers.into_inner(),
        // It was gone before anything was sent.
        Err(_) => return entries,
    };
    loop {
        while under_way.len() < IN_FLIGHT {
            let events = generator.events([2, 1, 9][(entries.len() + under_way.len()) % 3]);
            let request = AppendSessionRequest { append: Some(append_request(table, &events)) };
            under_way.push_back(events);
            if requests.send(request).await.is_err() {
                break;
            }
        }
        match answers.message().await.map(|answer| answer.and_then(|answer| answer.result)) {
            Ok(Some(Answer::Appended(answer))) => {
                let events = under_way.pop_front().expect("an answer is to a request");
                entries.push(Entry { events, answer: Some(answer) });
                answered();
            }
            Ok(Some(Answer::Error(status))) => panic!("the server refused an append of a session: {status:?}"),
            Ok(None) | Err(_) => break,
        }
    }
    entries.extend(under_way.into_iter().map(|events| Entry { events, answer: None }));
    entries
}
