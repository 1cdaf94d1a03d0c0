//! A machine in one line, and the plant as the lines of its machines.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use historian::{Archive, ReadError};
use plant::{
    AlarmCondition, AlarmRecord, BearingVerdict, Diagnosis, Machine, MachineId, Plant, PointKind, Quality, Reason,
    SensorState, SeriesKey, Timestamp, Zone, ZoneVerdict,
};

use super::alarm::{counts, priority, shown, unacknowledged};
use super::title;
use crate::access::Who;
use crate::dto::{self, MachineStatus};
use crate::state::Sources;

/// The trends of the overview, with the time at which each was computed.
pub(crate) type SparkCache = BTreeMap<MachineId, (Timestamp, Option<dto::Spark>)>;

/// How long a trend is shown before it is computed anew.
const SPARK_AGE: Duration = Duration::from_secs(60);
/// How many buckets a trend has, at most.
const SPARK_BUCKETS: u32 = 48;
/// The spans a trend may cover; the longest that is filled at all counts.
const SPARK_SPANS: [Duration; 2] = [Duration::from_secs(24 * 3600), Duration::from_secs(3600)];
/// From how many buckets on a span counts as filled.
const SPARK_FILLED: usize = 8;

/// What the status of a machine rests on, of one of its points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Pointwise {
    /// Quality of the latest value; `None` where there is none.
    quality: Option<Quality>,
    /// It promised to speak and did not.
    silent: bool,
    /// The latest record says that the sensor is not to be believed.
    sensor_failed: bool,
    /// What came of its latest record; `None` where it takes none.
    verdict: Option<Verdict>,
    /// Time of the newest usable value or record.
    seen: Option<Timestamp>,
    velocity: Option<f64>,
    zone: Option<Zone>,
}

/// What a record came to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// A zone and a verdict on the bearings.
    Given,
    /// One of them.
    Part,
    /// Neither.
    None,
    /// It is no record of vibration: a tacho's pulses, say.
    Foreign,
}

impl Verdict {
    /// A point that has a record and no diagnosis of any has not been judged either.
    fn of(latest: Option<&Diagnosis>) -> Self {
        match latest.map(|d| (&d.zone, &d.bearing)) {
            Some((ZoneVerdict::Refused(zone), BearingVerdict::Refused(bearing))) => {
                let unit = |codes: &[Arc<str>]| codes.iter().all(|c| &**c == "unit");
                if unit(zone) && unit(bearing) { Self::Foreign } else { Self::None }
            }
            Some((ZoneVerdict::Refused(_), _) | (_, BearingVerdict::Refused(_))) => Self::Part,
            Some(_) => Self::Given,
            None => Self::None,
        }
    }
}

/// The whole plant, as far as `who` sees it.
pub(crate) fn overview(from: &Sources, who: &Who) -> Result<dto::Overview, ReadError> {
    let plant = from.register.plant();
    let mut alarms = from.register.alarms()?;
    alarms.retain(|a| who.sees(&plant, &a.key.machine));
    let mut areas: BTreeMap<Option<String>, Vec<dto::MachineSummary>> = BTreeMap::new();
    for mut line in summaries(from, &plant, &alarms, who)? {
        line.spark = spark(from, &line)?;
        areas.entry(line.area.clone()).or_default().push(line);
    }
    // None sorts before every name; here it comes last.
    let unnamed = areas.remove(&None);
    let named = areas.into_iter().chain(unnamed.map(|m| (None, m)));
    let areas = named.map(|(area, mut machines)| {
        machines.sort_by(|a, b| {
            (a.line.is_none(), &a.line, &a.site, &a.machine).cmp(&(b.line.is_none(), &b.line, &b.site, &b.machine))
        });
        dto::Area { area, machines }
    });
    Ok(dto::Overview { counts: counts(&alarms), areas: areas.collect() })
}

/// The line of every machine that `who` sees, by id, without trends.
pub(crate) fn summaries(
    from: &Sources,
    plant: &Plant,
    alarms: &[AlarmRecord],
    who: &Who,
) -> Result<Vec<dto::MachineSummary>, ReadError> {
    let mut by_machine: BTreeMap<&MachineId, Vec<&AlarmRecord>> = BTreeMap::new();
    for a in alarms {
        by_machine.entry(&a.key.machine).or_default().push(a);
    }
    let seen = plant.machines.values().filter(|m| who.sees(plant, &m.id));
    seen.map(|m| summary(from, m, by_machine.get(&m.id).map_or(&[], Vec::as_slice))).collect()
}

/// One machine's line, without trend. `alarms` are all of that machine's.
pub(crate) fn summary(
    from: &Sources,
    machine: &Machine,
    alarms: &[&AlarmRecord],
) -> Result<dto::MachineSummary, ReadError> {
    let points = pointwise(from, machine)?;
    let active = alarms.iter().filter(|a| a.state.active()).map(|a| &a.key.condition);
    let urgent = alarms.iter().filter(|a| shown(a)).map(|a| a.priority).min();
    Ok(dto::MachineSummary {
        site: machine.id.site().into(),
        machine: machine.id.name().into(),
        title: title(&machine.title),
        class: machine.class.as_str().into(),
        area: machine.area.as_ref().map(ToString::to_string),
        line: machine.line.as_ref().map(ToString::to_string),
        status: status(active, &points),
        partly: points.iter().any(|p| p.verdict == Some(Verdict::Part)),
        priority: urgent.map(priority),
        zone: points.iter().filter_map(|p| p.zone).max().map(|z| z.letter().to_string()),
        velocity_rms: points.iter().filter_map(|p| p.velocity).reduce(f64::max),
        unacknowledged: alarms.iter().filter(|a| unacknowledged(a)).count() as u64,
        last_seen: points.iter().filter_map(|p| p.seen).max().map(Into::into),
        spark: None,
    })
}

fn pointwise(from: &Sources, machine: &Machine) -> Result<Vec<Pointwise>, ReadError> {
    let now = from.clock.now();
    let mut by_name: BTreeMap<String, Pointwise> = BTreeMap::new();
    for p in machine.points.values() {
        let Ok(id) = machine.id.point(&p.name) else { continue };
        let mut facts = Pointwise { silent: from.pulse.silent(&id, p, now), ..Pointwise::default() };
        if p.kind == PointKind::Waveform {
            let latest = from.pulse.latest(&from.archive, &id)?;
            facts.seen = latest.waveform;
            facts.verdict = latest.waveform.map(|_| Verdict::of(latest.diagnosis.as_deref()));
            if let Some(d) = latest.diagnosis {
                facts.sensor_failed = matches!(d.sensor, SensorState::Failed(_));
                facts.zone = match d.zone {
                    ZoneVerdict::Zone { zone, .. } if !facts.sensor_failed => Some(zone),
                    _ => None,
                };
            }
        }
        by_name.insert(id.name().to_owned(), facts);
    }
    for key in from.archive.series_of(&machine.id) {
        let (Some(facts), Some(last)) = (by_name.get_mut(key.point.name()), from.archive.last(&key)) else { continue };
        let usable = last.quality.usable();
        if usable {
            facts.seen = facts.seen.max(Some(last.t));
        }
        match &key.indicator {
            None => facts.quality = Some(last.quality),
            Some(name) if name.as_str() == "velocity_rms" && usable => facts.velocity = last.value.as_f64(),
            Some(_) => {}
        }
    }
    Ok(by_name.into_values().collect())
}

/// One word for a machine with these active alarm conditions and points; the order is that of [`MachineStatus`].
fn status<'a>(active: impl Iterator<Item = &'a AlarmCondition>, points: &[Pointwise]) -> MachineStatus {
    use MachineStatus as S;
    let (mut offline, mut alarm, mut sensor, mut stale) = (false, false, false, false);
    for condition in active {
        match condition {
            AlarmCondition::Offline => offline = true,
            AlarmCondition::Sensor => sensor = true,
            AlarmCondition::Stale => stale = true,
            AlarmCondition::HighHigh
            | AlarmCondition::High
            | AlarmCondition::Low
            | AlarmCondition::LowLow
            | AlarmCondition::Rate
            | AlarmCondition::Deviation
            | AlarmCondition::Discrete
            | AlarmCondition::Zone(_)
            | AlarmCondition::Change
            | AlarmCondition::Bearing(..) => alarm = true,
            // Of the platform, and of no machine.
            AlarmCondition::System(_) => {}
        }
    }
    let spoken = points.iter().any(|p| p.quality.is_some() || p.seen.is_some());
    let mut known = points.iter().filter_map(|p| p.quality).peekable();
    offline |= known.peek().is_some() && known.all(|q| q == Quality::Bad(Reason::Offline));
    for p in points {
        sensor |= p.sensor_failed;
        stale |= p.silent && spoken;
        match p.quality {
            Some(Quality::Bad(Reason::Stale | Reason::Offline)) => stale = true,
            Some(Quality::Bad(Reason::NoTimestamp | Reason::Source | Reason::OutOfRange | Reason::Sensor)) => {
                sensor = true;
            }
            Some(Quality::Good | Quality::Uncertain(_)) | None => {}
        }
    }
    match () {
        () if offline => S::Offline,
        () if alarm => S::Alarm,
        () if sensor => S::Sensor,
        () if stale => S::Stale,
        () if !spoken => S::NoData,
        () if unjudged(points) => S::Unjudged,
        () => S::Normal,
    }
}

/// Whether the record of a sensor gave no verdict at all. Pulses of a tacho need none, where something else was judged.
fn unjudged(points: &[Pointwise]) -> bool {
    let any = |v| points.iter().any(|p| p.verdict == Some(v));
    any(Verdict::None) || any(Verdict::Foreign) && !any(Verdict::Given) && !any(Verdict::Part)
}

/// The trend of the point with the highest velocity, from the cache or computed.
fn spark(from: &Sources, line: &dto::MachineSummary) -> Result<Option<dto::Spark>, ReadError> {
    let Ok(id) = MachineId::new(&line.site, &line.machine) else { return Ok(None) };
    let now = from.clock.now();
    let cached = from.sparks.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    if let Some((at, spark)) = cached
        && now.since(at) < SPARK_AGE
        && at <= now
    {
        return Ok(spark);
    }
    let computed = draw(&from.archive, &id)?;
    from.sparks.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (now, computed.clone()));
    Ok(computed)
}

fn draw(archive: &Archive, machine: &MachineId) -> Result<Option<dto::Spark>, ReadError> {
    let velocities = archive.series_of(machine).into_iter();
    let velocities = velocities.filter(|k| k.indicator.as_ref().is_some_and(|n| n.as_str() == "velocity_rms"));
    let highest = velocities
        .filter_map(|k| archive.last(&k).and_then(|s| Some((s.value.as_f64()?, s.t, k))))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let Some((_, t, key)) = highest else { return Ok(None) };
    let mut spark = dto::Spark::default();
    for span in SPARK_SPANS {
        // The span ends where the data ends: a recording replayed from years ago has a trend, too.
        spark = buckets(archive, &key, t, span)?;
        if spark.v.len() >= SPARK_FILLED {
            break;
        }
    }
    Ok(Some(spark).filter(|s| s.v.len() > 1))
}

fn buckets(archive: &Archive, key: &SeriesKey, last: Timestamp, span: Duration) -> Result<dto::Spark, ReadError> {
    let to = last + Duration::from_nanos(1);
    let found = archive.buckets(key, to - span, to, span / SPARK_BUCKETS)?;
    Ok(dto::Spark {
        t_ms: found.iter().map(|b| b.t.nanos().div_euclid(1_000_000)).collect(),
        v: found.iter().map(|b| b.mean).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_refused_altogether_has_no_verdict() {
        let diagnosis = |zone: ZoneVerdict, bearing: BearingVerdict| Diagnosis {
            waveform: plant::WaveformId(1),
            point: "s/m/p".parse().unwrap(),
            t: Timestamp::from_secs(1),
            sensor: SensorState::Healthy,
            zone,
            bearing,
        };
        let zone = |code: &str| ZoneVerdict::Refused(vec![code.into()]);
        let bearing = |code: &str| BearingVerdict::Refused(vec![code.into()]);
        let given = ZoneVerdict::Zone {
            zone: Zone::A,
            velocity_mm_s: 1.0,
            boundaries: [2.3, 4.5, 7.1],
            basis: "ISO 20816-3".into(),
        };
        let judged = BearingVerdict::Judged { hypotheses: Vec::new(), threshold: 8.0, shaft_hz: 25.0 };
        for (latest, expect) in [
            (Some(diagnosis(zone("speed"), bearing("geometry"))), Verdict::None),
            (Some(diagnosis(zone("unit"), bearing("unit"))), Verdict::Foreign),
            (Some(diagnosis(given.clone(), bearing("geometry"))), Verdict::Part),
            (Some(diagnosis(zone("power"), judged.clone())), Verdict::Part),
            (Some(diagnosis(given, judged)), Verdict::Given),
            (None, Verdict::None),
        ] {
            assert_eq!(Verdict::of(latest.as_ref()), expect, "{latest:?}");
        }
    }

    #[test]
    fn no_data_and_bad_data_are_never_healthy() {
        use AlarmCondition as A;
        use MachineStatus as S;
        let at = Some(Timestamp::from_secs(1));
        let none = Pointwise::default();
        let with = |q| Pointwise { quality: Some(q), seen: at, ..none };
        let good = with(Quality::Good);
        let bad = |r| with(Quality::Bad(r));
        let silent = |p| Pointwise { silent: true, ..p };
        let failed = Pointwise { sensor_failed: true, seen: at, ..none };
        let check = |active: &[A], points: &[Pointwise], expect| {
            assert_eq!(status(active.iter(), points), expect, "{active:?} {points:?}");
        };
        check(&[], &[], S::NoData);
        check(&[], &[none, none], S::NoData);
        check(&[], &[silent(none)], S::NoData);
        check(&[], &[good], S::Normal);
        check(&[], &[good, none], S::Normal);
        check(&[], &[with(Quality::Uncertain(Reason::NoTimestamp))], S::Normal);
        check(&[], &[good, silent(none)], S::Stale);
        check(&[], &[silent(good)], S::Stale);
        check(&[], &[good, bad(Reason::Stale)], S::Stale);
        check(&[], &[good, bad(Reason::Offline)], S::Stale);
        check(&[], &[bad(Reason::Offline), bad(Reason::Offline), none], S::Offline);
        check(&[], &[good, bad(Reason::OutOfRange)], S::Sensor);
        check(&[], &[good, bad(Reason::Source)], S::Sensor);
        check(&[], &[good, failed], S::Sensor);
        let came_to = |verdict| Pointwise { verdict: Some(verdict), seen: at, ..none };
        let (given, nothing, foreign) = (came_to(Verdict::Given), came_to(Verdict::None), came_to(Verdict::Foreign));
        check(&[], &[given], S::Normal);
        check(&[], &[given, foreign], S::Normal);
        check(&[], &[came_to(Verdict::Part), foreign], S::Normal);
        check(&[], &[good, foreign], S::Unjudged);
        check(&[], &[good, nothing], S::Unjudged);
        check(&[], &[given, nothing], S::Unjudged);
        check(&[], &[nothing, silent(given)], S::Stale);
        check(&[A::High], &[nothing], S::Alarm);
        check(&[A::Stale], &[good], S::Stale);
        check(&[A::Sensor, A::Stale], &[good], S::Sensor);
        check(&[A::Zone(Zone::D), A::Sensor], &[bad(Reason::Sensor)], S::Alarm);
        check(&[A::HighHigh, A::Offline], &[good], S::Offline);
        check(&[A::Offline], &[], S::Offline);
    }
}
