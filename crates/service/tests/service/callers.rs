//! Callers, and what they are shown.

use annals_model::Reason;
use annals_service::{Action, Caller, CreateTable, ListTables, ListTails, TailRequest, TailStart};

use crate::harness::*;

#[tokio::test]
async fn a_tail_is_listed_by_its_own_name_its_callers_or_its_place() {
    let bench = Bench::start(1).await;
    let pages = bench.service.live_pages::<TimesAsText>();
    let peer = Caller::at(([127, 0, 0, 1], 4711).into());
    let named = peer.clone().with_client_name("billing");
    let mut open = Vec::new();
    for (caller, client_name) in [(&peer, ""), (&named, ""), (&named, "ledger")] {
        let of_table = TailRequest::of(TABLE, TailStart::Latest);
        let request = TailRequest { client_name: client_name.to_owned(), ..of_table };
        open.push(bench.service.tail(caller, request, &pages).await.expect("a tail"));
    }
    let mut request = ListTails { table: TABLE.to_owned(), ..ListTails::default() };
    let mut listed = Vec::new();
    loop {
        let page = bench.service.list_tails(&bench.caller, request.clone()).await.expect("a list");
        listed.extend(page.tails.into_iter().map(|tail| (tail.client_name, tail.peer)));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let expected = ["127.0.0.1:4711", "billing", "ledger"].map(|name| (name.to_owned(), "127.0.0.1:4711".to_owned()));
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn tables_are_listed_page_by_page_and_the_gate_knows_each_by_name() {
    let bench = Bench::start(1).await;
    bench.table("k.u", 1).await;
    bench.table("l.t", 1).await;
    let list = async |page_token| {
        let page = bench.service.list_tables(&bench.caller, ListTables { page_token, ..ListTables::default() }).await;
        let page = page.expect("a list");
        let names = page.tables.iter().map(|one| one.table.definition.name.to_string()).collect::<Vec<_>>();
        (names, page.next_page_token)
    };
    let (first, token) = list(bytes::Bytes::new()).await;
    let (second, end) = list(token).await;
    assert_eq!((first, second, end.is_empty()), (vec!["k.t".into(), "k.u".into()], vec!["l.t".to_owned()], true));
    let table = bench.service.table(&bench.caller, Action::Read, "l.t").expect("a table");
    assert_eq!(table.definition.name.as_str(), "l.t");
    let missing = bench.service.table(&bench.caller, Action::Append, "l.u").expect_err("not there");
    assert_eq!(missing.reason, Reason::TableNotFound);
}

#[tokio::test]
async fn a_table_is_made_once_and_agreed_with_where_it_is_the_same() {
    let bench = Bench::start(2).await;
    let again = CreateTable { if_not_exists: true, ..CreateTable::open(TABLE, 2) };
    let there = bench.service.create_table(&bench.caller, again).await.expect("it agrees");
    assert_eq!(there.table.definition.shard_count.get(), 2);
    let other = CreateTable { if_not_exists: true, ..CreateTable::open(TABLE, 3) };
    let differs = bench.service.create_table(&bench.caller, other).await.expect_err("another");
    assert_eq!(differs.reason, Reason::TableDiffers);
    let once = bench.service.create_table(&bench.caller, CreateTable::open(TABLE, 2)).await.expect_err("it is there");
    assert_eq!(once.reason, Reason::TableExists);
}
