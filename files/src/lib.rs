//! Values and waveforms as files of other programs, and histories of other systems as values.
//!
//! Pure forms over [`std::io::Read`] and [`std::io::Write`]: one value after the other goes through, and what is held in
//! memory does not grow with what goes through. [`points`] writes CSV, NDJSON and Parquet; [`waveforms`] writes WAV, CSV
//! and universal files; [`tables`] writes CSV and XLSX for people; [`history`] reads CSV as other systems export it, and names every row that it cannot read.
//!
//! What this crate does *not* know: the store, sockets, directories, the wall clock, and what a value means.
//!
//! ```
//! use files::points::{Format, PointWriter};
//! use plant::{Quality, SeriesKey, Timestamp, Value};
//!
//! let key = SeriesKey::raw("shaoguan/fan-3/bearing_temp".parse().unwrap());
//! let mut out = PointWriter::new(Format::Csv, false, Vec::new()).unwrap();
//! out.series(&key).unwrap();
//! out.value(Timestamp::from_nanos(7), &Value::Float(61.2), Quality::Good).unwrap();
//! let text = String::from_utf8(out.finish().unwrap()).unwrap();
//! assert_eq!(text, "time_ns,site,machine,point,value,quality\n7,shaoguan,fan-3,bearing_temp,61.2,good\n");
//! ```

pub mod history;
pub mod points;
pub mod tables;
pub mod waveforms;
