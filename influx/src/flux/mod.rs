//! Reading back: what is older than the store keeps, by Flux, merged with what it still has.
//!
//! Of each series there is one border: from there on the store has every value, and is asked alone. Before it the server is
//! asked as well. Where both have a value, the store's is taken; buckets are taken, block by block, from one of the two, and
//! across the border put together: neither a seam nor a double.

mod csv;
mod merge;
mod query;
mod reader;

use std::time::Duration;

use historian::{Bucket, Sample};
use plant::{Quality, Reason, SeriesKey, Timestamp, Value};

pub use merge::{buckets as merge_buckets, put_together, samples as merge_samples};
pub use query::{aggregate, bad_marks, raw};
pub use reader::{Begun, Found, Reader, Whole};

use crate::http::Client;
use crate::schema::{QUALITY, TEXT, VALUE};
use csv::Row;

/// No answer is longer: about a million rows.
const LONGEST: usize = 128 << 20;

/// Why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FluxError {
    /// The server cannot be reached, did not answer in time, or is too busy.
    #[error("InfluxDB does not answer at present: {0}")]
    Away(String),
    /// The server refused.
    #[error("InfluxDB was asked and answered: {0}")]
    Answer(String),
    /// The answer is no annotated CSV, or tells of an error in the middle.
    #[error("InfluxDB's answer cannot be read: {0}")]
    Csv(String),
}

/// Raw values of `key` with `from <= t < to` in order of time, the first `limit` of them.
pub async fn range(
    client: &mut Client,
    key: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<Sample>, FluxError> {
    let (mut found, mut from) = (Vec::new(), from);
    while found.len() < limit && from < to {
        let wanted = limit - found.len();
        let flux = raw(&client.target().bucket, key, from, to, wanted);
        let rows = rows(&ask(client, &flux).await?)?;
        let Some(last) = rows.last().map(|s| s.t).filter(|_| rows.len() >= wanted) else {
            found.extend(once(rows));
            break;
        };
        // Of an instant that stands there twice one is left: then there may be more than these.
        found.extend(once(rows));
        from = last + Duration::from_nanos(1);
    }
    found.truncate(limit);
    Ok(found)
}

/// What each stretch of `width` amounts to, as [`historian::Archive::buckets`] gives it.
pub async fn buckets(
    client: &mut Client,
    key: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
    width: Duration,
) -> Result<Vec<Bucket>, FluxError> {
    let bucket = client.target().bucket.clone();
    // Values of bad quality are rare, and leaving them out is dear: it is done where there are any.
    let mut any = false;
    let marks = ask(client, &bad_marks(&bucket, key, from, to)).await?;
    csv::each(&marks, |_| {
        any = true;
        Ok(())
    })?;
    let flux = aggregate(&bucket, key, from, to, width, any);
    read_buckets(&ask(client, &flux).await?, width)
}

async fn ask(client: &mut Client, flux: &str) -> Result<bytes::Bytes, FluxError> {
    let reply = client.query(flux, LONGEST).await.map_err(FluxError::Away)?;
    let why = || format!("HTTP {}: {}", reply.status, crate::http::message(&reply.body));
    match reply.status {
        200 => Ok(reply.body),
        429 | 500.. => Err(FluxError::Away(why())),
        _ => Err(FluxError::Answer(why())),
    }
}

/// Values from an answer to [`raw`], each instant once.
pub fn read_samples(answer: &[u8]) -> Result<Vec<Sample>, FluxError> {
    rows(answer).map(once)
}

/// A series that changed its area or its quantity is several tables there, which may hold the same instant.
fn once(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.dedup_by_key(|s| s.t);
    samples
}

/// Every row, in order of time.
fn rows(answer: &[u8]) -> Result<Vec<Sample>, FluxError> {
    let mut out: Vec<Sample> = Vec::new();
    csv::each(answer, |row| {
        let value = match (row.get(VALUE), row.get(TEXT)) {
            (Some(v), _) if !v.is_empty() => Value::Float(number(v)?),
            (_, Some(text)) => Value::Text(text.into()),
            _ => return Ok(()),
        };
        let quality = row.get(QUALITY).map_or(Some(Quality::Good), quality);
        let quality = quality.ok_or_else(|| FluxError::Csv("a quality that is none of ours".into()))?;
        out.push(Sample { t: time(row)?, value, quality });
        Ok(())
    })?;
    out.sort_by_key(|s| s.t);
    Ok(out)
}

/// Buckets from an answer to [`aggregate`].
pub fn read_buckets(answer: &[u8], width: Duration) -> Result<Vec<Bucket>, FluxError> {
    let mut parts = merge::Parts::default();
    csv::each(answer, |row| {
        let Some(v) = row.get("_value").or_else(|| row.get(VALUE)).filter(|v| !v.is_empty()) else { return Ok(()) };
        // The first window begins where the range does.
        let at = time(row)?.align(width);
        parts.take(at, row.get("table").unwrap_or_default(), row.get("result").unwrap_or_default(), number(v)?);
        Ok(())
    })?;
    Ok(parts.buckets())
}

fn time(row: &Row<'_>) -> Result<Timestamp, FluxError> {
    let text = row.get("_time").unwrap_or_default();
    let t: jiff::Timestamp = text.parse().map_err(|_| FluxError::Csv(format!("{text:?} is no time")))?;
    i64::try_from(t.as_nanosecond())
        .map(Timestamp::from_nanos)
        .map_err(|_| FluxError::Csv(format!("{text:?} is out of bounds")))
}

fn number(text: &str) -> Result<f64, FluxError> {
    text.parse().map_err(|_| FluxError::Csv(format!("{text:?} is no number")))
}

/// As [`Quality`] is written.
fn quality(text: &str) -> Option<Quality> {
    if text.is_empty() || text == "good" {
        return Some(Quality::Good);
    }
    let (class, reason) = text.strip_suffix(')')?.split_once('(')?;
    let reason = Reason::ALL.into_iter().find(|r| r.as_str() == reason)?;
    match class {
        "uncertain" => Some(Quality::Uncertain(reason)),
        "bad" => Some(Quality::Bad(reason)),
        _ => None,
    }
}
