//! One commit as one row of the log.
//!
//! Observations and indicator values name their series by number and are written as differences to the one before, so
//! that a thousand values of a message share their time; everything rare follows as records. Samples of waveforms are
//! not here, only their ids: they are in wave.db before the row is.
//!
//! A row of version 1 ends with the follower's progress. Version 2 goes on with *parts*, each a number, a length and a
//! body, only those that hold something. So what is added later is a part of its own, and a row without any is written
//! as version 1.

use std::sync::Arc;

use plant::{
    Action, AlarmTransition, Assessment, AssetChange, Condition, Diagnosis, Event, Finding, IndicatorValue,
    Observation, Quality, SeriesKey, Timestamp, Unit, Value, Waveform, WaveformId, Work,
};

use super::{Damage, Reader, Record, Writer, seal, unseal};
use crate::{Batch, Ignored, LedgerDelta, Progress, Quarantined, Retained, Seq, Settled};

const VERSION: u8 = 1;
/// [`VERSION`] with parts behind it.
const WITH_PARTS: u8 = 2;

// The numbers of the parts. One that was released keeps its number and its meaning.
const RETAINED: u8 = 1;
const SETTLED: u8 = 2;
/// `(released, gaps)` of each entry of the ledger.
const LEDGER_MORE: u8 = 3;
const IGNORED: u8 = 4;
const CONDITIONS: u8 = 5;
const WORK: u8 = 6;

// The first byte of an observation: the kind of its value and what follows.
const KIND: u8 = 0x07;
const FLOAT: u8 = 0;
/// A float that an f32 holds exactly.
const SHORT: u8 = 1;
const INT: u8 = 2;
const FALSE: u8 = 3;
const TRUE: u8 = 4;
const TEXT: u8 = 5;
const HAS_QUALITY: u8 = 0x08;
const HAS_SEQ: u8 = 0x10;
/// Received at the same time as the one before.
const SAME_RECEIPT: u8 = 0x20;

/// An observation that names its series by number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawPoint {
    pub series: u32,
    pub t: Timestamp,
    pub t_received: Timestamp,
    pub value: Value,
    pub quality: Quality,
    pub seq: Option<u64>,
}

/// A finding of which the indicators name their series by number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RawFinding {
    Indicator { series: u32, t: Timestamp, value: f64, quality: Quality, unit: Option<Unit> },
    Diagnosis(Diagnosis),
    Assessment(Box<Assessment>),
    Alarm(AlarmTransition),
}

/// A row as it stands, before its numbers are turned into names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawRow {
    pub points: Vec<RawPoint>,
    pub findings: Vec<RawFinding>,
    pub waveforms: Vec<WaveformId>,
    pub changes: Vec<AssetChange>,
    pub events: Vec<Event>,
    pub quarantine: Vec<Quarantined>,
    pub ledger: Vec<LedgerDelta>,
    pub actions: Vec<Action>,
    pub work: Vec<Work>,
    pub conditions: Vec<Condition>,
    pub settled: Vec<Settled>,
    pub ignored: Vec<Ignored>,
    pub retained: Vec<Retained>,
    pub progress: Option<Progress>,
}

/// Writes `batch` as the row of commit `seq` at `t`. `series` gives the number of the series of every observation and
/// then of every indicator value, in their order.
pub(crate) fn encode(batch: &Batch, series: &[u32], seq: Seq, t: Timestamp, into: Vec<u8>) -> Vec<u8> {
    let mut w = Writer(into);
    w.0.clear();
    let parts = parts(batch);
    w.u8(if parts.is_empty() { VERSION } else { WITH_PARTS });
    let (of_points, of_indicators) = series.split_at(batch.observations.len().min(series.len()));
    put_points(&mut w, &batch.observations, of_points);
    put_findings(&mut w, &batch.findings, of_indicators);
    w.varint(batch.waveforms.len() as u64);
    batch.waveforms.iter().for_each(|x| x.id.put(&mut w));
    batch.changes.put(&mut w);
    batch.events.put(&mut w);
    batch.quarantine.put(&mut w);
    batch.ledger.put(&mut w);
    batch.actions.put(&mut w);
    batch.progress.put(&mut w);
    if !parts.is_empty() {
        w.varint(parts.len() as u64);
        for (part, body) in &parts {
            w.u8(*part);
            w.bytes(body);
        }
    }
    seal(&place(seq, t), &mut w.0);
    w.0
}

/// What stands behind the fields of version 1, by number.
fn parts(batch: &Batch) -> Vec<(u8, Vec<u8>)> {
    let mut parts = Vec::new();
    if !batch.retained.is_empty() {
        parts.push((RETAINED, part(&batch.retained)));
    }
    if !batch.settled.is_empty() {
        parts.push((SETTLED, part(&batch.settled)));
    }
    if batch.ledger.iter().any(|l| (l.released, l.gaps) != (0, 0)) {
        let more: Vec<(u64, u64)> = batch.ledger.iter().map(|l| (l.released, l.gaps)).collect();
        parts.push((LEDGER_MORE, part(&more)));
    }
    if !batch.ignored.is_empty() {
        parts.push((IGNORED, part(&batch.ignored)));
    }
    if !batch.conditions.is_empty() {
        parts.push((CONDITIONS, part(&batch.conditions)));
    }
    if !batch.work.is_empty() {
        parts.push((WORK, part(&batch.work)));
    }
    parts
}

fn part<T: Record>(what: &T) -> Vec<u8> {
    let mut w = Writer::default();
    what.put(&mut w);
    w.0
}

fn get_parts(r: &mut Reader<'_>, row: &mut RawRow) -> Result<(), Damage> {
    for _ in 0..r.count(2)? {
        let part = r.u8()?;
        let mut body = Reader(r.bytes()?);
        match part {
            RETAINED => row.retained = Record::get(&mut body)?,
            SETTLED => row.settled = Record::get(&mut body)?,
            LEDGER_MORE => {
                let more: Vec<(u64, u64)> = Record::get(&mut body)?;
                for (l, (released, gaps)) in row.ledger.iter_mut().zip(more) {
                    (l.released, l.gaps) = (released, gaps);
                }
            }
            IGNORED => row.ignored = Record::get(&mut body)?,
            CONDITIONS => row.conditions = Record::get(&mut body)?,
            WORK => row.work = Record::get(&mut body)?,
            _ => return Err(Damage("a part of it is of a version that is not known here")),
        }
        body.end()?;
    }
    Ok(())
}

/// Reads the row of commit `seq` at `t`.
pub(crate) fn decode(body: &[u8], seq: Seq, t: Timestamp) -> Result<RawRow, Damage> {
    let mut r = Reader(unseal(&place(seq, t), body)?);
    let version = r.u8()?;
    if ![VERSION, WITH_PARTS].contains(&version) {
        return Err(Damage("its form is of a version that is not known here"));
    }
    let mut row = RawRow {
        points: get_points(&mut r)?,
        findings: get_findings(&mut r)?,
        waveforms: Record::get(&mut r)?,
        changes: Record::get(&mut r)?,
        events: Record::get(&mut r)?,
        quarantine: Record::get(&mut r)?,
        ledger: Record::get(&mut r)?,
        actions: Record::get(&mut r)?,
        progress: Record::get(&mut r)?,
        ..RawRow::default()
    };
    if version == WITH_PARTS {
        get_parts(&mut r, &mut row)?;
    }
    r.end()?;
    Ok(row)
}

/// A row moved to another place of the log does not match its checksum.
fn place(seq: Seq, t: Timestamp) -> [i64; 2] {
    [seq as i64, t.nanos()]
}

fn put_points(w: &mut Writer, points: &[Observation], series: &[u32]) {
    w.varint(points.len() as u64);
    w.0.reserve(points.len() * 16);
    let (mut last_id, mut last_t, mut last_received) = (0u32, 0i64, 0i64);
    for (o, id) in points.iter().zip(series) {
        let (t, received) = (o.t.nanos(), o.t_received.nanos());
        let mut tag = match &o.value {
            Value::Float(v) if is_short(*v) => SHORT,
            Value::Float(_) => FLOAT,
            Value::Int(_) => INT,
            Value::Bool(false) => FALSE,
            Value::Bool(true) => TRUE,
            Value::Text(_) => TEXT,
        };
        if o.quality != Quality::Good {
            tag |= HAS_QUALITY;
        }
        if o.seq.is_some() {
            tag |= HAS_SEQ;
        }
        if received == last_received {
            tag |= SAME_RECEIPT;
        }
        w.u8(tag);
        w.zigzag(i64::from(*id) - i64::from(last_id));
        w.zigzag(t.wrapping_sub(last_t));
        if received != last_received {
            w.zigzag(received.wrapping_sub(last_received));
        }
        match &o.value {
            Value::Float(v) if tag & KIND == SHORT => w.raw(&(*v as f32).to_le_bytes()),
            Value::Float(v) => v.put(w),
            Value::Int(v) => w.zigzag(*v),
            Value::Bool(_) => {}
            Value::Text(v) => v.put(w),
        }
        if o.quality != Quality::Good {
            o.quality.put(w);
        }
        if let Some(seq) = o.seq {
            w.varint(seq);
        }
        (last_id, last_t, last_received) = (*id, t, received);
    }
}

/// Bit for bit: -0.0 stays -0.0.
fn is_short(v: f64) -> bool {
    f64::from(v as f32).to_bits() == v.to_bits()
}

fn get_points(r: &mut Reader<'_>) -> Result<Vec<RawPoint>, Damage> {
    let n = r.count(3)?;
    let mut points = Vec::with_capacity(n);
    let (mut id, mut t, mut received) = (0u32, 0i64, 0i64);
    for _ in 0..n {
        let tag = r.u8()?;
        id = series(id, r)?;
        t = t.wrapping_add(r.zigzag()?);
        if tag & SAME_RECEIPT == 0 {
            received = received.wrapping_add(r.zigzag()?);
        }
        let value = match tag & KIND {
            FLOAT => Value::Float(f64::get(r)?),
            SHORT => Value::Float(f64::from(f32::from_le_bytes(r.array()?))),
            INT => Value::Int(r.zigzag()?),
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            TEXT => Value::Text(Record::get(r)?),
            _ => return Err(Damage("a kind of value is not known")),
        };
        let quality = if tag & HAS_QUALITY == 0 { Quality::Good } else { Quality::get(r)? };
        let seq = if tag & HAS_SEQ == 0 { None } else { Some(r.varint()?) };
        points.push(RawPoint {
            series: id,
            t: Timestamp::from_nanos(t),
            t_received: Timestamp::from_nanos(received),
            value,
            quality,
            seq,
        });
    }
    Ok(points)
}

fn series(last: u32, r: &mut Reader<'_>) -> Result<u32, Damage> {
    let id = i64::from(last).checked_add(r.zigzag()?);
    id.and_then(|id| u32::try_from(id).ok()).ok_or(Damage("the number of a series is out of range"))
}

fn put_findings(w: &mut Writer, findings: &[Finding], series: &[u32]) {
    w.varint(findings.len() as u64);
    let mut series = series.iter();
    let (mut last_id, mut last_t) = (0u32, 0i64);
    for f in findings {
        match f {
            Finding::Indicator(i) => {
                let id = series.next().copied().unwrap_or(0);
                w.u8(0);
                w.zigzag(i64::from(id) - i64::from(last_id));
                w.zigzag(i.t.nanos().wrapping_sub(last_t));
                i.value.put(w);
                i.quality.put(w);
                i.unit.put(w);
                (last_id, last_t) = (id, i.t.nanos());
            }
            Finding::Diagnosis(d) => {
                w.u8(1);
                d.put(w);
            }
            // A step that has nothing of what came later is written as ever.
            Finding::Alarm(a) => {
                let mut rest = Writer::default();
                a.put_rest(&mut rest);
                w.u8(if rest.0.is_empty() { 2 } else { 4 });
                a.put(w);
                w.raw(&rest.0);
            }
            Finding::Assessment(a) => {
                w.u8(3);
                a.put(w);
            }
        }
    }
}

fn get_findings(r: &mut Reader<'_>) -> Result<Vec<RawFinding>, Damage> {
    let n = r.count(8)?;
    let mut findings = Vec::with_capacity(n);
    let (mut id, mut t) = (0u32, 0i64);
    for _ in 0..n {
        findings.push(match r.u8()? {
            0 => {
                id = series(id, r)?;
                t = t.wrapping_add(r.zigzag()?);
                RawFinding::Indicator {
                    series: id,
                    t: Timestamp::from_nanos(t),
                    value: Record::get(r)?,
                    quality: Record::get(r)?,
                    unit: Record::get(r)?,
                }
            }
            1 => RawFinding::Diagnosis(Record::get(r)?),
            2 => RawFinding::Alarm(Record::get(r)?),
            3 => RawFinding::Assessment(Box::new(Record::get(r)?)),
            4 => {
                let mut alarm = AlarmTransition::get(r)?;
                alarm.inhibited = Record::get(r)?;
                alarm.first_out = Record::get(r)?;
                RawFinding::Alarm(alarm)
            }
            _ => return Err(Damage("a kind of finding is not known")),
        });
    }
    Ok(findings)
}

impl RawRow {
    /// The batch as it was committed. `key` names a series; waveforms that `waveform` does not find are left out.
    pub fn into_batch<E: From<Damage>>(
        self,
        key: impl Fn(u32) -> Option<SeriesKey>,
        mut waveform: impl FnMut(WaveformId) -> Result<Option<Arc<Waveform>>, E>,
    ) -> Result<Batch, E> {
        let named = |id| key(id).ok_or(Damage("a series is not in the table of series"));
        let mut batch = Batch {
            changes: self.changes,
            events: self.events,
            quarantine: self.quarantine,
            ledger: self.ledger,
            actions: self.actions,
            work: self.work,
            conditions: self.conditions,
            settled: self.settled,
            ignored: self.ignored,
            retained: self.retained,
            progress: self.progress,
            staged: Vec::new(),
            observations: Vec::with_capacity(self.points.len()),
            findings: Vec::with_capacity(self.findings.len()),
            waveforms: Vec::with_capacity(self.waveforms.len()),
        };
        for p in self.points {
            let RawPoint { series, t, t_received, value, quality, seq } = p;
            batch.observations.push(Observation { point: named(series)?.point, t, t_received, value, quality, seq });
        }
        for f in self.findings {
            batch.findings.push(match f {
                RawFinding::Indicator { series, t, value, quality, unit } => {
                    let SeriesKey { point, indicator } = named(series)?;
                    let name = indicator.ok_or(Damage("an indicator names a series that is none"))?;
                    Finding::Indicator(IndicatorValue { point, name, t, value, quality, unit })
                }
                RawFinding::Diagnosis(d) => Finding::Diagnosis(d),
                RawFinding::Alarm(a) => Finding::Alarm(a),
                RawFinding::Assessment(a) => Finding::Assessment(a),
            });
        }
        for id in self.waveforms {
            batch.waveforms.extend(waveform(id)?);
        }
        Ok(batch)
    }

    /// Every value with the number of its series, in the order in which they were committed.
    pub fn values(&self) -> impl Iterator<Item = (u32, i64, Value, Quality)> {
        let points = self.points.iter().map(|p| (p.series, p.t.nanos(), p.value.clone(), p.quality));
        points.chain(self.findings.iter().filter_map(|f| match f {
            RawFinding::Indicator { series, t, value, quality, .. } => {
                Some((*series, t.nanos(), Value::Float(*value), *quality))
            }
            _ => None,
        }))
    }
}
