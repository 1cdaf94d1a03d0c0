//! Records of fast signals: what follows from the verdict.

use std::sync::Arc;

use plant::{
    AlarmCondition, AlarmKey, BearingFault, BearingVerdict, Diagnosis, Evidence, FaultLine, Finding, Hypothesis,
    IndicatorValue, Name, Priority, Quality, Reason, SensorState, Timestamp, Unit, Waveform, Zone, ZoneVerdict,
};

use super::Settings;
use super::assess;
use super::book::Detail;
use super::change;
use super::job::{Job, Judged};
use super::state::{LEARNT, Past, RecordState, State};
use super::values::{Described, Measured, hold_limits, key, promised};
use crate::alarm::Event;
use crate::alarm::persist::weight;
use crate::rotating::{Analysis, Fault, Refusal, Scored, ZoneRow};

/// Clears at this part of what raises.
const CLEAR: f64 = 0.9;
/// Part of the velocity at shaft speed from which imbalance is named.
const IMBALANCE: f64 = 0.8;
/// The weight of a sensor's failed look: two of three in effect, as three are enough.
const SENSOR_WEIGHT: u8 = 2;

/// Turns the verdict on one record into findings and moves the alarms that rest on it.
pub(super) fn conclude(state: &mut State, settings: &Settings, job: Job, judged: Judged, out: &mut Vec<Finding>) {
    let (now, up) = (state.now, state.up);
    let w = job.waveform.clone();
    let promised = promised(state, &w.point);
    let point = state.point(&w.point);
    let returned = point.gone || point.stale;
    match promised {
        true => point.rhythm = None,
        false => point.learn(w.t0, up),
    }
    let late = point.hear(w.t0, now, up, settings.late_after);
    state.urgent |= returned;
    let mut analysis = match judged.analysis {
        Ok(a) => a,
        Err(code) => {
            if !late {
                assess::refused(state, &w);
            }
            out.push(Finding::Diagnosis(refused(&w, code)));
            return;
        }
    };
    let mut records = state.point(&w.point).records.take().unwrap_or_default();
    judge_by_past(&mut analysis, &mut records.past, late);
    let hypotheses = if analysis.faults.is_empty() { judged.hypotheses } else { Vec::new() };
    let look = Look { job: &job, analysis: &analysis, hypotheses: &hypotheses };
    indicators(&look, out);
    out.push(Finding::Diagnosis(look.diagnosis()));
    look.sensor(state, &mut records, late, out);
    if analysis.faults.is_empty() {
        look.zone(state, &mut records, late, out);
        look.bearings(state, &mut records, late, out);
        change::judge(&look, state, settings, &mut records, late, out);
        look.limits(state, settings, late, out);
    } else {
        look.lose(state, &records, out);
    }
    if !late {
        if let (Ok(shaft_hz), Some(sightings)) = (analysis.bearing, &judged.sightings) {
            records.seen.take(w.t0.min(now), shaft_hz, sightings);
        }
        assess::take(&look, judged.heard, state, settings, &mut records);
    }
    state.point(&w.point).records = Some(records);
}

fn refused(w: &Waveform, code: Refusal) -> Diagnosis {
    let codes: Vec<Arc<str>> = vec![code.into()];
    Diagnosis {
        waveform: w.id,
        point: w.point.clone(),
        t: w.t0,
        sensor: SensorState::Healthy,
        zone: ZoneVerdict::Refused(codes.clone()),
        bearing: BearingVerdict::Refused(codes),
    }
}

/// Learns a sensor's past from its first sound records, and afterwards tells by it when the sensor came loose (low
/// frequencies halved and the weight of the high ones shifted by a fifth) or sees the turning no longer (what stood out
/// 20 dB always is gone). Only at about the speed at which it was learnt.
fn judge_by_past(analysis: &mut Analysis, past: &mut Past, late: bool) {
    let shape = analysis.shape;
    let (Ok(shaft), Some(rotation)) = (analysis.bearing, shape.rotation) else { return };
    if !analysis.faults.is_empty() || shape.low_rms <= 0.0 || shape.high_hz <= 0.0 {
        return;
    }
    let (low, high) = (shape.low_rms.ln(), shape.high_hz.ln());
    if past.count < LEARNT {
        if late {
            return;
        }
        if past.count == 0 || (shaft / past.shaft_hz - 1.0).abs() > 0.1 {
            *past = Past { count: 1, shaft_hz: shaft, ln_low: low, ln_high_hz: high, rotation };
            return;
        }
        past.count += 1;
        let part = 1.0 / f64::from(past.count);
        past.ln_low += part * (low - past.ln_low);
        past.ln_high_hz += part * (high - past.ln_high_hz);
        past.rotation = past.rotation.min(rotation);
        return;
    }
    if (shaft / past.shaft_hz - 1.0).abs() > 0.1 {
        return;
    }
    if low < past.ln_low - 2f64.ln() && (high - past.ln_high_hz).abs() > 1.2f64.ln() {
        analysis.faults.add(Fault::Loose);
    }
    if past.rotation > 100.0 && rotation < 10.0 {
        analysis.faults.add(Fault::NoRotation);
    }
    if !analysis.faults.is_empty() {
        (analysis.velocity, analysis.bearing, analysis.amplitude_1x) = (Err("sensor"), Err("sensor"), None);
    }
}

fn indicators(look: &Look<'_>, out: &mut Vec<Finding>) {
    let (a, w) = (look.analysis, &look.job.waveform);
    let quality = if a.faults.is_empty() { Quality::Good } else { Quality::Bad(Reason::Sensor) };
    let best = look.hypotheses.first().map(|h| h.statistic);
    let values = [
        ("velocity_rms", a.velocity.ok().map(|v| v.rms_mm_s), Some("mm/s")),
        ("acceleration_rms", Some(a.features.rms), Some("m/s²")),
        ("peak", Some(a.features.peak), Some("m/s²")),
        ("crest", Some(a.features.crest), None),
        ("kurtosis", Some(a.features.kurtosis), None),
        ("bearing_t", best, None),
        ("amplitude_1x", a.amplitude_1x, Some("mm/s")),
    ];
    for (name, value, unit) in values {
        let (Some(value), Ok(name)) = (value.filter(|v| v.is_finite()), Name::new(name)) else { continue };
        let unit = unit.and_then(Unit::parse);
        out.push(Finding::Indicator(IndicatorValue { point: w.point.clone(), name, t: w.t0, value, quality, unit }));
    }
}

/// One record's verdict, while alarms are moved by it.
pub(super) struct Look<'a> {
    pub job: &'a Job,
    pub analysis: &'a Analysis,
    hypotheses: &'a [Scored],
}

impl Look<'_> {
    pub fn t(&self) -> Timestamp {
        self.job.waveform.t0
    }

    pub fn evidence(&self) -> Evidence {
        Evidence { waveform: Some(self.job.waveform.id), ..Evidence::default() }
    }

    /// The best explanation, where the bearings were judged.
    pub fn best(&self) -> Option<&Scored> {
        self.hypotheses.first()
    }

    /// Whether what explains the record best can be told from a neighbour's, see [`super::seen`]; where nothing is
    /// significant there is nothing to tell.
    pub fn is_borne_out(&self, state: &State, records: &RecordState) -> bool {
        let (Ok(shaft_hz), Some(s)) = (self.analysis.bearing, self.best().filter(|s| s.significant())) else {
            return true;
        };
        let Some((name, seated)) = self.job.bearings.get(s.bearing) else { return true };
        let stands = state.book.active(&self.key(AlarmCondition::Bearing(name.clone(), s.fault)));
        let (order, apart) = (seated.strikes(s.lines_of), seated.apart(s.lines_of));
        stands || records.seen.bears_out(self.t().min(state.now), order, shaft_hz, apart)
    }

    /// The alarm of a condition at this point.
    pub fn key(&self, condition: AlarmCondition) -> AlarmKey {
        key(&self.job.waveform.point, condition)
    }

    fn bearing_name(&self, s: &Scored) -> Option<&Name> {
        self.job.bearings.get(s.bearing).map(|(name, _)| name)
    }

    fn diagnosis(&self) -> Diagnosis {
        let (a, w) = (self.analysis, &self.job.waveform);
        let sensor = if a.faults.is_empty() { SensorState::Healthy } else { SensorState::Failed(a.faults.codes()) };
        let bearing = match a.bearing {
            Ok(shaft_hz) => BearingVerdict::Judged {
                hypotheses: self.hypotheses.iter().filter_map(|s| self.hypothesis(s)).collect(),
                threshold: self.hypotheses.first().map_or(0.0, |h| h.threshold),
                shaft_hz,
            },
            Err(code) => BearingVerdict::Refused(vec![code.into()]),
        };
        let zone = match self.zone_of() {
            Ok((row, v)) => ZoneVerdict::Zone {
                zone: row.zone(v),
                velocity_mm_s: v,
                boundaries: row.boundaries,
                basis: row.basis.into(),
            },
            Err(codes) => ZoneVerdict::Refused(codes.into_iter().map(Arc::from).collect()),
        };
        Diagnosis { waveform: w.id, point: w.point.clone(), t: w.t0, sensor, zone, bearing }
    }

    fn hypothesis(&self, s: &Scored) -> Option<Hypothesis> {
        let bearing = self.bearing_name(s)?.clone();
        Some(Hypothesis { bearing, fault: s.fault, statistic: s.statistic, hz: s.hz })
    }

    /// The row and the velocity to hold against it, or everything that is missing.
    pub fn zone_of(&self) -> Result<(ZoneRow, f64), Vec<&'static str>> {
        match (&self.job.row, self.analysis.velocity) {
            (_, Err("sensor")) => Err(vec!["sensor"]),
            (Ok(row), Ok(v)) => Ok((*row, v.rms_mm_s)),
            (row, velocity) => {
                let mut codes = row.as_ref().err().cloned().unwrap_or_default();
                codes.extend(velocity.err());
                Err(codes)
            }
        }
    }

    /// Whether an alarm of this point stands that says what it is.
    pub fn is_named(&self, state: &State, records: &RecordState) -> bool {
        let active = |condition| state.book.active(&key(&self.job.waveform.point, condition));
        let bearing = |(name, fault): &(Name, BearingFault)| active(AlarmCondition::Bearing(name.clone(), *fault));
        [Zone::C, Zone::D].into_iter().any(|z| active(AlarmCondition::Zone(z))) || records.bearings.keys().any(bearing)
    }

    fn sensor(&self, state: &mut State, records: &mut RecordState, late: bool, out: &mut Vec<Finding>) {
        if late {
            return;
        }
        let key = key(&self.job.waveform.point, AlarmCondition::Sensor);
        let failed = !self.analysis.faults.is_empty();
        let stands = state.book.holds(&key);
        let stand = records.sensor.look(if failed { SENSOR_WEIGHT } else { 0 }, failed, stands);
        let mut detail = Detail { evidence: self.evidence(), ..Detail::default() };
        detail.evidence.codes = self.analysis.faults.codes();
        let event = if stand { Event::Holds } else { Event::Gone };
        state.book.apply(&key, Priority::Medium, event, self.t(), detail, out);
    }

    fn zone(&self, state: &mut State, records: &mut RecordState, late: bool, out: &mut Vec<Finding>) {
        let Ok((row, v)) = self.zone_of() else { return };
        let [_, bc, cd] = row.boundaries;
        // A point is in one zone: where D stands, C neither raises nor stands, and one cause is one alarm.
        let mut above = false;
        for (zone, boundary, priority, persistence) in
            [(Zone::D, cd, Priority::Critical, &mut records.zone_d), (Zone::C, bc, Priority::High, &mut records.zone_c)]
        {
            let key = key(&self.job.waveform.point, AlarmCondition::Zone(zone));
            let mut detail = Detail { evidence: self.evidence(), ..Detail::default() };
            (detail.value, detail.limit, detail.unit) = (Some(v), Some(boundary), Unit::parse("mm/s"));
            detail.evidence.terms.insert("velocity_rms".into(), v);
            detail.evidence.terms.insert("boundary".into(), boundary);
            detail.evidence.codes.push(row.basis.into());
            if let Some(share) = self.analysis.share_1x() {
                detail.evidence.terms.insert("share_1x".into(), share);
                if share > IMBALANCE {
                    detail.evidence.codes.push("imbalance".into());
                }
            }
            if let Ok(hz) = self.analysis.bearing {
                detail.evidence.terms.insert("shaft_hz".into(), hz);
            }
            if late {
                if v > boundary && !above {
                    state.book.apply(&key, priority, Event::HeldLate, self.t(), detail, out);
                } else {
                    state.book.end_late(&key);
                }
                above = v > boundary;
                continue;
            }
            let stands = state.book.holds(&key);
            let stand = persistence.look(u8::from(v > boundary), v > CLEAR * boundary, stands) && !above;
            above = stand;
            match (stand, v > boundary) {
                (true, true) => state.book.hold(&key, priority, self.t(), detail, out),
                // Between: it stands as it stood, and there is nothing new to show.
                (true, false) => {}
                (false, _) => state.book.apply(&key, priority, Event::Gone, self.t(), detail, out),
            }
        }
    }

    fn bearings(&self, state: &mut State, records: &mut RecordState, late: bool, out: &mut Vec<Finding>) {
        let Ok(shaft_hz) = self.analysis.bearing else { return };
        // A clock that runs ahead makes what was seen no older.
        let t = self.t().min(state.now);
        for (rank, s) in self.hypotheses.iter().enumerate() {
            let Some((name, seated)) = self.job.bearings.get(s.bearing).cloned() else { continue };
            // Only the best explanation raises: the lines of one fault lend something to the others.
            let significant = s.significant() && rank == 0;
            let key = key(&self.job.waveform.point, AlarmCondition::Bearing(name.clone(), s.fault));
            let detail = self.bearing_detail(s);
            if late {
                if significant {
                    state.book.apply(&key, Priority::High, Event::HeldLate, self.t(), detail, out);
                } else {
                    state.book.end_late(&key);
                }
                continue;
            }
            let id = (name, s.fault);
            let mut persistence = records.bearings.get(&id).copied().unwrap_or_default();
            let hypotheses = self.hypotheses.len() as f64;
            let worth = if significant { weight(s.ln_p + hypotheses.ln(), self.job.alpha).max(1) } else { 0 };
            let stands = state.book.holds(&key);
            let enough = persistence.look(worth, s.statistic > CLEAR * s.threshold, stands);
            let order = seated.strikes(s.lines_of);
            if significant {
                records.seen.claim(t, order, shaft_hz);
            }
            let borne_out = || records.seen.bears_out(t, order, shaft_hz, seated.apart(s.lines_of));
            let stand = enough && (stands || borne_out());
            match (stand, significant) {
                (true, true) => state.book.hold(&key, Priority::High, self.t(), detail, out),
                (true, false) => {}
                (false, _) => state.book.apply(&key, Priority::High, Event::Gone, self.t(), detail, out),
            }
            if stand || !persistence.is_blank() {
                records.bearings.insert(id, persistence);
            } else {
                records.bearings.remove(&id);
            }
        }
    }

    fn bearing_detail(&self, s: &Scored) -> Detail {
        let mut detail = Detail { evidence: self.evidence(), ..Detail::default() };
        (detail.value, detail.limit) = (Some(s.statistic), Some(s.threshold));
        let terms = &mut detail.evidence.terms;
        terms.insert("statistic".into(), s.statistic);
        terms.insert("threshold".into(), s.threshold);
        terms.insert("fault_hz".into(), s.hz);
        terms.insert("slip".into(), s.slip);
        if let Ok(hz) = self.analysis.bearing {
            terms.insert("shaft_hz".into(), hz);
        }
        // The lines were searched further than bearings slip, and say less of where the damage is.
        if self.job.bearings.get(s.bearing).is_some_and(|(_, b)| b.is_estimated()) {
            detail.evidence.codes.push("estimated".into());
        }
        detail.evidence.lines = fault_lines(s);
        detail
    }

    /// The limits of a point that delivers records are held against the record's RMS, in the point's unit.
    fn limits(&self, state: &mut State, settings: &Settings, late: bool, out: &mut Vec<Finding>) {
        let w = &self.job.waveform;
        let unit = self.job.point.unit.unwrap_or(w.unit);
        let rms = Unit::parse("m/s²").and_then(|si| si.convert(self.analysis.features.rms, unit).ok());
        let Some(value) = rms else { return };
        let measured = Measured { point: &w.point, t: w.t0, value, late, evidence: self.evidence() };
        let defined = state.book.tests(&w.point);
        let described = Described { unit: Some(unit), ..self.job.point.clone() };
        hold_limits(state, settings, &described, defined.as_deref().unwrap_or_default(), measured, out);
    }

    /// A failed sensor says nothing of the machine: what stands on it keeps standing, its value lost.
    fn lose(&self, state: &mut State, records: &RecordState, out: &mut Vec<Finding>) {
        let point = &self.job.waveform.point;
        let zones = [(Zone::C, Priority::High), (Zone::D, Priority::Critical)];
        let zones = zones.map(|(z, p)| (AlarmCondition::Zone(z), p));
        let bearings = records.bearings.keys().map(|(n, f)| (AlarmCondition::Bearing(n.clone(), *f), Priority::High));
        let change = [(AlarmCondition::Change, Priority::Medium)];
        for (condition, priority) in zones.into_iter().chain(bearings).chain(change) {
            let mut detail = Detail { evidence: self.evidence(), ..Detail::default() };
            detail.evidence.codes = self.analysis.faults.codes();
            state.book.apply(&key(point, condition), priority, Event::Lost, self.t(), detail, out);
        }
    }
}

/// The lines by which a hypothesis was found, to draw into the envelope spectrum. A ball that was found by the cage's
/// lines gets lines labelled `cage`.
pub(crate) fn fault_lines(s: &Scored) -> Vec<FaultLine> {
    let label: Arc<str> = BearingFault::as_str(s.lines_of).into();
    let line = |(k, ratio): (usize, &f64)| {
        let harmonic = k as u16 + 1;
        FaultLine { label: label.clone(), harmonic, hz: f64::from(harmonic) * s.hz, ratio: *ratio }
    };
    s.ratios.iter().take(s.harmonics).enumerate().map(line).collect()
}
