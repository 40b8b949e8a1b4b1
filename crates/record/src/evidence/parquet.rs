//! Parquet files of flow records, for pandas, DuckDB and whatever else reads them.

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::FlowRow;
use crate::{Error, Result};

/// The columns, in this order.
const SCHEMA: &str = "message flows {
  required int64 first_packet (TIMESTAMP(NANOS,true));
  required int64 last_packet (TIMESTAMP(NANOS,true));
  required binary exporter (STRING);
  required binary source (STRING);
  required binary destination (STRING);
  required int32 protocol (INTEGER(16,true));
  required int32 tcp_flags (INTEGER(16,true));
  required int32 source_port;
  required int32 destination_port;
  required int64 packets;
  required int64 bytes;
  required int64 sampling;
}";

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// The file, with a note of what it is.
///
/// # Errors
/// When it cannot be made.
pub(super) fn write(flows: &[FlowRow], note: &str) -> Result<Vec<u8>> {
    make(flows, note).map_err(|error| Error::Refused(format!("Parquet: {error}")))
}

fn make(flows: &[FlowRow], note: &str) -> parquet::errors::Result<Vec<u8>> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let note = KeyValue::new("hemicycle".to_owned(), note.to_owned());
    let properties = WriterProperties::builder()
        .set_created_by("hemicycle".to_owned())
        .set_key_value_metadata(Some(vec![note]))
        .set_encoding(Encoding::PLAIN)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    long(&mut group, flows, |flow| flow.first)?;
    long(&mut group, flows, |flow| flow.last)?;
    text(&mut group, flows, |flow| flow.exporter.to_string())?;
    text(&mut group, flows, |flow| flow.source.to_string())?;
    text(&mut group, flows, |flow| flow.destination.to_string())?;
    short(&mut group, flows, |flow| flow.protocol.into())?;
    short(&mut group, flows, |flow| flow.tcp_flags.into())?;
    short(&mut group, flows, |flow| flow.source_port.into())?;
    short(&mut group, flows, |flow| flow.destination_port.into())?;
    long(&mut group, flows, |flow| i64::try_from(flow.packets).unwrap_or(i64::MAX))?;
    long(&mut group, flows, |flow| i64::try_from(flow.bytes).unwrap_or(i64::MAX))?;
    long(&mut group, flows, |flow| flow.sampling.into())?;
    group.close()?;
    writer.into_inner()
}

type Done = parquet::errors::Result<()>;

fn long(group: &mut Group<'_>, flows: &[FlowRow], value: impl Fn(&FlowRow) -> i64) -> Done {
    let values: Vec<i64> = flows.iter().map(value).collect();
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<Int64Type>().write_batch(&values, None, None)?;
    column.close()
}

fn short(group: &mut Group<'_>, flows: &[FlowRow], value: impl Fn(&FlowRow) -> i32) -> Done {
    let values: Vec<i32> = flows.iter().map(value).collect();
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<Int32Type>().write_batch(&values, None, None)?;
    column.close()
}

fn text(group: &mut Group<'_>, flows: &[FlowRow], value: impl Fn(&FlowRow) -> String) -> Done {
    let values: Vec<ByteArray> = flows.iter().map(|flow| ByteArray::from(value(flow).as_str())).collect();
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
    column.close()
}
