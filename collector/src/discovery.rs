//! Names that nobody knows: what speaks here and is not in the plant, with its last word, until somebody adopts it.
//!
//! It is a view, not a record: the messages themselves wait in quarantine, from which it is filled again after a restart.
//! Bounded by [`MOST`]: beyond that, who has been silent longest is left out, and counted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use historian::Ignored;
use plant::{Machine, MachineId, Plant, PointId, PointKind, Quality, Timestamp, Value};

/// How many points are offered at most.
pub(crate) const MOST: usize = 10_000;

/// A point that speaks and that nobody knows.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPoint {
    /// Its name; a message about a machine as a whole (its birth, an event) has none.
    pub name: Option<Arc<str>>,
    /// Whether it sends single values or waveforms.
    pub kind: PointKind,
    /// The unit it stated last, as it wrote it.
    pub unit: Option<Arc<str>>,
    /// Its last value; waveforms have none.
    pub value: Option<Value>,
    /// How far to trust it.
    pub quality: Quality,
    /// When that was, by the source; the time of receipt where it did not say.
    pub t: Timestamp,
    /// How often it has spoken since it is listed.
    pub count: u64,
    /// The client that spoke last.
    pub source: Arc<str>,
    /// When it was first heard of.
    pub first: Timestamp,
    /// When it was last heard of.
    pub last: Timestamp,
}

/// A machine with points that nobody knows, or that nobody knows itself.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMachine {
    /// Its name.
    pub machine: MachineId,
    /// Whether the plant has it, and only the points are new.
    pub known: bool,
    /// Which state of the machine this is: another number when the plant has another one under this name, 0 where it has
    /// none.
    pub edition: u32,
    /// How it described itself in its birth, if it did.
    pub described: Option<Arc<Machine>>,
    /// What is new, by name.
    pub points: Vec<NewPoint>,
}

/// Everything that is offered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewPoints {
    /// By name.
    pub machines: Vec<NewMachine>,
    /// How many names were left out because there were too many.
    pub left_out: u64,
}

/// What was said, as far as it was understood.
pub(crate) struct Heard<'a> {
    pub name: Option<&'a str>,
    pub kind: PointKind,
    pub unit: Option<&'a str>,
    pub value: Option<Value>,
    pub quality: Quality,
    pub t: Option<Timestamp>,
    pub source: &'a Arc<str>,
    pub t_received: Timestamp,
}

type Key = (MachineId, Option<Arc<str>>);

#[derive(Default)]
struct Inner {
    points: HashMap<Key, (u64, NewPoint)>,
    /// Who spoke when, the longest silent first.
    order: BTreeMap<u64, Key>,
    described: HashMap<MachineId, Arc<Machine>>,
    ignored: HashSet<Key>,
    turn: u64,
    left_out: u64,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Discovery(Mutex<Inner>);

impl Discovery {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody spoke whom nobody knows.
    pub(crate) fn hear(&self, machine: &MachineId, heard: Heard<'_>) {
        let inner = &mut *self.lock();
        let name: Option<Arc<str>> = heard.name.map(Into::into);
        let key = (machine.clone(), name.clone());
        if inner.ignored.contains(&key) || inner.ignored.contains(&(machine.clone(), None)) {
            return;
        }
        inner.turn += 1;
        let t = heard.t.unwrap_or(heard.t_received);
        match inner.points.get_mut(&key) {
            Some((turn, point)) => {
                inner.order.remove(turn);
                *turn = inner.turn;
                point.count += 1;
                (point.first, point.last) = (point.first.min(heard.t_received), point.last.max(heard.t_received));
                if t >= point.t {
                    point.t = t;
                    (point.kind, point.value, point.quality) = (heard.kind, heard.value, heard.quality);
                    point.source = heard.source.clone();
                    point.unit = heard.unit.map(Into::into).or(point.unit.take());
                }
            }
            None => {
                let point = NewPoint {
                    name,
                    kind: heard.kind,
                    unit: heard.unit.map(Into::into),
                    value: heard.value,
                    quality: heard.quality,
                    t,
                    count: 1,
                    source: heard.source.clone(),
                    first: heard.t_received,
                    last: heard.t_received,
                };
                inner.points.insert(key.clone(), (inner.turn, point));
            }
        }
        inner.order.insert(inner.turn, key);
        if inner.points.len() > MOST
            && let Some((_, silent)) = inner.order.pop_first()
        {
            inner.points.remove(&silent);
            inner.left_out += 1;
            inner.forget_description(&silent.0);
        }
    }

    /// How a machine that nobody knows describes itself.
    pub(crate) fn describe(&self, machine: &Machine) {
        let inner = &mut *self.lock();
        if inner.points.contains_key(&(machine.id.clone(), None)) {
            inner.described.insert(machine.id.clone(), Arc::new(machine.clone()));
        }
    }

    /// What is offered now: what the plant has meanwhile is not.
    pub(crate) fn list(&self, plant: &Plant) -> NewPoints {
        let inner = &mut *self.lock();
        let known: Vec<Key> = inner.points.keys().filter(|k| is_known(plant, k)).cloned().collect();
        known.iter().for_each(|k| inner.remove(k));
        let mut machines: BTreeMap<&MachineId, Vec<NewPoint>> = BTreeMap::new();
        for ((machine, _), (_, point)) in &inner.points {
            machines.entry(machine).or_default().push(point.clone());
        }
        let one = |(machine, mut points): (&MachineId, Vec<NewPoint>)| {
            points.sort_by(|a, b| a.name.cmp(&b.name));
            NewMachine {
                machine: machine.clone(),
                known: plant.machine(machine.as_str()).is_some(),
                edition: plant.machine(machine.as_str()).map_or(0, |m| edition(m)),
                described: inner.described.get(machine).cloned(),
                points,
            }
        };
        NewPoints { machines: machines.into_iter().map(one).collect(), left_out: inner.left_out }
    }

    /// A person does not want to be offered these, or does again.
    pub(crate) fn ignore(&self, names: &[Ignored]) {
        let inner = &mut *self.lock();
        for name in names {
            let key = (name.machine.clone(), name.point.clone());
            if !name.ignored {
                inner.ignored.remove(&key);
                continue;
            }
            let meant = |k: &Key| k.0 == key.0 && (key.1.is_none() || k.1 == key.1);
            let gone: Vec<Key> = inner.points.keys().filter(|k| meant(k)).cloned().collect();
            gone.iter().for_each(|k| inner.remove(k));
            inner.ignored.insert(key);
        }
    }
}

/// Tells states of a machine from each other, within one run of the program.
fn edition(machine: &Machine) -> u32 {
    crc32c::crc32c(format!("{machine:?}").as_bytes()).max(1)
}

fn is_known(plant: &Plant, (machine, point): &Key) -> bool {
    match (plant.machine(machine.as_str()), point) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(m), Some(p)) => m.points.contains_key(&**p),
    }
}

impl Inner {
    fn remove(&mut self, key: &Key) {
        if let Some((turn, _)) = self.points.remove(key) {
            self.order.remove(&turn);
        }
        self.forget_description(&key.0);
    }

    /// A description is kept only beside an entry of the machine as a whole, of which there are no more than points.
    fn forget_description(&mut self, machine: &MachineId) {
        if !self.points.contains_key(&(machine.clone(), None)) {
            self.described.remove(machine);
        }
    }
}

impl NewMachine {
    /// The points as they would be called in the plant.
    pub fn ids(&self) -> impl Iterator<Item = PointId> {
        let name = |p: &NewPoint| p.name.as_deref().and_then(|n| self.machine.point(n).ok());
        self.points.iter().filter_map(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard<'a>(name: Option<&'a str>, t: i64, source: &'a Arc<str>) -> Heard<'a> {
        let t = Timestamp::from_secs(t);
        Heard {
            name,
            kind: PointKind::Scalar,
            unit: Some("bar"),
            value: Some(Value::Float(1.0)),
            quality: Quality::Good,
            t: Some(t),
            source,
            t_received: t,
        }
    }

    fn names(d: &Discovery) -> Vec<String> {
        let list = d.list(&Plant::default());
        let of = |m: &NewMachine| m.ids().map(|p| p.to_string()).collect::<Vec<_>>();
        list.machines.iter().flat_map(of).collect()
    }

    #[test]
    fn who_has_been_silent_longest_is_left_out_and_counted() {
        let (d, m, source) = (Discovery::default(), "s/m".parse().unwrap(), "plc".into());
        d.hear(&m, heard(Some("early"), 1, &source));
        d.hear(&m, heard(Some("silent"), 1, &source));
        for i in 0..MOST as i64 - 2 {
            d.hear(&m, heard(Some(&format!("p{i}")), 2, &source));
        }
        d.hear(&m, heard(Some("early"), 3, &source));
        d.hear(&m, heard(Some("late"), 3, &source));
        let names: HashSet<_> = names(&d).into_iter().collect();
        assert_eq!(names.len(), MOST);
        assert!(names.contains("s/m/early") && names.contains("s/m/late") && !names.contains("s/m/silent"));
        assert_eq!(d.list(&Plant::default()).left_out, 1);
        assert_eq!(d.lock().order.len(), MOST);
    }

    #[test]
    fn the_last_word_counts_and_an_older_one_that_comes_late_does_not() {
        let (d, m, source) = (Discovery::default(), "s/m".parse().unwrap(), "plc".into());
        for t in [5, 9, 7] {
            d.hear(&m, Heard { value: Some(Value::Int(t)), unit: None, ..heard(Some("p"), t, &source) });
        }
        let p = d.list(&Plant::default()).machines.remove(0).points.remove(0);
        assert_eq!((p.value, p.count, p.t, p.unit), (Some(Value::Int(9)), 3, Timestamp::from_secs(9), None));
        assert_eq!((p.first, p.last), (Timestamp::from_secs(5), Timestamp::from_secs(9)));
    }

    #[test]
    fn what_is_ignored_is_not_offered_until_it_is_wanted_again() {
        let (d, m, source) = (Discovery::default(), "s/m".parse::<MachineId>().unwrap(), "plc".into());
        let say = |d: &Discovery| ["a", "b"].iter().for_each(|p| d.hear(&m, heard(Some(p), 1, &source)));
        let word =
            |point: Option<&str>, ignored| [Ignored { machine: m.clone(), point: point.map(Into::into), ignored }];
        say(&d);
        d.ignore(&word(Some("a"), true));
        say(&d);
        assert_eq!(names(&d), ["s/m/b"]);
        d.ignore(&word(None, true));
        say(&d);
        assert_eq!(names(&d), [""; 0]);
        d.ignore(&word(None, false));
        say(&d);
        assert_eq!(names(&d), ["s/m/b"]);
        let inner = d.lock();
        assert_eq!(inner.points.len(), inner.order.len());
    }

    #[test]
    fn a_machine_that_the_plant_has_meanwhile_is_not_offered() {
        let (d, m, source) = (Discovery::default(), "s/m".parse::<MachineId>().unwrap(), "plc".into());
        d.hear(&m, heard(None, 1, &source));
        d.hear(&m, heard(Some("a"), 1, &source));
        d.describe(&Machine::bare(m.clone()));
        assert!(d.list(&Plant::default()).machines[0].described.is_some());
        let mut plant = Plant::default();
        plant.apply(&plant::AssetChange::Machine(Machine::bare(m.clone())));
        let left = d.list(&plant).machines.remove(0);
        assert_eq!((left.known, left.described, left.points.len()), (true, None, 1));
        plant.apply(&plant::AssetChange::Point(m, plant::Point::bare("a")));
        assert_eq!(d.list(&plant).machines, []);
    }
}
