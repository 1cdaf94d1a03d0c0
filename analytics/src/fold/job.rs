//! A record, what it is judged by, and the analysis, which depends on nothing else.

use std::sync::Arc;

use plant::{BearingFault, Machine, Name, Point, Speed, Timestamp, Unit};

use super::ahead::Ahead;
use super::assess::{self, Wanted};
use super::speed::{own_turns, speed_and_angle};
use super::state::{REMEMBERED, State};
use super::tacho::{self, Tacho};
use super::values::Described;
use super::{Settings, Shared};
use crate::diagnosis::{Clock, Heard, Known, Meshing, Record, hear};
use crate::rotating::orders::Phase;
use crate::rotating::{Analyser, Analysis, Basis, Context, Refusal, Scored, Seated, Sighting, Stated, ZoneRow, choose};

/// One record and everything that it is judged by.
pub(super) struct Job {
    pub waveform: Shared,
    pub bearings: Vec<(Name, Seated)>,
    pub speed: Result<Speed, Refusal>,
    /// The angle of its shaft, where a tacho tells it.
    phase: Option<Phase>,
    pub nominal_rpm: Option<f64>,
    /// What the sensor can measure, in the unit of the record.
    range: Option<(f64, f64)>,
    pub row: Result<ZoneRow, Vec<&'static str>>,
    pub point: Described,
    pub alpha: f64,
    /// What stood out of earlier records of the sensor at other speeds; at this one it says nothing.
    seen: Vec<Sighting>,
    /// What it is heard with, where its machine's window wants it.
    pub wanted: Option<Wanted>,
}

/// What came of it; `Err` is the code for a record that is no acceleration.
pub(super) struct Judged {
    pub analysis: Result<Analysis, Refusal>,
    pub hypotheses: Vec<Scored>,
    /// What stood out of its envelope, where that was judged at one speed.
    pub sightings: Option<Vec<Sighting>>,
    pub heard: Option<Known<Heard>>,
}

impl Job {
    /// Whether what [`Job::run`] gave for `asked` is what it gives for this one, or more than that.
    pub fn is_answered_by(&self, asked: &Self) -> bool {
        // What the verdict is put in words with, `row` and `point`, does not enter.
        let by = |j: &Self| (j.speed, j.nominal_rpm, j.range, j.alpha);
        Arc::ptr_eq(&self.waveform, &asked.waveform)
            && by(self) == by(asked)
            && self.bearings == asked.bearings
            && self.phase == asked.phase
            && self.seen == asked.seen
            && (self.wanted.is_none() || self.wanted == asked.wanted)
    }

    /// Analyses the record. Depends on nothing but the job.
    pub fn run(&self, analyser: &mut Analyser) -> Judged {
        let bearings: Vec<Seated> = self.bearings.iter().map(|(_, b)| *b).collect();
        let context =
            Context { speed: self.speed, nominal_rpm: self.nominal_rpm, bearings: &bearings, alpha: self.alpha };
        analyser.remind(self.seen.iter().copied());
        let analysis = analyser.waveform_by(&self.waveform, self.range, &context, self.phase.as_ref());
        let hypotheses = if analysis.is_ok() { analyser.hypotheses().to_vec() } else { Vec::new() };
        let sightings = analysis.as_ref().ok().and_then(|_| analyser.sightings().map(<[Sighting]>::to_vec));
        let heard = analysis.as_ref().ok().filter(|a| a.faults.is_empty());
        let heard = heard.zip(self.wanted.as_ref()).map(|(said, wanted)| self.hear(analyser, said, wanted, &bearings));
        Judged { analysis, hypotheses, sightings, heard }
    }

    /// What the record, which was analysed just now, says for its machine.
    fn hear(&self, analyser: &mut Analyser, said: &Analysis, wanted: &Wanted, bearings: &[Seated]) -> Known<Heard> {
        let excitations = wanted.excitations?;
        // Turning faster than the record can tell is no speed.
        if 2.0 * excitations.shaft_hz > self.waveform.fs {
            return Err("speed");
        }
        let x = analyser.take_samples();
        let record = Record {
            place: wanted.place,
            x: &x,
            fs: self.waveform.fs,
            stated: Stated::default(),
            clock: Clock::Own,
            bearings,
            ids: &wanted.ids,
            baseline: wanted.baseline,
        };
        let mut heard = hear(analyser, said, &mut Vec::new(), &record, &excitations);
        if let Some(teeth) = wanted.teeth {
            heard.gear = self.mesh(analyser, &x, teeth);
        }
        analyser.give_back(x);
        Ok(heard)
    }

    /// What the gear on the record's shaft says, by the angle that a tacho tells or the record itself.
    fn mesh(&self, analyser: &Analyser, x: &[f64], teeth: u32) -> Known<Meshing> {
        let own;
        let phase = match &self.phase {
            Some(phase) => phase,
            None => {
                own = analyser.angle(x, self.speed?)?;
                &own
            }
        };
        Meshing::of(analyser, x, self.waveform.fs, phase, teeth)
    }
}

/// The records of a commit that have not been judged before, each with what the plant knows of its machine.
pub(super) fn jobs(state: &mut State, settings: &Settings, waveforms: &[Shared], ahead: &mut Ahead) -> Vec<Job> {
    let fresh: Vec<&Shared> = waveforms.iter().filter(|w| is_fresh(state, w)).collect();
    fresh.iter().for_each(|w| tacho::take(state, settings, w, ahead));
    fresh.into_iter().map(|w| job(state, settings, w, state.now, None)).collect()
}

/// Whether `w` was not taken in before; it is from now on.
fn is_fresh(state: &mut State, w: &Shared) -> bool {
    let ids = &mut state.point(&w.point).records.get_or_insert_default().ids;
    if ids.contains(&w.id) {
        return false;
    }
    if ids.len() == REMEMBERED {
        ids.remove(0);
    }
    ids.push(w.id);
    true
}

/// What the plant, as it is known now, has `w` judged by, which is committed at `now`; `tacho` comes before it where that is
/// not known to the plant yet.
pub(super) fn job(state: &State, settings: &Settings, w: &Shared, now: Timestamp, tacho: Option<&Tacho>) -> Job {
    let bare = || Arc::new(Machine::bare(w.point.machine()));
    let machine = state.plant.machine(w.point.machine_str()).cloned().unwrap_or_else(bare);
    let point = machine.points.get(w.point.name()).cloned().unwrap_or_else(|| Point::bare(w.point.name()));
    let past = state.machines.get(w.point.machine_str());
    let tacho = tacho.or_else(|| past?.tacho.as_deref());
    let (speed, phase) = speed_and_angle(w, &machine, &point, past, tacho, settings);
    let records = past.and_then(|m| m.points.get(w.point.name())?.records.as_deref());
    let wanted = assess::wants(past, w, settings).then(|| {
        let baseline = records.zip(speed.ok()).and_then(|(r, speed)| r.sound.baseline(speed.mean_rpm));
        Wanted::new(&machine, &point, speed, baseline)
    });
    let bearings = heard(&machine, &point);
    let seen = records.zip(speed.ok()).map(|(r, speed)| {
        let faults = bearings.iter().flat_map(|(_, b)| BearingFault::ALL.map(|f| b.apart(f)));
        r.seen.elsewhere(w.t0.min(now), speed.mean_rpm / 60.0, faults.fold(f64::INFINITY, f64::min))
    });
    Job {
        wanted,
        waveform: w.clone(),
        bearings,
        speed,
        phase,
        nominal_rpm: machine.nominal_rpm.filter(|v| *v > 0.0).map(|v| v * own_turns(&machine, &point)),
        range: range(&point, w.unit),
        row: choose(&Basis { class: machine.class, severity: machine.severity, nominal_rpm: machine.nominal_rpm }),
        point: Described::from(&point),
        alpha: settings.alpha,
        seen: seen.unwrap_or_default(),
    }
}

/// The sensor's range, which is stated in the point's unit, in that of the record.
fn range(point: &Point, unit: Unit) -> Option<(f64, f64)> {
    let (factor, offset) = point.unit.unwrap_or(unit).linear(unit).ok()?;
    point.range.map(|(low, high)| (low * factor + offset, high * factor + offset))
}

/// The bearings that a sensor hears: the one it sits at, or all of the machine where that is not said. Their ratios are
/// to the shaft at which the sensor sits.
pub(crate) fn heard(machine: &Machine, point: &Point) -> Vec<(Name, Seated)> {
    let at = point.location.bearing.as_ref();
    let near = machine.bearings.iter().filter(|b| at.is_none_or(|name| *name == b.name));
    // A train that is impossible seats no bearing.
    let shafts = machine.shafts().unwrap_or_default();
    let own = own_turns(machine, point);
    let seated = |b: &plant::Bearing| {
        let shaft = machine.seat(&shafts, b.name.as_str())?;
        Some(Seated {
            orders: b.geometry.orders().ok()?,
            ratio: shaft.ratio.abs() / own,
            ratio_tolerance: shaft.tolerance,
            tolerance: BearingFault::ALL.map(|f| b.geometry.tolerance(f)),
        })
    };
    near.filter_map(|b| Some((b.name.clone(), seated(b)?))).collect()
}
