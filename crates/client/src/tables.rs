//! Calls that make, describe and remove tables, and list partitions.

use annals_wire::v1::{
    CreateTableRequest, DropTableRequest, GetPartitionRequest, GetTableRequest, ListPartitionsRequest,
    ListTablesRequest, PartitionStats, Table, UpdateTableRequest, UpdateTableResponse,
};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::client::Client;
use crate::error::Error;
use crate::token::PageToken;

/// Tables or partitions of one answer; the server may give fewer.
const PAGE_SIZE: i32 = 1_000;

impl Client {
    /// Makes a table.
    ///
    /// # Errors
    /// When the server refuses, for example because there is a table of that name.
    pub async fn create_table(&self, request: CreateTableRequest) -> Result<Table, Error> {
        let answer = self.table_service().create_table(request).await.map_err(|status| Error::of_status(&status))?;
        present(answer.into_inner().table)
    }

    /// Describes a table.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn table(&self, name: impl Into<String>) -> Result<Table, Error> {
        let request = GetTableRequest { name: name.into() };
        let answer = self.table_service().get_table(request).await.map_err(|status| Error::of_status(&status))?;
        present(answer.into_inner().table)
    }

    /// All tables, or those of one keyspace, by name.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn tables(&self, keyspace: Option<&str>) -> Result<Vec<Table>, Error> {
        let mut tables = Vec::new();
        let mut page_token = Bytes::new();
        loop {
            let keyspace = keyspace.unwrap_or_default().to_owned();
            let request = ListTablesRequest { keyspace, page_size: PAGE_SIZE, page_token };
            let answer = self.table_service().list_tables(request).await.map_err(|status| Error::of_status(&status))?;
            let page = answer.into_inner();
            tables.extend(page.tables);
            if page.next_page_token.is_empty() {
                return Ok(tables);
            }
            page_token = page.next_page_token;
        }
    }

    /// Changes what may change of a table.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn update_table(&self, request: UpdateTableRequest) -> Result<UpdateTableResponse, Error> {
        let answer = self.table_service().update_table(request).await.map_err(|status| Error::of_status(&status))?;
        Ok(answer.into_inner())
    }

    /// Removes a table with all its events, unless it is protected.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn drop_table(&self, name: impl Into<String>) -> Result<(), Error> {
        let request = DropTableRequest { name: name.into() };
        self.table_service().drop_table(request).await.map_err(|status| Error::of_status(&status))?;
        Ok(())
    }

    /// What a partition holds.
    ///
    /// # Errors
    /// When the table or the partition is not there.
    pub async fn partition(&self, table: impl Into<String>, key: impl Into<Bytes>) -> Result<PartitionStats, Error> {
        let request = GetPartitionRequest { table: table.into(), partition_key: key.into() };
        let answer = self.table_service().get_partition(request).await.map_err(|status| Error::of_status(&status))?;
        present(answer.into_inner().partition)
    }

    /// One page of a table's partitions by key, and where the next begins; none after the last.
    ///
    /// # Errors
    /// When the server refuses or can't be reached.
    pub async fn partitions_page(
        &self,
        request: ListPartitionsRequest,
    ) -> Result<(Vec<PartitionStats>, Option<PageToken>), Error> {
        let answer = self.table_service().list_partitions(request).await.map_err(|status| Error::of_status(&status))?;
        let page = answer.into_inner();
        Ok((page.partitions, PageToken::from_wire(page.next_page_token)))
    }

    /// All partitions of a table whose keys begin with `prefix`, by key, fetched page by page.
    pub fn partitions(
        &self,
        table: impl Into<String>,
        prefix: impl Into<Bytes>,
    ) -> BoxStream<'static, Result<Vec<PartitionStats>, Error>> {
        let (client, table, key_prefix) = (self.clone(), table.into(), prefix.into());
        stream::try_unfold(Some(Bytes::new()), move |page_token| {
            let (client, table, key_prefix) = (client.clone(), table.clone(), key_prefix.clone());
            async move {
                let Some(page_token) = page_token else { return Ok(None) };
                let request = ListPartitionsRequest { table, key_prefix, page_size: PAGE_SIZE, page_token };
                let (page, next) = client.partitions_page(request).await?;
                Ok(Some((page, next.map(|token| token.as_bytes().clone()))))
            }
        })
        .boxed()
    }
}

fn present<T>(part: Option<T>) -> Result<T, Error> {
    part.ok_or_else(|| Error::Protocol("the part that was asked for is missing".to_owned()))
}
