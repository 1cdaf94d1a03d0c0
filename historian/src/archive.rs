//! Recall: series, waveforms, events, diagnoses, quarantine, ledger.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use plant::{Assessment, Diagnosis, Event, MachineId, PointId, SeriesKey, Timestamp, Waveform, WaveformId};
use rusqlite::params;

use crate::codec::load;
use crate::db::{File, has_table};
use crate::recorder::Queue;
use crate::shared::Shared;
use crate::ts::records;
use crate::{
    Bucket, DiskUse, FileSize, LedgerDelta, LedgerLine, LedgerSpan, Oldest, QuarantineEntry, QuarantineGroup,
    QuarantineStats, QuarantineTopic, ReadError, Sample, Selection, Staged, Statistics, StoreStats, WaveStats,
    WaveformInfo, buckets, minutes, oldest, quarantine, read, rollup, statistics, wave,
};

/// Recalls what was committed. Cheap to clone.
///
/// Its methods are synchronous and, apart from `series`, `series_of`, `last`, `ledger_*` and `stats`, touch the disk:
/// call them from where blocking is allowed. Every method sees at least what was acknowledged before it was called.
#[derive(Clone)]
pub struct Archive {
    shared: Arc<Shared>,
    queue: Option<Arc<Queue>>,
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("head", &self.shared.head()).finish_non_exhaustive()
    }
}

impl Archive {
    pub(crate) fn new(shared: Arc<Shared>, queue: Option<Arc<Queue>>) -> Self {
        Self { shared, queue }
    }

    /// Every series, in the order in which they first spoke.
    #[must_use]
    pub fn series(&self) -> Vec<SeriesKey> {
        self.shared.series()
    }

    /// The series of one machine, in the order in which they first spoke.
    #[must_use]
    pub fn series_of(&self, machine: &MachineId) -> Vec<SeriesKey> {
        self.shared.cache().of_machine(machine)
    }

    /// The latest value by the source's clock, from memory; of two at the same instant the one committed last.
    #[must_use]
    pub fn last(&self, key: &SeriesKey) -> Option<Sample> {
        self.shared.cache().last(key)
    }

    /// Raw values with `from <= t < to` in order of time, the first `limit` of them: as far as they are kept
    /// ([`crate::Retention`]).
    pub fn range(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Sample>, ReadError> {
        read::range(&self.shared, key, from, to, limit)
    }

    /// Before when raw values of this series were removed ([`crate::Retention`]): of an earlier time there is only what came
    /// late. `None` where none were.
    pub fn removed_before(&self, key: &SeriesKey) -> Result<Option<Timestamp>, ReadError> {
        let Some(id) = self.shared.cache().id(key) else { return Ok(None) };
        let standing = self.shared.ts.read(|conn| rollup::standing(conn, id).map_err(File::Ts.said()))?;
        Ok(standing.map(|s| s.raw_from).filter(|t| *t != i64::MIN).map(Timestamp::from_nanos))
    }

    /// Minimum, maximum, mean, last and count of the values with `from <= t < to`, for each stretch of `width` that
    /// begins at a multiple of `width` since the epoch. Stretches without values are left out, as are texts and values
    /// of bad quality. Of the first and the last stretch only what lies within the bounds counts.
    ///
    /// A `width` of whole minutes, and more so of whole hours, is answered from what minutes and hours amount to, and is
    /// quick over years. The answer is that of the values themselves, but for the rounding of means, for as long as they
    /// are kept. Of a time of which they are gone, minutes speak for them, later hours, each counted where it begins: in the
    /// stretch that holds its first instant, if that is within the bounds. So nothing finer is to be had there than a
    /// minute or an hour. A value that comes for such a minute after the others are gone counts as its latest, and as one
    /// more even where it takes the place of one that is gone.
    pub fn buckets(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        width: Duration,
    ) -> Result<Vec<Bucket>, ReadError> {
        buckets::buckets(&self.shared, key, from, to, width)
    }

    /// What the values with `from <= t < to` amount to. Quantiles need all numbers at once: they are told where there are
    /// at most `most` of them.
    pub fn statistics(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Result<Statistics, ReadError> {
        statistics::statistics(&self.shared, key, from, to, most)
    }

    /// About how many values there are with `from <= t < to`, never fewer than there are: what reading them all would cost.
    /// Nothing of them is read.
    pub fn weight(&self, key: &SeriesKey, from: Timestamp, to: Timestamp) -> Result<u64, ReadError> {
        read::weight(&self.shared, key, from, to)
    }

    /// Waveforms of `point` with `from <= t0 < to`, the newest first, without their samples.
    pub fn waveforms(
        &self,
        point: &PointId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<WaveformInfo>, ReadError> {
        let head = self.shared.head();
        self.shared.wave.read(|conn| wave::list(conn, head, point, from, to, limit))
    }

    /// One waveform with its samples.
    pub fn waveform(&self, id: WaveformId) -> Result<Option<Arc<Waveform>>, ReadError> {
        let head = self.shared.head();
        self.shared.wave.read(|conn| wave::read(conn, head, id))
    }

    /// Whether this waveform is stored; `false` also where the disk cannot be asked.
    #[must_use]
    pub fn has_waveform(&self, id: WaveformId) -> bool {
        let head = self.shared.head();
        self.shared.wave.read(|conn| wave::has(conn, head, id)).unwrap_or(false)
    }

    /// The waveforms in numbers: how many there are, and what was dropped and why.
    pub fn wave_stats(&self) -> Result<WaveStats, ReadError> {
        self.shared.wave.read(|conn| wave::sums::stats(conn))
    }

    /// Diagnoses of `point`, the newest first.
    pub fn diagnoses(&self, point: &PointId, limit: usize) -> Result<Vec<Diagnosis>, ReadError> {
        let said = File::Ts.said();
        self.shared.ts.read(|conn| {
            let sql = "SELECT body FROM diagnosis WHERE point = ? ORDER BY t DESC, id DESC LIMIT ?";
            let mut query = conn.prepare_cached(sql).map_err(&said)?;
            let rows = query.query_map(params![point.as_str(), count(limit)], |r| r.get(0)).map_err(&said)?;
            records(rows, "a diagnosis in ts.db")
        })
    }

    /// What the points of `machine` said together with `from <= t < to`, the newest first.
    pub fn assessments(
        &self,
        machine: &MachineId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Assessment>, ReadError> {
        let said = File::Ts.said();
        self.shared.ts.read(|conn| {
            if !has_table(conn, "assessment").map_err(&said)? {
                return Ok(Vec::new());
            }
            let sql =
                "SELECT body FROM assessment WHERE machine = ? AND t >= ? AND t < ? ORDER BY t DESC, id DESC LIMIT ?";
            let mut query = conn.prepare_cached(sql).map_err(&said)?;
            let asked = params![machine.as_str(), from.nanos(), to.nanos(), count(limit)];
            let rows = query.query_map(asked, |r| r.get(0)).map_err(&said)?;
            records(rows, "an assessment in ts.db")
        })
    }

    /// Events with `from <= t < to`, the newest first; of one machine or of all.
    pub fn events(
        &self,
        machine: Option<&MachineId>,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Event>, ReadError> {
        let said = File::Ts.said();
        let sql = match machine {
            Some(_) => {
                "SELECT body FROM event WHERE machine = ?1 AND t >= ?2 AND t < ?3 ORDER BY t DESC, id DESC LIMIT ?4"
            }
            None => "SELECT body FROM event WHERE ?1 IS NULL AND t >= ?2 AND t < ?3 ORDER BY t DESC, id DESC LIMIT ?4",
        };
        self.shared.ts.read(|conn| {
            let mut query = conn.prepare_cached(sql).map_err(&said)?;
            let machine = machine.map(MachineId::as_str);
            let bounds = params![machine, from.nanos(), to.nanos(), count(limit)];
            let rows = query.query_map(bounds, |r| r.get(0)).map_err(&said)?;
            records(rows, "an event in ts.db")
        })
    }

    /// Messages that wait in quarantine, the newest first; of one code or of all.
    pub fn quarantine(&self, code: Option<&str>, limit: usize) -> Result<Vec<QuarantineEntry>, ReadError> {
        let codes = code.map(Into::into).into_iter().collect();
        self.quarantine_list(&Selection { codes, ..Selection::default() }, None, limit)
    }

    /// The messages of a selection, the newest first; with `before`, only those with a smaller number.
    pub fn quarantine_list(
        &self,
        which: &Selection,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<QuarantineEntry>, ReadError> {
        self.shared.ts.read(|conn| quarantine::list(conn, which, before, limit))
    }

    /// The numbers of the messages of a selection, the oldest first.
    pub fn quarantine_ids(&self, which: &Selection) -> Result<Vec<u64>, ReadError> {
        self.shared.ts.read(|conn| quarantine::ids(conn, which))
    }

    /// The numbers of the messages of a selection with the codes under which they stand, the newest first, at most
    /// `limit`; with `before`, only those with a smaller number. Nothing of their payloads is read.
    pub fn quarantine_codes(
        &self,
        which: &Selection,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Arc<str>)>, ReadError> {
        self.shared.ts.read(|conn| quarantine::codes(conn, which, before, limit))
    }

    /// One message in quarantine with all that is kept of its payload.
    pub fn quarantine_entry(&self, id: u64) -> Result<Option<QuarantineEntry>, ReadError> {
        self.shared.ts.read(|conn| quarantine::whole(conn, id))
    }

    /// What is kept aside, by key.
    pub fn staged(&self) -> Result<Vec<Staged>, ReadError> {
        let said = File::Ts.said();
        self.shared.ts.read(|conn| {
            if !has_table(conn, "staged").map_err(&said)? {
                return Ok(Vec::new());
            }
            let mut query = conn.prepare_cached("SELECT key, body FROM staged ORDER BY key").map_err(&said)?;
            let columns = |r: &rusqlite::Row<'_>| Ok((r.get::<_, String>(0)?, r.get::<_, Vec<u8>>(1)?));
            let rows = query.query_map([], columns).map_err(&said)?;
            rows.map(|row| {
                let (key, body) = row.map_err(&said)?;
                let body = load(&body).map_err(ReadError::damaged(format!("what is kept aside as {key}")))?;
                Ok(Staged { key: key.into(), body })
            })
            .collect()
        })
    }

    /// The quarantine by reason, the most frequent first.
    pub fn quarantine_groups(&self) -> Result<Vec<QuarantineGroup>, ReadError> {
        self.shared.ts.read(|conn| quarantine::groups(conn))
    }

    /// What waits of one code by topic, the most frequent first.
    pub fn quarantine_topics(&self, code: &str, limit: usize) -> Result<Vec<QuarantineTopic>, ReadError> {
        self.shared.ts.read(|conn| quarantine::topics(conn, code, limit))
    }

    /// The quarantine in numbers.
    pub fn quarantine_stats(&self) -> Result<QuarantineStats, ReadError> {
        self.shared.ts.read(|conn| quarantine::stats(conn))
    }

    /// What every source added to the ledger in each minute (or hour, where it is long ago) that begins in
    /// `from <= t < to`, and which commits these are; both in order of time.
    pub fn ledger_history(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(Vec<LedgerLine>, Vec<LedgerSpan>), ReadError> {
        // Memory first: what an upkeep writes in between is then read from the log, and not counted twice.
        let recent = self.shared.minutes().clone();
        self.shared.ts.read(|conn| minutes::read(conn, recent, from..to))
    }

    /// The loss ledger over all sources; its own source is empty.
    pub fn ledger_total(&self) -> Result<LedgerDelta, ReadError> {
        Ok(self.shared.ledger().total())
    }

    /// The loss ledger of each source, by name. Beyond 10,000 sources the further ones are one: `(others)`.
    pub fn ledger_by_source(&self) -> Result<Vec<LedgerDelta>, ReadError> {
        Ok(self.shared.ledger().by_source())
    }

    /// The files and what they hold on disk, bytes.
    #[must_use]
    pub fn files(&self) -> Vec<FileSize> {
        [&self.shared.ts, &self.shared.wave, &self.shared.state].map(oldest::size).into()
    }

    /// The oldest that is there of each class of data.
    pub fn oldest(&self) -> Result<Oldest, ReadError> {
        oldest::find(&self.shared)
    }

    /// The disk as the writer found it last, from memory; of a store that is only read, nothing is known.
    #[must_use]
    pub fn disk(&self) -> DiskUse {
        *self.shared.disk()
    }

    /// The store in numbers.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let cache = self.shared.cache();
        StoreStats {
            head: self.shared.head(),
            series: cache.len() as u64,
            head_points: cache.unsealed,
            log_first: self.shared.oldest(),
            log_bytes: self.shared.log_bytes.load(Ordering::Relaxed),
            queued_bytes: self.queue.as_ref().map_or(0, |q| q.queued_bytes()),
            failed_commits: self.shared.failed_commits.load(Ordering::Relaxed),
            oldest_raw: Some(self.shared.oldest_raw()).filter(|t| *t != i64::MAX).map(Timestamp::from_nanos),
            removed: *self.shared.removed(),
        }
    }
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
