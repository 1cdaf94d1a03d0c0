//! wave.db: waveforms. They are on disk before the commit that carries them is, and count from then on.
//!
//! What is kept of them is for [`keep`] to say and for [`tend`] to do.

pub(crate) mod keep;
mod step;
pub(crate) mod sums;
pub(crate) mod tend;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};
use plant::{PointId, Samples, Timestamp, Unit, Waveform, WaveformId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::codec::{Damage, Reader, Record, Writer, load, seal, store, unseal};
use crate::db::{File, Sync, open_writer};
use crate::{OpenError, ReadError, Seq, WavePolicy, WaveformInfo};
use tend::Tending;

const VERSION: u8 = 1;
const COUNTS: u8 = 0;
const VALUES: u8 = 1;
/// The level above which pco gains nothing on vibration, whose low bits are noise.
const LEVEL: usize = 4;
/// No record holds more samples.
const MOST: u64 = 1 << 28;

/// The writer's side of wave.db.
#[derive(Debug)]
pub(crate) struct Wave {
    pub conn: Connection,
    /// Rows of a commit that failed may be left; nothing is written before they are gone.
    leftover: bool,
    policy: WavePolicy,
    tending: Tending,
}

impl Wave {
    /// Opens the file and forgets what came after commit `head`: those commits never were.
    pub fn open(dir: &Path, head: Seq, policy: WavePolicy) -> Result<Self, OpenError> {
        let conn = open_writer(dir, File::Wave, Sync::Full)?;
        let said = |source| OpenError::Read { dir: dir.to_owned(), source: File::Wave.said()(source) };
        conn.pragma_update(None, "wal_autocheckpoint", 0).map_err(said)?;
        let tending = Tending::open(&conn, head).map_err(said)?;
        let mut wave = Self { conn, leftover: true, policy, tending };
        wave.clean(head).map_err(said)?;
        Ok(wave)
    }

    /// Writes the waveforms of commit `seq`, made at `t`. An id that is stored already is the same record and is left as
    /// it is.
    ///
    /// What a commit that failed has left must be gone before ([`Wave::clean`]).
    pub fn write(&mut self, seq: Seq, t: Timestamp, waveforms: &[Arc<Waveform>]) -> rusqlite::Result<()> {
        self.leftover = true;
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for w in waveforms {
            let id = w.id.0.to_be_bytes();
            if tx.prepare_cached("SELECT 1 FROM waveform WHERE id = ?")?.exists([id])? {
                continue;
            }
            let body = encode(w.id, &w.samples);
            let class = w.unit.quantity().as_str();
            let mut insert = tx.prepare_cached(
                "INSERT INTO waveform (id, point, t0, t_received, seq, fs, n, unit, rpm, meta, bytes, since, class)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?;
            insert.execute(params![
                id,
                w.point.as_str(),
                w.t0.nanos(),
                w.t_received.nanos(),
                seq as i64,
                w.fs,
                w.samples.len() as i64,
                w.unit.symbol(),
                w.meta.speed.map(|s| s.mean_rpm),
                store(&w.meta),
                body.len() as i64,
                t.nanos(),
                class
            ])?;
            let row = tx.last_insert_rowid();
            tx.prepare_cached("INSERT INTO samples (row, body) VALUES (?, ?)")?.execute(params![row, body])?;
            if !self.tending.classes.contains(class) {
                self.tending.classes.insert(class.to_owned());
            }
        }
        tx.commit()
    }

    /// The commit for which [`Wave::write`] wrote is on disk.
    pub fn committed(&mut self) {
        self.leftover = false;
    }

    /// Whether a commit that failed may have left something.
    pub const fn is_unclean(&self) -> bool {
        self.leftover
    }

    /// Removes what was written for commits after `head`.
    pub fn clean(&mut self, head: Seq) -> rusqlite::Result<()> {
        if self.leftover {
            let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            tx.execute("DELETE FROM samples WHERE row IN (SELECT row FROM waveform WHERE seq > ?)", [head as i64])?;
            tx.execute("DELETE FROM waveform WHERE seq > ?", [head as i64])?;
            tx.commit()?;
            self.leftover = false;
        }
        Ok(())
    }
}

fn place(id: WaveformId) -> [i64; 2] {
    [(id.0 >> 64) as i64, id.0 as i64]
}

fn encode(id: WaveformId, samples: &Samples) -> Vec<u8> {
    let config = ChunkConfig::default().with_compression_level(LEVEL);
    let mut w = Writer(vec![VERSION]);
    // pco refuses nothing that a waveform can hold; an empty body would be found out by its length.
    match samples {
        Samples::I16 { raw, scale, offset } => {
            w.u8(COUNTS);
            scale.put(&mut w);
            offset.put(&mut w);
            w.varint(raw.len() as u64);
            w.raw(&simple_compress(raw, &config).unwrap_or_default());
        }
        Samples::F32(values) => {
            w.u8(VALUES);
            w.varint(values.len() as u64);
            w.raw(&simple_compress(values, &config).unwrap_or_default());
        }
    }
    seal(&place(id), &mut w.0);
    w.0
}

fn decode(id: WaveformId, body: &[u8]) -> Result<Samples, Damage> {
    fn numbers<T: pco::data_types::Number>(mut r: Reader<'_>) -> Result<Arc<[T]>, Damage> {
        let n = r.varint()?;
        let v: Vec<T> = simple_decompress(r.0).map_err(|_| Damage("pco could not read it"))?;
        if n > MOST || v.len() as u64 != n {
            return Err(Damage("it does not hold as many samples as it says"));
        }
        Ok(v.into())
    }
    let mut r = Reader(unseal(&place(id), body)?);
    if r.u8()? != VERSION {
        return Err(Damage("its form is of a version that is not known here"));
    }
    match r.u8()? {
        COUNTS => {
            let (scale, offset) = (f64::get(&mut r)?, f64::get(&mut r)?);
            Ok(Samples::I16 { raw: numbers(r)?, scale, offset })
        }
        VALUES => Ok(Samples::F32(numbers(r)?)),
        _ => Err(Damage("a kind of samples is not known")),
    }
}

/// Waveforms of `point` with `from <= t0 < to`, the newest first, of commits up to `head`.
pub(crate) fn list(
    conn: &Connection,
    head: Seq,
    point: &PointId,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
) -> Result<Vec<WaveformInfo>, ReadError> {
    let said = File::Wave.said();
    let mut query = conn
        .prepare_cached(
            "SELECT id, t0, fs, n, unit, rpm FROM waveform
             WHERE point = ? AND t0 >= ? AND t0 < ? AND seq <= ? ORDER BY t0 DESC, row DESC LIMIT ?",
        )
        .map_err(&said)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![point.as_str(), from.nanos(), to.nanos(), head as i64, limit]).map_err(&said)?;
    let mut found = Vec::new();
    while let Some(r) = rows.next().map_err(&said)? {
        let id = WaveformId(u128::from_be_bytes(r.get(0).map_err(&said)?));
        found.push(WaveformInfo {
            id,
            point: point.clone(),
            t0: Timestamp::from_nanos(r.get(1).map_err(&said)?),
            fs: r.get(2).map_err(&said)?,
            n: r.get::<_, i64>(3).map_err(&said)? as u64,
            unit: unit(&r.get::<_, String>(4).map_err(&said)?, id)?,
            rpm: r.get(5).map_err(&said)?,
        });
    }
    Ok(found)
}

fn unit(symbol: &str, id: WaveformId) -> Result<Unit, ReadError> {
    Unit::parse(symbol).ok_or_else(|| ReadError::damaged(format!("waveform {id}"))(Damage("its unit is not known")))
}

/// Whether waveform `id` is stored, by a commit up to `head`.
pub(crate) fn has(conn: &Connection, head: Seq, id: WaveformId) -> Result<bool, ReadError> {
    let said = File::Wave.said();
    let mut query = conn.prepare_cached("SELECT 1 FROM waveform WHERE id = ? AND seq <= ?").map_err(&said)?;
    query.exists(params![id.0.to_be_bytes(), head as i64]).map_err(&said)
}

/// Waveform `id`, of a commit up to `head`.
pub(crate) fn read(conn: &Connection, head: Seq, id: WaveformId) -> Result<Option<Arc<Waveform>>, ReadError> {
    let said = File::Wave.said();
    let damaged = |why: &'static str| ReadError::damaged(format!("waveform {id}"))(Damage(why));
    let mut query = conn
        .prepare_cached(
            "SELECT point, t0, t_received, fs, unit, meta, body FROM waveform LEFT JOIN samples USING (row)
             WHERE id = ? AND seq <= ?",
        )
        .map_err(&said)?;
    type Row = (String, i64, i64, f64, String, Vec<u8>, Option<Vec<u8>>);
    let columns = |r: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
        Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?))
    };
    let found = query.query_row(params![id.0.to_be_bytes(), head as i64], columns).optional().map_err(&said)?;
    let Some((point, t0, t_received, fs, symbol, meta, body)) = found else { return Ok(None) };
    let body = body.ok_or_else(|| damaged("its samples are missing"))?;
    let w = Waveform::new(
        id,
        point.parse().map_err(|_| damaged("its point has no valid name"))?,
        Timestamp::from_nanos(t0),
        Timestamp::from_nanos(t_received),
        fs,
        unit(&symbol, id)?,
        decode(id, &body).map_err(|d| damaged(d.0))?,
        load(&meta).map_err(|d| damaged(d.0))?,
    );
    Ok(Some(Arc::new(w.map_err(|_| damaged("its samples or its rate are not usable"))?)))
}

/// Every stored id, for verification.
pub(crate) fn ids(conn: &Connection) -> Result<Vec<WaveformId>, ReadError> {
    let said = File::Wave.said();
    let mut query = conn.prepare("SELECT id FROM waveform ORDER BY row").map_err(&said)?;
    let rows = query.query_map([], |r| r.get::<_, [u8; 16]>(0)).map_err(&said)?;
    rows.map(|id| Ok(WaveformId(u128::from_be_bytes(id.map_err(&said)?)))).collect()
}
