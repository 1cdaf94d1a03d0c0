//! What is known of one machine while its messages are read: its points as the asset tree has them, changes of it that
//! are on their way into the store, and the last value of every point.
//!
//! A change is on its way until the asset tree has it. Meanwhile every draft that relies on it carries it, so that no
//! value is committed before the description it was converted by; it has arrived with the first of them that is
//! committed, and is given up when none of them was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plant::{AssetChange, Machine, MachineId, Name, Plant, Point, PointId, PointKind, Timestamp, Title, Unit, Value};

use crate::fault::{Code, Fault, shown};

/// A machine, shared by everybody who reads its messages.
pub(crate) struct MachineSlot {
    pub id: MachineId,
    state: Mutex<MachineState>,
}

impl MachineSlot {
    pub(crate) fn new(id: MachineId) -> Self {
        let state = MachineState {
            id: id.clone(),
            revision: None,
            committed: None,
            pending: None,
            carried_by: 0,
            index: HashMap::new(),
            slots: Vec::new(),
            recorded: None,
        };
        Self { id, state: Mutex::new(state) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, MachineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change that is on its way into the store.
struct Pending<T> {
    /// The drafts that carry it.
    carriers: Vec<u64>,
    what: T,
}

impl<T> Pending<T> {
    const fn new(what: T) -> Self {
        Self { carriers: Vec::new(), what }
    }

    /// What remains of it after the commit of `draft` has ended.
    fn after(mut self, draft: u64, committed: bool) -> Option<Self> {
        let before = self.carriers.len();
        self.carriers.retain(|c| *c != draft);
        let carried = self.carriers.len() < before;
        // One that was not carried yet is younger than the draft, and waits for its own.
        let over = carried && (committed || self.carriers.is_empty());
        (!over).then_some(self)
    }
}

/// See [`MachineSlot`].
pub(crate) struct MachineState {
    id: MachineId,
    /// Revision of the asset tree that was last looked at.
    revision: Option<u64>,
    committed: Option<Arc<Machine>>,
    pending: Option<Pending<Machine>>,
    /// The last draft that carries any change; 0 is none.
    carried_by: u64,
    index: HashMap<Arc<str>, usize>,
    slots: Vec<PointSlot>,
    /// The end of the latest waveform since we were started.
    pub recorded: Option<Timestamp>,
}

/// A point of the machine.
pub(crate) struct PointSlot {
    pub id: PointId,
    pub kind: PointKind,
    pub unit: Option<Unit>,
    pub range: Option<(f64, f64)>,
    /// Whether it is in the asset tree or on its way there.
    known: bool,
    pending: Option<Pending<Point>>,
    /// The latest value by its own time.
    pub last: Option<(Timestamp, Value)>,
    /// The last instant that was given to a value without one.
    pub stamped: Option<Timestamp>,
    /// The sequence number of its last waveform.
    seq: Option<u64>,
    /// From the unit that was stated last to the point's: text, factor, offset.
    pub conversion: Option<(Box<str>, f64, f64)>,
}

/// What a point is taken to be when it speaks for the first time.
#[derive(Clone, Copy, Default)]
pub(crate) struct First<'a> {
    pub kind: PointKind,
    pub unit: Option<&'a str>,
    pub axis: Option<&'a str>,
    /// What the sensor can measure, in the unit.
    pub range: Option<(f64, f64)>,
    /// For people, in Chinese or another language.
    pub title: Option<&'a str>,
}

/// How unknown names are dealt with.
#[derive(Clone, Copy)]
pub(crate) struct Adoption {
    /// Whether they are taken on at once.
    pub allowed: bool,
    /// How many points a machine may have.
    pub points: usize,
}

impl PointSlot {
    fn describe(&mut self, point: &Point) {
        if self.unit != point.unit {
            self.conversion = None;
        }
        (self.kind, self.unit, self.range, self.known) = (point.kind, point.unit, point.range, true);
    }

    /// Takes the sequence number of a waveform in; whether numbers were skipped. A source that began anew skips none.
    pub(crate) fn skipped(&mut self, seq: Option<u64>) -> bool {
        let last = if seq.is_some() { std::mem::replace(&mut self.seq, seq) } else { None };
        seq.zip(last).is_some_and(|(seq, last)| seq > last.saturating_add(1))
    }

    /// Remembers the value if it is the latest.
    pub(crate) fn note(&mut self, t: Timestamp, value: &Value) {
        if self.last.as_ref().is_none_or(|(last, _)| t >= *last) {
            self.last = Some((t, value.clone()));
        }
    }
}

impl MachineState {
    /// Looks at the asset tree if it has changed.
    pub(crate) fn sync(&mut self, plant: &Plant) {
        if self.revision == Some(plant.revision) {
            return;
        }
        let now = plant.machine(self.id.as_str());
        let same = match (&self.committed, now) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        if !same || self.revision.is_none() {
            self.committed = now.cloned();
            self.refresh();
        }
        self.revision = Some(plant.revision);
    }

    /// Makes the points what the tree says, and on top of it what is on its way.
    fn refresh(&mut self) {
        for slot in &mut self.slots {
            slot.known = false;
        }
        let committed = self.committed.clone();
        self.describe_all(committed.iter().flat_map(|m| m.points.values()));
        if let Some(pending) = self.pending.take() {
            self.describe_all(pending.what.points.values());
            self.pending = Some(pending);
        }
        for slot in &mut self.slots {
            if let Some(pending) = slot.pending.take() {
                slot.describe(&pending.what);
                slot.pending = Some(pending);
            }
        }
    }

    fn describe_all<'p>(&mut self, points: impl Iterator<Item = &'p Point>) {
        for point in points {
            // Names in the tree were checked when they went in.
            if let Ok(i) = self.slot(&point.name) {
                self.slots[i].describe(point);
            }
        }
    }

    /// The index of the slot called `name`, made if there is none.
    fn slot(&mut self, name: &str) -> Result<usize, Fault> {
        if let Some(i) = self.index.get(name) {
            return Ok(*i);
        }
        let expected = "a point name of 1 to 256 bytes without '+', '#' and control characters";
        let id = self.id.point(name).map_err(|e| Fault::new(Code::NameInvalid, expected, e.to_string()))?;
        self.index.insert(name.into(), self.slots.len());
        self.slots.push(PointSlot {
            id,
            kind: PointKind::Scalar,
            unit: None,
            range: None,
            known: false,
            pending: None,
            last: None,
            stamped: None,
            seq: None,
            conversion: None,
        });
        Ok(self.slots.len() - 1)
    }

    /// Its name.
    pub(crate) fn id(&self) -> &MachineId {
        &self.id
    }

    /// Whether the machine is in the asset tree or on its way there.
    pub(crate) fn known(&self) -> bool {
        self.committed.is_some() || self.pending.is_some() || self.slots.iter().any(|s| s.known)
    }

    /// The machine must be known, or is made known, with the gateway it speaks through.
    pub(crate) fn enter(&mut self, adoption: Adoption, gateway: Option<&Name>) -> Result<(), Fault> {
        if self.known() {
            return Ok(());
        }
        if !adoption.allowed {
            return Err(Fault::new(Code::UnknownMachine, "a machine of the plant", shown(self.id.as_str())));
        }
        let machine = Machine { gateway: gateway.cloned(), ..Machine::bare(self.id.clone()) };
        self.pending = Some(Pending::new(machine));
        Ok(())
    }

    /// The place of the point called `name`; an unknown one is taken on as `first` says, where that is allowed.
    pub(crate) fn point(&mut self, name: &str, first: First<'_>, adoption: Adoption) -> Result<usize, Fault> {
        match self.index.get(name) {
            Some(i) if self.slots[*i].known => Ok(*i),
            _ => self.adopt(name, first, adoption),
        }
    }

    /// The point at a place that [`MachineState::point`] gave.
    pub(crate) fn at(&mut self, i: usize) -> &mut PointSlot {
        &mut self.slots[i]
    }

    fn adopt(&mut self, name: &str, first: First<'_>, adoption: Adoption) -> Result<usize, Fault> {
        if !adoption.allowed {
            let found = shown(&format!("{}/{name}", self.id));
            return Err(Fault::new(Code::UnknownPoint, "a point of the plant", found));
        }
        if !self.index.contains_key(name) && self.slots.len() >= adoption.points {
            let expected = format!("at most {} points on a machine", adoption.points);
            return Err(Fault::new(Code::PointsLimit, expected, "one more"));
        }
        let unit = first.unit.map(unit).transpose()?;
        let i = self.slot(name)?;
        let mut point = Point { kind: first.kind, ..Point::bare(name) };
        point.unit = unit;
        point.quantity = unit.map(Unit::quantity);
        point.location.axis = first.axis.and_then(plant::Axis::parse);
        point.range = first.range;
        point.title = first.title.map(title).unwrap_or_default();
        self.slots[i].describe(&point);
        self.slots[i].pending = Some(Pending::new(point));
        Ok(i)
    }

    /// Gives the point at `i`, which has none, a unit.
    pub(crate) fn give_unit(&mut self, i: usize, unit: Unit) {
        let id = self.slots[i].id.clone();
        let name = id.name();
        let described = |m: &Machine| m.points.get(name).cloned();
        let base = self.slots[i].pending.take().map(|p| p.what);
        let base = base.or_else(|| self.pending.as_ref().and_then(|p| described(&p.what)));
        let base = base.or_else(|| self.committed.as_deref().and_then(described));
        let mut point = base.unwrap_or_else(|| Point { kind: self.slots[i].kind, ..Point::bare(name) });
        (point.unit, point.quantity) = (Some(unit), Some(unit.quantity()));
        self.slots[i].describe(&point);
        self.slots[i].pending = Some(Pending::new(point));
    }

    /// Takes a description of the whole machine, unless it says nothing new.
    pub(crate) fn describe(&mut self, machine: Machine) {
        let present = self.pending.as_ref().map(|p| &p.what).or(self.committed.as_deref());
        let nothing_new = present.is_some_and(|present| {
            let others = present.points.iter().filter(|(name, _)| !machine.points.contains_key(*name));
            let mut merged = machine.clone();
            merged.points.extend(others.map(|(name, point)| (name.clone(), point.clone())));
            merged == *present
        });
        let adopted = self.slots.iter().any(|s| s.pending.is_some() && machine.points.contains_key(s.id.name()));
        if nothing_new && !adopted {
            return;
        }
        self.describe_all(machine.points.values());
        for slot in &mut self.slots {
            if machine.points.contains_key(slot.id.name()) {
                slot.pending = None;
            }
        }
        self.pending = Some(Pending::new(machine));
    }

    /// The change of the machine that a draft which relies on it must carry, once per draft.
    pub(crate) fn carry_machine(&mut self, draft: u64, changes: &mut Vec<AssetChange>) {
        if let Some(pending) = &mut self.pending
            && pending.carriers.last() != Some(&draft)
        {
            pending.carriers.push(draft);
            self.carried_by = draft;
            changes.push(AssetChange::Machine(pending.what.clone()));
        }
    }

    /// The changes that a draft which relies on the point at `i` must carry, each once per draft.
    pub(crate) fn carry(&mut self, i: usize, draft: u64, changes: &mut Vec<AssetChange>) {
        self.carry_machine(draft, changes);
        if let Some(pending) = &mut self.slots[i].pending
            && pending.carriers.last() != Some(&draft)
        {
            pending.carriers.push(draft);
            self.carried_by = draft;
            changes.push(AssetChange::Point(self.id.clone(), pending.what.clone()));
        }
    }

    /// Whether `draft` carries anything, so that the end of its commit matters here.
    pub(crate) fn carried_by(&self, draft: u64) -> bool {
        self.carried_by == draft
    }

    /// The commit of `draft` has ended: the asset tree says what holds, beside what is still on its way.
    pub(crate) fn settle(&mut self, draft: u64, committed: bool) {
        self.pending = self.pending.take().and_then(|p| p.after(draft, committed));
        for slot in &mut self.slots {
            slot.pending = slot.pending.take().and_then(|p| p.after(draft, committed));
        }
        self.revision = None;
    }

    /// Every point that is known.
    pub(crate) fn points(&mut self) -> impl Iterator<Item = &mut PointSlot> {
        self.slots.iter_mut().filter(|s| s.known)
    }
}

/// A title in the one language that it is in.
fn title(text: &str) -> Title {
    const LONGEST: usize = 128;
    let short: String = text.chars().take(LONGEST).collect();
    let chinese = short.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    match chinese {
        true => Title { zh: Some(short.into()), en: None },
        false => Title { zh: None, en: Some(short.into()) },
    }
}

/// The unit written as `text`.
pub(crate) fn unit(text: &str) -> Result<Unit, Fault> {
    Unit::parse(text).ok_or_else(|| Fault::new(Code::UnitUnknown, "a unit of the table", shown(text)))
}
