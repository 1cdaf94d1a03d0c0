//! Which waveforms are kept: the policy, as a function of what is known of the records. No disk and no clock in here.
//!
//! A plant with fast sensors writes more in a day than its disk holds, and looks at little of it again: at what is
//! recent, at one record now and then for comparison, and at what went before and after an alarm. So everything is kept
//! for `all_for`, then one record a point and hour, then one a point and day for ever; and beside those everything near
//! an alarm of the machine and every record that an alarm rests on. Each record is judged by how long it has been in the
//! store, its hour and its day are those of its own time: what comes late is young like everything that has just come.
//!
//! Of an hour and of a day, that record is kept on which a diagnosis found something wrong, of several the first. The
//! least of a set does not depend on the order in which its members are compared: days may be thinned in pieces, late
//! records may come in between, and what is left in the end is the same.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use plant::{BearingVerdict, Diagnosis, Quantity, Timestamp, WaveformId, Zone, ZoneVerdict};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// How long waveforms are kept, and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Everything stays until it has been in the store for this long.
    pub all_for: Duration,
    /// From then on one record a point and hour (UTC), until it has been in the store for this long; later one a point
    /// and day, for ever.
    pub hourly_for: Duration,
    /// Everything that was measured within this time before or after a step of an alarm of the same machine stays.
    pub around_alarm: Duration,
}

impl Default for Capture {
    fn default() -> Self {
        Self { all_for: 2 * DAY, hourly_for: 30 * DAY, around_alarm: HOUR / 2 }
    }
}

/// Which waveforms are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WavePolicy {
    /// What holds for every class of points that is not named in `classes`.
    pub capture: Capture,
    /// What holds for points that measure this.
    pub classes: BTreeMap<Quantity, Capture>,
    /// How many bytes of wave.db may be in use. Beyond them the policy becomes stricter, and in the end what it protects
    /// goes, too: see [`crate::DropReason`] for the order.
    pub quota_bytes: u64,
}

impl Default for WavePolicy {
    fn default() -> Self {
        Self { capture: Capture::default(), classes: BTreeMap::new(), quota_bytes: 20 << 30 }
    }
}

impl WavePolicy {
    /// What holds for the class of this name (as [`Quantity::as_str`]).
    pub(crate) fn of(&self, class: &str) -> Capture {
        self.classes.iter().find(|(q, _)| q.as_str() == class).map_or(self.capture, |(_, c)| *c)
    }
}

/// Why a waveform was dropped. Those for want of room stand in the order in which they are resorted to: each only when
/// the one before has nothing left to give, and within each the oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// By age: another record is kept for its hour.
    Hourly,
    /// By age: another record is kept for its day.
    Daily,
    /// The quota was used up: another record is kept for its hour, earlier than its age asks for (not before
    /// [`Capture::around_alarm`] has passed).
    QuotaHourly,
    /// The quota was used up: another record is kept for its day, earlier than its age asks for.
    QuotaDaily,
    /// The quota was used up, and it was the oldest of those that nothing protects.
    QuotaUnprotected,
    /// The quota was used up, and it was the oldest of those near an alarm.
    QuotaNearAlarm,
    /// The quota was used up, and it was the oldest of those that alarms rest on.
    QuotaEvidence,
    /// The disk was nearly full. The order is that of the quota; what is protected stays.
    Disk,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Hourly,
        Self::Daily,
        Self::QuotaHourly,
        Self::QuotaDaily,
        Self::QuotaUnprotected,
        Self::QuotaNearAlarm,
        Self::QuotaEvidence,
        Self::Disk,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::QuotaHourly => "quota_hourly",
            Self::QuotaDaily => "quota_daily",
            Self::QuotaUnprotected => "quota_unprotected",
            Self::QuotaNearAlarm => "quota_near_alarm",
            Self::QuotaEvidence => "quota_evidence",
            Self::Disk => "disk",
        }
    }

    /// Whether it was for want of room, and not by age.
    #[must_use]
    pub const fn forced(self) -> bool {
        !matches!(self, Self::Hourly | Self::Daily)
    }
}

/// What protects a waveform; stored by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    NearAlarm = 1,
    Evidence = 2,
}

/// What the policy has to know of a waveform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub id: WaveformId,
    /// Time of the first sample.
    pub t0: Timestamp,
    /// When it came into the store.
    pub since: Timestamp,
    pub mark: Option<Mark>,
    /// Whether a diagnosis found something wrong on it.
    pub telling: bool,
}

impl Record {
    /// The least of a stretch of time is kept.
    fn rank(&self) -> (bool, Timestamp, WaveformId) {
        (!self.telling, self.t0, self.id)
    }
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is young.
    Young,
    Protected(Mark),
    /// It is kept for its hour.
    Hourly,
    /// It is kept for its day.
    Daily,
    /// It goes: there is a better one for its hour, or for its day.
    Drop(DropReason),
}

/// What came before `all` is thinned to one an hour, what of it came before `hourly` to one a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Horizons {
    pub all: Timestamp,
    pub hourly: Timestamp,
}

impl Capture {
    /// At `now`. Both move on by whole hours and days, so that hours and days are looked at once and not record by record.
    pub(crate) fn horizons(&self, now: Timestamp) -> Horizons {
        let all = (now - self.all_for).align(HOUR);
        Horizons { all, hourly: (now - self.hourly_for).align(DAY).min(all) }
    }
}

/// What becomes of each of `records`, which are of one point and one class.
pub(crate) fn judge(horizons: Horizons, records: &[Record]) -> Vec<Fate> {
    let plain = |r: &&Record| r.mark.is_none() && r.since < horizons.all;
    let hours = least(records.iter().filter(plain), HOUR);
    let of_hour = |r: &&Record| hours.get(&r.t0.align(HOUR)) == Some(&r.id);
    let old = |r: &&Record| r.since < horizons.hourly;
    let days = least(records.iter().filter(plain).filter(of_hour).filter(old), DAY);
    let fate = |r: &Record| match r.mark {
        Some(mark) => Fate::Protected(mark),
        None if r.since >= horizons.all => Fate::Young,
        None if !of_hour(&r) => Fate::Drop(DropReason::Hourly),
        None if !old(&r) => Fate::Hourly,
        None if days.get(&r.t0.align(DAY)) == Some(&r.id) => Fate::Daily,
        None => Fate::Drop(DropReason::Daily),
    };
    records.iter().map(fate).collect()
}

/// The record of the least rank in each stretch of `width`.
fn least<'a>(records: impl Iterator<Item = &'a Record>, width: Duration) -> HashMap<Timestamp, WaveformId> {
    let mut least: HashMap<Timestamp, &Record> = HashMap::new();
    for r in records {
        let kept = least.entry(r.t0.align(width)).or_insert(r);
        if r.rank() < kept.rank() {
            *kept = r;
        }
    }
    least.into_iter().map(|(t, r)| (t, r.id)).collect()
}

/// Whether a diagnosis found something wrong with the machine.
pub(crate) fn telling(d: &Diagnosis) -> bool {
    let severe = matches!(d.zone, ZoneVerdict::Zone { zone: Zone::C | Zone::D, .. });
    let damaged = match &d.bearing {
        BearingVerdict::Judged { hypotheses, threshold, .. } => {
            hypotheses.first().is_some_and(|best| best.statistic > *threshold)
        }
        BearingVerdict::Refused(_) => false,
    };
    severe || damaged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000 * 86_400 + 5_000);

    fn record(id: u128, t0: i64, since: i64) -> Record {
        let (t0, since) = (Timestamp::from_secs(t0), Timestamp::from_secs(since));
        Record { id: WaveformId(id), t0, since, mark: None, telling: false }
    }

    /// A record that was measured and came `ago` seconds before now.
    fn aged(id: u128, ago: i64) -> Record {
        let t = NOW.nanos() / 1_000_000_000 - ago;
        record(id, t, t)
    }

    fn fates(records: &[Record]) -> Vec<Fate> {
        judge(Capture::default().horizons(NOW), records)
    }

    #[test]
    fn everything_then_one_an_hour_then_one_a_day() {
        let (h, d) = (3_600, 86_400);
        let hour = Fate::Drop(DropReason::Hourly);
        // Now is 5,000 s after midnight: hours begin 1,400 s ago, days 5,000 s ago.
        let old = 40 * d + 5_000;
        let records = [
            aged(1, 60),
            aged(2, 2 * d),
            aged(3, 2 * d + 1_400 + h),
            aged(4, 2 * d + 1_400 + h - 10),
            aged(5, 2 * d + 1_400 + 2 * h),
            aged(6, old),
            aged(7, old - 20),
            aged(8, old - h),
            aged(9, old - d),
        ];
        let expected = [
            Fate::Young,
            Fate::Young,
            Fate::Hourly,
            hour,
            Fate::Hourly,
            Fate::Daily,
            hour,
            Fate::Drop(DropReason::Daily),
            Fate::Daily,
        ];
        assert_eq!(fates(&records), expected);
    }

    #[test]
    fn what_came_late_is_young_and_then_belongs_to_its_own_hour() {
        let measured = aged(1, 10 * 86_400);
        let late = |ago: i64| Record { id: WaveformId(2), since: NOW - Duration::from_secs(ago as u64), ..measured };
        assert_eq!(fates(&[measured, late(60)]), [Fate::Hourly, Fate::Young]);
        assert_eq!(fates(&[measured, late(3 * 86_400)]), [Fate::Hourly, Fate::Drop(DropReason::Hourly)]);
    }

    #[test]
    fn protected_records_stay_beside_the_one_of_the_hour_and_a_telling_one_is_that_one() {
        let t = 5 * 86_400;
        let [a, b, c, d] = [aged(1, t), aged(2, t - 1), aged(3, t - 2), aged(4, t - 3)];
        let near = Record { mark: Some(Mark::NearAlarm), ..a };
        let evidence = Record { mark: Some(Mark::Evidence), ..c };
        let telling = Record { telling: true, ..d };
        let gone = Fate::Drop(DropReason::Hourly);
        let expected = [Fate::Protected(Mark::NearAlarm), gone, Fate::Protected(Mark::Evidence), Fate::Hourly];
        assert_eq!(fates(&[near, b, evidence, telling]), expected);
    }

    #[test]
    fn limits_that_contradict_each_other_or_never_end_do_no_harm() {
        let capture = Capture { all_for: 3 * DAY, hourly_for: DAY, around_alarm: HOUR };
        let h = capture.horizons(NOW);
        assert!(h.hourly <= h.all);
        let for_ever = Capture { all_for: Duration::MAX, hourly_for: Duration::MAX, around_alarm: Duration::MAX };
        assert_eq!(judge(for_ever.horizons(NOW), &[record(1, 0, 0), record(2, 0, 0)]), [Fate::Young; 2]);
    }

    #[test]
    fn a_class_has_its_own_policy() {
        let own = Capture { all_for: DAY, ..Capture::default() };
        let policy = WavePolicy { classes: BTreeMap::from([(Quantity::Current, own)]), ..WavePolicy::default() };
        assert_eq!(policy.of("current"), own);
        assert_eq!(policy.of("acceleration"), Capture::default());
        assert_eq!(policy.of(""), Capture::default());
    }

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let one = (0..4 * 86_400i64 / 600, 0..90i64, 0..8u8);
        proptest::collection::vec(one, 0..120).prop_map(|all| {
            let one = |(n, (t, late, kind)): (usize, (i64, i64, u8))| {
                let t0 = NOW.nanos() / 1_000_000_000 - 100 * 86_400 + t * 600;
                let mut r = record(n as u128, t0, t0 + late * 86_400);
                r.mark = [Some(Mark::NearAlarm), Some(Mark::Evidence)].get(usize::from(kind)).copied().flatten();
                r.telling = kind == 2;
                r
            };
            all.into_iter().enumerate().map(one).collect()
        })
    }

    proptest! {
        /// However often and whenever records are thinned in between, what is left in the end is the same.
        #[test]
        fn what_is_left_does_not_depend_on_when_it_was_thinned(
            all in records(),
            mut days in proptest::collection::vec(0..200u32, 0..6),
        ) {
            let capture = Capture::default();
            let stays = |f: &Fate| !matches!(f, Fate::Drop(_));
            let thin = |now: Timestamp, all: &[Record]| -> Vec<Record> {
                let here: Vec<Record> = all.iter().filter(|r| r.since <= now).copied().collect();
                let gone: Vec<_> = here.iter().zip(judge(capture.horizons(now), &here))
                    .filter(|(_, f)| !stays(f)).map(|(r, _)| r.id).collect();
                all.iter().filter(|r| !gone.contains(&r.id)).copied().collect()
            };
            let end = NOW + 400 * DAY;
            let at_once = thin(end, &all);
            days.sort_unstable();
            let start = NOW - 100 * DAY;
            let bit_by_bit = days.iter().fold(all.clone(), |left, d| thin(start + DAY * *d, &left));
            prop_assert_eq!(thin(end, &bit_by_bit), at_once.clone());
            // One a day beside what is protected, and everything that is protected.
            let plain = |r: &&Record| r.mark.is_none();
            let mut of_days: Vec<_> = all.iter().filter(plain).map(|r| r.t0.align(DAY)).collect();
            of_days.sort_unstable();
            of_days.dedup();
            prop_assert_eq!(at_once.iter().filter(plain).count(), of_days.len());
            prop_assert_eq!(at_once.len() - of_days.len(), all.iter().filter(|r| r.mark.is_some()).count());
        }
    }
}
