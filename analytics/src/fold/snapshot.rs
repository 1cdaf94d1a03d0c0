//! The fold's state in bytes: CBOR of a mirror of it, so that no domain type has to know a wire format.
//!
//! A snapshot that cannot be read is no loss: the fold is started anew from the beginning of the journal.

mod assets;
mod train;

use std::collections::BTreeMap;

use plant::{
    AlarmCondition, AlarmKey, AlarmState, BearingFault, MachineId, Name, PointId, Priority, Timestamp, WaveformId, Zone,
};
use serde::{Deserialize, Serialize};

use super::assess::{Life, Sound, Watch};
use super::book::{Book, Entry};
use super::change::Usual;
use super::rhythm::Rhythm;
use super::state::{MachineState, Past, PointState, RecordState, State};
use super::tacho::Tacho;
use crate::alarm::persist::{Persistence, WINDOW};
use crate::watch::watcher::Watcher;

/// Raised when the meaning of a field changes: what an older program wrote is then not guessed at.
const VERSION: u32 = 1;

/// Why a state could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Not CBOR, or not of the shape that this version writes.
    #[error("the stored state of analytics cannot be read ({0}); fold the journal from its beginning")]
    Shape(String),
    /// Written by another version.
    #[error(
        "the stored state of analytics has version {found}, expected {VERSION}; fold the journal from its beginning"
    )]
    Version {
        /// The version found.
        found: u32,
    },
    /// A name, code or unit that no such state can hold.
    #[error("the stored state of analytics holds {0:?}, which is no {1}; fold the journal from its beginning")]
    Content(String, &'static str),
}

pub(super) fn encode(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory does not fail, and the mirror holds nothing that CBOR cannot; an empty snapshot is refused.
    if ciborium::into_writer(&StateMirror::from(state), &mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Result<State, RestoreError> {
    let mirror: StateMirror = ciborium::from_reader(bytes).map_err(|e| RestoreError::Shape(e.to_string()))?;
    if mirror.version != VERSION {
        return Err(RestoreError::Version { found: mirror.version });
    }
    mirror.state()
}

/// `text` as what `parse` makes of it, or the error that says what it is not.
fn parsed<T>(text: &str, what: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, RestoreError> {
    parse(text).ok_or_else(|| RestoreError::Content(text.to_owned(), what))
}

fn name(text: &str) -> Result<Name, RestoreError> {
    parsed(text, "name", |s| s.parse().ok())
}

fn machine_id(text: &str) -> Result<MachineId, RestoreError> {
    parsed(text, "machine", |s| s.parse().ok())
}

#[derive(Serialize, Deserialize)]
struct StateMirror {
    version: u32,
    seq: u64,
    now: i64,
    up: u64,
    judged: u64,
    revision: u64,
    assets: Vec<assets::MachineMirror>,
    machines: Vec<MachineStateMirror>,
    book: Vec<EntryMirror>,
    /// Earlier versions took from machines whatever the disk said.
    #[serde(default)]
    deaf: bool,
}

#[derive(Serialize, Deserialize)]
struct MachineStateMirror {
    id: String,
    offline: bool,
    points: Vec<PointStateMirror>,
    /// Earlier versions did not assess machines.
    #[serde(default)]
    watch: Option<Box<Watch>>,
    /// Earlier versions knew of none.
    #[serde(default)]
    tacho: Option<Box<Tacho>>,
}

#[derive(Serialize, Deserialize)]
struct PointStateMirror {
    name: String,
    heard: u64,
    newest: i64,
    gone: bool,
    violated: u8,
    late: u8,
    stale: bool,
    speed: Option<(i64, f64)>,
    records: Option<RecordsMirror>,
    /// The last steps and the longest silence, ms. Earlier versions did not learn them.
    #[serde(default)]
    rhythm: Option<(Vec<u32>, u32)>,
}

type Looks = ([u8; WINDOW], u8);

#[derive(Serialize, Deserialize)]
struct RecordsMirror {
    ids: Vec<(u64, u64)>,
    sensor: Looks,
    zone_c: Looks,
    zone_d: Looks,
    bearings: Vec<(String, String, Looks)>,
    past: (u32, f64, f64, f64, f64),
    /// What is usual, and the time of the record that was looked at last. Earlier versions did not learn it.
    #[serde(default)]
    usual: Option<(Watcher, Option<i64>)>,
    /// Earlier versions did not assess machines.
    #[serde(default)]
    deviation: Option<f64>,
    #[serde(default)]
    sound: Sound,
    #[serde(default)]
    life: Option<Box<Life>>,
}

#[derive(Serialize, Deserialize)]
struct EntryMirror {
    machine: String,
    point: Option<String>,
    condition: ConditionMirror,
    state: String,
    priority: u8,
    shown: f64,
    lost: bool,
    late: bool,
}

#[derive(Serialize, Deserialize)]
enum ConditionMirror {
    HighHigh,
    High,
    Low,
    LowLow,
    Zone(char),
    Bearing(String, String),
    Sensor,
    Change,
    Stale,
    Offline,
    System(String),
}

impl From<&State> for StateMirror {
    fn from(s: &State) -> Self {
        let State { seq, now, up, judged, deaf, urgent: _, died: _, plant, machines, book } = s;
        Self {
            version: VERSION,
            seq: *seq,
            now: now.nanos(),
            up: *up,
            judged: *judged,
            revision: plant.revision,
            assets: plant.machines.values().map(|m| (&**m).into()).collect(),
            machines: machines.iter().map(MachineStateMirror::from).collect(),
            book: book.0.iter().map(EntryMirror::from).collect(),
            deaf: *deaf,
        }
    }
}

impl StateMirror {
    fn state(self) -> Result<State, RestoreError> {
        let mut plant = plant::Plant { revision: self.revision, ..plant::Plant::default() };
        for m in self.assets {
            let machine = m.machine()?;
            plant.machines.insert(machine.id.clone(), machine.into());
        }
        let mut machines = BTreeMap::new();
        for m in self.machines {
            let mut state =
                MachineState { offline: m.offline, watch: m.watch, tacho: m.tacho, ..MachineState::default() };
            for p in m.points {
                let (name, point) = p.state()?;
                state.points.insert(name.into(), point);
            }
            machines.insert(machine_id(&m.id)?, state);
        }
        let book = self.book.into_iter().map(EntryMirror::entry).collect::<Result<_, _>>()?;
        Ok(State {
            seq: self.seq,
            now: Timestamp::from_nanos(self.now),
            up: self.up,
            judged: self.judged,
            deaf: self.deaf,
            urgent: false,
            died: BTreeMap::new(),
            plant,
            machines,
            book: Book(book),
        })
    }
}

impl From<(&MachineId, &MachineState)> for MachineStateMirror {
    fn from((id, m): (&MachineId, &MachineState)) -> Self {
        let points = m.points.iter().map(|(name, p)| PointStateMirror::new(name, p)).collect();
        Self { id: id.to_string(), offline: m.offline, points, watch: m.watch.clone(), tacho: m.tacho.clone() }
    }
}

impl PointStateMirror {
    fn new(name: &str, p: &PointState) -> Self {
        let PointState { heard, newest, gone, violated, late, stale, speed, records, rhythm } = p;
        Self {
            name: name.to_owned(),
            heard: *heard,
            newest: newest.nanos(),
            gone: *gone,
            violated: *violated,
            late: *late,
            stale: *stale,
            speed: speed.map(|(t, v)| (t.nanos(), v)),
            records: records.as_deref().map(RecordsMirror::from),
            rhythm: rhythm.as_deref().map(|r| (r.steps.clone(), r.longest)),
        }
    }

    fn state(self) -> Result<(String, PointState), RestoreError> {
        let records = self.records.map(RecordsMirror::state).transpose()?.map(Box::new);
        let state = PointState {
            heard: self.heard,
            newest: Timestamp::from_nanos(self.newest),
            gone: self.gone,
            violated: self.violated,
            late: self.late,
            stale: self.stale,
            speed: self.speed.map(|(t, v)| (Timestamp::from_nanos(t), v)),
            records,
            rhythm: self.rhythm.map(|(steps, longest)| Box::new(Rhythm { steps, longest })),
        };
        Ok((self.name, state))
    }
}

impl From<&RecordState> for RecordsMirror {
    fn from(r: &RecordState) -> Self {
        let RecordState { ids, sensor, zone_c, zone_d, bearings, past, usual, deviation, sound, life } = r;
        let Past { count, shaft_hz, ln_low, ln_high_hz, rotation } = *past;
        Self {
            ids: ids.iter().map(|id| ((id.0 >> 64) as u64, id.0 as u64)).collect(),
            sensor: sensor.parts(),
            zone_c: zone_c.parts(),
            zone_d: zone_d.parts(),
            bearings: bearings.iter().map(|((n, f), p)| (n.to_string(), f.to_string(), p.parts())).collect(),
            past: (count, shaft_hz, ln_low, ln_high_hz, rotation),
            usual: usual.as_deref().map(|u| (u.watcher.clone(), u.looked.map(|t| t.nanos()))),
            deviation: *deviation,
            sound: sound.clone(),
            life: life.clone(),
        }
    }
}

impl RecordsMirror {
    fn state(self) -> Result<RecordState, RestoreError> {
        let looks = |(recent, absent): Looks| Persistence::from_parts(recent, absent);
        let bearing = |(n, f, l): (String, String, Looks)| Ok(((name(&n)?, fault(&f)?), looks(l)));
        let (count, shaft_hz, ln_low, ln_high_hz, rotation) = self.past;
        Ok(RecordState {
            ids: self.ids.iter().map(|(a, b)| WaveformId(u128::from(*a) << 64 | u128::from(*b))).collect(),
            sensor: looks(self.sensor),
            zone_c: looks(self.zone_c),
            zone_d: looks(self.zone_d),
            bearings: self.bearings.into_iter().map(bearing).collect::<Result<_, RestoreError>>()?,
            past: Past { count, shaft_hz, ln_low, ln_high_hz, rotation },
            usual: self
                .usual
                .map(|(watcher, looked)| Box::new(Usual { watcher, looked: looked.map(Timestamp::from_nanos) })),
            deviation: self.deviation,
            sound: self.sound,
            life: self.life,
        })
    }
}

fn fault(text: &str) -> Result<BearingFault, RestoreError> {
    parsed(text, "bearing fault", |s| BearingFault::ALL.into_iter().find(|f| f.as_str() == s))
}

impl From<(&AlarmKey, &Entry)> for EntryMirror {
    fn from((key, e): (&AlarmKey, &Entry)) -> Self {
        Self {
            machine: key.machine.to_string(),
            point: key.point.as_ref().map(PointId::to_string),
            condition: (&key.condition).into(),
            state: e.state.as_str().to_owned(),
            priority: e.priority.number(),
            shown: e.shown,
            lost: e.lost,
            late: e.late,
        }
    }
}

impl EntryMirror {
    fn entry(self) -> Result<(AlarmKey, Entry), RestoreError> {
        let point = self.point.as_deref().map(|p| parsed(p, "point", |s| s.parse().ok())).transpose()?;
        let key = AlarmKey { machine: machine_id(&self.machine)?, point, condition: self.condition.condition()? };
        let entry = Entry {
            state: parsed(&self.state, "alarm state", AlarmState::parse)?,
            priority: parsed(&self.priority.to_string(), "priority", |_| Priority::from_number(self.priority))?,
            shown: self.shown,
            lost: self.lost,
            late: self.late,
        };
        Ok((key, entry))
    }
}

impl From<&AlarmCondition> for ConditionMirror {
    fn from(c: &AlarmCondition) -> Self {
        match c {
            AlarmCondition::HighHigh => Self::HighHigh,
            AlarmCondition::High => Self::High,
            AlarmCondition::Low => Self::Low,
            AlarmCondition::LowLow => Self::LowLow,
            AlarmCondition::Zone(z) => Self::Zone(z.letter()),
            AlarmCondition::Bearing(n, f) => Self::Bearing(n.to_string(), f.to_string()),
            AlarmCondition::Sensor => Self::Sensor,
            AlarmCondition::Change => Self::Change,
            AlarmCondition::Stale => Self::Stale,
            AlarmCondition::Offline => Self::Offline,
            AlarmCondition::System(n) => Self::System(n.to_string()),
        }
    }
}

impl ConditionMirror {
    fn condition(self) -> Result<AlarmCondition, RestoreError> {
        Ok(match self {
            Self::HighHigh => AlarmCondition::HighHigh,
            Self::High => AlarmCondition::High,
            Self::Low => AlarmCondition::Low,
            Self::LowLow => AlarmCondition::LowLow,
            Self::Zone(c) => AlarmCondition::Zone(parsed(&c.to_string(), "zone", |_| Zone::from_letter(c))?),
            Self::Bearing(n, f) => AlarmCondition::Bearing(name(&n)?, fault(&f)?),
            Self::Sensor => AlarmCondition::Sensor,
            Self::Change => AlarmCondition::Change,
            Self::Stale => AlarmCondition::Stale,
            Self::Offline => AlarmCondition::Offline,
            Self::System(n) => AlarmCondition::System(name(&n)?),
        })
    }
}
