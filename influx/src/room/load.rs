//! What is sent next: what is new, then alarms, then what is owed.

use historian::{Archive, Committed, ReadError};
use plant::{Finding, SeriesKey, Value};
use tokio::time::{Instant, sleep};

use super::{Room, RoomError, TICK};
use crate::aside::aside;
use crate::line::{Lines, Prefix};
use crate::owed::Stretch;
use crate::parcel::{Origin, Parcel, Piece};

/// Steps of alarms in one parcel.
const STEPS: usize = 500;
/// Stretches of what is owed in one parcel, at most.
const PIECES: usize = 256;

impl Room {
    /// Loads the shipper with whatever is due, or waits a while.
    pub(super) async fn next_parcel(&mut self) -> Result<(), RoomError> {
        while !self.full() && self.store.head() > self.pending.through {
            // It is there, in memory or in the log: this does not wait for anybody.
            let next = self.tail.next().await?;
            self.take(&next);
            tokio::task::yield_now().await;
        }
        let waited = self.pending.since.is_some_and(|at| at.elapsed() >= self.config.batch_age);
        if self.pending.lines.is_empty() {
            // Nothing to ship in it; it need not be read again.
            self.shipped = (self.pending.through, self.pending.t);
        } else if waited || self.full() {
            let lines = std::mem::take(&mut self.pending.lines);
            self.pending.since = None;
            self.sent = self.pending.first.take();
            let origin = Origin::Live { through: self.pending.through, t: self.pending.t };
            self.shipper.load(Parcel { origin, lines });
            return Ok(());
        }
        if self.alarms_due {
            return self.load_alarms().await;
        }
        if self.owed.is_empty() { self.idle().await } else { self.load_past().await }
    }

    fn full(&self) -> bool {
        let lines = &self.pending.lines;
        lines.len() >= self.config.batch_lines || lines.bytes() >= self.shipper.fits()
    }

    /// Takes a commit into what waits.
    pub(super) fn take(&mut self, c: &Committed) {
        let plant = self.register.plant();
        let lines = &mut self.pending.lines;
        for o in &c.batch.observations {
            // Points without an indicator; the clone is two counters.
            let key = SeriesKey::raw(o.point.clone());
            lines.point(self.naming.of(&key, &plant), o.t, &o.value, o.quality);
        }
        for f in &c.batch.findings {
            match f {
                Finding::Indicator(i) => {
                    let key = SeriesKey::indicator(i.point.clone(), i.name.clone());
                    lines.point(self.naming.of(&key, &plant), i.t, &Value::Float(i.value), i.quality);
                }
                Finding::Alarm(_) => self.alarms_due = true,
                Finding::Diagnosis(_) | Finding::Assessment(_) => {}
            }
        }
        if !lines.is_empty() && self.pending.since.is_none() {
            (self.pending.since, self.pending.first) = (Some(Instant::now()), Some(c.t));
        }
        (self.pending.through, self.pending.t) = (c.seq, c.t);
    }

    async fn load_alarms(&mut self) -> Result<(), RoomError> {
        let (register, after) = (self.register.clone(), self.alarms);
        let steps = aside("influx-alarms", move || register.alarm_journal_after(after, STEPS)).await??;
        let Some(last) = steps.last().map(|j| (j.seq, j.n)) else {
            self.alarms_due = false;
            return Ok(());
        };
        let (plant, mut lines) = (self.register.plant(), Lines::default());
        steps.iter().for_each(|j| lines.alarm(&j.transition, &plant));
        self.shipper.load(Parcel { origin: Origin::Alarms { to: last }, lines });
        Ok(())
    }

    /// Reads some of what is owed: of one series or, where each owes little, of many. As much time as that takes is then
    /// left to others: where processor time is rationed, stepping aside alone would not leave them their share.
    async fn load_past(&mut self) -> Result<(), RoomError> {
        let began = Instant::now();
        let (limit, fits) = (self.config.batch_lines, self.shipper.fits());
        let (archive, plant) = (self.archive.clone(), self.register.plant());
        let mut name = |(key, s): (SeriesKey, Stretch)| (self.naming.of(&key, &plant).clone(), key, s);
        let next: Vec<_> = self.owed.next(PIECES).into_iter().map(&mut name).collect();
        let parcel = aside("influx-past", move || read(&archive, next, limit, fits)).await??;
        self.shipper.load(parcel);
        sleep(began.elapsed().min(TICK)).await;
        Ok(())
    }

    /// Where the log would grow beyond its bound, what waits in it becomes owed. What is under way goes back to where it
    /// came from.
    pub(super) async fn look_after_the_log(&mut self) -> Result<(), RoomError> {
        let s = self.archive.stats();
        let behind = s.head.saturating_sub(self.shipped.0);
        let rows = (s.head + 1).saturating_sub(s.log_first).max(1);
        let bytes = u128::from(s.log_bytes) * u128::from(behind) / u128::from(rows);
        if bytes <= u128::from(self.config.hold_log_bytes) {
            return Ok(());
        }
        self.shipper.give_up();
        self.pending.lines.clear();
        (self.pending.since, self.pending.first, self.sent) = (None, None, None);
        self.tail = self.store.tail(self.shipped.0);
        let (mut through, mut t) = self.shipped;
        while through < s.head {
            let c = self.tail.next().await?;
            self.owe(&c);
            (through, t) = (c.seq, c.t);
        }
        self.shipped = (through, t);
        (self.pending.through, self.pending.t) = (through, t);
        tracing::info!(through, points = self.owed.points(), "the log is let go; InfluxDB is owed what was in it");
        self.put(Vec::new()).await
    }

    fn owe(&mut self, c: &Committed) {
        for o in &c.batch.observations {
            self.owed.note(&SeriesKey::raw(o.point.clone()), o.t, c.seq, c.t);
        }
        for f in &c.batch.findings {
            match f {
                Finding::Indicator(i) => {
                    self.owed.note(&SeriesKey::indicator(i.point.clone(), i.name.clone()), i.t, c.seq, c.t);
                }
                Finding::Alarm(_) => self.alarms_due = true,
                Finding::Diagnosis(_) | Finding::Assessment(_) => {}
            }
        }
    }
}

/// The values of these stretches: the first `limit` of them all together, as far as they fit into `fits` bytes. A stretch of
/// which not everything was read ends with its last value.
fn read(
    archive: &Archive,
    stretches: Vec<(Prefix, SeriesKey, Stretch)>,
    limit: usize,
    fits: usize,
) -> Result<Parcel, ReadError> {
    let (mut lines, mut pieces, mut room) = (Lines::default(), Vec::new(), limit);
    for (prefix, key, s) in stretches {
        if room == 0 || lines.bytes() >= fits {
            break;
        }
        let end = s.to + std::time::Duration::from_nanos(1);
        let samples = archive.range(&key, s.from, end, room)?;
        let mut piece = Piece { key, from: s.from, to: s.to, points: 0 };
        for s in &samples {
            if lines.bytes() >= fits {
                break;
            }
            lines.point(&prefix, s.t, &s.value, s.quality);
            piece.points += 1;
        }
        let whole = samples.len() < room && piece.points == samples.len() as u64;
        if let Some(last) = samples.get((piece.points as usize).wrapping_sub(1)).filter(|_| !whole) {
            // The rest of it comes next.
            piece.to = last.t;
        }
        pieces.push(piece);
        room -= samples.len();
    }
    Ok(Parcel { origin: Origin::Past(pieces), lines })
}
