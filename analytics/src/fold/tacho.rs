//! The angle of the shaft by a tacho whose record was taken together with those of the vibration.

use plant::{Speed, Waveform, is_sync};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::ahead::Ahead;
use super::speed::own_turns;
use super::state::State;
use crate::diagnosis::{Known, known};
use crate::rotating::orders::{Phase, edges};

/// Most pulses that are kept of a record.
const MOST: usize = 512;
/// Fewest that tell an angle: below, the spline through them is no more than a line.
const FEWEST: usize = 4;
/// A speed that a source states is that of the same record, and agrees within this part of it. Whoever is wrong, a speed
/// that two measure differently is none.
const AGREES: f64 = 0.02;
/// Parts of a record whose speeds are compared: over many turns, as that of one turn is known to a sample only.
const PARTS: usize = 8;

/// The last record of a machine's tacho, as far as angles are told by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tacho {
    /// What its source calls the moment.
    moment: String,
    t0_ns: i64,
    /// Samples a second,
    fs: f64,
    /// and how many.
    n: u64,
    /// Turns of its shaft while the measured one turns once.
    own: f64,
    /// Times, s from the first sample, and turns, of one mark of the shaft.
    #[serde(with = "known")]
    marks: Known<Vec<(f64, f64)>>,
}

impl Tacho {
    /// Of the record `w`, at a shaft that turns `own` times while the measured one turns once; `None` where it is no
    /// tacho's or was not taken together with anything.
    pub fn of(w: &Waveform, own: f64) -> Option<Self> {
        let pulses = w.meta.pulses?;
        let moment = w.meta.sync.as_deref().filter(|s| is_sync(s))?.to_owned();
        let marks = marks(w, pulses);
        Some(Self { moment, t0_ns: w.t0.nanos(), fs: w.fs, n: w.samples.len() as u64, own, marks })
    }

    /// Whether it is that of a shaft that turns `own` times while the measured one turns once.
    pub fn is_on(&self, own: f64) -> bool {
        self.own.to_bits() == own.to_bits()
    }

    /// The angle, during the record `w`, of a shaft that turns `own` times while the measured one turns once; `None` where
    /// the two were not taken together.
    pub fn phase(&self, w: &Waveform, own: f64) -> Option<Known<Phase>> {
        if w.meta.sync.as_deref() != Some(self.moment.as_str()) {
            return None;
        }
        let samples = w.t0.nanos().abs_diff(self.t0_ns) as f64 / 1e9 * self.fs;
        if self.fs != w.fs || self.n != w.samples.len() as u64 || samples > 1.0 {
            return Some(Err("sync"));
        }
        Some(self.marks.as_ref().map_err(|code| *code).and_then(|marks| through(marks)?.geared(own / self.own)))
    }
}

/// One mark of the shaft, turn by turn: with a wheel of many teeth always the same, so that unevenly spaced ones are no
/// change of speed.
fn marks(w: &Waveform, pulses: f64) -> Known<Vec<(f64, f64)>> {
    if !(pulses.is_finite() && pulses > 0.0) {
        return Err("tacho");
    }
    let edges = edges(&w.physical(), w.fs).map_err(|_| "tacho")?;
    let whole = pulses.round().max(1.0);
    let last = edges.pulses.last().copied().unwrap_or(0.0);
    let step = whole * (last / whole / MOST as f64).ceil().max(1.0);
    let all = edges.times.iter().zip(&edges.pulses).filter(|(_, n)| **n % step == 0.0);
    let marks: Vec<(f64, f64)> = all.map(|(t, n)| (*t, n / pulses)).collect();
    if marks.len() < FEWEST {
        return Err("tacho");
    }
    through(&marks).map(|_| marks)
}

fn through(marks: &[(f64, f64)]) -> Known<Phase> {
    let phase = Phase::through(marks.iter().map(|m| m.0).collect(), marks.iter().map(|m| m.1).collect())?;
    phase.range_hz().map(|_| phase).ok_or("tacho")
}

/// What the record `w` tells on the plant as it is known now; `None` where it is no tacho's.
pub(super) fn of(state: &State, w: &Waveform) -> Option<Tacho> {
    w.meta.pulses?;
    Tacho::of(w, turns(state, w))
}

fn turns(state: &State, w: &Waveform) -> f64 {
    let machine = state.plant.machine(w.point.machine_str());
    machine.and_then(|m| Some(own_turns(m, m.points.get(w.point.name())?))).unwrap_or(1.0)
}

/// Notes the record of a tacho, unless a later one is there: one that comes late tells nothing of what is taken now. A later
/// one than there can be is of a clock that ran ahead, and stays for no longer than another.
pub(super) fn take(state: &mut State, settings: &Settings, w: &Waveform, ahead: &mut Ahead) {
    if w.meta.pulses.is_none() {
        return;
    }
    let last = state.machines.get(w.point.machine_str()).and_then(|m| m.tacho.as_ref());
    let to_come = (state.now + settings.late_after).nanos();
    if last.is_some_and(|last| last.t0_ns > w.t0.nanos() && last.t0_ns <= to_come) {
        return;
    }
    let known = ahead.tacho_of(w, turns(state, w));
    if let Some(tacho) = known.or_else(|| of(state, w)) {
        state.machine(&w.point.machine()).tacho = Some(Box::new(tacho));
    }
}

/// The speed by an angle, unless the source states another.
pub(super) fn speed(phase: &Phase, stated: Option<f64>) -> Known<Speed> {
    let (first, last) = phase.turns();
    let (part, mean_rpm) = ((last - first) / PARTS as f64, 60.0 * phase.mean_hz());
    let time = |i: usize| phase.time_of(first + part * i as f64);
    let speeds = (0..PARTS).map(|i| part / (time(i + 1) - time(i)));
    let (low, high) = speeds.fold((f64::INFINITY, 0.0_f64), |(l, h), hz| (l.min(hz), h.max(hz)));
    if !(low > 0.0 && high.is_finite()) {
        return Err("tacho");
    }
    if stated.is_some_and(|rpm| (rpm / mean_rpm - 1.0).abs() > AGREES || rpm.is_nan()) {
        return Err("tacho");
    }
    Ok(Speed { mean_rpm, range_rpm: Some((60.0 * low, 60.0 * high)) })
}
