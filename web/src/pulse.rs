//! What the tail has said of each point lately, kept in memory: when it last spoke, and its latest record and verdict.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use historian::{Archive, Committed, ReadError};
use plant::{AssetChange, Diagnosis, Finding, Point, PointId, Timestamp};

/// A point may be silent for this many of its periods, and at least [`SILENCE_MIN`], before this door by itself calls it
/// stale. Analytics, which knows more, speaks earlier; this is the net below it.
const SILENCE_PERIODS: u32 = 5;
const SILENCE_MIN: Duration = Duration::from_secs(30);

/// Latest record and verdict of a waveform point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latest {
    /// When the newest record began.
    pub(crate) waveform: Option<Timestamp>,
    /// The newest verdict.
    pub(crate) diagnosis: Option<Arc<Diagnosis>>,
}

/// Bounded by the number of points in the plant: only what is committed comes in here, and that is of known points.
pub(crate) struct Pulse {
    started: Timestamp,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// When a point last spoke, by the store's clock.
    heard: HashMap<PointId, Timestamp>,
    latest: HashMap<PointId, Latest>,
}

impl Latest {
    fn newer(&mut self, waveform: Option<Timestamp>, diagnosis: Option<Arc<Diagnosis>>) {
        self.waveform = self.waveform.max(waveform);
        if let Some(d) = diagnosis
            && self.diagnosis.as_ref().is_none_or(|old| old.t <= d.t)
        {
            self.diagnosis = Some(d);
        }
    }
}

impl Pulse {
    /// Silence counts from `started` on: nobody is stale because the platform was away.
    pub(crate) fn new(started: Timestamp) -> Self {
        Self { started, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one commit in.
    pub(crate) fn take_in(&self, c: &Committed) {
        let mut inner = self.lock();
        for o in &c.batch.observations {
            inner.heard.insert(o.point.clone(), c.t);
        }
        for w in &c.batch.waveforms {
            inner.heard.insert(w.point.clone(), c.t);
            // What was never asked for is read from the store when it is; then this record is there, too.
            if let Some(latest) = inner.latest.get_mut(&w.point) {
                latest.newer(Some(w.t0), None);
            }
        }
        for f in &c.batch.findings {
            if let Finding::Diagnosis(d) = f
                && let Some(latest) = inner.latest.get_mut(&d.point)
            {
                latest.newer(None, Some(Arc::new(d.clone())));
            }
        }
        for change in &c.batch.changes {
            // A point described just now has its whole period to say its first word.
            let (machine, names): (_, Vec<&Arc<str>>) = match change {
                AssetChange::Machine(m) => (&m.id, m.points.keys().collect()),
                AssetChange::Point(id, p) => (id, vec![&p.name]),
                AssetChange::Rules(_) | AssetChange::Alarms(_) => continue,
            };
            for point in names.into_iter().filter_map(|n| machine.point(n).ok()) {
                inner.heard.entry(point).or_insert(c.t);
            }
        }
    }

    /// Whether `point`, which promised to speak every [`Point::period`], has been silent for too long at `now`.
    pub(crate) fn silent(&self, id: &PointId, point: &Point, now: Timestamp) -> bool {
        let Some(period) = point.period else { return false };
        let heard = self.lock().heard.get(id).map_or(self.started, |h| (*h).max(self.started));
        now.since(heard) > (period * SILENCE_PERIODS).max(SILENCE_MIN)
    }

    /// Latest record and verdict of `point`; read from the store the first time, kept up by the tail from then on.
    pub(crate) fn latest(&self, archive: &Archive, point: &PointId) -> Result<Latest, ReadError> {
        if let Some(known) = self.lock().latest.get(point) {
            return Ok(known.clone());
        }
        // Known to be wanted before the store is read: what is committed meanwhile comes in by the tail.
        self.lock().latest.entry(point.clone()).or_default();
        let read = || {
            let waveform = archive.waveforms(point, Timestamp::MIN, Timestamp::MAX, 1)?.first().map(|w| w.t0);
            Ok((waveform, archive.diagnoses(point, 1)?.into_iter().next().map(Arc::new)))
        };
        let mut inner = match read() {
            Ok((waveform, diagnosis)) => {
                let mut inner = self.lock();
                inner.latest.entry(point.clone()).or_default().newer(waveform, diagnosis);
                inner
            }
            Err(error) => {
                self.lock().latest.remove(point);
                return Err(error);
            }
        };
        Ok(inner.latest.entry(point.clone()).or_default().clone())
    }
}

#[cfg(test)]
mod tests {
    use historian::Batch;
    use plant::{Observation, Quality, Value};

    use super::*;

    #[test]
    fn silence_counts_from_the_start_from_the_last_word_and_from_the_description() {
        let at = Timestamp::from_secs;
        let id: PointId = "s/m/p".parse().unwrap();
        let point = Point { period: Some(Duration::from_secs(10)), ..Point::bare("p") };
        let pulse = Pulse::new(at(1000));
        let check = |now, expect| assert_eq!(pulse.silent(&id, &point, at(now)), expect, "at {now}");
        check(1050, false);
        check(1051, true);
        let commit = |t, batch| Committed { seq: 1, t: at(t), batch: Arc::new(batch) };
        let spoken = Observation {
            point: id.clone(),
            // Recorded long ago: what counts is that it speaks.
            t: at(5),
            t_received: at(1060),
            value: Value::Int(1),
            quality: Quality::Good,
            seq: None,
        };
        pulse.take_in(&commit(1060, Batch { observations: vec![spoken], ..Batch::default() }));
        check(1110, false);
        check(1111, true);
        // Being described anew is not a word.
        let change = AssetChange::Point(id.machine(), point.clone());
        pulse.take_in(&commit(1200, Batch { changes: vec![change], ..Batch::default() }));
        check(1201, true);
        assert!(!pulse.silent(&id, &Point::bare("p"), at(99_999)), "no promise, no silence");
    }
}
