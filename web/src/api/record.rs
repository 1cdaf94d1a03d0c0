//! One record as a file of another program, written while it is sent.

use std::io::{self, Write};

use bytes::Bytes;
use files::waveforms::{self, Format};
use tokio::sync::mpsc;
use warp::Reply;
use warp::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};

use super::export::no_room;
use super::waveforms::{id, load};
use crate::dto;
use crate::router::{Answer, Ask};

/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;

/// What is written: the samples in one form, or what no form but ours can say.
#[derive(Clone, Copy)]
enum Wanted {
    Samples(Format),
    Sidecar,
}

/// A record as a file. WAV holds counts of the converter where the sensor sent counts: `sidecar` says what one is worth.
#[utoipa::path(get, path = "/api/v1/waveforms/{id}/export", tag = "waveforms",
    params(
        ("id" = String, Path, description = "The record's id, a UUID."),
        ("format" = Option<String>, Query, description = "`wav` (also where it is left out), `csv`, `uff` (data set 58), `uff58b` (the same in binary), or `sidecar`: what these cannot say, as JSON."),
    ),
    responses(
        (status = 200, description = "The file. A body that breaks off is not whole: chunked transfer says so.",
            content((Vec<u8> = "audio/wav"), (String = "text/csv"), (Vec<u8> = "application/octet-stream"), (String = "application/json"))),
        (status = 503, description = "As many exports as are allowed are under way.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn export(ask: Ask) -> Answer {
    ask.query.only(&["format"])?;
    let formats = [
        ("wav", Wanted::Samples(Format::Wav)),
        ("csv", Wanted::Samples(Format::Csv)),
        ("uff", Wanted::Samples(Format::Uff)),
        ("uff58b", Wanted::Samples(Format::UffBinary)),
        ("sidecar", Wanted::Sidecar),
    ];
    let wanted = ask.query.choice("format", &formats)?.unwrap_or(Wanted::Samples(Format::Wav));
    let (id, sources) = (id(&ask)?, ask.state.sources.clone());
    let room = ask.state.exports.clone().try_acquire_owned().map_err(|_| no_room())?;
    let waveform = ask.state.reads.with(move || load(&sources, id)).await?;
    let (extension, media) = match wanted {
        Wanted::Samples(f @ Format::Wav) => (f.extension(), "audio/wav"),
        Wanted::Samples(f @ Format::Csv) => (f.extension(), "text/csv; charset=utf-8"),
        Wanted::Samples(f) => (f.extension(), "application/octet-stream"),
        Wanted::Sidecar => ("json", "application/json"),
    };
    let name = format!("{}.{extension}", waveforms::file_name(&waveform));
    let (pieces, mut receiver) = mpsc::channel(2);
    // Not among the reads: nothing is read of the store any more, and a slow client must not hold up others' reads.
    tokio::task::spawn_blocking(move || {
        let mut out = Pieces { pieces, held: Vec::with_capacity(PIECE) };
        // Dropped before `out`: who has the end of a file finds room for the next one.
        let _room = room;
        let written = match wanted {
            Wanted::Samples(format) => waveforms::write(&waveform, format, &mut out),
            Wanted::Sidecar => out.write_all(&waveforms::sidecar(&waveform, true)),
        };
        if let Err(error) = written.and_then(|()| out.flush()) {
            tracing::debug!(%error, "an export of a record ended early");
            // Without it the body would look whole.
            let _ = out.pieces.blocking_send(Err(error));
        }
    });
    let body = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
    let mut response = warp::reply::stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.extend(HeaderValue::from_str(&disposition(&name)).ok().map(|v| (CONTENT_DISPOSITION, v)));
    Ok(response)
}

/// As RFC 6266 has it: the name in UTF-8, and one of letters that everybody reads.
fn disposition(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// Sends what is written to it, a piece at a time, no faster than the client takes it.
struct Pieces {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    held: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.held.len());
        self.held.extend_from_slice(&bytes[..taken]);
        if self.held.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        self.pieces.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
