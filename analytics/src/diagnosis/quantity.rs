//! The quantities that the table weighs, each a number of the symptoms.

use std::f64::consts::TAU;

use super::symptoms::{BearingSymptom, Known, Line, PointSymptoms, Symptoms};

/// What can be weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// 1× over overall velocity at the radial point with the strongest 1×.
    Share1x,
    /// Axial over radial velocity, 1× alone, the strongest points.
    Axial1x,
    /// Axial over radial velocity, 1× to 3×, the strongest points.
    AxialRatio,
    /// How far the growth of 1× with speed is from its square: |exponent − 2|.
    RpmSquared,
    /// How far the phase between horizontal and vertical is from 90°, or how unsteady it is, whichever is more; degrees.
    Quadrature,
    /// 2× over 1× at the radial point with the most of 1× to 3×.
    Ratio2x,
    /// 3× over 1× there.
    Ratio3x,
    /// Phase of 1× across the coupling, degrees 0 to 180.
    AcrossCoupling,
    /// Phase of axial 1× from end to end of a rotor, degrees 0 to 180.
    EndToEnd,
    /// 1× of the shaft at slow roll, µm peak to peak.
    SlowRoll,
    /// Multiples of shaft speed, 1 to 10, of at least a twentieth of the strongest; blade pass and mains left out.
    Harmonics,
    /// ½× over the strongest multiple at the same point.
    Half,
    /// ½× or ⅓× over the strongest multiple at the same point.
    Fraction,
    /// Noise between the lines over its baseline.
    FloorRise,
    /// Unsteadiness of phase, degrees.
    PhaseSpread,
    /// The line within 0.38 to 0.48× over 1× at the same point.
    SubSynchronous,
    /// Forward part of that line in the orbit.
    SubForward,
    /// Its distance from the rotor's critical speed, as a part of it.
    OffCritical,
    /// ½× over that line.
    HalfOverSub,
    /// How far the orbit is cut off on one side.
    OrbitClipped,
    /// Reverse over forward amplitude beside 1×.
    Reverse,
    /// Motion of the shaft against its housing over that of the housing (its strongest multiple, radial).
    ShaftOverHousing,
    /// T of the envelope decision over its threshold.
    Envelope,
    /// Lines that go with it: sidebands of inner race and ball, further harmonics of outer race and cage.
    EnvelopeSidebands,
    /// Best T of another part at the same point over this one's.
    EnvelopeOther,
    /// Lines of a rolling element's own spin.
    BallLines,
    /// Lines of the cage.
    CageLines,
    /// The part of its harmonics that coincide with shaft, mesh or blade pass.
    EnvelopeCoincident,
    /// Acceleration above 2 kHz over its baseline.
    HighFrequency,
    /// Kurtosis of the acceleration.
    Kurtosis,
    /// Sidebands over mesh.
    MeshSidebands,
    /// The larger of FM4 and NA4.
    MeshMetrics,
    /// Cepstral peak of the gear's shaft over its baseline.
    MeshCepstrum,
    /// 2× line frequency over overall velocity where it is strongest.
    Line2x,
    /// What is left of the motor's vibration when the supply is cut.
    PowerOff,
    /// Pole-pass sidebands of 1× over 1×.
    PolePass1x,
    /// Pole-pass sidebands of 2× over 1×.
    PolePass2x,
    /// Suction head or flow over what is needed.
    Suction,
    /// ln(1 + ρ) of vane pass in the envelope, at the point with the most noise.
    VanePass,
    /// ln(1 + ρ) of the strongest period of the envelope, vane pass left out, at the point with the most noise.
    Periodic,
    /// Velocity of the fault's own lines, where they are strongest, over what is worth an explanation.
    Level(Own),
}

/// The lines that a fault makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Own {
    /// 1×, radial.
    Once,
    /// 2× and 3×, radial, and 1× to 3×, axial.
    Multiples,
    /// 1×, axial.
    Axial,
    /// 1× to 10×, radial.
    Harmonics,
    /// The line within 0.38 to 0.48×.
    Sub,
    /// ½× and ⅓×.
    Fractions,
    /// Twice the line frequency.
    Line2x,
    /// Pole-pass sidebands.
    PolePass,
}

/// What a quantity is taken from: two faults that rest on the same subject compete for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// 1× and its direction.
    Once,
    /// Higher multiples.
    Multiples,
    /// Axial vibration and its phases.
    Axial,
    /// Fractions of shaft speed.
    Fractions,
    /// The line below half.
    Whirl,
    /// What the envelopes say of one bearing.
    Envelope(u16),
    /// Noise above 2 kHz.
    Noise,
    /// Mesh.
    Mesh,
    /// Twice the line frequency.
    Line,
    /// Pole pass.
    PolePass,
    /// Vane pass and suction.
    Flow,
    /// How much there is of it all.
    Level,
}

/// A fault of a bearing as one point hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Place in [`Symptoms::points`].
    pub point: usize,
    /// Place in its [`PointSymptoms::bearings`].
    pub symptom: usize,
    /// Which of the machine's bearings.
    pub bearing: u16,
}

impl Quantity {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Share1x => "share_1x",
            Self::Axial1x => "axial_1x",
            Self::AxialRatio => "axial_ratio",
            Self::RpmSquared => "rpm_squared",
            Self::Quadrature => "quadrature",
            Self::Ratio2x => "ratio_2x",
            Self::Ratio3x => "ratio_3x",
            Self::AcrossCoupling => "across_coupling",
            Self::EndToEnd => "end_to_end",
            Self::SlowRoll => "slow_roll",
            Self::Harmonics => "harmonics",
            Self::Half => "half",
            Self::Fraction => "fraction",
            Self::FloorRise => "floor_rise",
            Self::PhaseSpread => "phase_spread",
            Self::SubSynchronous => "sub_synchronous",
            Self::SubForward => "sub_forward",
            Self::OffCritical => "off_critical",
            Self::HalfOverSub => "half_over_sub",
            Self::OrbitClipped => "orbit_clipped",
            Self::Reverse => "reverse",
            Self::ShaftOverHousing => "shaft_over_housing",
            Self::Envelope => "envelope",
            Self::EnvelopeSidebands => "envelope_sidebands",
            Self::EnvelopeOther => "envelope_other",
            Self::BallLines => "ball_lines",
            Self::CageLines => "cage_lines",
            Self::EnvelopeCoincident => "envelope_coincident",
            Self::HighFrequency => "high_frequency",
            Self::Kurtosis => "kurtosis",
            Self::MeshSidebands => "mesh_sidebands",
            Self::MeshMetrics => "mesh_metrics",
            Self::MeshCepstrum => "mesh_cepstrum",
            Self::Line2x => "line_2x",
            Self::PowerOff => "power_off",
            Self::PolePass1x => "pole_pass_1x",
            Self::PolePass2x => "pole_pass_2x",
            Self::Suction => "suction",
            Self::VanePass => "vane_pass",
            Self::Periodic => "periodic",
            Self::Level(_) => "level",
        }
    }

    /// What it is taken from.
    #[must_use]
    pub fn subject(self, at: Option<At>) -> Subject {
        match self {
            Self::Share1x | Self::RpmSquared | Self::Quadrature | Self::SlowRoll | Self::PhaseSpread => Subject::Once,
            Self::Ratio2x | Self::Ratio3x | Self::Harmonics => Subject::Multiples,
            Self::Axial1x | Self::AxialRatio | Self::AcrossCoupling | Self::EndToEnd => Subject::Axial,
            Self::Half | Self::Fraction | Self::OrbitClipped | Self::Reverse | Self::ShaftOverHousing => {
                Subject::Fractions
            }
            Self::SubSynchronous | Self::SubForward | Self::OffCritical | Self::HalfOverSub => Subject::Whirl,
            Self::Envelope | Self::EnvelopeSidebands | Self::EnvelopeOther | Self::BallLines => envelope(at),
            Self::EnvelopeCoincident | Self::Kurtosis | Self::CageLines => envelope(at),
            Self::HighFrequency | Self::Periodic | Self::FloorRise => Subject::Noise,
            Self::MeshSidebands | Self::MeshMetrics | Self::MeshCepstrum => Subject::Mesh,
            Self::Line2x | Self::PowerOff => Subject::Line,
            Self::PolePass1x | Self::PolePass2x => Subject::PolePass,
            Self::Suction | Self::VanePass => Subject::Flow,
            Self::Level(_) => Subject::Level,
        }
    }

    /// The value, or the code of what is missing. `at` is the hypothesis on a bearing, where it is one.
    pub fn of(self, s: &Symptoms, at: Option<At>) -> Known {
        let value = self.raw(s, at)?;
        if value.is_finite() { Ok(value) } else { Err("not_finite") }
    }

    fn raw(self, s: &Symptoms, at: Option<At>) -> Known {
        let g = &s.given;
        match self {
            Self::Share1x => {
                let (p, one) = strongest(s, true, "no_radial", |p| order(p, 1))?;
                Ok((one / p.overall?).min(1.0))
            }
            Self::Axial1x => over(axial(s, 1)?, radial(s, 1)?),
            Self::AxialRatio => over(axial(s, 3)?, radial(s, 3)?),
            Self::RpmSquared => Ok((g.run_up?.exponent? - 2.0).abs()),
            Self::Quadrature => Ok((s.quadrature? - 90.0).abs().max(s.phase_spread?)),
            Self::Ratio2x => multiple(s, 2),
            Self::Ratio3x => multiple(s, 3),
            Self::AcrossCoupling => s.across_coupling,
            Self::EndToEnd => s.end_to_end,
            Self::SlowRoll => g.slow_roll,
            Self::Harmonics => harmonics(s),
            Self::Half => fraction(s, |p| Ok(p.half?.mm_s)),
            Self::Fraction => fraction(s, |p| Ok(p.half?.mm_s.max(p.third?.mm_s))),
            Self::FloorRise => Ok(strongest(s, true, "no_radial", |p| p.floor_rise)?.1),
            Self::PhaseSpread => s.phase_spread,
            Self::SubSynchronous => {
                let (p, sub) = strongest(s, true, "no_radial", |p| Ok(p.sub?.mm_s))?;
                over(sub, order(p, 1)?.max(0.1 * sub))
            }
            Self::SubForward => g.orbit?.sub_forward,
            Self::OffCritical => {
                let critical = g.run_up?.critical_hz?;
                let (p, sub) = strongest(s, true, "no_radial", |p| Ok(p.sub?.mm_s))?;
                if sub > 0.0 { over((p.sub?.hz - critical).abs(), critical) } else { Err("weak_line") }
            }
            Self::HalfOverSub => {
                let (p, sub) = strongest(s, true, "no_radial", |p| Ok(p.sub?.mm_s))?;
                over(p.half?.mm_s, sub.max(0.1 * p.half?.mm_s))
            }
            Self::OrbitClipped => g.orbit?.clipped,
            Self::Reverse => g.orbit?.reverse,
            Self::ShaftOverHousing => {
                let um = |l: &Line| 1000.0 * l.mm_s / (TAU * l.hz);
                let housing = |p: &PointSymptoms| {
                    p.overall?;
                    Ok(p.orders.iter().flatten().map(um).fold(0.0, f64::max))
                };
                over(g.orbit?.rms_um, strongest(s, true, "no_radial", housing)?.1)
            }
            Self::Envelope => Ok(bearing(s, at)?.1.excess),
            Self::EnvelopeSidebands => Ok(bearing(s, at)?.1.sidebands),
            Self::EnvelopeOther => other(s, at),
            Self::BallLines => Ok(bearing(s, at)?.1.ball_lines),
            Self::CageLines => Ok(bearing(s, at)?.1.cage_lines),
            Self::EnvelopeCoincident => Ok(bearing(s, at)?.1.coincident),
            Self::HighFrequency => match at {
                Some(at) => s.points[at.point].high_frequency,
                None => Ok(strongest(s, false, "sensor", |p| p.high_frequency)?.1),
            },
            Self::Kurtosis => Ok(bearing(s, at)?.0.kurtosis),
            Self::MeshSidebands => {
                s.excitations.mesh_hz.ok_or("mesh")?;
                Ok(strongest(s, false, "mesh", |p| p.sideband_ratio)?.1)
            }
            Self::MeshMetrics => larger(g.gear?.fm4, g.gear?.na4),
            Self::MeshCepstrum => g.gear?.cepstrum,
            Self::Line2x => {
                let (p, line) = strongest(s, false, "sensor", |p| Ok(p.line_2x?.mm_s))?;
                Ok((line / p.overall?).min(1.0))
            }
            Self::PowerOff => g.power_off,
            Self::PolePass1x => pole_pass(s, 0),
            Self::PolePass2x => pole_pass(s, 1),
            Self::Suction => g.process?.suction,
            Self::VanePass => strongest(s, false, "sensor", |p| p.broadband)?.0.vane_pass,
            Self::Periodic => Ok(strongest(s, false, "sensor", |p| p.broadband)?.0.periodic?.ln_1p()),
            Self::Level(own) => over(level(s, own)?, g.reference?),
        }
    }
}

fn envelope(at: Option<At>) -> Subject {
    Subject::Envelope(at.map_or(0, |a| a.bearing))
}

fn over(a: f64, b: f64) -> Known {
    if b > 0.0 { Ok(a / b) } else { Err("weak_line") }
}

fn larger(a: Known, b: Known) -> Known {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok(a.max(b)),
        (Ok(v), Err(_)) | (Err(_), Ok(v)) => Ok(v),
        (Err(why), Err(_)) => Err(why),
    }
}

/// The point where `get` is largest, of the radial ones or of all; `Err(absent)` where there is no such point, else what
/// the first of them lacks.
fn strongest<'a>(
    s: &'a Symptoms,
    radial: bool,
    absent: &'static str,
    get: impl Fn(&PointSymptoms) -> Known,
) -> Known<(&'a PointSymptoms, f64)> {
    among(s, absent, |p| !radial || p.place.radial(), get)
}

fn among<'a>(
    s: &'a Symptoms,
    absent: &'static str,
    which: impl Fn(&PointSymptoms) -> bool,
    get: impl Fn(&PointSymptoms) -> Known,
) -> Known<(&'a PointSymptoms, f64)> {
    let mut found: Option<(&PointSymptoms, f64)> = None;
    let mut why = None;
    for p in s.points.iter().filter(|p| which(p)) {
        match get(p) {
            Ok(v) if found.is_none_or(|(_, best)| v > best) => found = Some((p, v)),
            Ok(_) => {}
            Err(e) => why = why.or(Some(e)),
        }
    }
    found.ok_or(why.unwrap_or(absent))
}

fn order(p: &PointSymptoms, k: usize) -> Known {
    Ok(p.orders[k - 1]?.mm_s)
}

/// Root of the sum of squares of 1× to `to`×; what is not resolved is left out.
fn sum(p: &PointSymptoms, to: usize) -> Known {
    p.overall?;
    Ok(p.orders[..to].iter().flatten().map(|l| l.mm_s * l.mm_s).sum::<f64>().sqrt())
}

fn axial(s: &Symptoms, to: usize) -> Known {
    Ok(among(s, "no_axial", |p| !p.place.radial(), |p| sum(p, to))?.1)
}

fn radial(s: &Symptoms, to: usize) -> Known {
    Ok(strongest(s, true, "no_radial", |p| sum(p, to))?.1)
}

fn multiple(s: &Symptoms, k: usize) -> Known {
    // 1× to 3× must all be known here: a point where mains hide 2× does not count as one without.
    let known = |p: &PointSymptoms| order(p, 2).and(order(p, 3)).and(sum(p, 3));
    let (p, _) = strongest(s, true, "no_radial", known)?;
    let line = order(p, k)?;
    over(line, order(p, 1)?.max(0.1 * line)).or(Ok(0.0))
}

/// mm/s RMS of the lines that a fault makes, where they are strongest.
fn level(s: &Symptoms, own: Own) -> Known {
    let radial = |get: fn(&PointSymptoms) -> Known| Ok(strongest(s, true, "no_radial", get)?.1);
    match own {
        Own::Once => radial(|p| order(p, 1)),
        Own::Multiples => {
            let across = radial(|p| Ok(order(p, 2).unwrap_or(0.0).hypot(order(p, 3)?)))?;
            // Without axial sensors the radial lines have to do.
            Ok(across.hypot(axial(s, 3).unwrap_or(0.0)))
        }
        Own::Axial => axial(s, 1),
        Own::Harmonics => radial(|p| sum(p, p.orders.len())),
        Own::Sub => radial(|p| Ok(p.sub?.mm_s)),
        Own::Fractions => radial(|p| Ok(p.half?.mm_s.hypot(p.third?.mm_s))),
        Own::Line2x => Ok(strongest(s, false, "sensor", |p| Ok(p.line_2x?.mm_s))?.1),
        Own::PolePass => radial(|p| Ok(p.pole_pass?[0].mm_s)),
    }
}

/// The strongest multiple at a point.
fn main_line(p: &PointSymptoms) -> f64 {
    p.orders.iter().flatten().map(|l| l.mm_s).fold(0.0, f64::max)
}

fn harmonics(s: &Symptoms) -> Known {
    let blade = s.excitations.blade_pass_hz;
    let of_blade = |l: &Line| {
        blade.is_some_and(|b| (l.hz - (l.hz / b).round().max(1.0) * b).abs() < 0.25 * s.excitations.shaft_hz)
    };
    let loudest = strongest(s, true, "no_radial", |p| p.overall)?.1;
    let count = |p: &PointSymptoms| {
        let main = main_line(p);
        p.orders.iter().flatten().filter(|l| l.mm_s > 0.0 && l.mm_s >= 0.05 * main && !of_blade(l)).count()
    };
    // A quiet point may have many lines of nothing.
    let loud = |p: &PointSymptoms| p.overall.map(|v| if v >= 0.3 * loudest { count(p) as f64 } else { 0.0 });
    Ok(strongest(s, true, "no_radial", loud)?.1)
}

fn fraction(s: &Symptoms, get: impl Fn(&PointSymptoms) -> Known) -> Known {
    let (p, line) = strongest(s, true, "no_radial", get)?;
    over(line, main_line(p).max(0.1 * line)).or(Ok(0.0))
}

fn pole_pass(s: &Symptoms, which: usize) -> Known {
    let (p, side) = strongest(s, true, "no_radial", |p| Ok(p.pole_pass?[which].mm_s))?;
    over(side, order(p, 1)?.max(0.1 * side)).or(Ok(0.0))
}

fn bearing(s: &Symptoms, at: Option<At>) -> Known<(&PointSymptoms, &BearingSymptom)> {
    let at = at.ok_or("geometry")?;
    let p = s.points.get(at.point).ok_or("geometry")?;
    Ok((p, p.bearings.as_ref().map_err(|e| *e)?.get(at.symptom).ok_or("geometry")?))
}

fn other(s: &Symptoms, at: Option<At>) -> Known {
    let (p, own) = bearing(s, at)?;
    // The ball is lent the cage's lines: the same comb is no other explanation, whose it is the ball's own lines say.
    let same = |b: &BearingSymptom| (b.hz - own.hz).abs() < 1e-6 * own.hz;
    let rival = |b: &BearingSymptom| b.fault != own.fault && !same(b);
    let all = p.bearings.as_ref().map_err(|e| *e)?;
    let best = all.iter().filter(|b| rival(b)).map(|b| b.excess).fold(0.0, f64::max);
    over(best, own.excess)
}
