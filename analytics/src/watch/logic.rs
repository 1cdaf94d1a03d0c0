//! From exceedances to one alarm: three of five looks and a least duration raise, five looks in a row below 0.9 of the
//! limit clear.

use crate::alarm::persist::Persistence;

/// The part of the limit below which an alarm clears.
pub const CLEAR: f64 = 0.9;

/// The state of one alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Logic {
    persistence: Persistence,
    /// When the exceedances that are still remembered began, s.
    began: Option<f64>,
    stands: bool,
}

impl Logic {
    /// Takes one look in: the statistic over its limit, at time `t`, s. `least` is how long, s, the exceedances must have
    /// gone on. A ratio that is not a number is no look. Returns whether the alarm stands.
    pub fn step(&mut self, ratio: f64, t: f64, least: f64) -> bool {
        if ratio.is_nan() {
            return self.stands;
        }
        let exceeds = ratio > 1.0;
        if self.persistence.is_blank() {
            self.began = None;
        }
        if exceeds && self.began.is_none() {
            self.began = Some(t);
        }
        let stand = self.persistence.look(u8::from(exceeds), ratio > CLEAR, self.stands);
        let long_enough = self.began.is_some_and(|b| t - b >= least);
        self.stands = stand && (self.stands || long_enough);
        self.stands
    }

    /// Whether the alarm stands.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(ratios: &[f64], least: f64) -> String {
        let mut logic = Logic::default();
        let each = ratios.iter().enumerate();
        each.map(|(i, r)| if logic.step(*r, 60.0 * i as f64, least) { '#' } else { '.' }).collect()
    }

    #[test]
    fn alarms_rise_and_clear_as_written() {
        for (ratios, least, want) in [
            (vec![2.0, 2.0, 2.0, 2.0], 0.0, "..##"),
            (vec![2.0, 0.0, 2.0, 0.0, 2.0], 0.0, "....#"),
            (vec![2.0, 2.0, 0.0, 0.0, 0.0, 2.0, 2.0], 0.0, "......."),
            // Three of five, but only five minutes after the first of them.
            (vec![2.0; 8], 300.0, ".....###"),
            // A spike is forgotten, and what comes later begins anew.
            (vec![2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 2.0, 2.0], 240.0, "..........#"),
            // 0.95 of the limit keeps it, 0.85 clears at the fifth, and an unknown one is no look.
            (vec![2.0, 2.0, 2.0, 0.95, 0.85, 0.85, f64::NAN, 0.85, 0.85, 0.85], 0.0, "..#######."),
            (vec![2.0, 2.0, 2.0, 0.85, 0.85, 0.85, 0.95, 0.85, 0.85, 0.85, 0.85, 0.85], 0.0, "..#########."),
        ] {
            assert_eq!(play(&ratios, least), want, "{ratios:?}");
        }
    }
}
