//! The fold's state in bytes: CBOR of a mirror of it, so that no domain type has to know a wire format; compressed, because
//! most of it are names of fields and samples of features, which differ little. Version 1 was not, and is read too.
//!
//! A snapshot that cannot be read is no loss: the fold is started anew from the beginning of the journal.

mod alarms;
mod assets;
mod train;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use plant::{BearingFault, MachineId, Name, PointId, Timestamp, WaveformId};
use serde::{Deserialize, Serialize};

use super::assess::{Life, Sound, Watch};
use super::book::Book;
use super::change::Usual;
use super::rhythm::Rhythm;
use super::seen::Seen;
use super::state::{MachineState, Past, PointState, RecordState, State};
use super::tacho::Tacho;
use crate::alarm::persist::{Persistence, WINDOW};
use crate::watch::watcher::Watcher;

/// Raised when the meaning of a field changes: what an older program wrote is then not guessed at.
const VERSION: u32 = 2;
/// The oldest version that is read.
const OLDEST: u32 = 1;
/// What a compressed state begins with. No map of CBOR does, and so no state of version 1.
const COMPRESSED: &[u8] = b"danxia\0z";
/// How hard it is compressed. What can be saved is names, and samples that stand twice; both are found without much search.
const LEVEL: u32 = 3;
/// What is inflated at most: far more than the largest plant has, and less than a machine's memory.
const MOST: u64 = 1 << 30;

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
    // Writing to memory does not fail, and the mirror holds nothing that CBOR cannot; an empty snapshot is refused.
    compressed(&StateMirror::from(state)).unwrap_or_default()
}

/// A state that says that it is of another version.
#[cfg(test)]
pub(super) fn of_version(state: &State, version: u32) -> Vec<u8> {
    compressed(&StateMirror { version, ..state.into() }).unwrap_or_default()
}

/// A state as it is before it is compressed.
#[cfg(test)]
pub(super) fn plain(state: &State) -> ciborium::Value {
    ciborium::Value::serialized(&StateMirror::from(state)).unwrap_or(ciborium::Value::Null)
}

fn compressed(mirror: &StateMirror<'_>) -> io::Result<Vec<u8>> {
    // CBOR is written byte by byte.
    let mut out = BufWriter::with_capacity(1 << 16, ZlibEncoder::new(COMPRESSED.to_vec(), Compression::new(LEVEL)));
    ciborium::into_writer(mirror, &mut out).map_err(io::Error::other)?;
    out.flush()?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
}

pub(super) fn decode(bytes: &[u8]) -> Result<State, RestoreError> {
    let Some(packed) = bytes.strip_prefix(COMPRESSED) else { return read(bytes) };
    let mut inflated = ZlibDecoder::new(packed);
    let state = read(BufReader::with_capacity(1 << 16, (&mut inflated).take(MOST)))?;
    if inflated.total_in() == packed.len() as u64 { Ok(state) } else { Err(endless()) }
}

fn read(mut bytes: impl Read) -> Result<State, RestoreError> {
    let shape = |e: String| RestoreError::Shape(e);
    let mirror: StateMirror<'_> = ciborium::from_reader(&mut bytes).map_err(|e| shape(e.to_string()))?;
    // The checksum stands at the end.
    match bytes.read(&mut [0]) {
        Ok(0) if (OLDEST..=VERSION).contains(&mirror.version) => mirror.state(),
        Ok(0) => Err(RestoreError::Version { found: mirror.version }),
        Ok(_) => Err(endless()),
        Err(e) => Err(shape(e.to_string())),
    }
}

fn endless() -> RestoreError {
    RestoreError::Shape("it goes on behind its end".to_owned())
}

/// `text` as what `parse` makes of it, or the error that says what it is not.
fn parsed<T>(text: &str, what: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, RestoreError> {
    parse(text).ok_or_else(|| RestoreError::Content(text.to_owned(), what))
}

fn name(text: &str) -> Result<Name, RestoreError> {
    parsed(text, "name", |s| s.parse().ok())
}

fn point_id(text: &str) -> Result<PointId, RestoreError> {
    parsed(text, "point", |s| s.parse().ok())
}

fn machine_id(text: &str) -> Result<MachineId, RestoreError> {
    parsed(text, "machine", |s| s.parse().ok())
}

#[derive(Serialize, Deserialize)]
struct StateMirror<'a> {
    version: u32,
    seq: u64,
    now: i64,
    up: u64,
    judged: u64,
    revision: u64,
    assets: Vec<assets::MachineMirror>,
    machines: Vec<MachineStateMirror<'a>>,
    book: Vec<alarms::EntryMirror>,
    /// Earlier versions took from machines whatever the disk said.
    #[serde(default)]
    deaf: bool,
    /// Earlier versions knew of no definitions.
    #[serde(default)]
    definitions: Vec<alarms::DefinitionMirror>,
    #[serde(default)]
    levels: Vec<(String, f64)>,
}

#[derive(Serialize, Deserialize)]
struct MachineStateMirror<'a> {
    id: String,
    offline: bool,
    points: Vec<PointStateMirror<'a>>,
    /// Earlier versions did not assess machines.
    #[serde(default)]
    watch: Option<Cow<'a, Watch>>,
    /// Earlier versions knew of none.
    #[serde(default)]
    tacho: Option<Cow<'a, Tacho>>,
}

#[derive(Serialize, Deserialize)]
struct PointStateMirror<'a> {
    name: String,
    heard: u64,
    newest: i64,
    gone: bool,
    violated: u8,
    late: u8,
    stale: bool,
    speed: Option<(i64, f64)>,
    records: Option<RecordsMirror<'a>>,
    /// The last steps and the longest silence, ms. Earlier versions did not learn them.
    #[serde(default)]
    rhythm: Option<(Vec<u32>, u32)>,
    /// Earlier versions did not watch how fast values change.
    #[serde(default)]
    trace: Option<Vec<(i64, f64)>>,
}

type Looks = ([u8; WINDOW], u8);

#[derive(Serialize, Deserialize)]
struct RecordsMirror<'a> {
    ids: Vec<(u64, u64)>,
    sensor: Looks,
    zone_c: Looks,
    zone_d: Looks,
    bearings: Vec<(String, String, Looks)>,
    past: (u32, f64, f64, f64, f64),
    /// Earlier versions did not keep it.
    #[serde(default)]
    seen: Seen,
    /// What is usual, and the time of the record that was looked at last. Earlier versions did not learn it.
    #[serde(default)]
    usual: Option<(Cow<'a, Watcher>, Option<i64>)>,
    /// Earlier versions did not assess machines.
    #[serde(default)]
    deviation: Option<f64>,
    #[serde(default)]
    sound: Sound,
    #[serde(default)]
    life: Option<Box<Life>>,
}

impl<'a> From<&'a State> for StateMirror<'a> {
    fn from(s: &'a State) -> Self {
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
            book: book.entries.iter().map(alarms::EntryMirror::from).collect(),
            deaf: *deaf,
            definitions: plant.alarms.values().map(|d| (&**d).into()).collect(),
            levels: book.levels.iter().map(|(point, v)| (point.to_string(), *v)).collect(),
        }
    }
}

impl StateMirror<'_> {
    fn state(self) -> Result<State, RestoreError> {
        let mut plant = plant::Plant { revision: self.revision, ..plant::Plant::default() };
        for m in self.assets {
            let machine = m.machine()?;
            plant.machines.insert(machine.id.clone(), machine.into());
        }
        let mut machines = BTreeMap::new();
        for m in self.machines {
            let (watch, tacho) = (m.watch.map(owned), m.tacho.map(owned));
            let mut state = MachineState { offline: m.offline, watch, tacho, ..MachineState::default() };
            for p in m.points {
                let (name, point) = p.state()?;
                state.points.insert(name.into(), point);
            }
            machines.insert(machine_id(&m.id)?, state);
        }
        let definitions = self.definitions.into_iter().map(alarms::DefinitionMirror::definition);
        let defined = definitions.map(|d| d.map(|d| (d.key.clone(), Arc::new(d)))).collect::<Result<_, _>>()?;
        plant.alarms = Arc::new(defined);
        let entries = self.book.into_iter().map(alarms::EntryMirror::entry).collect::<Result<_, _>>()?;
        let level = |(point, v): (String, f64)| Ok((point_id(&point)?, v));
        let levels = self.levels.into_iter().map(level).collect::<Result<_, RestoreError>>()?;
        let now = Timestamp::from_nanos(self.now);
        let mut book = Book::at(now, self.up, &plant);
        (book.entries, book.levels) = (entries, levels);
        Ok(State {
            seq: self.seq,
            now,
            up: self.up,
            judged: self.judged,
            deaf: self.deaf,
            urgent: false,
            died: BTreeMap::new(),
            plant,
            machines,
            book,
        })
    }
}

impl<'a> From<(&MachineId, &'a MachineState)> for MachineStateMirror<'a> {
    fn from((id, m): (&MachineId, &'a MachineState)) -> Self {
        let points = m.points.iter().map(|(name, p)| PointStateMirror::new(name, p)).collect();
        let (watch, tacho) = (m.watch.as_deref().map(Cow::Borrowed), m.tacho.as_deref().map(Cow::Borrowed));
        Self { id: id.to_string(), offline: m.offline, points, watch, tacho }
    }
}

impl<'a> PointStateMirror<'a> {
    fn new(name: &str, p: &'a PointState) -> Self {
        let PointState { heard, newest, gone, violated, late, stale, speed, records, rhythm, trace } = p;
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
            trace: trace.as_deref().map(|t| t.iter().map(|(t, v)| (t.nanos(), *v)).collect()),
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
            trace: self.trace.map(|t| Box::new(t.into_iter().map(|(t, v)| (Timestamp::from_nanos(t), v)).collect())),
        };
        Ok((self.name, state))
    }
}

impl<'a> From<&'a RecordState> for RecordsMirror<'a> {
    fn from(r: &'a RecordState) -> Self {
        let RecordState { ids, sensor, zone_c, zone_d, bearings, past, seen, usual, deviation, sound, life } = r;
        let Past { count, shaft_hz, ln_low, ln_high_hz, rotation } = *past;
        Self {
            ids: ids.iter().map(|id| ((id.0 >> 64) as u64, id.0 as u64)).collect(),
            sensor: sensor.parts(),
            zone_c: zone_c.parts(),
            zone_d: zone_d.parts(),
            bearings: bearings.iter().map(|((n, f), p)| (n.to_string(), f.to_string(), p.parts())).collect(),
            past: (count, shaft_hz, ln_low, ln_high_hz, rotation),
            seen: seen.clone(),
            usual: usual.as_deref().map(|u| (Cow::Borrowed(&u.watcher), u.looked.map(|t| t.nanos()))),
            deviation: *deviation,
            sound: sound.clone(),
            life: life.clone(),
        }
    }
}

impl RecordsMirror<'_> {
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
            seen: self.seen,
            usual: self.usual.map(|(watcher, looked)| {
                Box::new(Usual { watcher: watcher.into_owned(), looked: looked.map(Timestamp::from_nanos) })
            }),
            deviation: self.deviation,
            sound: self.sound,
            life: self.life,
        })
    }
}

fn owned<T: Clone>(value: Cow<'_, T>) -> Box<T> {
    Box::new(value.into_owned())
}

fn fault(text: &str) -> Result<BearingFault, RestoreError> {
    parsed(text, "bearing fault", |s| BearingFault::ALL.into_iter().find(|f| f.as_str() == s))
}
