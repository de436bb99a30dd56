//! Tails as operators see them.

use annals_service::{TailInfo, TailInfoPage};
use annals_wire::v1::{self, ListTailsResponse};

use super::tail_step::lag;

pub(crate) fn tail_info_page(page: TailInfoPage) -> ListTailsResponse {
    let TailInfoPage { tails, next_page_token } = page;
    ListTailsResponse { tails: tails.into_iter().map(tail_info).collect(), next_page_token }
}

fn tail_info(tail: TailInfo) -> v1::TailInfo {
    v1::TailInfo {
        table: tail.table,
        client_name: tail.client_name,
        peer: tail.peer,
        consumer: String::new(),
        live: tail.is_live,
        lag: tail.lag.map(lag),
    }
}
