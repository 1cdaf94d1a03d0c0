//! What is kept in memory: the names of the series, their heads and their latest values.

use std::collections::{BTreeMap, HashMap};

use plant::{MachineId, Name, PointId, SeriesKey};

use crate::head::Head;
use crate::{Sample, Seq};

/// No series.
const NONE: u32 = u32::MAX;

/// Series by name, numbered from 0 in the order in which they first spoke.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    // One lookup a value: the hash is the fast one, whose keys an attacker could make collide; it is seeded at random.
    by_point: HashMap<PointId, Slots, foldhash::fast::RandomState>,
    machines: BTreeMap<MachineId, Vec<u32>>,
    keys: Vec<SeriesKey>,
    heads: Vec<Head>,
    /// Points that no chunk holds.
    pub unsealed: u64,
}

/// The series of one point.
#[derive(Debug)]
struct Slots {
    raw: u32,
    /// A handful; looked through from the front.
    indicators: Vec<(Name, u32)>,
}

impl Cache {
    /// The number of the point's own series.
    pub fn raw(&self, point: &PointId) -> Option<u32> {
        self.by_point.get(point).map(|s| s.raw).filter(|id| *id != NONE)
    }

    /// The number of the series of one of the point's indicators.
    pub fn indicator(&self, point: &PointId, name: &Name) -> Option<u32> {
        let slots = self.by_point.get(point)?;
        slots.indicators.iter().find(|(n, _)| n == name).map(|(_, id)| *id)
    }

    pub fn id(&self, key: &SeriesKey) -> Option<u32> {
        match &key.indicator {
            None => self.raw(&key.point),
            Some(name) => self.indicator(&key.point, name),
        }
    }

    pub fn key(&self, id: u32) -> Option<&SeriesKey> {
        self.keys.get(id as usize)
    }

    pub fn keys(&self) -> &[SeriesKey] {
        &self.keys
    }

    pub fn of_machine(&self, machine: &MachineId) -> Vec<SeriesKey> {
        let ids = self.machines.get(machine).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.key(*id).cloned()).collect()
    }

    /// Adds a series; its number is the count of those before.
    pub fn add(&mut self, key: SeriesKey, head: Head) -> u32 {
        let id = self.keys.len() as u32;
        let slots =
            self.by_point.entry(key.point.clone()).or_insert_with(|| Slots { raw: NONE, indicators: Vec::new() });
        match &key.indicator {
            None => slots.raw = id,
            Some(name) => slots.indicators.push((name.clone(), id)),
        }
        self.machines.entry(key.point.machine()).or_default().push(id);
        self.unsealed += head.unsealed() as u64;
        self.keys.push(key);
        self.heads.push(head);
        id
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn head(&self, id: u32) -> Option<&Head> {
        self.heads.get(id as usize)
    }

    pub fn head_mut(&mut self, id: u32) -> Option<&mut Head> {
        self.heads.get_mut(id as usize)
    }

    pub fn heads_mut(&mut self) -> impl Iterator<Item = (u32, &mut Head)> {
        (0..).zip(self.heads.iter_mut())
    }

    pub fn last(&self, key: &SeriesKey) -> Option<Sample> {
        self.head(self.id(key)?)?.last.clone()
    }

    /// The first point that came, of those that every head holds, by its own time.
    pub fn oldest(&self) -> Option<i64> {
        self.heads.iter().filter_map(|h| h.points.times.first().copied()).min()
    }

    /// The first commit of which a point is in no chunk, if there is one.
    pub fn first_unsealed(&self) -> Option<Seq> {
        self.heads.iter().filter(|h| h.unsealed() > 0).map(|h| h.first.0).min()
    }
}
