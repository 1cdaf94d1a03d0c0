//! One record by the angle of its shaft.

use plant::Waveform;

use super::{Curve, LONGEST_CURVE, acceleration};
use crate::rotating::orders::{self, Edges, Phase};
use crate::rotating::shaft::{self, Response};
use crate::rotating::{Plans, Refusal};

/// Highest order that is drawn.
const TO_ORDER: f64 = 100.0;
/// Values of a speed curve.
const SPEEDS: usize = 400;

/// Where the angle came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderSource {
    /// From a tacho.
    Tacho,
    /// From the record itself.
    Record,
}

/// A record over orders.
#[derive(Clone, Debug, PartialEq)]
pub struct Orders {
    /// Where the angle came from.
    pub from: OrderSource,
    /// Over orders, m/s² RMS by line (Hann).
    pub spectrum: Curve,
    /// Speed over time, s; r/min.
    pub speed: Curve,
}

/// The mean turn of a shaft.
#[derive(Clone, Debug, PartialEq)]
pub struct Average {
    /// Turns that were averaged.
    pub turns: u32,
    /// Over one turn, 0 to 1; m/s².
    pub wave: Curve,
    /// What of the record does not repeat with the turn, m/s² RMS.
    pub residual_rms: f64,
}

/// The order spectrum of `w`, by its `tacho` with `pulses_per_turn` where there is one, else by its own harmonics, whose
/// speed must lie within `expected_hz` (a tacho is believed beyond it).
///
/// Both records must overlap in time. Refused: `tacho` (no signal that a phase may rest on), `comb_unclear` (no tacho, and
/// harmonics do not stand out by 6 dB), `turns` (fewer than 8), and as [`orders::tacholess`] and
/// [`orders::order_spectrum`] refuse.
pub fn orders(
    w: &Waveform,
    tacho: Option<&Waveform>,
    expected_hz: (f64, f64),
    pulses_per_turn: f64,
) -> Result<Orders, Refusal> {
    let (x, plans) = (acceleration(w)?, Plans::default());
    let (from, phase) = angle(&plans, w, &x, tacho, expected_hz, pulses_per_turn)?;
    let spectrum = orders::order_spectrum(&plans, &x, w.fs, &phase, TO_ORDER)?.joined(LONGEST_CURVE);
    Ok(Orders { from, spectrum, speed: speed(&phase) })
}

/// The time-synchronous average of `w` over the turns of a shaft that turns `ratio` times for each turn of the one whose
/// angle is known, as [`orders()`] finds it.
///
/// Refused: `turns` (fewer than 32 of that shaft), `ratio` (not above 0), and as there.
pub fn average(
    w: &Waveform,
    tacho: Option<&Waveform>,
    expected_hz: (f64, f64),
    pulses_per_turn: f64,
    ratio: f64,
) -> Result<Average, Refusal> {
    let (x, plans) = (acceleration(w)?, Plans::default());
    let (_, phase) = angle(&plans, w, &x, tacho, expected_hz, pulses_per_turn)?;
    let a = orders::average(&x, w.fs, &phase, ratio)?;
    let wave = Curve { x0: 0.0, dx: 1.0 / a.wave.len() as f64, values: a.wave }.joined(LONGEST_CURVE);
    Ok(Average { turns: u32::try_from(a.turns).unwrap_or(u32::MAX), wave, residual_rms: a.rest_rms })
}

/// Amplitude (peak, m/s²) and phase at once per turn against speed, during a run-up or coast-down with a tacho: what Bode
/// and polar plots draw. See [`shaft::run_up`].
pub fn run_up(w: &Waveform, tacho: &Waveform, pulses_per_turn: f64) -> Result<Vec<Response>, Refusal> {
    let x = acceleration(w)?;
    shaft::run_up(&x, w.fs, &of_tacho(w, tacho, pulses_per_turn)?)
}

fn angle(
    plans: &Plans,
    w: &Waveform,
    x: &[f64],
    tacho: Option<&Waveform>,
    expected_hz: (f64, f64),
    pulses_per_turn: f64,
) -> Result<(OrderSource, Phase), Refusal> {
    match tacho {
        Some(tacho) => Ok((OrderSource::Tacho, of_tacho(w, tacho, pulses_per_turn)?)),
        None => Ok((OrderSource::Record, orders::tacholess(plans, x, w.fs, expected_hz)?)),
    }
}

/// The angle by a tacho, in the time of the record.
fn of_tacho(w: &Waveform, tacho: &Waveform, pulses_per_turn: f64) -> Result<Phase, Refusal> {
    let edges: Edges = orders::edges(&tacho.physical(), tacho.fs)?;
    let later = tacho.t0.since(w.t0).as_secs_f64() - w.t0.since(tacho.t0).as_secs_f64();
    Ok(Phase::from_edges(&edges, pulses_per_turn)?.delayed(later))
}

fn speed(phase: &Phase) -> Curve {
    let (first, last) = phase.turns();
    let (from, to) = (phase.time_of(first), phase.time_of(last));
    let dx = (to - from) / (SPEEDS - 1) as f64;
    let mut turn = first;
    let mut at = |i: usize| {
        // By Newton's method from the value before: the curve is smooth and the steps are small.
        for _ in 0..4 {
            turn += (from + dx * i as f64 - phase.time_of(turn)) * phase.hz_at(turn);
        }
        60.0 * phase.hz_at(turn.clamp(first, last))
    };
    Curve { x0: from, dx, values: (0..SPEEDS).map(&mut at).collect() }
}
