//! What analytics computes of records, put into the shapes of the API.

use std::sync::Arc;

use analytics::view::{self, Band, Curve, Line, Listed, Map, OrderSource};
use historian::Archive;
use plant::{BearingFault, BearingVerdict, Machine, Unit, Waveform};
use web::dto::{self, AnalysisCurve, AnalysisMap};
use web::{Analyst, Question, Reference};

/// How many diagnoses of a point are looked through for that of one record.
const RECENT: usize = 500;
/// Level of acceleration as the maps give it.
const LEVEL: &str = "dB re 1 µm/s²";
/// How far a shaft may turn beside what is known of its speed, as a part, where nobody says how far it did.
const AROUND_MEASURED: f64 = 0.1;
/// As [`AROUND_MEASURED`], where only the rated speed is known.
const AROUND_NOMINAL: f64 = 0.2;
/// Speeds that a tacho is looked at for where nothing is known, Hz.
const ANY_SPEED_HZ: (f64, f64) = (0.1, 1000.0);
/// Above which frequency velocity and displacement are shown, Hz, as severity is judged (ISO 20816-1).
const INTEGRATED_HZ: f64 = 10.0;
/// The same for shafts slower than [`SLOW_HZ`].
const INTEGRATED_SLOW_HZ: f64 = 2.0;
/// 600 r/min.
const SLOW_HZ: f64 = 10.0;
/// Up to which multiple of shaft speed an envelope is worth looking at: the fourth of the highest fault frequency of
/// large bearings.
const ENVELOPE_ORDERS: f64 = 50.0;
/// Up to where an envelope goes at least, Hz.
const ENVELOPE_HZ: f64 = 1000.0;
/// Corners of the high-pass before a peak-hold, Hz: an octave apart, as the meters offer them.
const CORNERS_HZ: [f64; 4] = [500.0, 1000.0, 2000.0, 5000.0];
/// The corner is to lie at this multiple of shaft speed at least, so that the fault lines lie below it.
const CORNER_ORDERS: f64 = 40.0;
/// A corner has to lie below this part of the sampling rate ([`view::peak_hold`]),
const CORNER_PART: f64 = 0.39;
/// and the spectrum ends below this part of the sampling rate, and of the corner.
const HELD_PART: f64 = 1.0 / 5.13;
const HELD_OF_CORNER: f64 = 0.99;

/// Analyses drawn for the shaft speed that the verdict was reached with.
pub(super) struct Analysis {
    pub(super) archive: Archive,
}

type Answer = Result<dto::Analysis, &'static str>;

impl Analysis {
    /// The speed of the sensor's shaft that its diagnosis used.
    fn judged_hz(&self, waveform: &Waveform) -> Option<f64> {
        let found = self.archive.diagnoses(&waveform.point, RECENT).unwrap_or_default();
        match found.into_iter().find(|d| d.waveform == waveform.id)?.bearing {
            BearingVerdict::Judged { shaft_hz, .. } => Some(shaft_hz),
            BearingVerdict::Refused(_) => None,
        }
    }

    /// The same, else the record's own speed, which is that of the shaft whose speed is measured.
    fn shaft_hz(&self, waveform: &Waveform) -> Option<f64> {
        self.judged_hz(waveform).or_else(|| waveform.meta.speed.map(|s| s.mean_rpm / 60.0))
    }

    /// Between which speeds to look for the shaft, Hz.
    fn expected(&self, w: &Waveform, machine: &Machine, from: &Reference) -> Result<(f64, f64), &'static str> {
        let around = |hz: f64, part: f64| (hz * (1.0 - part), hz * (1.0 + part));
        let ranged = || {
            let (low, high) = w.meta.speed?.range_rpm?;
            Some((low / 60.0 * (1.0 - AROUND_MEASURED), high / 60.0 * (1.0 + AROUND_MEASURED)))
        };
        from.expected_hz
            .or_else(ranged)
            .or_else(|| self.shaft_hz(w).map(|hz| around(hz, AROUND_MEASURED)))
            .or_else(|| machine.nominal_rpm.map(|rpm| around(rpm / 60.0, AROUND_NOMINAL)))
            .or_else(|| from.tacho.as_ref().map(|_| ANY_SPEED_HZ))
            .ok_or("speed")
    }

    fn orders(&self, w: &Waveform, machine: &Machine, from: &Reference) -> Answer {
        let expected = self.expected(w, machine, from)?;
        let found = view::orders(w, from.tacho.as_deref(), expected, from.pulses_per_turn)?;
        let source = match found.from {
            OrderSource::Tacho => "tacho",
            OrderSource::Record => "record",
        };
        let curves =
            vec![curve("spectrum", &found.spectrum, "order", "m/s²"), curve("speed", &found.speed, "s", "r/min")];
        Ok(dto::Analysis { curves, source: Some(source.into()), ..dto::Analysis::default() })
    }

    fn average(&self, w: &Waveform, machine: &Machine, from: &Reference, ratio: f64) -> Answer {
        let expected = self.expected(w, machine, from)?;
        let found = view::average(w, from.tacho.as_deref(), expected, from.pulses_per_turn, ratio)?;
        let facts = [("turns", f64::from(found.turns)), ("residual_rms", found.residual_rms)];
        let source = if from.tacho.is_some() { "tacho" } else { "record" };
        Ok(dto::Analysis {
            curves: vec![curve("wave", &found.wave, "turn", "m/s²")],
            facts: facts.map(|(name, v)| (name.to_owned(), v)).into(),
            source: Some(source.into()),
            ..dto::Analysis::default()
        })
    }

    fn integrated(&self, w: &Waveform, twice: bool, low_hz: Option<f64>) -> Answer {
        let slow = self.shaft_hz(w).is_some_and(|hz| hz < SLOW_HZ);
        let low_hz = low_hz.unwrap_or(if slow { INTEGRATED_SLOW_HZ } else { INTEGRATED_HZ });
        if twice {
            one("displacement", &view::displacement(w, low_hz)?, "s", "µm")
        } else {
            one("velocity", &view::velocity(w, low_hz)?, "s", "mm/s")
        }
    }

    /// True peak-hold of what lies above `corner_hz`, else above the lowest usual corner that leaves the fault lines room.
    fn peak_hold(&self, w: &Waveform, corner_hz: Option<f64>) -> Answer {
        let wished = self.shaft_hz(w).map_or(CORNERS_HZ[1], |hz| CORNER_ORDERS * hz);
        let usual = || CORNERS_HZ.into_iter().find(|hz| *hz >= wished).unwrap_or(CORNERS_HZ[3]);
        let corner_hz = corner_hz.unwrap_or_else(|| usual().min(CORNER_PART * w.fs));
        let to_hz = (HELD_OF_CORNER * corner_hz).min(HELD_PART * w.fs);
        let found = view::peak_hold(w, corner_hz, to_hz)?;
        Ok(dto::Analysis {
            curves: vec![curve("wave", &found.wave, "s", "m/s²"), curve("spectrum", &found.spectrum, "Hz", "m/s²")],
            facts: [("corner_hz".to_owned(), corner_hz)].into(),
            ..dto::Analysis::default()
        })
    }

    fn envelope(&self, w: &Waveform, band: Band, to_hz: Option<f64>) -> Answer {
        let enough = || self.shaft_hz(w).map_or(ENVELOPE_HZ, |hz| (ENVELOPE_ORDERS * hz).max(ENVELOPE_HZ));
        let to_hz = to_hz.unwrap_or_else(|| enough().min(w.fs / 2.0));
        one("envelope", &view::envelope(w, band, to_hz)?, "Hz", "(m/s²)²")
    }
}

impl Analyst for Analysis {
    fn spectra(&self, waveform: &Waveform, machine: &Machine) -> dto::Spectra {
        let s = view::spectra(waveform, machine, self.judged_hz(waveform));
        let lines = s.lines.iter().map(|l| line(l, &s.hypotheses)).collect();
        dto::Spectra {
            fs: s.fs,
            shaft_hz: s.shaft_hz,
            spectrum: spectrum(&s.spectrum, "m/s²"),
            velocity: spectrum(&s.velocity, "mm/s"),
            envelope: dto::Envelope {
                df_hz: s.envelope.dx,
                by_turn: s.by_turn,
                ratio: narrow(&s.envelope.values),
                lines,
            },
            hypotheses: s.hypotheses.iter().map(hypothesis).collect(),
            refused: s.refused.iter().map(ToString::to_string).collect(),
        }
    }

    fn analyse(&self, w: &Waveform, machine: &Machine, question: &Question) -> dto::Analysis {
        let answer = match *question {
            Question::Zoom { low_hz, high_hz } => {
                view::zoom(w, low_hz, high_hz).and_then(|c| one("zoom", &c, "Hz", "m/s²"))
            }
            Question::Integrated { twice, low_hz } => self.integrated(w, twice, low_hz),
            Question::Envelope { low_hz, high_hz, to_hz } => self.envelope(w, Band { low_hz, high_hz }, to_hz),
            Question::PeakHold { corner_hz } => self.peak_hold(w, corner_hz),
            Question::Cepstrum => view::cepstrum(w).and_then(|c| one("cepstrum", &c, "s", "Np")),
            Question::Spectrogram => view::spectrogram(w).map(|m| with_map(map(&m, "s", "Hz"))),
            Question::Kurtogram => view::kurtogram(w).map(|k| with_kurtogram(&k)),
            Question::Orders(ref reference) => self.orders(w, machine, reference),
            Question::Average { ref reference, ratio } => self.average(w, machine, reference, ratio),
            Question::RunUp { ref tacho, pulses_per_turn } => run_up(w, tacho, pulses_per_turn),
        };
        said(question.kind(), self.shaft_hz(w), answer)
    }

    fn orbit(&self, horizontal: &Waveform, vertical: &Waveform) -> dto::Analysis {
        let shaft_hz = self.shaft_hz(horizontal).or_else(|| self.shaft_hz(vertical));
        let found = shaft_hz.ok_or("speed").and_then(|hz| view::orbit(horizontal, vertical, hz));
        let answer = found.map(|o| dto::Analysis {
            curves: vec![curve("full", &o.full, "order", &unit(o.unit))],
            path: o.points.iter().map(|(h, v)| [*h, *v]).collect(),
            facts: [("forward".to_owned(), f64::from(u8::from(o.forward)))].into(),
            ..dto::Analysis::default()
        });
        said("orbit", shaft_hz, answer)
    }

    fn waterfall(&self, records: &[(f64, Arc<Waveform>)], to_hz: f64) -> dto::Analysis {
        let of: Vec<(f64, &Waveform)> = records.iter().map(|(place, w)| (*place, &**w)).collect();
        let answer = view::waterfall(&of, to_hz).map(|(_, m)| with_map(map(&m, "Hz", "")));
        said("waterfall", None, answer)
    }
}

fn run_up(w: &Waveform, tacho: &Waveform, pulses_per_turn: f64) -> Answer {
    let found = view::run_up(w, tacho, pulses_per_turn)?;
    // Where there are more than can be drawn, one in so many: neighbours overlap by half anyway.
    let step = found.len().div_ceil(view::LONGEST_CURVE).max(1);
    let one = |r: &view::Response| dto::RunUpResponse { rpm: r.rpm, amplitude: r.amplitude, lag_deg: r.lag_deg };
    let responses = found.iter().step_by(step).map(one).collect();
    Ok(dto::Analysis { responses, source: Some("tacho".into()), ..dto::Analysis::default() })
}

fn said(kind: &str, shaft_hz: Option<f64>, answer: Answer) -> dto::Analysis {
    let refused = |code: &str| dto::Analysis { refused: vec![code.to_owned()], ..dto::Analysis::default() };
    dto::Analysis { kind: kind.to_owned(), shaft_hz, ..answer.unwrap_or_else(refused) }
}

fn one(name: &str, c: &Curve, x_unit: &str, unit: &str) -> Answer {
    Ok(dto::Analysis { curves: vec![curve(name, c, x_unit, unit)], ..dto::Analysis::default() })
}

fn with_map(map: AnalysisMap) -> dto::Analysis {
    dto::Analysis { map: Some(map), ..dto::Analysis::default() }
}

fn with_kurtogram(k: &view::Kurtogram) -> dto::Analysis {
    let level = |l: &view::Level| dto::KurtogramLevel { width_hz: l.width_hz, kurtosis: narrow(&l.kurtosis) };
    let kurtogram = dto::Kurtogram {
        levels: k.levels.iter().map(level).collect(),
        best: [k.best.low_hz, k.best.high_hz],
        kurtosis: k.kurtosis,
    };
    dto::Analysis { kurtogram: Some(kurtogram), ..dto::Analysis::default() }
}

fn map(m: &Map, x_unit: &str, y_unit: &str) -> AnalysisMap {
    AnalysisMap {
        x0: m.x0,
        dx: m.dx,
        x_unit: x_unit.to_owned(),
        y0: m.y0,
        dy: m.dy,
        y_unit: y_unit.to_owned(),
        columns: m.columns,
        rows: m.rows,
        unit: LEVEL.to_owned(),
        values: m.values.iter().map(|v| tenths(*v)).collect(),
        records: Vec::new(),
    }
}

/// A tenth of a decibel is more than colours tell, and a map is shorter by half so.
fn tenths(db: f32) -> f32 {
    (db * 10.0).round() / 10.0
}

fn unit(u: Unit) -> String {
    u.symbol().to_owned()
}

/// The page draws pixels: 24 bits of mantissa are more than it can show.
fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

fn curve(name: &str, c: &Curve, x_unit: &str, unit: &str) -> AnalysisCurve {
    AnalysisCurve {
        name: name.to_owned(),
        x0: c.x0,
        dx: c.dx,
        x_unit: x_unit.to_owned(),
        unit: unit.to_owned(),
        values: narrow(&c.values),
    }
}

fn spectrum(curve: &Curve, unit: &str) -> dto::Spectrum {
    dto::Spectrum { df_hz: curve.dx, unit: unit.to_owned(), amplitude: narrow(&curve.values) }
}

fn line(l: &Line, hypotheses: &[Listed]) -> dto::EnvelopeLine {
    // The slip is its hypothesis' own: the one of this bearing whose lines these are.
    let own = |h: &&Listed| {
        let fundamental = f64::from(l.line.harmonic) * h.scored.hz;
        l.bearing.as_ref() == Some(&h.bearing) && (l.line.hz - fundamental).abs() <= 1e-9 * fundamental
    };
    // Without a verdict the lines of a bearing stand where its geometry puts them.
    let slips = BearingFault::ALL.iter().any(|f| f.as_str() == &*l.line.label);
    let expected = || (hypotheses.is_empty() && slips).then_some(0.0);
    dto::EnvelopeLine {
        label: l.line.label.to_string(),
        bearing: l.bearing.as_ref().map(ToString::to_string),
        harmonic: l.line.harmonic,
        hz: l.line.hz,
        slip: hypotheses.iter().find(own).map(|h| h.scored.slip).or_else(expected),
        ratio: l.line.ratio,
    }
}

fn hypothesis(h: &Listed) -> dto::Hypothesis {
    dto::Hypothesis {
        bearing: h.bearing.to_string(),
        fault: h.scored.fault.to_string(),
        statistic: h.scored.statistic,
        threshold: h.scored.threshold,
        hz: h.scored.hz,
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use historian::{Config, Historian};
    use plant::{ManualClock, Samples, Speed, Timestamp, WaveformId, WaveformMeta};

    use super::*;

    const FS: f64 = 25_600.0;
    /// Speed of the shaft that the records are made of, Hz.
    const SHAFT: f64 = 25.0;

    fn record(unit: &str, speed: Option<f64>, values: Vec<f32>) -> Arc<Waveform> {
        let meta = WaveformMeta {
            speed: speed.map(|hz| Speed { mean_rpm: 60.0 * hz, range_rpm: None }),
            ..WaveformMeta::default()
        };
        let (t, unit) = (Timestamp::from_secs(1), Unit::parse(unit).unwrap());
        let point = "s/fan/vib".parse().unwrap();
        Arc::new(Waveform::new(WaveformId(1), point, t, t, FS, unit, Samples::F32(values.into()), meta).unwrap())
    }

    /// Harmonics of the shaft, and a little noise.
    fn humming(n: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) / f64::from(1u32 << 24) - 0.5
        };
        let value = |i: usize| {
            let t = i as f64 / FS;
            (1..=8).map(|k| (TAU * f64::from(k) * SHAFT * t + f64::from(k)).sin()).sum::<f64>() + 0.2 * noise()
        };
        (0..n).map(value).map(|v| v as f32).collect()
    }

    /// Pulses of a tenth of a turn, one each turn.
    fn pulses(n: usize) -> Arc<Waveform> {
        let high = |i: usize| (i as f64 / FS * SHAFT).fract() < 0.1;
        record("V", None, (0..n).map(|i| if high(i) { 5.0 } else { 0.0 }).collect())
    }

    fn questions() -> Vec<Question> {
        let reference = Reference { pulses_per_turn: 1.0, ..Reference::default() };
        vec![
            Question::Zoom { low_hz: 100.0, high_hz: 300.0 },
            Question::Integrated { twice: false, low_hz: None },
            Question::Integrated { twice: true, low_hz: None },
            Question::Envelope { low_hz: 2000.0, high_hz: 6000.0, to_hz: None },
            Question::Cepstrum,
            Question::Spectrogram,
            Question::Kurtogram,
            Question::Orders(reference.clone()),
            Question::Average { reference, ratio: 1.0 },
            Question::PeakHold { corner_hz: None },
            Question::RunUp { tacho: pulses(65_536), pulses_per_turn: 1.0 },
        ]
    }

    fn with(f: impl FnOnce(&Analysis)) {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1)));
        let store = Historian::open(Config::new(dir.path()), clock).unwrap();
        f(&Analysis { archive: store.archive() });
    }

    #[test]
    fn a_good_record_answers_every_question_in_its_shape() {
        let w = record("m/s²", Some(SHAFT), humming(65_536));
        let machine = Machine::bare("s/fan".parse().unwrap());
        with(|analysis| {
            for question in questions() {
                let a = analysis.analyse(&w, &machine, &question);
                assert_eq!((a.refused.as_slice(), &*a.kind), (&[][..], question.kind()), "{question:?}");
                assert!(a.curves.iter().all(|c| (2..=4000).contains(&c.values.len()) && c.dx > 0.0), "{question:?}");
                let drawn = usize::from(a.map.is_some()) + usize::from(a.kurtogram.is_some());
                let drawn = drawn + a.curves.len() + a.responses.len();
                assert!(drawn > 0, "{question:?}");
                if let Some(m) = &a.map {
                    assert_eq!(m.values.len(), m.rows * m.columns);
                    assert!(m.rows <= 512 && m.columns <= 512);
                }
            }
            let orders = analysis.analyse(&w, &machine, &questions()[7]);
            let spectrum = &orders.curves[0];
            let at = |order: f64| spectrum.values[((order - spectrum.x0) / spectrum.dx).round() as usize];
            assert!(at(1.0) > 10.0 * at(1.5) && at(8.0) > 10.0 * at(8.5), "{} {}", at(1.0), at(1.5));
            let run_up = analysis.analyse(&w, &machine, &questions()[10]).responses;
            // A sine that is ahead by 1 rad has its peak where the shaft has turned by π/2 − 1.
            let lag = (TAU / 4.0 - 1.0).to_degrees();
            assert!(run_up.len() > 10, "{run_up:?}");
            for r in run_up {
                assert!((r.rpm / 60.0 / SHAFT - 1.0).abs() < 1e-3, "{r:?}");
                assert!((r.amplitude - 1.0).abs() < 0.01 && (r.lag_deg - lag).abs() < 2.0, "{r:?}");
            }
            let held = analysis.analyse(&w, &machine, &questions()[9]);
            assert_eq!((held.facts["corner_hz"], held.curves.len()), (1000.0, 2));
            let (map, to_hz) = (analysis.waterfall(&[(1.0, w.clone()), (2.0, w.clone())], 400.0).map.unwrap(), 400.0);
            assert!(map.rows == 2 && (map.dx * map.columns as f64 / to_hz - 1.0).abs() < 0.05, "{}", map.dx);
            assert_eq!(analysis.orbit(&w, &w).refused, [] as [&str; 0]);
        });
    }

    #[test]
    fn without_a_verdict_the_lines_stand_where_the_geometry_puts_them() {
        let mut machine = Machine::bare("s/fan".parse().unwrap());
        let orders = plant::BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };
        let geometry = plant::Geometry::Orders(orders);
        machine.bearings.push(plant::Bearing { name: "DE".parse().unwrap(), designation: None, geometry });
        with(|analysis| {
            let s = analysis.spectra(&record("m/s²", Some(SHAFT), humming(8192)), &machine);
            assert!(s.hypotheses.is_empty() && !s.refused.is_empty(), "{:?}", s.refused);
            let outer: Vec<_> = s.envelope.lines.iter().filter(|l| l.label == "outer_race").collect();
            assert_eq!(
                outer.iter().map(|l| (l.harmonic, l.hz, l.slip)).collect::<Vec<_>>(),
                [(1, 89.5, Some(0.0)), (2, 179.0, Some(0.0)), (3, 268.5, Some(0.0)), (4, 358.0, Some(0.0)),]
            );
            let judged = analysis.spectra(&record("m/s²", Some(SHAFT), humming(65_536)), &machine);
            assert_eq!(judged.envelope.lines.iter().filter(|l| l.label == "outer_race" && l.harmonic == 1).count(), 1);
            assert!(analysis.spectra(&record("m/s²", None, humming(8192)), &machine).envelope.lines.is_empty());
        });
    }

    /// What cannot be computed is said by a code that the page has words for, and words for what to do.
    #[test]
    fn every_record_that_cannot_be_analysed_says_why_in_words() {
        let catalogue = include_str!("../../../web/ui/src/i18n/en.json");
        let words: std::collections::BTreeMap<String, String> = serde_json::from_str(catalogue).unwrap();
        let machine = Machine::bare("s/fan".parse().unwrap());
        let huge = vec![f32::MAX; 65_536];

        with(|analysis| {
            for w in [
                record("m/s²", None, vec![1.0]),
                record("m/s²", None, vec![1.0; 65_536]),
                record("m/s²", Some(SHAFT), vec![0.0; 32]),
                record("m/s²", Some(SHAFT), huge.clone()),
                record("°C", Some(SHAFT), humming(8192)),
                record("m/s²", Some(0.0), humming(8192)),
            ] {
                let answers = questions().into_iter().map(|q| analysis.analyse(&w, &machine, &q));
                let others = [analysis.orbit(&w, &w), analysis.waterfall(&[(0.0, w.clone())], 500.0)];
                for a in answers.chain(others) {
                    let nothing = a.curves.is_empty() && a.map.is_none() && a.kurtogram.is_none() && a.path.is_empty();
                    let nothing = nothing && a.responses.is_empty();
                    assert_eq!(a.refused.is_empty(), !nothing, "{}: {:?}", a.kind, a.refused);
                    for code in &a.refused {
                        for family in ["refusal", "refusal_next"] {
                            assert!(words.contains_key(&format!("{family}.{code}")), "{family}.{code}");
                        }
                    }
                }
            }
            let silent = analysis.analyse(&record("m/s²", None, humming(65_536)), &machine, &questions()[7]);
            assert_eq!(silent.refused, ["speed"]);
        });
    }
}
