//! Columns.

use annals_model::{Column, ColumnType, Fault};
use annals_service::faults;
use annals_wire::v1;

pub(super) fn to_wire(column: &Column) -> v1::Column {
    let column_type = match column.column_type {
        ColumnType::Bool => v1::ColumnType::Bool,
        ColumnType::Int64 => v1::ColumnType::Int64,
        ColumnType::Double => v1::ColumnType::Double,
        ColumnType::String => v1::ColumnType::String,
        ColumnType::Bytes => v1::ColumnType::Bytes,
        ColumnType::Timestamp => v1::ColumnType::Timestamp,
        ColumnType::Uuid => v1::ColumnType::Uuid,
    };
    v1::Column { name: column.name.clone(), r#type: column_type.into() }
}

/// The columns that a request declares in `field`.
///
/// # Errors
/// When one has no type.
pub(super) fn declared(field: &str, columns: Vec<v1::Column>) -> Result<Vec<Column>, Fault> {
    let column = |(index, column): (usize, v1::Column)| {
        let column_type = match v1::ColumnType::try_from(column.r#type) {
            Ok(v1::ColumnType::Bool) => ColumnType::Bool,
            Ok(v1::ColumnType::Int64) => ColumnType::Int64,
            Ok(v1::ColumnType::Double) => ColumnType::Double,
            Ok(v1::ColumnType::String) => ColumnType::String,
            Ok(v1::ColumnType::Bytes) => ColumnType::Bytes,
            Ok(v1::ColumnType::Timestamp) => ColumnType::Timestamp,
            Ok(v1::ColumnType::Uuid) => ColumnType::Uuid,
            Ok(v1::ColumnType::Unspecified) | Err(_) => {
                let description = "a declared column has one of the column types";
                return Err(faults::invalid(&format!("{field}[{index}].type"), description));
            }
        };
        Ok(Column { name: column.name, column_type })
    };
    columns.into_iter().enumerate().map(column).collect()
}
