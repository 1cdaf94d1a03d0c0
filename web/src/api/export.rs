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
use warp::reply::Response;

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
    let name = format!("points.{}", format.extension());
    Ok(stream(export, ask.state.reads.clone(), room, format.media_type(), &name))
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
pub(super) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(super) fn take(&self) -> Bytes {
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
}

impl Steps for Export {
    fn step(&mut self) -> Result<Option<Bytes>, Problem> {
        let failed = |error: io::Error| {
            tracing::error!(%error, "an export could not be written");
            broken()
        };
        let Some(writer) = &mut self.writer else { return Ok(None) };
        if self.key.is_none() {
            self.key = self.keys.next();
            self.at = self.from;
            match &self.key {
                Some(key) => writer.series(key).map_err(failed)?,
                None => {
                    let ended = self.writer.take().map(PointWriter::finish);
                    ended.transpose().map_err(failed)?;
                    return Ok(Some(self.written.take()));
                }
            }
        }
        let Some(key) = &self.key else { return Ok(Some(Bytes::new())) };
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
        Ok(Some(self.written.take()))
    }
}

/// What is sent piece by piece.
pub(super) trait Steps: Send + 'static {
    /// The next piece, which may be empty; `None`: that was all.
    fn step(&mut self) -> Result<Option<Bytes>, Problem>;
}

/// Answers with a file, piece after piece, the next one when the client has taken the last; ends when the client has gone.
pub(super) fn stream(
    mut steps: impl Steps,
    reads: Reads,
    room: OwnedSemaphorePermit,
    media: &'static str,
    file: &str,
) -> Response {
    let (chunks, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        // Dropped before `chunks`: who has the end of a file finds room for the next one.
        let _room = room;
        loop {
            let step = move || {
                let bytes = steps.step()?;
                Ok((steps, bytes))
            };
            let sent = match reads.with(step).await {
                Ok((_, None)) => return,
                Ok((next, Some(bytes))) => {
                    steps = next;
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
    let body = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    as_file(warp::reply::stream(body).into_response(), media, file)
}

/// Answers with a file that is whole.
pub(super) fn attached(bytes: Vec<u8>, media: &'static str, file: &str) -> Response {
    as_file(Response::new(bytes.into()), media, file)
}

fn as_file(mut response: Response, media: &'static str, file: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    let name = HeaderValue::from_str(&format!("attachment; filename=\"{file}\""));
    headers.extend(name.ok().map(|name| (CONTENT_DISPOSITION, name)));
    response
}
