//! How far back the store reaches, and how large its files are.

use std::ffi::OsString;
use std::path::Path;

use plant::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::db::Readers;
use crate::shared::Shared;
use crate::{FileSize, Oldest, ReadError};

/// The sizes of one file.
pub(crate) fn size(readers: &Readers) -> FileSize {
    let (name, path) = readers.file();
    let mut wal = OsString::from(path);
    wal.push("-wal");
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
    FileSize { name, bytes: bytes(path), wal_bytes: bytes(Path::new(&wal)) }
}

/// The oldest of each class. Each is found by an index, in a moment.
pub(crate) fn find(shared: &Shared) -> Result<Oldest, ReadError> {
    let time = |conn: &Connection, sql: &str| -> rusqlite::Result<Option<Timestamp>> {
        let found: Option<Option<i64>> = conn.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()?;
        Ok(found.flatten().map(Timestamp::from_nanos))
    };
    // For each series the first of its own: a minimum over all chunks would read all of them.
    let raw = "SELECT min((SELECT t0 FROM chunk WHERE chunk.series = s.id ORDER BY t0 LIMIT 1)) FROM series AS s";
    let said = shared.ts.said();
    let mut oldest = shared.ts.read(|conn| {
        Ok(Oldest {
            raw: time(conn, raw).map_err(&said)?,
            events: time(conn, "SELECT min(t) FROM event").map_err(&said)?,
            diagnoses: time(conn, "SELECT t FROM diagnosis ORDER BY id LIMIT 1").map_err(&said)?,
            waveforms: None,
        })
    })?;
    // What is young is not in chunks yet.
    let young = shared.cache().oldest().map(Timestamp::from_nanos);
    oldest.raw = oldest.raw.into_iter().chain(young).min();
    let said = shared.wave.said();
    let first = "SELECT t0 FROM waveform ORDER BY row LIMIT 1";
    oldest.waveforms = shared.wave.read(|conn| time(conn, first).map_err(&said))?;
    Ok(oldest)
}
