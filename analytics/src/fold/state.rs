//! What the fold remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use historian::Seq;
use plant::{BearingFault, MachineId, Name, Plant, PointId, Timestamp, WaveformId};

use super::assess::{Life, Sound, Watch};
use super::book::Book;
use super::change::Usual;
use super::rhythm::Rhythm;
use super::seen::Seen;
use super::tacho::Tacho;
use super::values::Trace;
use crate::alarm::persist::Persistence;

/// Ids of records that are remembered per point, so that the same record twice is judged once.
pub(super) const REMEMBERED: usize = 16;
/// Records from which a sensor's own past is learnt.
pub(super) const LEARNT: u32 = 8;

/// Everything that the findings of later commits depend on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct State {
    /// The last commit taken in.
    pub seq: Seq,
    /// Its time.
    pub now: Timestamp,
    /// Time that the platform has been up, ns: silence is measured in it, so that its own absence is nobody's silence.
    pub up: u64,
    /// When silence was last judged, in the same measure.
    pub judged: u64,
    /// Nothing is taken from machines, for want of room: their silence is not theirs.
    pub deaf: bool,
    /// Whether silence is to be judged in this commit; never true between commits.
    pub urgent: bool,
    /// Machines whose death this commit reported, and when that was; like `urgent` empty between commits.
    pub died: BTreeMap<MachineId, Timestamp>,
    pub plant: Plant,
    pub machines: BTreeMap<MachineId, MachineState>,
    pub book: Book,
}

/// What is remembered of one machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MachineState {
    pub points: BTreeMap<Arc<str>, PointState>,
    /// Whether its offline alarm stands.
    pub offline: bool,
    /// For what its points say together.
    pub watch: Option<Box<Watch>>,
    /// The last record of its tacho.
    pub tacho: Option<Box<Tacho>>,
}

/// What is remembered of one point.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PointState {
    /// When it was last heard, in platform-up time; what said "offline" is not heard.
    pub heard: u64,
    /// The newest time of its data, by the source's clock.
    pub newest: Timestamp,
    /// Whether the last word was that it is gone.
    pub gone: bool,
    /// Which conditions of its values hold, bit by bit in the order HH, H, L, LL, rate, deviation, discrete.
    pub violated: u8,
    /// Which a late value was journaled for, until a late value for which they do not.
    pub late: u8,
    /// Whether its stale alarm stands.
    pub stale: bool,
    /// The latest shaft speed, r/min, where it measures one.
    pub speed: Option<(Timestamp, f64)>,
    /// What its records showed, where it delivers any.
    pub records: Option<Box<RecordState>>,
    /// How often it speaks, where it did not promise a period.
    pub rhythm: Option<Box<Rhythm>>,
    /// Its latest values, where how fast they change is watched.
    pub trace: Option<Box<Trace>>,
}

/// What is remembered of the records of one point.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RecordState {
    /// The latest ids.
    pub ids: Vec<WaveformId>,
    pub sensor: Persistence,
    pub zone_c: Persistence,
    pub zone_d: Persistence,
    pub bearings: BTreeMap<(Name, BearingFault), Persistence>,
    pub past: Past,
    /// What stood out of the latest envelopes.
    pub seen: Seen,
    /// What is usual here.
    pub usual: Option<Box<Usual>>,
    /// How far the last look was from that, as a part of the limit.
    pub deviation: Option<f64>,
    /// What the machine is like here while it is sound.
    pub sound: Sound,
    /// How its damage grows.
    pub life: Option<Box<Life>>,
}

/// The sensor's own past, by which it is known when it came loose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Past {
    /// Records learnt from.
    pub count: u32,
    /// Their speed, Hz.
    pub shaft_hz: f64,
    /// Mean of ln of the acceleration below 1 kHz.
    pub ln_low: f64,
    /// Mean of ln of the mean frequency above it.
    pub ln_high_hz: f64,
    /// The least that rotation stood out.
    pub rotation: f64,
}

impl State {
    /// The state of a point, made if there is none.
    pub fn point(&mut self, id: &PointId) -> &mut PointState {
        if !self.machines.contains_key(id.machine_str()) {
            self.machines.insert(id.machine(), MachineState::default());
        }
        // It is there now; an entry by value would allocate a key for every observation.
        let machine = self.machines.get_mut(id.machine_str()).unwrap_or_else(|| unreachable!("inserted above"));
        if !machine.points.contains_key(id.name()) {
            machine.points.insert(id.name().into(), PointState::default());
        }
        machine.points.get_mut(id.name()).unwrap_or_else(|| unreachable!("inserted above"))
    }
}

impl State {
    /// The state of a machine, made if there is none.
    pub fn machine(&mut self, id: &MachineId) -> &mut MachineState {
        self.machines.entry(id.clone()).or_default()
    }

    /// Notes that a machine was reported dead as of `t`, to be judged in this commit.
    pub fn died(&mut self, machine: MachineId, t: Timestamp) {
        self.urgent = true;
        let latest = self.died.entry(machine).or_insert(t);
        *latest = t.max(*latest);
    }
}

impl PointState {
    /// Learns from the arrival of data of time `t`, before it is heard: how often a point speaks that promised nothing.
    pub fn learn(&mut self, t: Timestamp, up: u64) {
        let first = self.newest == Timestamp::default();
        let rhythm = self.rhythm.get_or_insert_default();
        // What else the same commit brings, and what is older than what was said, is no further arrival.
        if first || up <= self.heard || t <= self.newest {
            return;
        }
        let by_us = std::time::Duration::from_nanos(up - self.heard);
        rhythm.step(by_us.max(t.since(self.newest)), self.gone || self.stale);
    }

    /// Notes that the point spoke, with data of time `t`. Returns whether the data is late: older than what the point
    /// said before, or than `late_after`.
    pub fn hear(&mut self, t: Timestamp, now: Timestamp, up: u64, late_after: std::time::Duration) -> bool {
        self.heard = self.heard.max(up);
        self.gone = false;
        let late = t < self.newest || t < now - late_after;
        // A clock that runs ahead must not make the data of a clock that was put right late for long.
        self.newest = self.newest.max(t.min(now + late_after));
        late
    }
}
