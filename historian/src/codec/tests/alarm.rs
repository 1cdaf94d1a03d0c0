//! Alarms, what they mean, and what people do to them.

use plant::{
    Action, AlarmChange, AlarmDefinition, AlarmId, AlarmTest, Comparison, Inhibited, Inhibition, Reference, Suppressor,
};

use super::*;

impl Dice {
    pub(super) fn transition(&mut self) -> AlarmTransition {
        let conditions = [
            AlarmCondition::HighHigh,
            AlarmCondition::High,
            AlarmCondition::Low,
            AlarmCondition::LowLow,
            AlarmCondition::Zone(self.pick(&Zone::ALL)),
            AlarmCondition::Bearing(self.name(), self.pick(&BearingFault::ALL)),
            AlarmCondition::Sensor,
            AlarmCondition::Stale,
            AlarmCondition::Change,
            AlarmCondition::Offline,
            AlarmCondition::System(self.name()),
            AlarmCondition::Rate,
            AlarmCondition::Deviation,
            AlarmCondition::Discrete,
        ];
        let triggers = [
            Trigger::Raised,
            Trigger::Cleared,
            Trigger::Acknowledged { by: self.text() },
            Trigger::Historical,
            Trigger::Updated,
            Trigger::ValueLost,
            Trigger::ReAlarmed,
            Trigger::Reset { by: self.text() },
            Trigger::Shelved { by: self.text(), until: self.t(), reason: self.text() },
            Trigger::Unshelved { by: self.maybe(Self::text) },
            Trigger::Suppressed { because: self.text() },
            Trigger::Unsuppressed,
            Trigger::OutOfService { by: self.text(), approved_by: self.text(), reason: self.text() },
            Trigger::InService { by: self.text() },
        ];
        let point = self.point();
        AlarmTransition {
            key: AlarmKey {
                machine: point.machine(),
                point: self.maybe(|_| point.clone()),
                condition: self.pick(&conditions),
            },
            t: self.t(),
            from: self.pick(&AlarmState::ALL),
            to: self.pick(&AlarmState::ALL),
            trigger: self.pick(&triggers),
            priority: self.pick(&[Priority::Critical, Priority::High, Priority::Medium, Priority::Low]),
            value: self.maybe(Self::real),
            limit: self.maybe(Self::real),
            unit: self.maybe(Self::unit),
            evidence: Evidence {
                waveform: self.maybe(|d| WaveformId(u128::from(d.bits()) << 64 | 7)),
                terms: BTreeMap::from([(self.text(), self.real())]),
                codes: self.codes(),
                lines: self.some(2, |d| FaultLine { label: d.text(), harmonic: 3, hz: d.real(), ratio: d.real() }),
            },
            inhibited: self.maybe(|d| d.pick(&Inhibited::ALL)),
            first_out: self.below(2) == 0,
        }
    }

    fn key(&mut self) -> AlarmKey {
        self.transition().key
    }

    fn priority(&mut self) -> Priority {
        self.pick(&[Priority::Critical, Priority::High, Priority::Medium, Priority::Low])
    }

    fn secs(&mut self) -> Duration {
        Duration::from_nanos(self.below(1 << 40))
    }

    fn told(&mut self) -> Title {
        Title { zh: self.maybe(Self::text), en: self.maybe(Self::text) }
    }

    fn suppressor(&mut self) -> Suppressor {
        match self.below(2) {
            0 => Suppressor::Point { point: self.point(), is: self.pick(&Comparison::ALL), than: self.real() },
            _ => Suppressor::Alarm(self.key()),
        }
    }

    fn definition(&mut self) -> AlarmDefinition {
        let reference = match self.below(2) {
            0 => Reference::Fixed(self.real()),
            _ => Reference::Point(self.point()),
        };
        let tests = [
            AlarmTest::Usual,
            AlarmTest::Limit(self.real()),
            AlarmTest::Rate { per_s: self.real(), over: self.secs() },
            AlarmTest::Deviation { from: reference, limit: self.real() },
            AlarmTest::Discrete(vec![Value::Bool(true), Value::Text(self.text()), Value::Int(-3)]),
        ];
        AlarmDefinition {
            key: self.key(),
            test: self.pick(&tests),
            on_delay: self.secs(),
            off_delay: self.secs(),
            deadband: self.maybe(Self::real),
            priority: self.maybe(Self::priority),
            latching: self.below(2) == 0,
            re_alarm: self.maybe(Self::secs),
            respond_within: self.maybe(Self::secs),
            consequence: self.told(),
            action: self.told(),
            rationale: self.told(),
            group: self.maybe(Self::name),
            owner: self.maybe(Self::text),
            suppressed_while: self.some(3, Self::suppressor),
        }
    }

    pub(super) fn alarm_change(&mut self) -> AlarmChange {
        match self.below(3) {
            0 => AlarmChange::Forget(self.key()),
            _ => AlarmChange::Define(Box::new(self.definition())),
        }
    }

    pub(super) fn alarm_action(&mut self) -> Action {
        let (alarm, by, reason, until) = (self.key(), self.text(), self.text(), self.t());
        match self.below(5) {
            0 => Action::Reset { alarm: AlarmId(self.bits()), by },
            1 => Action::Shelve { alarm, until, reason, by },
            2 => Action::Unshelve { alarm, by },
            3 => Action::TakeOutOfService { alarm, reason, by, approved_by: self.text() },
            _ => Action::PutIntoService { alarm, by },
        }
    }
}

#[test]
fn a_step_and_an_alarm_that_have_nothing_new_are_written_as_ever() {
    let mut dice = Dice(7);
    let plain = AlarmTransition { inhibited: None, first_out: false, ..dice.transition() };
    let silent = AlarmTransition { inhibited: Some(Inhibited::Shelved), ..plain.clone() };
    assert!(store(&silent).len() > store(&plain).len());
    for step in [&plain, &silent] {
        assert_eq!(load::<AlarmTransition>(&store(step)).as_ref(), Ok(step));
    }
    let record = AlarmRecord::after(None, &plain);
    let mut inhibited = record.clone();
    inhibited.inhibition = Inhibition { suppressed: Some("s/m/speed < 50".into()), ..Inhibition::default() };
    assert!(store(&inhibited).len() > store(&record).len());
    for r in [&record, &inhibited] {
        assert_eq!(load::<AlarmRecord>(&store(r)).as_ref(), Ok(r));
    }
}
