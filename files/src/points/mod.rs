//! Values of series, one after the other, as CSV, NDJSON or Parquet. Columns and fields: `docs/files.md`.

mod csv;
mod ndjson;
mod parquet;

use std::io::{self, Write};

use plant::{Quality, SeriesKey, Timestamp, Value};

pub use self::csv::field;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet, Snappy.
    Parquet,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// What file names end with.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// Writes values. Each of them belongs to the series that was named last; what is held in memory is bounded.
pub struct PointWriter<W: Write + Send>(Form<W>);

enum Form<W: Write + Send> {
    Csv(csv::Csv<W>),
    Ndjson(ndjson::Ndjson<W>),
    // Boxed: it is by far the largest.
    Parquet(Box<parquet::Parquet<W>>),
}

impl<W: Write + Send> PointWriter<W> {
    /// Writes what stands before the first value. `indicators` says whether CSV has a column for their names; the other
    /// forms always have room for them.
    pub fn new(format: Format, indicators: bool, out: W) -> io::Result<Self> {
        Ok(Self(match format {
            Format::Csv => Form::Csv(csv::Csv::new(indicators, out)?),
            Format::Ndjson => Form::Ndjson(ndjson::Ndjson::new(out)),
            Format::Parquet => Form::Parquet(Box::new(parquet::Parquet::new(out)?)),
        }))
    }

    /// The values that follow are of this series.
    pub fn series(&mut self, key: &SeriesKey) -> io::Result<()> {
        match &mut self.0 {
            Form::Csv(w) => w.series(key),
            Form::Ndjson(w) => w.series(key)?,
            Form::Parquet(w) => w.series(key),
        }
        Ok(())
    }

    /// One value.
    pub fn value(&mut self, t: Timestamp, value: &Value, quality: Quality) -> io::Result<()> {
        match &mut self.0 {
            Form::Csv(w) => w.value(t, value, quality),
            Form::Ndjson(w) => w.value(t, value, quality),
            Form::Parquet(w) => w.value(t, value, quality),
        }
    }

    /// Writes what stands after the last value, and gives back where it was written to.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Form::Csv(w) => w.finish(),
            Form::Ndjson(w) => w.finish(),
            Form::Parquet(w) => w.finish(),
        }
    }
}

#[cfg(test)]
mod tests;
