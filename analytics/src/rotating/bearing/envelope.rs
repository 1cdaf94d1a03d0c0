//! The envelope decision: is a bearing damaged, and where.
//!
//! Cepstral pre-whitening (Borghesani et al., MSSP 36 (2013), 370) sets every line of the transform to magnitude 1, so
//! that no tone of the machine outweighs the faint train of impacts, which lives in the phases. The squared envelope of
//! what is left is transformed again; a fault that strikes f times a second shows at f, 2f, 3f, 4f over the local floor.

use plant::BearingFault;
use realfft::num_complex::Complex;

use super::foreign::{Foreign, Sighting};
use super::null;
use super::seated::Seated;
use super::squared::{EnvelopePlans, RecordLines, Squared};
use crate::rotating::spectrum::hann_power_into;

/// Slip of rolling elements: the fault frequency lies this far below to above its kinematic value.
pub const SLIP: (f64, f64) = (-0.02, 0.01);
/// Lines left out on either side of a multiple of shaft speed.
const MASK: usize = 3;
/// Beyond this multiple of what is not known of a shaft's speed its multiples cannot be told from what lies between.
const MASKED: f64 = 0.125;
/// Half the width of the running median that is the floor, in lines.
const FLOOR_HALF: usize = 100;
/// The floor is computed this many lines apart and interpolated between.
const FLOOR_HOP: usize = 16;
/// The first lines hold what is left of the mean.
const FIRST: usize = 2;
/// A fault whose lines stand closer than this cannot be told from its neighbours.
const RESOLVED: f64 = 8.0;
/// A cage is named for the lines that a damaged ball shows too, if noise alone would show more at the ball's own
/// frequency this often.
const BALL_ABSENT: f64 = 0.9;

/// Buffers of the envelope spectrum of one record length.
#[derive(Default)]
pub(in crate::rotating) struct Envelope {
    pub(in crate::rotating) squared: Squared,
    pub(in crate::rotating) lines: Vec<Complex<f64>>,
    power: Vec<f64>,
    median: Vec<f64>,
    floor: Vec<f64>,
    ratio: Vec<f64>,
    pub(super) highest: Vec<f64>,
    pub(super) foreign: Foreign,
    /// Combs that stood out of earlier records.
    pub(in crate::rotating) seen: Vec<Sighting>,
}

impl Envelope {
    /// Fills [`Envelope::ratio`] from the transform `x` of a record, for lines up to `highest_hz`.
    pub fn compute(&mut self, plans: &EnvelopePlans, x: RecordLines<'_>, highest_hz: f64) {
        let highest = highest_hz * x.n as f64 / x.fs;
        self.squared.square(plans, x);
        self.squared.spread(wanted(highest), &mut self.lines);
        self.ratios(highest);
    }

    /// Fills [`Envelope::ratio`] from [`Envelope::lines`], as far as line `highest`.
    pub(in crate::rotating) fn ratios(&mut self, highest: f64) {
        let kept = wanted(highest).clamp(2, self.lines.len());
        hann_power_into(&self.lines[..kept], &mut self.power);
        // The last line was windowed as if the spectrum ended there.
        self.power.pop();
        self.divide_by_floor();
    }

    /// Takes `ratio` for that of a record.
    #[cfg(test)]
    pub(super) fn show(&mut self, ratio: impl Iterator<Item = f64>) {
        self.ratio = ratio.collect();
    }

    /// Power over the local floor by line; lines below [`FIRST`] are 0.
    pub fn ratio(&self) -> &[f64] {
        &self.ratio
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.squared.bytes()
            + 16 * self.lines.capacity()
            + 8 * (self.power.capacity()
                + self.median.capacity()
                + self.floor.capacity()
                + self.ratio.capacity()
                + self.highest.capacity())
            + 16 * self.seen.capacity()
            + self.foreign.bytes()
    }

    fn divide_by_floor(&mut self) {
        let lines = self.power.len();
        self.floor.clear();
        for at in (FIRST..lines).step_by(FLOOR_HOP) {
            let window = at.saturating_sub(FLOOR_HALF).max(FIRST)..(at + FLOOR_HALF + 1).min(lines);
            self.median.clear();
            self.median.extend_from_slice(&self.power[window]);
            let middle = self.median.len() / 2;
            let (_, median, _) = self.median.select_nth_unstable_by(middle, f64::total_cmp);
            // The median of an exponential distribution is its mean times ln 2.
            self.floor.push(*median / std::f64::consts::LN_2);
        }
        self.ratio.clear();
        for (k, p) in self.power.iter().enumerate() {
            let floor = interpolated(&self.floor, k);
            self.ratio.push(if k >= FIRST && floor > 0.0 { p / floor } else { 0.0 });
        }
    }

    /// Prepares [`Envelope::highest`]: ratios without the lines of a shaft whose speed is known but for `tolerance`, each
    /// the largest of itself and its neighbours.
    pub(super) fn mask_shaft(&mut self, shaft_lines: f64, tolerance: f64) {
        self.highest.clear();
        self.highest.extend_from_slice(&self.ratio);
        let lines = self.highest.len();
        let mut multiple = 1.0;
        while multiple * shaft_lines < (lines + MASK) as f64 {
            let at = (multiple * shaft_lines).round() as usize;
            let off = multiple * tolerance;
            let half = MASK + if off <= MASKED { (off * shaft_lines).ceil() as usize } else { 0 };
            self.highest[at.saturating_sub(half).min(lines)..(at + half + 1).min(lines)].fill(0.0);
            multiple += 1.0;
        }
        let mut before = 0.0;
        for k in 0..lines {
            let here = self.highest[k];
            let after = self.highest.get(k + 1).copied().unwrap_or(0.0);
            self.highest[k] = here.max(before).max(after);
            before = here;
        }
    }

    /// T = max over slip (from, to) of Σ ln(1+ρ_k) at multiples of `lines_per_strike`.
    fn statistic(&self, lines_per_strike: f64, slips: (f64, f64)) -> Comb {
        let harmonics = (1..=null::HARMONICS)
            .take_while(|k| *k as f64 * lines_per_strike * (1.0 + slips.1) + 1.0 < self.highest.len() as f64);
        let harmonics = harmonics.count();
        let trials = trials(slips, harmonics, lines_per_strike);
        let mut best = Comb { harmonics, trials, ..Comb::default() };
        let mut veiled = false;
        for i in 0..trials {
            let slip = slips.0 + (slips.1 - slips.0) * i as f64 / (trials - 1) as f64;
            let mut at = |k: usize| {
                let line = (k as f64 * lines_per_strike * (1.0 + slip)).round() as usize;
                let foreign = self.foreign.has(line);
                veiled |= foreign;
                if foreign { 0.0 } else { self.highest[line] }
            };
            let t: f64 = (1..=harmonics).map(|k| at(k).ln_1p()).sum();
            if t > best.statistic || i == 0 {
                (best.statistic, best.slip) = (t, slip);
                for k in 1..=harmonics {
                    best.ratios[k - 1] = at(k);
                }
            }
        }
        Comb { veiled, ..best }
    }
}

/// Lines of the squared envelope that it takes to know those up to `highest` over their floor.
fn wanted(highest: f64) -> usize {
    (highest as usize).saturating_add(FLOOR_HALF + 2)
}

fn interpolated(floor: &[f64], line: usize) -> f64 {
    let at = line.saturating_sub(FIRST) as f64 / FLOOR_HOP as f64;
    let i = at as usize;
    match (floor.get(i), floor.get(i + 1)) {
        (Some(a), Some(b)) => a + (b - a) * (at - i as f64),
        (Some(a), None) => *a,
        _ => floor.last().copied().unwrap_or(0.0),
    }
}

/// The best fit of one comb of lines.
#[derive(Clone, Copy, Debug, Default)]
struct Comb {
    statistic: f64,
    slip: f64,
    ratios: [f64; null::HARMONICS],
    harmonics: usize,
    trials: usize,
    /// Lines where it was searched are those of a foreign comb, and were not looked at.
    veiled: bool,
}

/// How well one fault of one bearing explains the envelope spectrum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Which bearing, by its place in the list that was given.
    pub bearing: usize,
    /// Which part.
    pub fault: BearingFault,
    /// T = max over slip of Σ ln(1+ρ_k).
    pub statistic: f64,
    /// ln of the probability that noise reaches T for this fault alone.
    pub ln_p: f64,
    /// What T must exceed, corrected for slips and for the number of hypotheses.
    pub threshold: f64,
    /// The part whose frequency the lines stand at: that of the fault, or the cage's for a ball.
    pub lines_of: BearingFault,
    /// The frequency of those lines, slip included, Hz.
    pub hz: f64,
    /// The slip, as a part of the kinematic frequency.
    pub slip: f64,
    /// ρ_k at its harmonics; those beyond [`Scored::harmonics`] are 0.
    pub ratios: [f64; null::HARMONICS],
    /// How many harmonics the record could show.
    pub harmonics: usize,
}

impl Scored {
    /// Whether T passed its threshold.
    #[must_use]
    pub fn significant(&self) -> bool {
        self.statistic > self.threshold
    }
}

/// Why no decision was made; a stable code.
pub type Refusal = &'static str;

impl Envelope {
    /// Scores every fault of every bearing; the best first. `out` is replaced.
    ///
    /// Ball and cage share lines: a damaged rolling element passes the load zone once per turn of the cage, and in
    /// practice often shows there alone (Smith & Randall, MSSP 64 (2015), 100, on the ball faults of their set), while a
    /// cage on its own is rarely the first to go. So lines at the cage's frequency speak for the ball, unless the ball's
    /// own frequency shows less than nine of ten records of plain noise would. Where a foreign comb veils it, it shows nothing
    /// whether it is there or not, and the cage's lines speak for the ball.
    ///
    /// Each bearing is judged with the speed of its own shaft, and that shaft's lines are masked; one whose shaft turns
    /// slower than `least_hz` is left out. A bearing whose geometry or speed is not known exactly is searched further,
    /// and its threshold is that of the wider search. So that it cannot take the lines of one that is known, it stands
    /// behind every known one that is significant.
    ///
    /// Of the combs that earlier records showed ([`Envelope::seen`]), those that this one shows again count for no fault
    /// that they are foreign to.
    pub fn decide(
        &mut self,
        df: f64,
        shaft_hz: f64,
        least_hz: f64,
        bearings: &[Seated],
        alpha: f64,
        out: &mut Vec<Scored>,
    ) -> Result<(), Refusal> {
        out.clear();
        let mut masked = None;
        for (bearing, seated) in bearings.iter().enumerate() {
            if seated.ratio * shaft_hz < least_hz {
                continue;
            }
            if masked != Some((seated.ratio, seated.ratio_tolerance)) {
                self.mask_shaft(seated.ratio * shaft_hz / df, seated.ratio_tolerance);
                masked = Some((seated.ratio, seated.ratio_tolerance));
            }
            let mut veiled = false;
            for fault in BearingFault::ALL {
                let lines = seated.strikes(fault) * shaft_hz / df;
                if lines < RESOLVED {
                    continue;
                }
                let each = alpha / (bearings.len() * BearingFault::ALL.len()) as f64;
                self.find_foreign(df, shaft_hz, (seated, fault), each);
                let comb = self.statistic(lines, seated.slip(fault));
                veiled |= comb.veiled && fault == BearingFault::Ball;
                if comb.harmonics >= 2 {
                    out.push(scored(bearing, fault, comb, lines * df));
                }
            }
            cage_speaks_for_ball(bearing, veiled, out);
        }
        let hypotheses = out.len();
        for s in out.iter_mut() {
            let trials = trials_of(s, bearings, shaft_hz / df);
            s.threshold = null::threshold(alpha / hypotheses as f64, s.harmonics, trials);
        }
        let rank = |f: BearingFault| BearingFault::ALL.iter().position(|x| *x == f);
        let guessed = bearings.iter().any(Seated::is_estimated);
        let behind = |s: &Scored| guessed && (bearings[s.bearing].is_estimated() || !s.significant());
        out.sort_by(|a, b| {
            let order = behind(a).cmp(&behind(b)).then(b.statistic.total_cmp(&a.statistic));
            order.then(rank(a.fault).cmp(&rank(b.fault))).then(a.bearing.cmp(&b.bearing))
        });
        if out.is_empty() { Err("record_length") } else { Ok(()) }
    }
}

fn scored(bearing: usize, fault: BearingFault, comb: Comb, kinematic_hz: f64) -> Scored {
    Scored {
        bearing,
        fault,
        statistic: comb.statistic,
        ln_p: null::ln_p(comb.statistic, comb.harmonics, comb.trials),
        threshold: f64::INFINITY,
        lines_of: fault,
        hz: kinematic_hz * (1.0 + comb.slip),
        slip: comb.slip,
        ratios: comb.ratios,
        harmonics: comb.harmonics,
    }
}

fn trials_of(s: &Scored, bearings: &[Seated], shaft_lines: f64) -> usize {
    let seated = bearings[s.bearing];
    trials(seated.slip(s.lines_of), s.harmonics, seated.strikes(s.lines_of) * shaft_lines)
}

/// Slips that are tried: one step moves the highest harmonic by one line.
fn trials(slips: (f64, f64), harmonics: usize, lines_per_strike: f64) -> usize {
    (((slips.1 - slips.0) * harmonics as f64 * lines_per_strike).ceil() as usize + 1).max(2)
}

/// Lends the cage's lines to the ball of the same bearing where they say more, see [`Envelope::decide`].
fn cage_speaks_for_ball(bearing: usize, veiled: bool, out: &mut [Scored]) {
    let place = |f| out.iter().position(|s: &Scored| s.bearing == bearing && s.fault == f);
    let (Some(ball), Some(cage)) = (place(BearingFault::Ball), place(BearingFault::Cage)) else { return };
    let (own, lent) = (out[ball], out[cage]);
    if lent.statistic > own.statistic && (veiled || own.ln_p.exp() < BALL_ABSENT) {
        out[ball] = Scored { fault: BearingFault::Ball, ..lent };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_takes_the_shafts_lines_and_their_neighbours_only() {
        let mut e = Envelope { ratio: vec![1.0; 60], ..Envelope::default() };
        e.ratio[20] = 50.0;
        e.ratio[26] = 7.0;
        e.mask_shaft(20.0, 0.0);
        assert_eq!(e.highest[20], 0.0);
        assert_eq!((e.highest[15], e.highest[17], e.highest[18]), (1.0, 1.0, 0.0));
        assert_eq!((e.highest[25], e.highest[26], e.highest[27], e.highest[28]), (7.0, 7.0, 7.0, 1.0));
    }

    #[test]
    fn the_mask_of_a_shaft_behind_a_belt_is_as_wide_as_its_speed_is_uncertain() {
        let mut e = Envelope { ratio: vec![1.0; 900], ..Envelope::default() };
        e.mask_shaft(100.0, 0.02);
        // 3 lines and 2 % of 100, of 200; the seventh multiple is uncertain by 14 % of the shaft's speed.
        let masked = |k: usize| e.highest[k] == 0.0;
        assert!(masked(96) && masked(104) && !masked(93) && !masked(107));
        assert!(masked(194) && masked(206) && !masked(191));
        assert!(masked(700) && !masked(690));
    }

    #[test]
    fn an_estimate_does_not_take_the_lines_of_a_bearing_that_is_known() {
        let orders = |bpfo: f64| plant::BearingOrders { bpfo, bpfi: 1.6 * bpfo, bsf: 2.36, ftf: 0.398 };
        let known = Seated::from(orders(3.58));
        let guess = Seated { tolerance: [0.15, 0.15, 0.12, 0.03], ..Seated::from(orders(3.5)) };
        let mut ratio = vec![1.0; 4000];
        for k in 1..=4 {
            ratio[358 * k - 1] = 40.0;
        }
        let mut e = Envelope { ratio, ..Envelope::default() };
        let mut out = Vec::new();
        e.decide(0.25, 25.0, 2.0, &[guess, known], 1e-4, &mut out).unwrap();
        assert_eq!((out[0].bearing, out[0].fault), (1, BearingFault::OuterRace));
        assert!(out[0].significant());
        let of_guess = out.iter().find(|s| s.bearing == 0 && s.fault == BearingFault::OuterRace).unwrap();
        assert!(of_guess.statistic >= out[0].statistic, "it sees the same lines");
        assert!(of_guess.threshold > out[0].threshold + 0.3, "and pays for the wider search");
        // Alone it may speak.
        e.decide(0.25, 25.0, 2.0, &[guess], 1e-4, &mut out).unwrap();
        assert!(out[0].significant() && out[0].fault == BearingFault::OuterRace);
    }

    #[test]
    fn one_slip_serves_all_harmonics() {
        let mut e = Envelope { highest: vec![0.0; 1000], ..Envelope::default() };
        // Lines of a comb at 101 per strike, which is 1 % above 100; and one that belongs to no comb in reach.
        for k in 1..=4 {
            e.highest[101 * k] = 9.0;
        }
        e.highest[103] = 1e6;
        let c = e.statistic(100.0, SLIP);
        assert_eq!((c.harmonics, c.ratios), (4, [9.0; 4]));
        assert!((c.slip - 0.01).abs() < 1e-9 && (c.statistic - 4.0 * 10f64.ln()).abs() < 1e-9);
        // Seen from 98 per strike they stand 3 % off: beyond what a bearing slips.
        assert!(e.statistic(98.0, SLIP).ratios.iter().filter(|r| **r == 9.0).count() < 2);
    }

    #[test]
    fn cage_lines_are_named_after_the_ball_unless_the_ball_is_absent() {
        let comb = |statistic| Comb { statistic, harmonics: 4, trials: 100, ..Comb::default() };
        let case = |own: f64, veiled: bool| {
            let mut out =
                [scored(0, BearingFault::Ball, comb(own), 100.0), scored(0, BearingFault::Cage, comb(12.0), 10.0)];
            cage_speaks_for_ball(0, veiled, &mut out);
            (out[0].statistic, out[0].lines_of)
        };
        assert_eq!(case(6.0, false), (12.0, BearingFault::Cage));
        assert_eq!(case(3.0, false), (3.0, BearingFault::Ball));
        assert_eq!(case(3.0, true), (12.0, BearingFault::Cage), "a foreign comb lies over its lines");
        assert_eq!(case(13.0, false), (13.0, BearingFault::Ball));
    }
}
