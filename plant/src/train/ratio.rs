//! How fast every shaft turns while the measured one turns once.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{self, TrainError};
use super::{BELT_CREEP, Member, Stage, Train, UnitKind};
use crate::{Bearing, Name};

/// A shaft of a train.
#[derive(Clone, Debug, PartialEq)]
pub struct Shaft {
    /// Its name.
    pub name: Name,
    /// Its speed over that of the measured shaft; negative if it turns against it. Never 0.
    pub ratio: f64,
    /// By how much of itself the ratio may be wrong, on either side: belts creep, teeth do not.
    pub tolerance: f64,
}

/// A unit's tie between two shafts: the second turns `factor` times while the first turns once.
struct Tie<'a> {
    from: &'a Name,
    to: &'a Name,
    factor: f64,
    tolerance: f64,
}

/// Most ties of a train: what takes it apart is quadratic in them.
const MOST: usize = 128;

impl Train {
    /// The shafts in the order in which the units name them, or the first thing that is wrong with the train.
    pub fn shafts(&self) -> Result<Vec<Shaft>, TrainError> {
        check::units(self)?;
        let ties = ties(self)?;
        let mut known: BTreeMap<&Name, (f64, f64)> = BTreeMap::from([(&self.measured, (1.0, 0.0))]);
        // Every pass reaches at least one shaft more, or there is none left that a tie reaches.
        for _ in 0..ties.len() {
            for tie in &ties {
                match (known.get(tie.from).copied(), known.get(tie.to).copied()) {
                    (Some((ratio, tolerance)), None) => {
                        known.insert(tie.to, (ratio * tie.factor, tolerance + tie.tolerance));
                    }
                    (None, Some((ratio, tolerance))) => {
                        known.insert(tie.from, (ratio / tie.factor, tolerance + tie.tolerance));
                    }
                    _ => {}
                }
            }
        }
        let mut out: Vec<Shaft> = Vec::new();
        for name in self.units.iter().flat_map(|u| u.kind.shafts()) {
            if out.iter().any(|s| s.name == *name) {
                continue;
            }
            let apart = || TrainError::Apart { shaft: name.clone(), measured: self.measured.clone() };
            let (ratio, tolerance) = *known.get(name).ok_or_else(apart)?;
            if !(ratio.is_finite() && (1e-6..=1e6).contains(&ratio.abs())) {
                return Err(TrainError::Speed { shaft: name.clone(), ratio });
            }
            out.push(Shaft { name: name.clone(), ratio, tolerance });
        }
        match out.iter().any(|s| s.name == self.measured) {
            true => Ok(out),
            false => Err(TrainError::Measured(self.measured.clone())),
        }
    }

    /// [`Train::shafts`], and that the bearings it seats are those of the machine and sit on shafts that it has.
    pub fn check(&self, bearings: &[Bearing]) -> Result<Vec<Shaft>, TrainError> {
        let shafts = self.shafts()?;
        for (bearing, shaft) in &self.seats {
            if !bearings.iter().any(|b| b.name == *bearing) {
                return Err(TrainError::NoBearing { bearing: bearing.clone(), shaft: shaft.clone() });
            }
            if !shafts.iter().any(|s| s.name == *shaft) {
                return Err(TrainError::NoShaft { bearing: bearing.clone(), shaft: shaft.clone() });
            }
        }
        Ok(shafts)
    }

    /// The shaft on which the bearing called `bearing` sits.
    #[must_use]
    pub fn seat(&self, bearing: &str) -> &Name {
        self.seats.get(bearing).unwrap_or(&self.measured)
    }
}

/// Every tie, or the first that closes a loop.
fn ties(train: &Train) -> Result<Vec<Tie<'_>>, TrainError> {
    let mut all = Ties::default();
    for unit in &train.units {
        match &unit.kind {
            UnitKind::Motor(_) | UnitKind::Rotor { .. } => {}
            UnitKind::Coupling { driving, driven } => all.tie(&unit.name, driving, driven, 1.0, 0.0)?,
            UnitKind::Belt(b) => {
                let factor = b.driving.diameter_mm / b.driven.diameter_mm;
                let tolerance = if b.toothed { 0.0 } else { BELT_CREEP };
                all.tie(&unit.name, &b.driving.shaft, &b.driven.shaft, factor, tolerance)?;
            }
            UnitKind::Gearbox(stages) => stages.iter().try_for_each(|s| all.stage(&unit.name, s))?,
        }
    }
    Ok(all.ties)
}

#[derive(Default)]
struct Ties<'a> {
    ties: Vec<Tie<'a>>,
    /// Shafts that the ties so far join with each other.
    groups: Vec<BTreeSet<&'a Name>>,
}

impl<'a> Ties<'a> {
    fn stage(&mut self, unit: &'a Name, stage: &'a Stage) -> Result<(), TrainError> {
        match stage {
            Stage::Gears(gears) => gears.windows(2).try_for_each(|pair| {
                let factor = -f64::from(pair[0].teeth) / f64::from(pair[1].teeth);
                self.tie(unit, &pair[0].shaft, &pair[1].shaft, factor, 0.0)
            }),
            Stage::Planetary(p) => {
                let mut moving = Member::ALL.into_iter().filter_map(|m| Some((p.shaft(m)?, p.turns(m))));
                match (moving.next(), moving.next()) {
                    (Some((a, of_a)), Some((b, of_b))) => self.tie(unit, a, b, of_b / of_a, 0.0),
                    // The check before has refused it.
                    _ => Ok(()),
                }
            }
            Stage::Ratio { driving, driven, ratio } => self.tie(unit, driving, driven, *ratio, 0.0),
        }
    }

    fn tie(
        &mut self,
        unit: &'a Name,
        from: &'a Name,
        to: &'a Name,
        factor: f64,
        tolerance: f64,
    ) -> Result<(), TrainError> {
        if self.ties.len() == MOST {
            return Err(TrainError::Ties);
        }
        let mut group = self.take(from);
        if group.contains(to) {
            return Err(TrainError::Loop { unit: unit.clone(), from: from.clone(), to: to.clone() });
        }
        group.extend(self.take(to));
        self.groups.push(group);
        self.ties.push(Tie { from, to, factor, tolerance });
        Ok(())
    }

    /// The group of `shaft`, out of the list; one of its own if there is none yet.
    fn take(&mut self, shaft: &'a Name) -> BTreeSet<&'a Name> {
        match self.groups.iter().position(|g| g.contains(shaft)) {
            Some(at) => self.groups.swap_remove(at),
            None => BTreeSet::from([shaft]),
        }
    }
}
