//! One step of the policy, within one transaction: what is due by age, then what the quota and the disk ask for.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use plant::{PointId, Timestamp, WaveformId};
use rusqlite::{Connection, OptionalExtension, params};

use super::WavePolicy;
use super::keep::{Capture, DAY, DropReason, Fate, HOUR, Horizons, Mark, Record, judge, telling};
use super::tend::{Ask, Moment};
use crate::db::File;
use crate::db::pragma;
use crate::{ReadError, Seq};

/// A record counts as one more for each of these bytes.
const LARGE: u64 = 128 << 10;
/// How many of the oldest are dropped at once.
const OLDEST: usize = 16;

/// One step.
pub(super) struct Step<'a, A> {
    pub tx: &'a Connection,
    pub at: Moment,
    pub ask: &'a A,
    pub policy: &'a WavePolicy,
    pub classes: &'a BTreeSet<String>,
    /// How many more records it may deal with.
    pub left: usize,
    pub tally: Tally,
}

/// What one step has dropped, by reason: how many records, and their bytes.
pub(super) type Tally = BTreeMap<DropReason, (u64, u64)>;

/// Which waveforms are old enough to be thinned: those that came before this time, by commits up to this one.
#[derive(Clone, Copy, Debug)]
struct Due {
    before: Timestamp,
    through: Seq,
}

/// A waveform as the policy sees it, and where it lies.
struct Found {
    row: i64,
    record: Record,
    end: Timestamp,
    stage: i64,
    bytes: u64,
}

impl<A: Ask> Step<'_, A> {
    pub fn thin_by_age(&mut self) -> Result<(), ReadError> {
        for class in self.classes {
            let capture = self.policy.of(class);
            let Horizons { all, hourly } = capture.horizons(self.at.t);
            for (stage, before, reason) in [(0, all, DropReason::Hourly), (1, hourly, DropReason::Daily)] {
                let due = Due { before, through: self.at.followed };
                while self.left > 0 && self.thin_oldest(class, capture, stage, due, reason)? {}
            }
        }
        Ok(())
    }

    /// Bytes beyond the quota.
    fn excess(&self) -> Result<u64, ReadError> {
        let used = |name| pragma(self.tx, name).map_err(File::Wave.said());
        let pages = used("page_count")?.saturating_sub(used("freelist_count")?);
        Ok((pages * used("page_size")?).saturating_sub(self.policy.quota_bytes))
    }

    pub fn hold_quota(&mut self) -> Result<(), ReadError> {
        while self.left > 0 && self.excess()? > 0 {
            let some = self.thin_early(0, DropReason::QuotaHourly)?
                || self.thin_early(1, DropReason::QuotaDaily)?
                || self.drop_oldest(None, DropReason::QuotaUnprotected, None)?
                || self.drop_oldest(Some(Mark::NearAlarm), DropReason::QuotaNearAlarm, None)?
                || self.drop_oldest(Some(Mark::Evidence), DropReason::QuotaEvidence, None)?;
            if !some {
                break;
            }
        }
        Ok(())
    }

    /// Drops what the disk wants back.
    pub fn pay(&mut self, owed: &mut u64) -> Result<(), ReadError> {
        while self.left > 0 && *owed > 0 {
            let before = self.bytes_for(DropReason::Disk);
            let some = self.thin_early(0, DropReason::Disk)?
                || self.thin_early(1, DropReason::Disk)?
                || self.drop_oldest(None, DropReason::Disk, Some(*owed))?;
            *owed = if some { owed.saturating_sub(self.bytes_for(DropReason::Disk) - before) } else { 0 };
        }
        Ok(())
    }

    /// Thins what is at `stage` before its age asks for it, but leaves alone what an alarm to come may still want.
    fn thin_early(&mut self, stage: i64, reason: DropReason) -> Result<bool, ReadError> {
        let mut oldest: Option<(Timestamp, &String)> = None;
        for class in self.classes {
            let since = self.oldest_at(class, stage)?;
            if let Some(since) = since.filter(|s| *s < self.at.t - self.policy.of(class).around_alarm)
                && oldest.is_none_or(|(t, _)| since < t)
            {
                oldest = Some((since, class));
            }
        }
        let Some((_, class)) = oldest else { return Ok(false) };
        let capture = self.policy.of(class);
        let due = Due { before: self.at.t - capture.around_alarm, through: i64::MAX as Seq };
        self.thin_oldest(class, capture, stage, due, reason)
    }

    fn oldest_at(&self, class: &str, stage: i64) -> Result<Option<Timestamp>, ReadError> {
        let sql = "SELECT min(since) FROM waveform WHERE mark = 0 AND class = ? AND stage = ?";
        let read = || -> rusqlite::Result<Option<i64>> {
            self.tx.prepare_cached(sql)?.query_row(params![class, stage], |r| r.get(0))
        };
        Ok(read().map_err(File::Wave.said())?.map(Timestamp::from_nanos))
    }

    /// Of what is at `stage` and due: takes the hour (the day) of the oldest and leaves one of it.
    /// Gives whether there was any.
    fn thin_oldest(
        &mut self,
        class: &str,
        capture: Capture,
        stage: i64,
        due: Due,
        reason: DropReason,
    ) -> Result<bool, ReadError> {
        let said = File::Wave.said();
        let width = if stage == 0 { HOUR } else { DAY };
        let Some((point, mut found)) = self.cell(class, stage, due, width).map_err(&said)? else { return Ok(false) };
        self.mark_near(&point, capture, &mut found).map_err(&said)?;
        self.ask_diagnoses(&point, &mut found)?;
        let records: Vec<Record> = found.iter().map(|f| f.record).collect();
        // What this step takes is old enough for it; whether it is old enough for more is another step's question.
        let hourly = if stage == 0 { Timestamp::MIN } else { Timestamp::MAX };
        let fates = judge(Horizons { all: Timestamp::MAX, hourly }, &records);
        // Where it ends early, the rest is looked at again, with the same outcome.
        for (f, fate) in found.iter().zip(fates) {
            if self.left == 0 {
                break;
            }
            match fate {
                Fate::Drop(_) => self.remove(f, reason).map_err(&said)?,
                Fate::Hourly | Fate::Daily if f.stage == stage => {
                    self.left -= 1;
                    let sql = "UPDATE waveform SET stage = ? WHERE row = ?";
                    self.tx.prepare_cached(sql).and_then(|mut s| s.execute([stage + 1, f.row])).map_err(&said)?;
                }
                Fate::Hourly | Fate::Daily | Fate::Young | Fate::Protected(_) => {}
            }
        }
        Ok(true)
    }

    /// The oldest at `stage`, with what else is due in its hour or day and what was kept there before.
    fn cell(
        &self,
        class: &str,
        stage: i64,
        due: Due,
        width: Duration,
    ) -> rusqlite::Result<Option<(String, Vec<Found>)>> {
        let mut oldest = self.tx.prepare_cached(
            "SELECT point, t0 FROM waveform WHERE mark = 0 AND class = ? AND stage = ? AND since < ? AND seq <= ?
             ORDER BY since LIMIT 1",
        )?;
        let (before, through) = (due.before.nanos(), due.through.min(i64::MAX as Seq) as i64);
        let columns = |r: &rusqlite::Row<'_>| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?));
        let Some((point, t0)) = oldest.query_row(params![class, stage, before, through], columns).optional()? else {
            return Ok(None);
        };
        let from = Timestamp::from_nanos(t0).align(width);
        let mut of_cell = self.tx.prepare_cached(
            "SELECT row, id, t0, since, n, fs, stage, bytes FROM waveform
             WHERE point = ? AND t0 >= ? AND t0 < ? AND class = ? AND mark = 0 AND stage >= ? AND since < ? AND seq <= ?
             ORDER BY stage DESC, t0 LIMIT ?",
        )?;
        // At least one that was kept before and one that is due; else nothing would come of it.
        let limit = self.left.max(8) as i64;
        let bounds = params![point, from.nanos(), (from + width).nanos(), class, stage, before, through, limit];
        let found = of_cell.query_map(bounds, found)?.collect::<Result<_, _>>()?;
        Ok(Some((point, found)))
    }

    /// Marks what is near a step of an alarm of the same machine.
    fn mark_near(&mut self, point: &str, capture: Capture, found: &mut [Found]) -> rusqlite::Result<()> {
        let Ok(point) = point.parse::<PointId>() else { return Ok(()) };
        let sql = "SELECT 1 FROM alarm_time WHERE machine = ? AND t >= ? AND t <= ? LIMIT 1";
        let mut alarms = self.tx.prepare_cached(sql)?;
        for f in found {
            let (from, to) = (f.record.t0 - capture.around_alarm, f.end + capture.around_alarm);
            if alarms.exists(params![point.machine_str(), from.nanos(), to.nanos()])? {
                f.record.mark = Some(Mark::NearAlarm);
                let mut mark = self.tx.prepare_cached("UPDATE waveform SET mark = ? WHERE row = ?")?;
                mark.execute(params![Mark::NearAlarm as i64, f.row])?;
                self.left = self.left.saturating_sub(1);
            }
        }
        Ok(())
    }

    fn ask_diagnoses(&self, point: &str, found: &mut [Found]) -> Result<(), ReadError> {
        let plain = || found.iter().filter(|f| f.record.mark.is_none()).map(|f| f.record.t0);
        let (Some(from), Some(to)) = (plain().min(), plain().max()) else { return Ok(()) };
        let wrong = self.ask.diagnoses(point, from, to)?.into_iter().filter(telling).map(|d| d.waveform);
        let wrong: HashSet<WaveformId> = wrong.collect();
        found.iter_mut().for_each(|f| f.record.telling = wrong.contains(&f.record.id));
        Ok(())
    }

    /// Drops the oldest that carry this mark, until `owed` bytes are paid or else the quota holds. Gives whether there was
    /// any to look at.
    fn drop_oldest(&mut self, mark: Option<Mark>, reason: DropReason, owed: Option<u64>) -> Result<bool, ReadError> {
        let said = File::Wave.said();
        let before = self.bytes_for(reason);
        let mut all = self.oldest(mark.map_or(0, |m| m as i64)).map_err(&said)?;
        all.sort_by_key(|(.., f)| (f.record.since, f.row));
        all.truncate(OLDEST);
        let any = !all.is_empty();
        for (point, capture, mut f) in all {
            if mark.is_none() {
                self.mark_near(&point, capture, std::slice::from_mut(&mut f)).map_err(&said)?;
            }
            if f.record.mark.is_none() {
                self.remove(&f, reason).map_err(&said)?;
            }
            let enough = match owed {
                Some(owed) => self.bytes_for(reason) - before >= owed,
                None => self.excess()? == 0,
            };
            if enough || self.left == 0 {
                break;
            }
        }
        Ok(any)
    }

    /// Some that carry this mark, the oldest of all among them.
    fn oldest(&self, mark: i64) -> rusqlite::Result<Vec<(String, Capture, Found)>> {
        let mut all = Vec::new();
        for class in self.classes {
            for stage in 0..=2 {
                let mut oldest = self.tx.prepare_cached(
                    "SELECT row, id, t0, since, n, fs, stage, bytes, point FROM waveform
                     WHERE mark = ? AND class = ? AND stage = ? ORDER BY since LIMIT ?",
                )?;
                let bounds = params![mark, class, stage, OLDEST as i64];
                for row in oldest.query_map(bounds, |r| Ok((r.get::<_, String>(8)?, found(r)?)))? {
                    let (point, found) = row?;
                    all.push((point, self.policy.of(class), found));
                }
            }
        }
        Ok(all)
    }

    /// Bytes that this step has dropped for this reason.
    fn bytes_for(&self, reason: DropReason) -> u64 {
        self.tally.get(&reason).map_or(0, |(_, bytes)| *bytes)
    }

    fn remove(&mut self, f: &Found, reason: DropReason) -> rusqlite::Result<()> {
        self.tx.prepare_cached("DELETE FROM samples WHERE row = ?")?.execute([f.row])?;
        self.tx.prepare_cached("DELETE FROM waveform WHERE row = ?")?.execute([f.row])?;
        let (records, bytes) = self.tally.entry(reason).or_default();
        (*records, *bytes) = (*records + 1, *bytes + f.bytes);
        self.left = self.left.saturating_sub(1 + (f.bytes / LARGE) as usize);
        Ok(())
    }
}

/// From the columns row, id, t0, since, n, fs, stage, bytes.
fn found(r: &rusqlite::Row<'_>) -> rusqlite::Result<Found> {
    let (t0, since) = (Timestamp::from_nanos(r.get(2)?), Timestamp::from_nanos(r.get(3)?));
    let (n, fs): (i64, f64) = (r.get(4)?, r.get(5)?);
    let id = WaveformId(u128::from_be_bytes(r.get(1)?));
    let length = Duration::try_from_secs_f64(n as f64 / fs).unwrap_or_default();
    Ok(Found {
        row: r.get(0)?,
        record: Record { id, t0, since, mark: None, telling: false },
        end: t0 + length,
        stage: r.get(6)?,
        bytes: r.get::<_, i64>(7)? as u64,
    })
}
