//! The definitions of alarms, arranged by what is asked of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use plant::{
    AlarmCondition, AlarmDefinition, AlarmKey, AlarmTest, Name, Plant, PointId, Priority, Reference, Suppressor, Zone,
};

/// The definitions of one point's own alarms.
pub(in crate::fold) type Tests = Arc<[Arc<AlarmDefinition>]>;

/// Definitions by alarm, as the plant has them, and by what they look at.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rules {
    all: Arc<BTreeMap<AlarmKey, Arc<AlarmDefinition>>>,
    /// Of each point, those of its own alarms that rest on its values. Asked for with every value: by hash, because names of
    /// points begin alike.
    tests: HashMap<PointId, Tests>,
    /// Of each point that a definition looks at, the alarms that it may silence.
    by_point: HashMap<PointId, BTreeSet<AlarmKey>>,
    by_alarm: BTreeMap<AlarmKey, BTreeSet<AlarmKey>>,
    groups: BTreeMap<Name, BTreeSet<AlarmKey>>,
}

impl Rules {
    /// Arranges the plant's definitions anew where they have changed; says whether they had.
    pub fn follow(&mut self, plant: &Plant) -> bool {
        if Arc::ptr_eq(&self.all, &plant.alarms) || *self.all == *plant.alarms {
            self.all = plant.alarms.clone();
            return false;
        }
        *self = Self { all: plant.alarms.clone(), ..Self::default() };
        let mut tests: HashMap<PointId, Vec<Arc<AlarmDefinition>>> = HashMap::new();
        for (key, d) in &*plant.alarms {
            if let (Some(point), true) = (&key.point, rests_on_values(&key.condition)) {
                tests.entry(point.clone()).or_default().push(d.clone());
            }
            if let AlarmTest::Deviation { from: Reference::Point(point), .. } = &d.test {
                self.by_point.entry(point.clone()).or_default();
            }
            for s in &d.suppressed_while {
                let silenced = match s {
                    Suppressor::Point { point, .. } => self.by_point.entry(point.clone()).or_default(),
                    Suppressor::Alarm(other) => self.by_alarm.entry(other.clone()).or_default(),
                };
                silenced.insert(key.clone());
            }
            if let Some(group) = &d.group {
                self.groups.entry(group.clone()).or_default().insert(key.clone());
            }
        }
        self.tests = tests.into_iter().map(|(point, of)| (point, of.into())).collect();
        true
    }

    pub fn of(&self, key: &AlarmKey) -> Option<Arc<AlarmDefinition>> {
        // Most plants define none, and a key is compared text by text.
        if self.all.is_empty() { None } else { self.all.get(key).cloned() }
    }

    pub fn tests(&self, point: &PointId) -> Option<Tests> {
        // Most plants define none, and a hash is not for nothing.
        if self.tests.is_empty() { None } else { self.tests.get(point).cloned() }
    }

    pub fn watches(&self, point: &PointId) -> bool {
        !self.by_point.is_empty() && self.by_point.contains_key(point)
    }

    pub fn silenced_by_point(&self, point: &PointId) -> impl Iterator<Item = &AlarmKey> {
        self.by_point.get(point).into_iter().flatten()
    }

    pub fn silenced_by_alarm(&self, key: &AlarmKey) -> impl Iterator<Item = &AlarmKey> {
        self.by_alarm.get(key).into_iter().flatten()
    }

    pub fn suppressible(&self) -> impl Iterator<Item = &AlarmKey> {
        self.all.values().filter(|d| !d.suppressed_while.is_empty()).map(|d| &d.key)
    }

    pub fn group(&self, name: &Name) -> impl Iterator<Item = &AlarmKey> {
        self.groups.get(name).into_iter().flatten()
    }
}

/// Whether the condition is judged by single values of its point.
const fn rests_on_values(c: &AlarmCondition) -> bool {
    use AlarmCondition as C;
    matches!(c, C::HighHigh | C::High | C::Low | C::LowLow | C::Rate | C::Deviation | C::Discrete)
}

/// How urgent an alarm is of which nothing else is said.
pub(super) const fn usual_priority(c: &AlarmCondition) -> Priority {
    use AlarmCondition as C;
    match c {
        C::HighHigh | C::LowLow | C::Zone(Zone::D) => Priority::Critical,
        C::High | C::Low | C::Zone(_) | C::Bearing(..) | C::Offline | C::System(_) => Priority::High,
        C::Rate | C::Deviation | C::Discrete | C::Change | C::Sensor => Priority::Medium,
        C::Stale => Priority::Low,
    }
}
