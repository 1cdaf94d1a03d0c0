//! Values as files of other programs, however many: a page of them at a time, no faster than the client takes them.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use files::points::{Format, PointWriter};
use historian::Archive;
use plant::{MachineId, SeriesKey, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use warp::Reply;
use warp::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};

use crate::dto;
use crate::problem::{Kind, Problem};
use crate::reads::Reads;
use crate::router::{Answer, Ask};

/// Exports at once. Each takes its turn among the reads of the store, a page at a time, and up to 20 MB of memory.
pub(crate) const AT_ONCE: usize = 2;
/// Values of a page.
const PAGE: usize = 16_384;
/// What is exported where no begin is said.
const SPAN: Duration = Duration::from_secs(24 * 3600);

/// The values of a point or a machine as a file, streamed.
#[utoipa::path(get, path = "/api/v1/export/points", tag = "series",
    params(
        ("point" = Option<String>, Query, description = "The point, `site/machine/point`; this or `machine`."),
        ("machine" = Option<String>, Query, description = "All points of this machine, `site/machine`."),
        ("indicators" = Option<String>, Query, description = "`yes`: what was computed from them, too."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; a day before `to` where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included); now where it is left out."),
        ("format" = Option<String>, Query, description = "`csv` (also where it is left out), `ndjson` or `parquet`."),
    ),
    responses(
        (status = 200, description = "The values, in order of series and time. A body that breaks off is not whole: chunked transfer says so.",
            content((String = "text/csv"), (String = "application/x-ndjson"), (Vec<u8> = "application/vnd.apache.parquet"))),
        (status = 503, description = "As many exports as are allowed are under way.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn points(ask: Ask) -> Answer {
    ask.query.only(&["point", "machine", "indicators", "from", "to", "format"])?;
    let formats = [("csv", Format::Csv), ("ndjson", Format::Ndjson), ("parquet", Format::Parquet)];
    let format = ask.query.choice("format", &formats)?.unwrap_or(Format::Csv);
    let indicators = ask.query.choice("indicators", &[("yes", true), ("no", false)])?.unwrap_or(false);
    let (from, to) = ask.query.span(ask.state.now(), SPAN)?;
    let keys = series(&ask, indicators)?;
    let room = ask.state.exports.clone().try_acquire_owned().map_err(|_| no_room())?;
    let archive = ask.state.sources.archive.clone();
    let export = Export::new(archive, format, indicators, keys, from, to).map_err(|_| broken())?;
    let mut chunks = start(export, ask.state.reads.clone(), room);
    let body = futures_util::stream::poll_fn(move |cx| chunks.poll_recv(cx));
    let mut response = warp::reply::stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let name = format!("attachment; filename=\"points.{}\"", format.extension());
    headers.extend(HeaderValue::from_str(&name).ok().map(|name| (CONTENT_DISPOSITION, name)));
    Ok(response)
}

pub(super) fn no_room() -> Problem {
    let detail = format!("{AT_ONCE} exports are under way, as many as are allowed");
    Problem::new(Kind::Unavailable, detail, "wait until one of them has ended, or use `danxia export`")
}

fn broken() -> Problem {
    Problem::new(Kind::Unreadable, "the export could not be written", "report this with the server's log")
}

/// Which series are asked for, in order.
fn series(ask: &Ask, indicators: bool) -> Result<Vec<SeriesKey>, Problem> {
    let archive = &ask.state.sources.archive;
    let machine: Option<MachineId> = ask.query.get("machine", "a machine's id, SITE/MACHINE")?;
    let (machine, point) = match (machine, ask.query.text("point")) {
        (Some(machine), None) => (machine, None),
        (None, Some(_)) => {
            let point = ask.query.point()?;
            (point.machine(), Some(point))
        }
        (Some(_), Some(found)) => return Err(Problem::query("point", "no machine beside it", found)),
        (None, None) => return Err(Problem::query("point", "a point's id, or a machine's as machine", "")),
    };
    let mut keys = archive.series_of(&machine);
    keys.retain(|k| (indicators || k.indicator.is_none()) && point.as_ref().is_none_or(|p| *p == k.point));
    keys.sort();
    let plant = ask.state.sources.register.plant();
    let known = match &point {
        Some(point) => plant.point(point).is_some(),
        None => plant.machines.contains_key(&machine),
    };
    if keys.is_empty() && !known {
        let next = "GET /api/v1/overview lists the machines, GET /api/v1/machines/{site}/{machine} their points";
        return Err(match point {
            Some(point) => Problem::not_found("point", point.as_str(), next),
            None => Problem::not_found("machine", machine.as_str(), next),
        });
    }
    Ok(keys)
}

/// What was written and not yet sent.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An export under way.
struct Export {
    archive: Archive,
    keys: std::vec::IntoIter<SeriesKey>,
    key: Option<SeriesKey>,
    from: Timestamp,
    at: Timestamp,
    to: Timestamp,
    /// `None`: it has ended.
    writer: Option<PointWriter<Written>>,
    written: Written,
}

impl Export {
    fn new(
        archive: Archive,
        format: Format,
        indicators: bool,
        keys: Vec<SeriesKey>,
        from: Timestamp,
        to: Timestamp,
    ) -> io::Result<Self> {
        let written = Written::default();
        let writer = Some(PointWriter::new(format, indicators, written.clone())?);
        Ok(Self { archive, keys: keys.into_iter(), key: None, from, at: from, to, writer, written })
    }

    /// Writes the next page. What is given may be empty.
    fn step(&mut self) -> Result<Bytes, Problem> {
        let failed = |error: io::Error| {
            tracing::error!(%error, "an export could not be written");
            broken()
        };
        let Some(writer) = &mut self.writer else { return Ok(Bytes::new()) };
        if self.key.is_none() {
            self.key = self.keys.next();
            self.at = self.from;
            match &self.key {
                Some(key) => writer.series(key).map_err(failed)?,
                None => {
                    let ended = self.writer.take().map(PointWriter::finish);
                    ended.transpose().map_err(failed)?;
                    return Ok(self.written.take());
                }
            }
        }
        let Some(key) = &self.key else { return Ok(Bytes::new()) };
        let page = self.archive.range(key, self.at, self.to, PAGE).map_err(|e| Problem::unreadable(&e))?;
        for s in &page {
            writer.value(s.t, &s.value, s.quality).map_err(failed)?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE && last.t < Timestamp::MAX => {
                self.at = Timestamp::from_nanos(last.t.nanos() + 1);
            }
            _ => self.key = None,
        }
        Ok(self.written.take())
    }
}

/// Writes page after page, the next one when the client has taken the last; ends when the client has gone.
fn start(mut export: Export, reads: Reads, room: OwnedSemaphorePermit) -> mpsc::Receiver<io::Result<Bytes>> {
    let (chunks, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        // Dropped before `chunks`: who has the end of a file finds room for the next one.
        let _room = room;
        while export.writer.is_some() {
            let step = move || {
                let bytes = export.step()?;
                Ok((export, bytes))
            };
            let sent = match reads.with(step).await {
                Ok((next, bytes)) => {
                    export = next;
                    bytes.is_empty() || chunks.send(Ok(bytes)).await.is_ok()
                }
                Err(_) => {
                    // Why is in the log; the client sees that the body broke off.
                    let _ = chunks.send(Err(io::Error::other("the export broke off"))).await;
                    return;
                }
            };
            if !sent || chunks.is_closed() {
                return;
            }
        }
    });
    receiver
}
