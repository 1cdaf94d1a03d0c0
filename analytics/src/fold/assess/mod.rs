//! What the points of a machine say together: windows of one record a point, and what is made of them.
//!
//! Once in [`Settings::watch_every`], and at once where an alarm of its vibration was raised, a machine's window opens: the
//! next record of each of its points is heard. When all have spoken, or it has been open for too long, the faults are
//! weighed, and health and remaining life told. The window is kept until the next: what a person says of the diagnosis is
//! answered with the same assessment and the card as it is then.

mod given;
mod growth;
mod life;
mod sound;
#[cfg(test)]
mod tests;
mod together;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plant::{
    AlarmCondition, AlarmTransition, Fault, Finding, Judged as Said, Judgement, Machine, MachineId, PointId, Timestamp,
    Trigger, Waveform,
};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::record::Look;
use super::state::{MachineState, PointState, RecordState, State};
use crate::alarm::Event;
use crate::diagnosis::{Card, Event as CardEvent, Heard, Known, known};
pub(super) use given::Wanted;
use growth::Growth;
pub(super) use life::Life;
pub(super) use sound::Sound;
use together::Together;

/// Windows come as often as they are meant to when they are this close.
const ABOUT: f64 = 0.9;
/// Machines whose windows opened together come apart: each has its own pace, this part faster at most.
const EARLIER: f64 = 0.2;
/// A window that was opened by an alarm does not wait for longer than this, s: somebody is looking at it.
const ASKED_S: f64 = 300.0;
/// Judgements that are remembered, the latest.
const REMEMBERED: usize = 16;

/// What is remembered of one machine for this.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Watch {
    /// An alarm was raised since the last window.
    asked: bool,
    /// The present window, or the last.
    window: Option<Window>,
    /// Faults that the last assessment named.
    #[serde(with = "known::faults")]
    named: Vec<Fault>,
    card: Card,
    /// When the baseline was begun anew, ns, and by whom.
    reset: Option<(i64, String)>,
    /// What people said, the newest first.
    said: Vec<Judgment>,
    /// How 1× grows with speed at each of its radial points. Earlier versions did not ask.
    #[serde(default)]
    growth: BTreeMap<String, Growth>,
    /// Points whose last record could not be judged, such as one that delivers velocity since lately: no window waits for
    /// them, and none has missed what they said. Earlier versions did not ask.
    #[serde(default)]
    mute: BTreeSet<String>,
}

/// What one person said, as it was counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Judgment {
    t_ns: i64,
    #[serde(with = "known::fault")]
    fault: Fault,
    #[serde(with = "known::judgement")]
    counted: Judgement,
    by: String,
}

/// One record a point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Window {
    opened_ns: i64,
    closed: bool,
    /// An alarm opened it.
    asked: bool,
    points: BTreeMap<String, Spoken>,
    /// The moments that the records of the window before stated, by point. Earlier versions did not know of any.
    #[serde(default)]
    moments: BTreeMap<String, String>,
}

/// What a point said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Spoken {
    t_ns: i64,
    /// Turns of the shaft at which it sits while the measured one turns once: tells shafts apart.
    turns: f64,
    /// The name of that shaft.
    shaft: Option<String>,
    /// Its speed, Hz,
    #[serde(with = "known")]
    hz: Known<f64>,
    /// and by what part of it that varied.
    varied: f64,
    #[serde(with = "known")]
    heard: Known<Heard>,
    /// The letter of its zone.
    #[serde(with = "known")]
    zone: Known<char>,
    /// T over what it must exceed.
    #[serde(with = "known")]
    bearing: Known<f64>,
    #[serde(with = "known")]
    trend: Known<crate::life::Standing>,
    #[serde(with = "known")]
    left: Known<life::Left>,
    /// Whether its sensor may be believed.
    believed: bool,
    /// What is learnt from it, if the machine turns out to be sound: ln of [`sound::Levels`].
    levels: sound::Levels,
    /// What it was taken together with. Earlier versions did not ask.
    #[serde(default)]
    together: Option<Together>,
}

impl Spoken {
    /// Says of bearings that one speed does not tell whose the damage is. What is not called for because it may be a
    /// neighbour's is not named either: who is told a name opens the bearing. A damage that comes all at once shakes more
    /// than its lines, and the alarms of zone and change wait for no other speed.
    fn withhold_bearings(&mut self) {
        self.bearing = self.bearing.and(Err("second_speed"));
        if let Ok(heard) = &mut self.heard
            && heard.symptoms.bearings.is_ok()
        {
            heard.symptoms.bearings = Err("second_speed");
        }
    }
}

impl Window {
    /// The window that follows `last`.
    fn after(last: Option<&Self>, t: Timestamp, asked: bool) -> Self {
        let moment = |(n, p): (&String, &Spoken)| Some((n.clone(), p.together.as_ref()?.moment()?.to_owned()));
        let moments = last.map(|w| w.points.iter().filter_map(moment).collect()).unwrap_or_default();
        Self { opened_ns: t.nanos(), asked, moments, ..Self::default() }
    }

    fn newest(&self) -> i64 {
        self.points.values().map(|p| p.t_ns).max().unwrap_or(self.opened_ns)
    }
}

impl Watch {
    /// Notes how much 1× there is at the speeds of the window, at `now`; a clock that runs ahead makes nothing older.
    fn grow(&mut self, now: Timestamp) {
        for (name, spoken) in self.window.iter().flat_map(|w| &w.points) {
            let (Ok(heard), Ok(hz)) = (&spoken.heard, spoken.hz) else { continue };
            if let (true, Ok(()), Ok(line)) = (heard.symptoms.place.radial(), heard.still, heard.symptoms.orders[0]) {
                self.growth.entry(name.clone()).or_default().note(spoken.t_ns.min(now.nanos()), hz, line.mm_s);
            }
        }
    }

    /// Whether a record of `machine` at `t` opens a window.
    fn due(&self, machine: &str, t: Timestamp, settings: &Settings) -> bool {
        let every = (1.0 - EARLIER * part(machine)) * ABOUT * settings.watch_every.as_secs_f64();
        self.asked || self.window.as_ref().is_none_or(|w| w.closed && seconds(w.opened_ns, t).abs() >= every)
    }

    /// Whether a record of `point` at `t` is wanted.
    fn wants(&self, point: &PointId, t: Timestamp, settings: &Settings) -> bool {
        match &self.window {
            Some(w) if !w.closed => !w.points.contains_key(point.name()),
            _ => self.due(point.machine_str(), t, settings),
        }
    }
}

/// A number from 0 to 1 that is every machine's own (FNV-1a of its name).
fn part(machine: &str) -> f64 {
    let hash = machine.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    f64::from(hash) / f64::from(u32::MAX)
}

fn seconds(from_ns: i64, to: Timestamp) -> f64 {
    (to.nanos() - from_ns) as f64 / 1e9
}

/// Whether a record is to be heard.
pub(super) fn wants(past: Option<&MachineState>, w: &Waveform, settings: &Settings) -> bool {
    let heard = |past: &MachineState| past.watch.as_deref().is_none_or(|watch| watch.wants(&w.point, w.t0, settings));
    past.is_none_or(|past| heard(past) && !together::passed(past, w))
}

/// Notes that the record `w`, which is not late, could not be judged.
pub(super) fn refused(state: &mut State, w: &Waveform) {
    let machine = state.machine(&w.point.machine());
    let records = machine.points.get(w.point.name()).and_then(|p| p.records.as_ref());
    if records.is_some_and(|r| r.usual.is_some()) {
        machine.watch.get_or_insert_default().mute.insert(w.point.name().to_owned());
    }
}

/// Takes in what a record said, which is not late. Only where it was wanted.
pub(super) fn take(
    look: &Look<'_>,
    heard: Option<Known<Heard>>,
    state: &mut State,
    settings: &Settings,
    records: &mut RecordState,
) {
    let w = &look.job.waveform;
    let machine = state.machine(&w.point.machine());
    if let Some(watch) = machine.watch.as_deref_mut() {
        watch.mute.remove(w.point.name());
        let window = watch.window.as_mut();
        if let Some(spoken) = window.and_then(|window| window.points.get_mut(w.point.name())) {
            together::note(spoken, w);
        }
    }
    let (Some(wanted), t) = (&look.job.wanted, look.t()) else { return };
    if !wants(Some(machine), w, settings) {
        return;
    }
    let stands = look.is_named(state, records) || state.book.active(&look.key(AlarmCondition::Change));
    let mut spoken = spoken(look, wanted, heard, settings, records, stands);
    if !look.is_borne_out(state, records) {
        spoken.withhold_bearings();
    }
    let watch = state.machine(&w.point.machine()).watch.get_or_insert_default();
    if watch.due(w.point.machine_str(), t, settings) && watch.window.as_ref().is_none_or(|w| w.closed) {
        let asked = std::mem::take(&mut watch.asked);
        watch.window = Some(Window::after(watch.window.as_ref(), t, asked));
    }
    if let Some(window) = &mut watch.window {
        let before = window.moments.get(w.point.name()).map(String::as_str);
        let spoken = Spoken { together: Together::of(w, before), ..spoken };
        window.points.insert(w.point.name().to_owned(), spoken);
    }
}

fn spoken(
    look: &Look<'_>,
    wanted: &Wanted,
    heard: Option<Known<Heard>>,
    settings: &Settings,
    records: &mut RecordState,
    stands: bool,
) -> Spoken {
    let believed = look.analysis.faults.is_empty();
    let hz = look.job.speed.map(|s| s.mean_rpm / 60.0);
    let heard = match (believed, heard) {
        (false, _) => Err("sensor"),
        (true, heard) => heard.unwrap_or(Err("speed")),
    };
    let levels = sound::Levels::of(look.analysis, heard.as_ref().ok());
    let usual = hz.ok().and_then(|hz| records.sound.usual(60.0 * hz));
    let zone = look.zone_of();
    let row = look.job.row.as_ref().ok();
    let left = if believed {
        life::follow(&mut records.life, look.t(), &levels, usual.as_ref(), row, stands, settings)
    } else {
        Err("sensor")
    };
    let trend = match (believed, records.deviation) {
        (false, _) => Err("sensor"),
        (true, None) => Err("learning"),
        (true, Some(level)) => {
            let rise = usual.as_ref().map_or(0.0, |u| levels.rise(u));
            Ok(crate::life::Standing { level, rise })
        }
    };
    let bearing = look.analysis.bearing.map(|_| look.best().map_or(0.0, |s| s.statistic / s.threshold));
    Spoken {
        t_ns: look.t().nanos(),
        turns: wanted.turns,
        shaft: wanted.shaft.clone(),
        hz,
        varied: wanted.varied,
        heard,
        zone: zone.map(|(row, v)| row.zone(v).letter()).map_err(|codes| codes.first().copied().unwrap_or("bandwidth")),
        bearing,
        trend,
        left,
        believed,
        levels,
        together: None,
    }
}

/// Notes that alarms of a machine's vibration were raised: what they are about is to be said soon.
pub(super) fn ask(state: &mut State, found: &[Finding]) {
    let vibration = |a: &&AlarmTransition| {
        let condition = &a.key.condition;
        matches!(a.trigger, Trigger::Raised)
            && matches!(condition, AlarmCondition::Zone(_) | AlarmCondition::Bearing(..) | AlarmCondition::Change)
    };
    let alarms = found.iter().filter_map(|f| if let Finding::Alarm(a) = f { Some(a) } else { None });
    for alarm in alarms.filter(vibration) {
        if let Some(watch) = state.machines.get_mut(&alarm.key.machine).and_then(|m| m.watch.as_deref_mut()) {
            watch.asked = true;
        }
    }
}

/// Closes the windows of the machines of which a record came, where they are complete, and says what follows.
pub(super) fn close(
    state: &mut State,
    settings: &Settings,
    machines: impl Iterator<Item = MachineId>,
    out: &mut Vec<Finding>,
) {
    for id in machines {
        let Some(past) = state.machines.get(&id) else { continue };
        let Some(window) = past.watch.as_ref().and_then(|w| w.window.as_ref()).filter(|w| !w.closed) else { continue };
        if complete(past, window, settings) {
            conclude(state, &id, out);
        }
    }
}

/// Whether every point that can be expected to speak has spoken, or it has taken too long.
fn complete(past: &MachineState, window: &Window, settings: &Settings) -> bool {
    let every = settings.watch_every.as_secs_f64();
    let newest = past.points.values().filter(|p| p.records.is_some()).map(|p| p.newest).max();
    // One that a clock opened which ran ahead has been open for long.
    let open = newest.map_or(0.0, |t| seconds(window.opened_ns, t).abs());
    if open >= if window.asked { ASKED_S.min(every) } else { every } {
        return true;
    }
    let expected = past.points.iter().filter(|(_, p)| {
        let lately = seconds(p.newest.nanos(), Timestamp::from_nanos(window.opened_ns)) < 2.0 * every;
        !p.gone && !p.stale && lately
    });
    // One whose records cannot be judged, such as a tacho, is not waited for.
    let expected = expected.filter(|(name, p)| judged(past, name, p));
    expected.into_iter().all(|(name, _)| window.points.contains_key(&**name))
}

/// Whether the records of a point can be judged: one was, and so was the last.
fn judged(past: &MachineState, name: &str, point: &PointState) -> bool {
    let mute = past.watch.as_ref().is_some_and(|watch| watch.mute.contains(name));
    !mute && point.records.as_ref().is_some_and(|r| r.usual.is_some())
}

/// Closes a machine's window: judges, learns, counts, and says it.
fn conclude(state: &mut State, id: &MachineId, out: &mut Vec<Finding>) {
    let machine = described(state, id);
    let (now, quiet) = (state.now, !alarmed(state, id));
    let Some(past) = state.machines.get_mut(id) else { return };
    let Some(mut watch) = past.watch.take() else { return };
    watch.grow(now);
    let mut assessment = words::assessment(&machine, past, &watch);
    if let Some(window) = &mut watch.window {
        window.closed = true;
        let t = Timestamp::from_nanos(window.newest());
        let named: Vec<Fault> = assessment.named().map(|v| v.fault).collect();
        for fault in named.iter().filter(|f| !watch.named.contains(f)) {
            watch.card.step(t, CardEvent::Reported(*fault));
        }
        watch.named = named;
        if quiet && watch.named.is_empty() && learn(past, window) {
            watch.card.step(t, CardEvent::Learnt);
        }
        assessment.card = words::card(&watch, t);
    }
    past.watch = Some(watch);
    out.push(Finding::Assessment(Box::new(assessment)));
}

/// Learns what is usual from a window of a machine that nothing is wrong with.
fn learn(past: &mut MachineState, window: &Window) -> bool {
    let mut learnt = false;
    for (name, spoken) in &window.points {
        let records = past.points.get_mut(name.as_str()).and_then(|p| p.records.as_deref_mut());
        if let (Some(records), Ok(hz), Ok(heard)) = (records, spoken.hz, &spoken.heard)
            && heard.still.is_ok()
        {
            records.sound.learn(60.0 * hz, spoken.levels);
            learnt = true;
        }
    }
    learnt
}

/// Whether an alarm stands by which a machine or one of its sensors is not sound.
fn alarmed(state: &State, id: &MachineId) -> bool {
    let of_vibration = |c: &AlarmCondition| {
        matches!(
            c,
            AlarmCondition::Zone(_) | AlarmCondition::Bearing(..) | AlarmCondition::Change | AlarmCondition::Sensor
        )
    };
    state.book.entries.iter().any(|(k, e)| k.machine == *id && e.state.active() && of_vibration(&k.condition))
}

fn described(state: &State, id: &MachineId) -> Arc<Machine> {
    state.plant.machine(id.as_str()).cloned().unwrap_or_else(|| Arc::new(Machine::bare(id.clone())))
}

/// Says what is known of a machine now.
fn say(state: &State, id: &MachineId, out: &mut Vec<Finding>) {
    let machine = described(state, id);
    let Some(past) = state.machines.get(id) else { return };
    let Some(watch) = past.watch.as_deref() else { return };
    out.push(Finding::Assessment(Box::new(words::assessment(&machine, past, watch))));
}

/// Takes in what a person says of a diagnosis.
pub(super) fn judge(
    state: &mut State,
    id: &MachineId,
    fault: Fault,
    judgement: Option<Judgement>,
    by: &Arc<str>,
    t: Timestamp,
    out: &mut Vec<Finding>,
) {
    let Some(past) = state.machines.get_mut(id) else { return };
    let watch = past.watch.get_or_insert_default();
    match judgement {
        Some(judgement) => {
            let counted = watch.card.counted(fault, judgement);
            watch.card.step(t, CardEvent::Judged(fault, judgement));
            if let Some(counted) = counted {
                watch.said.insert(0, Judgment { t_ns: t.nanos(), fault, counted, by: by.as_ref().to_owned() });
                watch.said.truncate(REMEMBERED);
            }
        }
        None => {
            let Some(at) = watch.said.iter().position(|s| s.fault == fault) else { return };
            let taken_back = watch.said.remove(at);
            watch.card.step(t, CardEvent::Withdrawn(fault, taken_back.counted));
        }
    }
    say(state, id, out);
}

/// Begins what is usual of a machine anew, by order of a person after maintenance.
pub(super) fn maintained(state: &mut State, id: &MachineId, by: &Arc<str>, t: Timestamp, out: &mut Vec<Finding>) {
    let Some(past) = state.machines.get_mut(id) else { return };
    let mut changed = Vec::new();
    for (name, point) in &mut past.points {
        let Some(records) = point.records.as_deref_mut() else { continue };
        if let Some(usual) = &mut records.usual {
            usual.watcher.reset();
        }
        (records.sound, records.life, records.deviation) = (Sound::default(), None, None);
        records.seen.repaired();
        // The sensor may have been mounted anew.
        records.past = super::state::Past::default();
        changed.extend(id.point(name));
    }
    let watch = past.watch.get_or_insert_default();
    watch.card.step(t, CardEvent::Reset);
    watch.reset = Some((t.nanos(), by.as_ref().to_owned()));
    (watch.window, watch.asked) = (None, false);
    watch.named.clear();
    watch.growth.clear();
    // What an alarm of a change was judged by is gone; it would stand until all is learnt anew.
    for point in changed {
        let key = super::values::key(&point, AlarmCondition::Change);
        state.book.apply(&key, plant::Priority::Medium, Event::Gone, t, super::book::Detail::default(), out);
    }
    say(state, id, out);
}

impl From<&Judgment> for Said {
    fn from(j: &Judgment) -> Self {
        Self { t: Timestamp::from_nanos(j.t_ns), fault: j.fault, judgement: j.counted, by: j.by.as_str().into() }
    }
}
