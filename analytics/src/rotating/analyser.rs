//! The chain: guard, features, velocity, averaged spectrum, envelope decision, on one record after the other.

use plant::{Samples, Speed, Waveform};
use realfft::num_complex::Complex;

use super::bearing::{Envelope, EnvelopePlans, Record, RecordLines, Refusal, Scored, Seated, Sighting, Turned};
use super::features::{Levels, TimeFeatures, features_of};
use super::guard::{self, Fault, Faults, Stated};
use super::orders::{Phase, tacholess_of};
use super::plans::{Plans, quick_length};
use super::signal::{LONGEST, SHORTEST, acceleration_into};
use super::spectrum::{Spectrum, hann_power_into};
use super::welch::{SEGMENT, Welch};

/// Shaft turns that an envelope decision takes.
const TURNS: f64 = 16.0;
/// Speed may vary by this part of its mean within one record before the envelope is better judged by the angle of the
/// shaft,
const VARIES: f64 = 0.005;
/// and by this one before the lines smear out of reach.
const UNSTEADY: f64 = 0.01;
/// Part by which the speed may lie beyond its stated range, where the record is searched for it.
const BEYOND: f64 = 0.02;
/// Samples per Hz of usable bandwidth: the usual guard band of anti-aliasing filters.
const PER_HZ: f64 = 2.56;
/// No accelerometer measures more, m/s²: those for pyrotechnic shock end at 200,000 g, a fifth of it. What says more has a
/// wrong scale, or stands at the end of what a float can hold.
const LARGEST: f64 = 1e7;
/// Slowest shaft, Hz: 120 r/min, where ISO 20816-3 begins.
const SLOWEST_HZ: f64 = 2.0;

/// What is known of the machine behind a record.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Speed during the record of the shaft at which the sensor sits, or the code of why there is none.
    pub speed: Result<Speed, Refusal>,
    /// Speed for which the machine is made, r/min. Only chooses the velocity band where no speed was measured.
    pub nominal_rpm: Option<f64>,
    /// The bearings that the sensor can hear.
    pub bearings: &'a [Seated],
    /// Probability that a record without any damage is called significant.
    pub alpha: f64,
}

/// Broad-band velocity as ISO 20816 asks for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Velocity {
    /// mm/s RMS.
    pub rms_mm_s: f64,
    /// From this frequency, Hz: 10, or 2 below 600 r/min,
    pub low_hz: f64,
    /// to this one.
    pub high_hz: f64,
}

/// The coarse shape of the signal, by which a sensor that came loose is told from its own past.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// Acceleration within 10 to 1000 Hz, m/s² RMS.
    pub low_rms: f64,
    /// Acceleration above 1000 Hz, m/s² RMS.
    pub high_rms: f64,
    /// Mean frequency of the latter, weighted by power, Hz.
    pub high_hz: f64,
    /// Largest ratio of a line at the first ten multiples of shaft speed to its surroundings (power), where the speed is
    /// known and the record resolves them.
    pub rotation: Option<f64>,
}

/// What one record says. The hypotheses stand in [`Analyser::hypotheses`].
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Statistics of the acceleration, m/s².
    pub features: TimeFeatures,
    /// What is wrong with the sensor; then there is neither velocity nor bearing.
    pub faults: Faults,
    /// Broad-band velocity, or the code of what is missing.
    pub velocity: Result<Velocity, Refusal>,
    /// Velocity of the line at shaft speed, mm/s RMS.
    pub amplitude_1x: Option<f64>,
    /// Coarse shape.
    pub shape: Shape,
    /// The shaft speed by which the bearings were judged, Hz, or the code of why they were not.
    pub bearing: Result<f64, Refusal>,
}

impl Analysis {
    /// The part of the velocity that stands at shaft speed, 0 to 1: above 0.8 speaks for imbalance.
    #[must_use]
    pub fn share_1x(&self) -> Option<f64> {
        let v = self.velocity.ok()?.rms_mm_s;
        Some((self.amplitude_1x? / v).min(1.0)).filter(|_| v > 0.0)
    }
}

/// Runs the chain. Owns every buffer: from the second record of a length on, nothing is allocated.
///
/// ```
/// use analytics::rotating::{Analyser, Context, Plans, Stated};
///
/// let x: Vec<f64> = (0..65_536).map(|i| (f64::from(i) * 0.01).sin()).collect();
/// let mut analyser = Analyser::new(Plans::default());
/// let context = Context { speed: Err("speed"), nominal_rpm: Some(1500.0), bearings: &[], alpha: 1e-4 };
/// let said = analyser.analyse(&x, 25_600.0, &Stated::default(), &context);
/// assert!((said.features.rms - 0.5f64.sqrt()).abs() < 0.01);
/// assert!(said.velocity.is_ok());
/// assert_eq!(said.bearing, Err("geometry"));
/// ```
#[derive(Default)]
pub struct Analyser {
    plans: Plans,
    x: Vec<f64>,
    buffer: Vec<f64>,
    lines: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    power: Vec<f64>,
    n: usize,
    fs: f64,
    /// RMS of the samples.
    rms: f64,
    welch: Welch,
    envelope: Envelope,
    turned: Turned,
    turns: Option<f64>,
    hypotheses: Vec<Scored>,
    sightings: Vec<Sighting>,
    /// Shaft speed, Hz, where the last record's envelope is there by time.
    sighted: Option<f64>,
}

impl Analyser {
    /// An analyser that takes its plans from `plans`.
    #[must_use]
    pub fn new(plans: Plans) -> Self {
        Self { plans, ..Self::default() }
    }

    /// Analyses a waveform of acceleration in any unit; `range` is what the sensor can measure, in the waveform's unit.
    ///
    /// `Err("unit")` where the waveform is not one of acceleration.
    pub fn waveform(
        &mut self,
        waveform: &Waveform,
        range: Option<(f64, f64)>,
        context: &Context<'_>,
    ) -> Result<Analysis, Refusal> {
        self.waveform_by(waveform, range, context, None)
    }

    /// The same, with the angle of the shaft as in [`Analyser::analyse_by`].
    pub fn waveform_by(
        &mut self,
        waveform: &Waveform,
        range: Option<(f64, f64)>,
        context: &Context<'_>,
        phase: Option<&Phase>,
    ) -> Result<Analysis, Refusal> {
        let stated = self.load(waveform, range)?;
        let x = std::mem::take(&mut self.x);
        let said = self.analyse_by(&x, waveform.fs, &stated, context, phase);
        self.x = x;
        Ok(said)
    }

    fn load(&mut self, w: &Waveform, range: Option<(f64, f64)>) -> Result<Stated, Refusal> {
        let (factor, offset) = acceleration_into(w, &mut self.x)?;
        let (step, at_rails) = match &w.samples {
            Samples::I16 { raw, scale, .. } => {
                let rails = raw.iter().filter(|r| matches!(**r, i16::MIN | i16::MAX)).count();
                (Some(scale.abs() * factor), rails as u64)
            }
            Samples::F32(_) => (None, 0),
        };
        // The sensor's own full scale is symmetric; the point's is stated by its ends.
        let range = w.meta.range.filter(|r| *r > 0.0).map(|r| (-r, r)).or(range).filter(|(l, h)| l < h);
        Ok(Stated {
            range: range.map(|(l, h)| (l * factor + offset, h * factor + offset)),
            at_rails,
            clip_count: w.meta.clip_count.unwrap_or(0),
            gaps: w.meta.gaps,
            bias_v: w.meta.bias_v,
            step,
        })
    }

    /// Analyses `x` (acceleration, m/s²) sampled at `fs` Hz.
    ///
    /// Where the speed varied by more than 0.5 % within the record, the bearings are judged by the angle of the shaft, as
    /// the record's own harmonics tell it ([`super::orders::tacholess`]); where they do not tell it and the speed varied by
    /// more than 1 %, not at all (`speed_unsteady`).
    pub fn analyse(&mut self, x: &[f64], fs: f64, stated: &Stated, context: &Context<'_>) -> Analysis {
        self.analyse_by(x, fs, stated, context, None)
    }

    /// The same, with the angle of the shaft during the record as a tacho tells it, which then stands for its speed, too.
    pub fn analyse_by(
        &mut self,
        x: &[f64],
        fs: f64,
        stated: &Stated,
        context: &Context<'_>,
        phase: Option<&Phase>,
    ) -> Analysis {
        self.hypotheses.clear();
        (self.turns, self.sighted) = (None, None);
        let levels = Levels::of(x);
        let features = features_of(x, &levels);
        self.rms = features.rms;
        let mut faults = guard::check_within(x, &levels, stated);
        if levels.high.max(-levels.low) > LARGEST {
            faults.add(Fault::Clipped);
        }
        let rate = fs.is_finite() && fs > 0.0;
        self.transform(if rate && features.mean.is_finite() { x } else { &[] }, features.mean, fs);
        if self.n < SHORTEST {
            let refusal = match (faults.is_empty(), rate) {
                (false, _) => "sensor",
                (true, false) => "rate",
                (true, true) => "record_length",
            };
            self.envelope.seen.clear();
            let shape = Shape::default();
            let (velocity, bearing) = (Err(refusal), Err(refusal));
            return Analysis { features, faults, velocity, amplitude_1x: None, shape, bearing };
        }
        let spectrum = Spectrum { power: &self.power, n: self.n, fs };
        if guard::ski_slope(&spectrum, &mut self.buffer) {
            faults.add(Fault::SkiSlope);
        }
        let shaft = phase.map_or_else(|| shaft(context, fs), shaft_by);
        let velocity = if faults.is_empty() { velocity(&spectrum, context) } else { Err("sensor") };
        let amplitude_1x = shaft.ok().and_then(|(hz, _)| amplitude_at(&spectrum, hz)).filter(|_| faults.is_empty());
        let rotation = shaft.ok().and_then(|(hz, _)| rotation(&spectrum, hz, &mut self.buffer));
        let shape = self.shape(x, features.mean, fs, rotation);
        let bearing = if faults.is_empty() { self.bearing(x, shaft, context, phase) } else { Err("sensor") };
        self.envelope.seen.clear();
        Analysis { features, faults, velocity, amplitude_1x, shape, bearing }
    }

    /// The hypotheses of the last record, the best first; empty where it was refused.
    #[must_use]
    pub fn hypotheses(&self) -> &[Scored] {
        &self.hypotheses
    }

    /// What earlier records of the sensor showed ([`Analyser::sightings`]), for the next record alone: what stood at the
    /// same frequency while the shaft turned at another speed is not taken for a fault there.
    pub fn remind(&mut self, seen: impl Iterator<Item = Sighting>) {
        self.envelope.seen.clear();
        self.envelope.seen.extend(seen);
    }

    /// The combs that stand out of the envelope of the record that was just analysed, whoever they are of; `None` where it
    /// was not judged, or by the angle of the shaft, over which only what goes with the shaft stands out.
    pub fn sightings(&mut self) -> Option<&[Sighting]> {
        let shaft_hz = self.sighted.take()?;
        self.envelope.sight(self.fs / self.n as f64, shaft_hz, &mut self.sightings);
        Some(&self.sightings)
    }

    /// The spectrum of the last record, m/s².
    #[must_use]
    pub fn spectrum(&self) -> Spectrum<'_> {
        Spectrum { power: &self.power, n: self.n, fs: self.fs }
    }

    /// The averaged spectrum of the last record.
    #[must_use]
    pub fn welch(&self) -> &Welch {
        &self.welch
    }

    /// The envelope of the last record over orders, as power over its local floor by line, with the distance of two lines in
    /// orders; `None` where it was not judged by the angle of the shaft.
    #[must_use]
    pub fn envelope_by_turn(&self) -> Option<(f64, &[f64])> {
        self.turns.map(|turns| (turns.recip(), self.envelope.ratio()))
    }

    /// The envelope of the last record as power over its local floor by line of [`Spectrum::df`], up to `highest_hz`;
    /// empty where the record is too short or too slow to have one.
    pub fn envelope_ratio(&mut self, highest_hz: f64) -> &[f64] {
        if self.n < SHORTEST || !demodulable(self.fs) {
            return &[];
        }
        (self.turns, self.sighted) = (None, None);
        self.run_envelope(highest_hz);
        self.envelope.ratio()
    }

    /// Lends the samples of the last record, m/s², to be given back.
    pub(crate) fn take_samples(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.x)
    }

    /// Takes the buffer of the samples back.
    pub(crate) fn give_back(&mut self, x: Vec<f64>) {
        self.x = x;
    }

    /// Bytes that the buffers hold.
    #[must_use]
    pub fn bytes(&self) -> usize {
        8 * (self.x.capacity() + self.buffer.capacity() + self.power.capacity())
            + 16 * (self.lines.capacity() + self.scratch.capacity())
            + self.welch.bytes()
            + self.envelope.bytes()
            + self.turned.bytes()
            + 16 * self.sightings.capacity()
    }

    fn transform(&mut self, x: &[f64], mean: f64, fs: f64) {
        self.n = quick_length(x.len().min(LONGEST));
        self.fs = fs;
        if self.n < SHORTEST {
            self.power.clear();
            return;
        }
        let plan = self.plans.real(self.n);
        self.buffer.clear();
        self.buffer.extend(x[..self.n].iter().map(|v| v - mean));
        self.lines.resize(self.n / 2 + 1, Complex::default());
        self.scratch.resize(plan.get_scratch_len(), Complex::default());
        // The lengths fit by construction, which is all that can fail.
        let done = plan.process_with_scratch(&mut self.buffer, &mut self.lines, &mut self.scratch);
        debug_assert!(done.is_ok());
        hann_power_into(&self.lines, &mut self.power);
    }

    fn shape(&mut self, x: &[f64], mean: f64, fs: f64, rotation: Option<f64>) -> Shape {
        let plan = self.plans.inverse(quick_length(self.n.min(SEGMENT)));
        self.welch.compute(&plan, x, mean, fs);
        let (low_rms, _) = self.welch.band(10.0, 1000.0);
        let (high_rms, high_hz) = self.welch.band(1000.0, fs / PER_HZ);
        Shape { low_rms, high_rms, high_hz, rotation }
    }

    fn bearing(
        &mut self,
        x: &[f64],
        shaft: Result<(f64, f64), Refusal>,
        context: &Context<'_>,
        phase: Option<&Phase>,
    ) -> Result<f64, Refusal> {
        if context.bearings.is_empty() {
            return Err("geometry");
        }
        let (hz, unsteadiness) = shaft?;
        if !demodulable(self.fs) {
            return Err("rate");
        }
        let least_hz = SLOWEST_HZ.max(TURNS * self.fs / self.n as f64);
        let judged = || context.bearings.iter().filter(|b| b.ratio * hz >= least_hz);
        if judged().next().is_none() {
            return Err("record_length");
        }
        let highest = 4.0 * judged().map(Seated::highest).fold(0.0, f64::max);
        if unsteadiness > VARIES {
            let own = if phase.is_none() { self.own_angle(x, context) } else { None };
            if let Some(phase) = phase.or(own.as_ref()) {
                return self.bearing_by_turn(phase, highest, context);
            }
            if unsteadiness > UNSTEADY {
                return Err("speed_unsteady");
            }
        }
        self.run_envelope(highest * hz);
        let (df, alpha) = (self.fs / self.n as f64, context.alpha);
        self.envelope.decide(df, hz, least_hz, context.bearings, alpha, &mut self.hypotheses)?;
        self.sighted = Some(hz);
        Ok(hz)
    }

    /// The angle of the shaft as the record's own harmonics tell it, where they do.
    fn own_angle(&self, x: &[f64], context: &Context<'_>) -> Option<Phase> {
        let speed = context.speed.ok().filter(|s| s.range_rpm.is_some())?;
        self.angle(x, speed).ok()
    }

    /// The angle of the shaft during the last record, of which `x` are the samples, as its own harmonics tell it close to
    /// `speed`. Refused as [`super::orders::tacholess`].
    pub(crate) fn angle(&self, x: &[f64], speed: Speed) -> Result<Phase, Refusal> {
        let (low, high) = speed.range_rpm.unwrap_or((speed.mean_rpm, speed.mean_rpm));
        let (low, high) = (low.min(high), low.max(high));
        let expected_hz = (low * (1.0 - BEYOND) / 60.0, high * (1.0 + BEYOND) / 60.0);
        let x = x.get(..self.n).ok_or("record_length")?;
        tacholess_of(&self.plans, x, &self.lines, self.fs, expected_hz)
    }

    /// The plans that it takes.
    pub(crate) fn plans(&self) -> &Plans {
        &self.plans
    }

    fn bearing_by_turn(&mut self, phase: &Phase, highest: f64, context: &Context<'_>) -> Result<f64, Refusal> {
        let plans = self.envelope_plans();
        // Over the angle, what keeps its frequency is smeared.
        self.envelope.seen.clear();
        let x = RecordLines { lines: &self.lines, rms: self.rms, n: self.n, fs: self.fs };
        self.envelope.squared.square(&plans, x);
        let record = Record { n: self.n, fs: self.fs };
        let turns = self.turned.resample(&self.plans, &mut self.envelope, record, phase, highest)?;
        if turns < TURNS {
            return Err("record_length");
        }
        // Lines are 1/turns orders apart; as frequencies, by the mean speed.
        let hz = phase.mean_hz();
        let (least_hz, alpha) = (SLOWEST_HZ.max(TURNS * hz / turns), context.alpha);
        self.envelope.decide(hz / turns, hz, least_hz, context.bearings, alpha, &mut self.hypotheses)?;
        self.turns = Some(turns);
        Ok(hz)
    }

    fn envelope_plans(&self) -> EnvelopePlans {
        EnvelopePlans { inverse: self.plans.single_inverse(self.n / 2), forward: self.plans.single(self.n / 4) }
    }

    fn run_envelope(&mut self, highest_hz: f64) {
        let plans = self.envelope_plans();
        let x = RecordLines { lines: &self.lines, rms: self.rms, n: self.n, fs: self.fs };
        self.envelope.compute(&plans, x, highest_hz);
    }
}

/// Whether a record at `fs` has room above 300 Hz for resonances to be modulated in: at least two octaves.
fn demodulable(fs: f64) -> bool {
    super::BAND_HIGH * fs / 2.0 >= 4.0 * super::BAND_LOW_HZ
}

/// Shaft speed in Hz and how far it varied, as a part of its mean. What a record at `fs` cannot hold is no speed of its.
fn shaft(context: &Context<'_>, fs: f64) -> Result<(f64, f64), Refusal> {
    let speed = context.speed?;
    let hz = speed.mean_rpm / 60.0;
    if !(hz >= SLOWEST_HZ && hz < 0.5 * fs) {
        return Err("speed");
    }
    let varied = speed.range_rpm.map_or(0.0, |(low, high)| (high - low).abs() / speed.mean_rpm);
    Ok((hz, varied))
}

/// The same as a tacho tells it.
fn shaft_by(phase: &Phase) -> Result<(f64, f64), Refusal> {
    let hz = phase.mean_hz();
    if hz.is_finite() && hz >= SLOWEST_HZ { Ok((hz, phase.unsteadiness())) } else { Err("speed") }
}

fn velocity(s: &Spectrum<'_>, context: &Context<'_>) -> Result<Velocity, Refusal> {
    let rpm = context.speed.ok().map(|v| v.mean_rpm).or(context.nominal_rpm);
    let low_hz = if rpm.is_some_and(|rpm| rpm < 600.0) { 2.0 } else { 10.0 };
    let high_hz = 1000.0;
    if s.fs < PER_HZ * high_hz {
        return Err("bandwidth");
    }
    if s.n as f64 / s.fs < 20.0 / low_hz - 1e-9 {
        return Err("record_length");
    }
    Ok(Velocity { rms_mm_s: 1000.0 * s.integrated_rms(low_hz, high_hz), low_hz, high_hz })
}

/// Velocity of the line at `shaft` Hz, mm/s RMS; `None` where the record does not resolve it from its neighbours.
fn amplitude_at(s: &Spectrum<'_>, shaft: f64) -> Option<f64> {
    let reach = (2.0 * s.df()).max(0.02 * shaft);
    if shaft < 8.0 * s.df() || shaft * 2.0 > s.fs / PER_HZ {
        return None;
    }
    let (hz, rms) = s.tone(shaft - reach, shaft + reach)?;
    Some(1000.0 * rms / (std::f64::consts::TAU * hz))
}

/// The largest of the first ten multiples of shaft speed over the median of its surroundings, as power.
fn rotation(s: &Spectrum<'_>, shaft: f64, scratch: &mut Vec<f64>) -> Option<f64> {
    if shaft < 16.0 * s.df() {
        return None;
    }
    let mut best: f64 = 0.0;
    for k in 1..=10 {
        let at = f64::from(k) * shaft;
        let near = s.lines(at - 2.0 * s.df() - 0.002 * at, at + 2.0 * s.df() + 0.002 * at);
        let around = s.lines(at - 0.5 * shaft, at + 0.5 * shaft);
        if around.end >= s.power.len() {
            break;
        }
        let peak = s.power[near].iter().copied().fold(0.0, f64::max);
        scratch.clear();
        scratch.extend_from_slice(&s.power[around]);
        let middle = scratch.len() / 2;
        let floor = *scratch.select_nth_unstable_by(middle, f64::total_cmp).1;
        if floor > 0.0 {
            best = best.max(peak / floor);
        }
    }
    Some(best)
}
