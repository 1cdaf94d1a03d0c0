//! Assessments and what people say, thrown.

use plant::{
    Action, AlarmId, Assessment, Fault, FaultVerdict, Health, HealthReason, Judged, Judgement, ModelCard,
    RemainingLife, ShaftVerdict, Standing, Term,
};

use super::Dice;

impl Dice {
    pub(super) fn action(&mut self) -> Action {
        let machine = self.point().machine();
        match self.below(4) {
            0 => Action::Acknowledge { alarm: AlarmId(self.bits()), by: self.text() },
            1 => Action::Judge {
                machine,
                fault: self.pick(&Fault::ALL),
                judgement: self.maybe(|d| d.pick(&Judgement::ALL)),
                by: self.text(),
            },
            2 => Action::Maintained { machine, by: self.text() },
            _ => self.alarm_action(),
        }
    }

    pub(super) fn assessment(&mut self) -> Assessment {
        Assessment {
            machine: self.point().machine(),
            t: self.t(),
            shafts: self.some(2, Self::shaft_verdict),
            health: Health { score: self.maybe(Self::real), reasons: self.some(2, Self::health_reason) },
            remaining: match self.maybe(Self::remaining_life) {
                Some(life) => Ok(life),
                None => Err(self.text()),
            },
            card: ModelCard {
                baseline_days: self.bits() as u32,
                reported_a_month: self.below(9) as u32,
                confirmed: self.below(9) as u32,
                dismissed: self.below(9) as u32,
                missed: self.below(9) as u32,
                open: self.some(2, |d| d.pick(&Fault::ALL)),
                reset: self.maybe(|d| (d.t(), d.text())),
                judged: self.some(2, |d| Judged {
                    t: d.t(),
                    fault: d.pick(&Fault::ALL),
                    judgement: d.pick(&Judgement::ALL),
                    by: d.text(),
                }),
            },
        }
    }

    fn shaft_verdict(&mut self) -> ShaftVerdict {
        ShaftVerdict {
            shaft: self.maybe(Self::name),
            hz: self.real(),
            points: self.some(3, Self::name),
            verdicts: match self.maybe(|d| d.some(3, Self::fault_verdict)) {
                Some(verdicts) => Ok(verdicts),
                None => Err(self.text()),
            },
            unknown: self.maybe(Self::text),
        }
    }

    fn fault_verdict(&mut self) -> FaultVerdict {
        let rival = self.pick(&Fault::ALL);
        FaultVerdict {
            fault: self.pick(&Fault::ALL),
            bearing: self.maybe(Self::name),
            point: self.maybe(Self::name),
            score: self.real(),
            attainable: self.real(),
            standing: self.pick(&[
                Standing::Open,
                Standing::Probable,
                Standing::Confirmed,
                Standing::Explained(rival),
                Standing::Ambiguous(rival),
            ]),
            terms: self.some(3, |d| Term {
                quantity: d.text(),
                value: match d.maybe(Self::real) {
                    Some(v) => Ok(v),
                    None => Err(d.text()),
                },
                weight: d.real(),
                lo: d.real(),
                hi: d.real(),
                contribution: d.real(),
                against: d.below(2) == 0,
            }),
        }
    }

    fn health_reason(&mut self) -> HealthReason {
        HealthReason {
            term: self.text(),
            lowers: self.real(),
            point: self.maybe(Self::name),
            unjudged: self.maybe(Self::text),
        }
    }

    fn remaining_life(&mut self) -> RemainingLife {
        RemainingLife {
            point: self.name(),
            since: self.t(),
            p10_s: self.real(),
            p50_s: self.real(),
            p90_s: self.real(),
            looks: self.bits() as u32,
            codes: self.codes(),
        }
    }
}
