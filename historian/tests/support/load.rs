//! What the tests of kills and losses of power commit, and how they look for it afterwards: everything that a batch can
//! leave in the three files, told apart by task and number.

use std::path::Path;
use std::sync::Arc;

use historian::{Archive, Batch, Device, Historian, OwnPatterns, Register, open_read_only, verify};
use plant::{
    AlarmCondition, AlarmKey, AlarmState, AlarmTransition, AssetChange, Evidence, Finding, Machine, Name, Priority,
    Quality, Samples, SeriesKey, Timestamp, Trigger, Unit, Value, Waveform, WaveformId, WaveformMeta,
};

use super::{START, observation, point};

/// So many commit at the same time, each for itself.
pub const TASKS: u64 = 4;

/// What `task` publishes.
pub fn series(task: u64) -> SeriesKey {
    SeriesKey::raw(point(&format!("s/m{task}/p")))
}

/// The waveform of the `n`th batch of `task`.
pub fn waveform_id(task: u64, n: u64) -> WaveformId {
    WaveformId(u128::from(task) << 64 | u128::from(n))
}

/// The alarm of `task`.
pub fn alarm(task: u64) -> AlarmKey {
    let point = series(task).point;
    AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High }
}

/// The number of the batch with which `task` goes on.
pub fn next(archive: &Archive, task: u64) -> u64 {
    archive.last(&series(task)).map_or(0, |s| s.t.nanos() as u64 + 1)
}

/// A waveform of `task`.
pub fn waveform(task: u64, id: WaveformId, n: u64) -> Arc<Waveform> {
    let t = Timestamp::from_nanos(n as i64);
    let raw = (0..256).map(|i| (i * n) as i16).collect();
    let samples = Samples::I16 { raw, scale: 0.5, offset: 0.0 };
    let unit = Unit::parse("m/s²").unwrap();
    Arc::new(Waveform::new(id, series(task).point, t, t, 1e3, unit, samples, WaveformMeta::default()).unwrap())
}

/// What task `task` commits as its `n`th batch: a value always, the rest now and then.
pub fn batch(task: u64, n: u64) -> Batch {
    let point = series(task).point;
    let t = Timestamp::from_nanos(n as i64);
    let mut batch = Batch {
        observations: vec![observation(&point, n as i64, Value::Int(n as i64), Quality::Good)],
        ..Batch::default()
    };
    if n.is_multiple_of(16) {
        batch.waveforms.push(waveform(task, waveform_id(task, n), n));
    }
    if n.is_multiple_of(10) {
        let mut machine = Machine::bare(point.machine());
        machine.line = Some(Name::new(&format!("line-{n}")).unwrap());
        batch.changes.push(AssetChange::Machine(machine));
        batch.findings.push(Finding::Alarm(AlarmTransition {
            key: alarm(task),
            t,
            from: AlarmState::Normal,
            to: AlarmState::Unacknowledged,
            trigger: Trigger::Raised,
            priority: Priority::High,
            value: Some(n as f64),
            limit: None,
            unit: None,
            evidence: Evidence::default(),
            inhibited: None,
            first_out: false,
        }));
    }
    batch
}

/// Every value and waveform up to the last acknowledged batch of `task` is there; gives how many values there are.
pub fn check_values(archive: &Archive, task: u64, acknowledged: u64) -> u64 {
    let found = archive.range(&series(task), Timestamp::MIN, Timestamp::MAX, usize::MAX).unwrap();
    assert!(found.len() as u64 > acknowledged, "task {task}: {acknowledged} acknowledged, {} there", found.len());
    for (n, sample) in (0..).zip(&found) {
        assert_eq!((sample.t.nanos(), &sample.value), (n, &Value::Int(n)), "task {task}");
    }
    // A batch that is there though nobody heard of it is there whole, too.
    let last = found.len() as u64 - 1;
    for n in (0..=last).step_by(16) {
        let stored = archive.waveform(waveform_id(task, n)).unwrap();
        assert_eq!(stored.as_ref(), batch(task, n).waveforms.first(), "task {task}, waveform {n}");
    }
    found.len() as u64
}

/// No waveform is there without its commit, given how many values there are: as after a start.
pub fn check_no_more(archive: &Archive, task: u64, values: u64) {
    let next = values.next_multiple_of(16);
    assert!(!archive.has_waveform(waveform_id(task, next)), "a waveform without its commit");
}

/// The register is not behind what was acknowledged, nor ahead of the `values` that are there.
pub fn check_register(register: &Register, task: u64, acknowledged: u64, values: u64) {
    let last = values - 1;
    let line = register.plant().machine(&format!("s/m{task}")).unwrap().line.clone().unwrap();
    let line: u64 = line.as_str().trim_start_matches("line-").parse().unwrap();
    assert!(line >= acknowledged / 10 * 10 && line <= last, "task {task}: {acknowledged}, {line}, {last}");
    let occurrences = occurrences(register, task);
    assert!(occurrences > acknowledged / 10 && occurrences <= last / 10 + 1, "task {task}: {occurrences}, {last}");
}

/// The register says exactly what follows from the `values` that are there: as after a start.
pub fn check_register_exact(register: &Register, task: u64, values: u64) {
    let line = register.plant().machine(&format!("s/m{task}")).unwrap().line.clone().unwrap();
    assert_eq!(line.as_str(), format!("line-{}", (values - 1) / 10 * 10), "task {task}");
    assert_eq!(occurrences(register, task), (values - 1) / 10 + 1, "a step was projected twice or not at all");
    let id = alarm(task).id();
    let journal = register.alarm_journal(Some(id), None, usize::MAX).unwrap();
    let steps: Vec<_> = journal.iter().rev().map(|e| e.transition.t.nanos() as u64).collect();
    assert_eq!(steps, (0..values).step_by(10).collect::<Vec<_>>(), "task {task}: the journal of the alarm");
}

fn occurrences(register: &Register, task: u64) -> u64 {
    register.alarm(alarm(task).id()).unwrap().unwrap().occurrences
}

/// What was acknowledged.
#[derive(Clone, Default)]
pub struct Acknowledged {
    /// The last batch of each task.
    pub batches: [Option<u64>; TASKS as usize],
    pub devices: Vec<String>,
    /// How many batches.
    pub count: u64,
}

/// Waveforms that come with batch `n` of `task`, so many that a checkpoint is due soon.
pub fn burst(task: u64, n: u64) -> impl Iterator<Item = Arc<Waveform>> {
    (0..24).map(move |i| waveform(task, WaveformId(u128::from(task + 100) << 64 | u128::from(n * 64 + i)), n))
}

/// A device that nobody is.
pub fn device(name: String) -> Device {
    let empty = String::new;
    Device {
        name,
        role: "sensor".into(),
        site: empty(),
        group: empty(),
        note: empty(),
        created: START,
        revoked: None,
        hash: None,
        certificates: Vec::new(),
        own: OwnPatterns::default(),
    }
}

fn check_devices(register: &Register, so_far: &Acknowledged) {
    let devices = register.devices().unwrap();
    for name in &so_far.devices {
        assert_eq!(devices.iter().filter(|d| d.name == *name).count(), 1, "device {name}");
    }
}

/// As it lies there, before anybody starts: what is acknowledged can be read and nothing is damaged.
pub fn check_at_rest(store: &Path, so_far: &Acknowledged) {
    if so_far.count == 0 {
        return;
    }
    let found = verify(store).unwrap();
    assert!(found.is_clean(), "{:?}", found.faults);
    let (archive, register) = open_read_only(store).unwrap();
    for (task, n) in (0..).zip(so_far.batches) {
        if let Some(n) = n {
            check_values(&archive, task, n);
        }
    }
    check_devices(&register, so_far);
}

/// In an open store what is acknowledged is there, and what follows from it, each once.
pub fn check_started(historian: &Historian, so_far: &Acknowledged) {
    for (task, n) in (0..).zip(so_far.batches) {
        if let Some(n) = n {
            let values = check_values(&historian.archive(), task, n);
            check_no_more(&historian.archive(), task, values);
            check_register_exact(&historian.register(), task, values);
        }
    }
    check_devices(&historian.register(), so_far);
}
