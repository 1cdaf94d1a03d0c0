//! Work orders and notes.

use plant::{Fault, Note, Part, PhotoId, Work, WorkOrder, WorkOrigin, WorkState, WorkStep};

use super::*;

impl Dice {
    fn origin(&mut self) -> WorkOrigin {
        match self.below(3) {
            0 => WorkOrigin::Person,
            1 => WorkOrigin::Alarm { key: self.transition().key, raised: self.t() },
            _ => WorkOrigin::Diagnosis(self.pick(&Fault::ALL)),
        }
    }

    pub(super) fn work(&mut self) -> Work {
        if self.below(2) == 0 {
            return Work::Note(Box::new(Note {
                number: self.bits(),
                machine: self.point().machine(),
                alarm: self.maybe(|d| d.transition().key),
                t: self.t(),
                by: self.text(),
                text: self.text(),
                withdrawn: self.maybe(|d| (d.t(), d.text())),
            }));
        }
        Work::Order(Box::new(WorkOrder {
            number: self.bits(),
            machine: self.point().machine(),
            origin: self.origin(),
            title: self.text(),
            state: self.pick(&WorkState::ALL),
            planned_for: self.maybe(Self::t),
            assignee: self.maybe(Self::text),
            finding: self.maybe(Self::text),
            faults: self.some(3, |d| d.pick(&Fault::ALL)),
            parts: self.some(2, |d| Part { name: d.text(), quantity: d.real() }),
            labour_min: self.maybe(|d| d.bits() as u32),
            photos: self.some(2, |d| PhotoId([d.bits() as u8; 32])),
            steps: self.some(2, |d| WorkStep { t: d.t(), by: d.text(), state: d.pick(&WorkState::ALL) }),
        }))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn they_round_trip(seed: u64) {
        match Dice(seed).work() {
            Work::Order(order) => prop_assert_eq!(format!("{:?}", load::<WorkOrder>(&store(&*order))), format!("Ok({order:?})")),
            Work::Note(note) => prop_assert_eq!(load::<Note>(&store(&*note)), Ok(*note)),
        }
    }
}
