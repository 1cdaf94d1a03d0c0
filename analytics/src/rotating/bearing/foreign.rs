//! Lines of the envelope that do not go with the shaft.
//!
//! What a bearing strikes goes with the speed of its shaft, but for its slip. A comb that stands at one frequency while
//! the shaft turns at clearly different speeds is of something else that shakes the foundation: a neighbour's bearing,
//! the mains, a converter. At one speed alone it cannot be told from the fault whose frequency it happens to meet, however
//! many records show it, as no chance is involved. So of every record the combs that stand out are kept with the speed
//! ([`Sighting`]), whoever they are of; and where one of them is seen again while the shaft turns at another speed, its
//! lines say nothing of a fault there.

use serde::{Deserialize, Serialize};

use super::envelope::Envelope;
use super::null;
use super::seated::Seated;
use plant::BearingFault;

/// Probability that a record of noise alone shows a comb at all. A sighting that was chance veils a fault only if it lies
/// at the fault's frequency, too.
const ALPHA: f64 = 0.01;
/// Combs of one record that are kept at most.
pub(super) const MOST: usize = 3;
/// By this part the frequency of a foreign comb may have changed since. Chosen, not measured: the neighbour's load changes its
/// speed, if it is an induction motor by less than its rated slip, which is a few percent and of large ones below this; the
/// rest is what two records tell a frequency to.
pub(super) const DRIFT: f64 = 0.01;
/// Harmonics of a foreign comb that are left out.
const LEFT_OUT: usize = 8;
/// Lines on either side of them, and as many more as [`DRIFT`] makes of them: strikes that slip make skirts that widen from
/// harmonic to harmonic, and those of a strong comb stand far above the floor.
const MASK: f64 = 4.0;
/// Steps in which a comb is searched: its fourth harmonic moves by one line.
const STEP: f64 = 0.25;
/// Lines of a comb stand at least this far apart, as those of a fault.
const RESOLVED: f64 = 8.0;

/// A comb of lines that stood out of the envelope of a record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// Its frequency, Hz.
    pub hz: f64,
    /// The speed of the shaft at which the sensor sits, Hz.
    pub shaft_hz: f64,
}

impl Sighting {
    /// Whether the comb cannot be of `fault` of `seated` wherever the shaft turns at `shaft_hz`: the shaft turned at a speed
    /// that no slip makes up for, and the fault was not where the comb stood.
    fn is_foreign_to(&self, seated: &Seated, fault: BearingFault, shaft_hz: f64) -> bool {
        let (low, high) = seated.slip(fault);
        let ratio = self.shaft_hz / shaft_hz;
        let its_own = seated.strikes(fault) * self.shaft_hz;
        // A comb is also found by every other of its lines, and those of two that alternate by the half.
        let own = [0.5, 1.0, 2.0].iter().any(|by| {
            let at = self.hz / (by * its_own) - 1.0;
            (low - DRIFT..=high + DRIFT).contains(&at)
        });
        ratio.max(ratio.recip()) > seated.apart(fault) && !own
    }
}

/// Fundamentals, in lines, of the foreign combs that a record shows.
#[derive(Default)]
pub(super) struct Foreign(Vec<f64>);

impl Foreign {
    /// Whether `line` is one of theirs.
    pub fn has(&self, line: usize) -> bool {
        self.0.iter().any(|f| {
            let nearest = (line as f64 / f).round().clamp(1.0, LEFT_OUT as f64);
            (line as f64 - nearest * f).abs() <= reach(nearest * f)
        })
    }

    pub fn bytes(&self) -> usize {
        8 * self.0.capacity()
    }
}

/// How far around a line of a foreign comb nothing is looked at.
fn reach(line: f64) -> f64 {
    MASK + DRIFT * line
}

impl Envelope {
    /// Finds those of [`Envelope::seen`] in the record again that are foreign to a fault, where chance does so with a probability of
    /// less than `alpha`.
    pub(super) fn find_foreign(
        &mut self,
        df: f64,
        shaft_hz: f64,
        (seated, fault): (&Seated, BearingFault),
        alpha: f64,
    ) {
        let mut foreign = std::mem::take(&mut self.foreign);
        foreign.0.clear();
        for s in self.seen.iter().filter(|s| s.is_foreign_to(seated, fault, shaft_hz)) {
            let (from, to) = ((1.0 - DRIFT) * s.hz / df, (1.0 + DRIFT) * s.hz / df);
            let Some((at, t, trials)) = self.best_comb(from, to) else { continue };
            if null::ln_p(t, null::HARMONICS, trials) < alpha.ln() {
                foreign.0.push(at);
            }
        }
        self.foreign = foreign;
    }

    /// Replaces `out` by the combs that stand out of the record, whoever they are of, the clearest first; but for the
    /// lines of the shaft, which turns at `shaft_hz`.
    pub(in crate::rotating) fn sight(&mut self, df: f64, shaft_hz: f64, out: &mut Vec<Sighting>) {
        out.clear();
        self.mask_shaft(shaft_hz / df, 0.0);
        while out.len() < MOST {
            let Some((at, t, trials)) = self.best_comb(RESOLVED, f64::INFINITY) else { return };
            if null::ln_p(t, null::HARMONICS, trials) > ALPHA.ln() {
                return;
            }
            out.push(Sighting { hz: at * df, shaft_hz });
            // What is left is not of this one.
            for k in 1..=LEFT_OUT {
                let line = k as f64 * at;
                let of_it = (line - reach(line)).max(0.0) as usize..(line + reach(line)) as usize + 1;
                self.highest.iter_mut().take(of_it.end).skip(of_it.start).for_each(|r| *r = 0.0);
            }
        }
    }

    /// The comb of four lines with the largest Σ ln(1+ρ_k), its fundamental within `from` to `to` lines: that, the sum and
    /// how many were tried. `None` where the envelope does not reach that far.
    fn best_comb(&self, from: f64, to: f64) -> Option<(f64, f64, usize)> {
        let last = (self.highest.len() as f64 - 1.5) / null::HARMONICS as f64;
        let (from, to) = (from.max(RESOLVED), to.min(last));
        let trials = ((to - from) / STEP).floor() + 1.0;
        if trials < 1.0 {
            return None;
        }
        let at = |i: usize| from + STEP * i as f64;
        let of =
            |f: f64| (1..=null::HARMONICS).map(|k| self.highest[(k as f64 * f).round() as usize].ln_1p()).sum::<f64>();
        let tried = (0..trials as usize).map(|i| (at(i), of(at(i))));
        tried.reduce(|a, b| if b.1 > a.1 { b } else { a }).map(|(f, t)| (f, t, trials as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plant::BearingOrders;

    const ORDERS: BearingOrders = BearingOrders { bpfo: 5.72, bpfi: 8.28, bsf: 2.64, ftf: 0.409 };

    #[test]
    fn a_comb_is_foreign_where_the_speed_was_another_and_the_fault_elsewhere() {
        use BearingFault::{InnerRace, OuterRace};
        let seated = Seated::from(ORDERS);
        let foreign = |hz, shaft_hz, fault, now| Sighting { hz, shaft_hz }.is_foreign_to(&seated, fault, now);
        assert!(foreign(85.0, 11.9, OuterRace, 14.88) && foreign(85.0, 11.9, InnerRace, 10.35));
        // Within the slip of a bearing and what a foreign comb may drift, the speed is the same.
        assert!(!foreign(85.0, 14.3, OuterRace, 14.88) && foreign(85.0, 14.1, OuterRace, 14.88));
        // What stood at the fault's own place is its own, although it is half of where it is at twice the speed.
        assert!(!foreign(0.995 * 5.72 * 7.44, 7.44, OuterRace, 14.88));
        assert!(foreign(0.995 * 5.72 * 7.44, 7.44, InnerRace, 14.88));
        // A geometry that was estimated takes in more, so less is foreign to it.
        let estimated = Seated { tolerance: [0.15; 4], ..seated };
        assert!(!Sighting { hz: 85.0, shaft_hz: 11.9 }.is_foreign_to(&estimated, OuterRace, 14.88));
    }

    /// An envelope of a floor of 1 with a comb of `height` at `line`.
    fn envelope(line: f64, height: f64) -> Envelope {
        combs(&[line], height)
    }

    fn combs(lines: &[f64], height: f64) -> Envelope {
        let mut e = Envelope::default();
        let of = |line: f64, k: f64| (k - (k / line).round().clamp(1.0, 4.0) * line).abs() <= 0.5;
        e.show((0..2_000).map(|k| if lines.iter().any(|line| of(*line, f64::from(k))) { height } else { 1.0 }));
        e
    }

    #[test]
    fn a_ball_that_a_foreign_comb_veils_is_not_absent() {
        let (df, shaft_hz, seated) = (0.5, 14.88, [Seated::from(ORDERS)]);
        let [ball, cage] = [BearingFault::Ball, BearingFault::Cage].map(|f| ORDERS.strikes(f) * shaft_hz);
        let best = |e: &mut Envelope| {
            let mut scored = Vec::new();
            e.decide(df, shaft_hz, 2.0, &seated, 1e-4, &mut scored).unwrap();
            scored[0]
        };
        let mut e = combs(&[ball / df, cage / df], 40.0);
        e.seen.push(Sighting { hz: ball, shaft_hz: 11.9 });
        let found = best(&mut e);
        assert_eq!((found.fault, found.lines_of), (BearingFault::Ball, BearingFault::Cage), "{found:?}");
    }

    #[test]
    fn combs_are_sighted_and_what_is_seen_again_is_left_out() {
        let (df, mut out) = (0.5, Vec::new());
        envelope(170.0, 40.0).sight(df, 11.9, &mut out);
        assert_eq!(out.len(), 1);
        assert!((out[0].hz - 85.0).abs() < 0.3 && out[0].shaft_hz == 11.9, "{out:?}");
        envelope(170.0, 1.0).sight(df, 11.9, &mut out);
        assert!(out.is_empty(), "{out:?}");
        let seated = [Seated::from(ORDERS)];
        let best = |e: &mut Envelope| {
            let mut scored = Vec::new();
            e.decide(df, 14.88, 2.0, &seated, 1e-4, &mut scored).unwrap();
            scored[0]
        };
        let mut e = envelope(170.0, 40.0);
        let unaware = best(&mut e);
        assert!(unaware.significant() && unaware.fault == BearingFault::OuterRace, "{unaware:?}");
        e.seen.push(Sighting { hz: 85.2, shaft_hz: 11.9 });
        assert!(!best(&mut e).significant());
        // Seen at the same speed it says nothing.
        e.seen[0].shaft_hz = 14.8;
        assert!(best(&mut e).significant());
    }
}
