//! Apache Parquet. A row group is held in memory until it is full, 33 bytes a value and the texts beside them.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type};
use plant::{Quality, SeriesKey, Timestamp, Value};

/// Most values of a row group.
const GROUP_ROWS: usize = 1 << 18;
/// Most bytes of texts in a row group, but for the last text.
const GROUP_TEXT: usize = 8 << 20;
/// How many values are handed to a column at once.
const BATCH: usize = 4_096;

pub(super) struct Parquet<W: Write + Send> {
    file: SerializedFileWriter<W>,
    group: Group,
}

/// Names of a series as the columns hold them; the bytes are shared.
#[derive(Clone)]
struct Names {
    site: ByteArray,
    machine: ByteArray,
    point: ByteArray,
    indicator: Option<ByteArray>,
}

#[derive(Default)]
struct Group {
    /// Series and how many values in a row are theirs.
    runs: Vec<(Names, usize)>,
    times: Vec<i64>,
    values: Vec<Value>,
    qualities: Vec<u8>,
    text: usize,
}

fn failed(e: ParquetError) -> io::Error {
    match e {
        ParquetError::External(e) => match e.downcast::<io::Error>() {
            Ok(e) => *e,
            Err(e) => io::Error::other(e),
        },
        e => io::Error::other(e),
    }
}

fn schema() -> Result<Type, ParquetError> {
    let column = |name: &str, physical, logical, repetition| {
        let made = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        made.with_logical_type(logical).with_converted_type(ConvertedType::NONE).build().map(Arc::new)
    };
    let (must, may) = (Repetition::REQUIRED, Repetition::OPTIONAL);
    let time = LogicalType::timestamp(true, TimeUnit::NANOS);
    let string = || Some(LogicalType::String);
    let fields = vec![
        column("time", Physical::INT64, Some(time), must)?,
        column("site", Physical::BYTE_ARRAY, string(), must)?,
        column("machine", Physical::BYTE_ARRAY, string(), must)?,
        column("point", Physical::BYTE_ARRAY, string(), must)?,
        column("indicator", Physical::BYTE_ARRAY, string(), may)?,
        column("value", Physical::DOUBLE, None, may)?,
        column("integer", Physical::INT64, None, may)?,
        column("boolean", Physical::BOOLEAN, None, may)?,
        column("text", Physical::BYTE_ARRAY, string(), may)?,
        column("quality", Physical::BYTE_ARRAY, string(), must)?,
    ];
    Type::group_type_builder("values").with_fields(fields).build()
}

fn properties() -> WriterProperties {
    let plain = |name: &str| ColumnPath::from(name);
    WriterProperties::builder()
        .set_created_by(concat!("danxia ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_column_dictionary_enabled(plain("time"), false)
        .set_column_encoding(plain("time"), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(plain("value"), false)
        .set_column_dictionary_enabled(plain("integer"), false)
        .build()
}

impl<W: Write + Send> Parquet<W> {
    pub fn new(out: W) -> io::Result<Self> {
        let schema = Arc::new(schema().map_err(failed)?);
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties())).map_err(failed)?;
        Ok(Self { file, group: Group::default() })
    }

    pub fn series(&mut self, key: &SeriesKey) {
        let machine = key.point.machine();
        let names = Names {
            site: machine.site().into(),
            machine: machine.name().into(),
            point: key.point.name().into(),
            indicator: key.indicator.as_ref().map(|i| i.as_str().into()),
        };
        self.group.runs.push((names, 0));
    }

    pub fn value(&mut self, t: Timestamp, value: &Value, quality: Quality) -> io::Result<()> {
        let group = &mut self.group;
        let Some((_, run)) = group.runs.last_mut() else {
            return Err(io::Error::other("a value before its series was named"));
        };
        *run += 1;
        group.times.push(t.nanos());
        group.qualities.push(quality.code());
        group.text += if let Value::Text(text) = value { text.len() } else { 0 };
        group.values.push(value.clone());
        if group.times.len() >= GROUP_ROWS || group.text >= GROUP_TEXT {
            self.write_group().map_err(failed)?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let group = &mut self.group;
        if group.times.is_empty() {
            return Ok(());
        }
        let mut row_group = self.file.next_row_group()?;
        write_columns(group, &mut row_group)?;
        row_group.close()?;
        let last = group.runs.pop();
        group.runs.clear();
        group.runs.extend(last.map(|(names, _)| (names, 0)));
        group.times.clear();
        group.values.clear();
        group.qualities.clear();
        group.text = 0;
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<W> {
        self.write_group().map_err(failed)?;
        self.file.into_inner().map_err(failed)
    }
}

fn write_columns<W: Write + Send>(
    group: &Group,
    out: &mut SerializedRowGroupWriter<'_, W>,
) -> Result<(), ParquetError> {
    column::<Int64Type, _>(out, false, group.times.iter().map(|t| Some(*t)))?;
    let runs = || group.runs.iter().flat_map(|(names, n)| std::iter::repeat_n(names, *n));
    column::<ByteArrayType, _>(out, false, runs().map(|n| Some(n.site.clone())))?;
    column::<ByteArrayType, _>(out, false, runs().map(|n| Some(n.machine.clone())))?;
    column::<ByteArrayType, _>(out, false, runs().map(|n| Some(n.point.clone())))?;
    column::<ByteArrayType, _>(out, true, runs().map(|n| n.indicator.clone()))?;
    let values = || group.values.iter();
    column::<DoubleType, _>(out, true, values().map(Value::as_f64))?;
    column::<Int64Type, _>(out, true, values().map(|v| if let Value::Int(v) = v { Some(*v) } else { None }))?;
    column::<BoolType, _>(out, true, values().map(|v| if let Value::Bool(v) = v { Some(*v) } else { None }))?;
    let text = |v: &Value| if let Value::Text(v) = v { Some(ByteArray::from(v.as_bytes().to_vec())) } else { None };
    column::<ByteArrayType, _>(out, true, values().map(text))?;
    let mut names: Vec<Option<ByteArray>> = vec![None; 256];
    let quality = group.qualities.iter().map(|code| {
        let name = || Quality::from_code(*code).unwrap_or_default().to_string().into_bytes().into();
        Some(names[usize::from(*code)].get_or_insert_with(name).clone())
    });
    column::<ByteArrayType, _>(out, false, quality)
}

/// Writes the next column. `nullable` says whether it may hold nothing.
fn column<T: DataType, W: Write + Send>(
    out: &mut SerializedRowGroupWriter<'_, W>,
    nullable: bool,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let mut writer =
        out.next_column()?.ok_or_else(|| ParquetError::General("the schema has fewer columns".to_owned()))?;
    let typed = writer.typed::<T>();
    let (mut values, mut levels) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
    for cell in cells {
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
        if levels.len() == BATCH {
            put(typed, nullable, &mut values, &mut levels)?;
        }
    }
    put(typed, nullable, &mut values, &mut levels)?;
    writer.close()
}

fn put<T: DataType>(
    typed: &mut ColumnWriterImpl<'_, T>,
    nullable: bool,
    values: &mut Vec<T::T>,
    levels: &mut Vec<i16>,
) -> Result<(), ParquetError> {
    typed.write_batch(values, nullable.then_some(&levels[..]), None)?;
    values.clear();
    levels.clear();
    Ok(())
}
