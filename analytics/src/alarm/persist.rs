//! When repeated evidence is enough to raise, and its repeated absence enough to clear.

use serde::{Deserialize, Serialize};

/// Looks of which the evidence is summed.
pub const WINDOW: usize = 5;
/// Evidence within the window that raises.
pub const ENOUGH: u8 = 3;

/// The last looks at a condition: three of five raise, five in a row without it clear.
///
/// A look may weigh more than one: a record whose evidence is as improbable without damage as that of two or three
/// significant ones together counts as so many (see [`weight`]), so that one overwhelming record raises by itself, and
/// a recording that was cut into two or three pieces raises where the whole would have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persistence {
    /// Weights, the latest first; those not yet looked at are 0.
    recent: [u8; WINDOW],
    /// Looks in a row without the condition.
    absent: u8,
}

impl Persistence {
    /// Takes one look in: `weight` of the evidence for raising, and whether the condition still shows at all (which may
    /// be true below what raises). Returns whether the alarm is to stand now, given whether it did.
    pub fn look(&mut self, weight: u8, shows: bool, stands: bool) -> bool {
        self.recent.rotate_right(1);
        self.recent[0] = weight.min(ENOUGH);
        self.absent = if shows || weight > 0 { 0 } else { self.absent.saturating_add(1) };
        if stands {
            return usize::from(self.absent) < WINDOW;
        }
        // What raises must be in the latest look: old evidence alone does not become an alarm by a look without any.
        weight > 0 && self.recent.iter().sum::<u8>() >= ENOUGH
    }

    /// The weights and the count of absences, for a snapshot.
    #[must_use]
    pub fn parts(&self) -> ([u8; WINDOW], u8) {
        (self.recent, self.absent)
    }

    /// From what [`Persistence::parts`] gave.
    #[must_use]
    pub fn from_parts(recent: [u8; WINDOW], absent: u8) -> Self {
        Self { recent, absent }
    }

    /// Whether it remembers nothing that matters.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.recent == [0; WINDOW]
    }
}

/// How many significant records one of probability e^`ln_p` is worth, when `alpha` makes one significant: 1 from α on, 2
/// from α², 3 from α³.
#[must_use]
pub fn weight(ln_p: f64, alpha: f64) -> u8 {
    let times = ln_p / alpha.ln();
    if times.is_nan() { 0 } else { times.clamp(0.0, f64::from(ENOUGH)) as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(weights: &[u8]) -> Vec<bool> {
        let (mut p, mut stands) = (Persistence::default(), false);
        weights
            .iter()
            .map(|w| {
                stands = p.look(*w, *w > 0, stands);
                stands
            })
            .collect()
    }

    #[test]
    fn three_of_five_raise_and_five_absences_clear() {
        const T: bool = true;
        const F: bool = false;
        for (weights, want) in [
            (vec![1, 1, 1], vec![F, F, T]),
            (vec![1, 0, 1, 0, 1], vec![F, F, F, F, T]),
            (vec![1, 0, 1, 0, 0, 1], vec![F; 6]),
            (vec![1, 1, 0, 0, 0, 1, 1], vec![F; 7]),
            (vec![3], vec![T]),
            (vec![2, 1], vec![F, T]),
            (vec![2, 0, 0], vec![F; 3]),
            (vec![3, 0, 0, 0, 0, 0], vec![T, T, T, T, T, F]),
            (vec![3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0], vec![T, T, T, T, T, T, T, T, T, T, F]),
        ] {
            assert_eq!(play(&weights), want, "{weights:?}");
        }
    }

    #[test]
    fn what_still_shows_keeps_an_alarm_that_it_would_not_raise() {
        let mut p = Persistence::default();
        let mut stands = p.look(3, true, false);
        for _ in 0..20 {
            stands = p.look(0, true, stands);
        }
        assert!(stands);
        assert!(!Persistence::default().look(0, true, false));
    }

    #[test]
    fn weights_go_with_the_powers_of_alpha() {
        for (ln_p, want) in [(-4.0, 0), (-9.3, 1), (-18.5, 2), (-27.7, 3), (-600.0, 3), (0.0, 0), (f64::NAN, 0)] {
            assert_eq!(weight(ln_p, 1e-4), want, "{ln_p}");
        }
    }
}
