//! A plant of accelerometers: every one delivers a record every so often, evenly spread, beside the slow values of its
//! machine.
//!
//! The machines are those of the steel works that comes along, as often as it takes, each with as many accelerometers as
//! asked for. The records are computed before the first is published; what is measured then is the broker's side.

use std::fmt::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use collector::wire::birth::{self, Birth};
use collector::wire::waveform;
use plant::{
    Axis, BearingFault, Machine, MachineId, Point, PointId, PointKind, Samples, Speed, Timestamp, Unit, Waveform,
    WaveformId, WaveformMeta,
};
use seeds::kit::{Accelerometer, KitMachine, steel};
use seeds::physics::noise::Noise;
use seeds::physics::sensor::Sensor;
use seeds::physics::vibration::{Condition, Place, Spall, Vibration};

use crate::client::{Client, Ids};
use crate::flight::{Flight, Outcome, quantile, side_by_side, together};
use crate::{Accelerometers, now_ns};

/// Different records of each kind of machine: well, damaged, and at a speed that varies.
const WELL: usize = 24;
const DAMAGED: usize = 8;
const VARYING: usize = 8;
/// Peak of a damaged bearing's impacts, in multiples of the rolling noise.
const IMPACT: f64 = 15.0;
/// Parts by which a speed lies off its mean at most within one record: the well governed, and the others.
const STEADY: f64 = 0.000_5;
const VARIES: f64 = 0.01;

/// A record that is published again and again, by whatever machine is of its kind.
struct Record {
    counts: Arc<[i16]>,
    scale: f64,
    speed: Speed,
}

/// Machines of one kind, and what they measure.
struct Kind {
    machine: Machine,
    accelerometer: Accelerometer,
    well: Vec<Record>,
    damaged: Vec<Record>,
    varying: Vec<Record>,
}

/// What one connection published.
#[derive(Clone, Copy, Default)]
struct Published {
    messages: u64,
    records: u64,
    bytes: u64,
    behind: Duration,
}

pub fn plant(a: &Accelerometers) -> anyhow::Result<()> {
    ensure!(a.clients > 0 && a.machines >= a.clients && a.sensors > 0, "a client, a machine for each, and a sensor");
    ensure!(a.period > 0 && a.samples > 0 && a.fs > 0.0, "a period, samples and their rate above 0");
    let kinds = kinds(a)?;
    let begun = Instant::now();
    let outcomes = side_by_side(a.clients, |c| {
        let client = Client::connect(a.address, &format!("accelerometers-{c}"))?;
        Flight::fly(client, a.window, |client, flight| publish(a, &kinds, c, client, flight))
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let sum = |of: fn(&Published) -> u64| outcomes.iter().map(|o| of(&o.published)).sum::<u64>();
    let longest =
        |of: fn(&Outcome<Published>) -> Duration| outcomes.iter().map(of).max().unwrap_or_default().as_secs_f64() * 1e3;
    let times = together(&outcomes);
    println!(
        r#"{{"sent":{},"acked":{},"records":{},"bytes":{},"cut":{},"seconds":{seconds:.3},"p50_ms":{:.3},"p99_ms":{:.3},"max_ms":{:.3},"behind_ms":{:.3}}}"#,
        sum(|p| p.messages),
        outcomes.iter().map(|o| o.acked).sum::<u64>(),
        sum(|p| p.records),
        sum(|p| p.bytes),
        outcomes.iter().any(|o| o.cut),
        quantile(&times, 0.5),
        quantile(&times, 0.99),
        longest(|o| o.worst),
        longest(|o| o.published.behind),
    );
    Ok(())
}

/// Every machine of the works that has rolling bearings and somebody to hear them.
fn kinds(a: &Accelerometers) -> anyhow::Result<Vec<Kind>> {
    let kit = steel();
    let heard = |m: &&KitMachine| m.rotor.is_some() && !m.accelerometers.is_empty() && !m.machine.bearings.is_empty();
    let found: Vec<&KitMachine> = kit.machines.iter().filter(heard).take(a.machines).collect();
    side_by_side(found.len(), |i| kind(a, found[i]))
}

fn kind(a: &Accelerometers, m: &KitMachine) -> anyhow::Result<Kind> {
    let accelerometer = m.accelerometers.first().context("a machine without accelerometers")?.clone();
    let rotor = m.rotor.context("a machine without a rotor")?;
    let rpm = m.machine.nominal_rpm.context("a machine without a speed")?;
    let name = m.machine.id.as_str();
    let orders = m.machine.bearings.first().and_then(|b| b.geometry.orders().ok());
    let mut draw = Noise::new(a.seed, name);
    let mut make = |purpose: &str, i: usize, varies: f64, spall: Option<Spall>| {
        let stream = |what: &str| Noise::new(a.seed, &format!("{name} {purpose} {i} {what}"));
        let place = Place { drive_end: i.is_multiple_of(2), vertical: i % 4 > 1 };
        let mean = rpm * (1.0 - 0.002 * draw.uniform());
        let (rpm_from, rpm_to) = (mean * (1.0 - varies), mean * (1.0 + varies));
        let condition = Condition { rpm_from, rpm_to, load: 0.8, imbalance_mm_s: None, spall };
        let mut x = Vibration::new(rotor, rpm, place, a.fs, stream("vibration")).record(&condition, a.samples);
        let noise = accelerometer.noise_m_s2;
        let mut sensor = Sensor::new(accelerometer.range_m_s2, a.fs, noise, accelerometer.bias_v, stream("sensor"));
        let measured = sensor.measure(&mut x, false);
        let speed = Speed { mean_rpm: mean, range_rpm: Some((rpm_from, rpm_to)) };
        Record { counts: measured.counts.into(), scale: measured.scale, speed }
    };
    let impact_m_s2 = IMPACT * rotor.rolling_m_s2;
    let spall = orders.map(|orders| Spall { orders, part: BearingFault::OuterRace, impact_m_s2 });
    Ok(Kind {
        well: (0..WELL).map(|i| make("well", i, STEADY, None)).collect(),
        damaged: (0..DAMAGED).map(|i| make("damaged", i, STEADY, spall)).collect(),
        varying: (0..VARYING).map(|i| make("varying", i, VARIES, None)).collect(),
        machine: m.machine.clone(),
        accelerometer,
    })
}

/// One machine of the plant.
struct Installed<'a> {
    records: &'a [Record],
    range: f64,
    birth: Vec<u8>,
    id: MachineId,
    points: Vec<PointId>,
    scalars: Vec<(String, f64)>,
}

/// Machine number `m`: the first are damaged, the last run at a speed that varies.
fn installed<'a>(a: &Accelerometers, kinds: &'a [Kind], m: usize) -> anyhow::Result<Installed<'a>> {
    let kind = &kinds[m % kinds.len()];
    let records = match m {
        m if m < a.damaged => &kind.damaged,
        m if m >= a.machines.saturating_sub(a.varying) => &kind.varying,
        _ => &kind.well,
    };
    let number = format!("machine-{m:03}");
    let id = MachineId::new("load", &number)?;
    let mut machine = Machine { id: id.clone(), gateway: None, ..kind.machine.clone() };
    let like = machine.points.get(kind.accelerometer.point.name()).cloned();
    machine.points.retain(|_, p| p.kind == PointKind::Scalar);
    let scalars = machine.points.values().map(|p| (p.name.to_string(), usual(p, machine.nominal_rpm))).collect();
    let mut points = Vec::new();
    for s in 0..a.sensors {
        let bearing = &machine.bearings[s % machine.bearings.len()].name;
        let axis = [Axis::Horizontal, Axis::Vertical, Axis::Axial][s / machine.bearings.len() % 3];
        let name = format!("vibration_{s:02}");
        let mut point = like.clone().unwrap_or_else(|| Point::bare(&name));
        point.name = name.as_str().into();
        (point.location.bearing, point.location.axis) = (Some(bearing.clone()), Some(axis));
        point.period = Some(Duration::from_secs(a.period));
        points.push(PointId::new("load", &number, &name)?);
        machine.points.insert(point.name.clone(), point);
    }
    let birth = birth::encode(&Birth::of(&machine));
    Ok(Installed { records, range: kind.accelerometer.range_m_s2, birth, id, points, scalars })
}

/// Where a slow value stands when all is well: the speed at what the machine is made for, everything else in the middle of
/// its limits, well below one that is alone.
fn usual(point: &Point, rpm: Option<f64>) -> f64 {
    let (low, high) = (point.limits.l.or(point.limits.ll), point.limits.h.or(point.limits.hh));
    match (low, high) {
        _ if &*point.name == "speed" => rpm.unwrap_or(1500.0),
        (Some(low), Some(high)) => 0.5 * (low + high),
        (None, Some(high)) => 0.7 * high,
        (Some(low), None) => 1.5 * low,
        (None, None) => 45.0,
    }
}

/// Publishes to its plan: births, then every `period / sensors of this connection` a record, and every second the slow
/// values of every machine.
fn publish(
    a: &Accelerometers,
    kinds: &[Kind],
    c: usize,
    client: &mut Client,
    flight: &Flight,
) -> anyhow::Result<Published> {
    let numbers: Vec<usize> = (0..a.machines).filter(|m| m % a.clients == c).collect();
    let own = numbers.iter().map(|m| installed(a, kinds, *m)).collect::<anyhow::Result<Vec<_>>>()?;
    let (mut ids, mut out, mut text) = (Ids(0), Published::default(), String::new());
    for m in &own {
        flight.publish(client, &mut ids, &format!("danxia/v1/{}/birth", m.id), &m.birth);
        out.messages += 1;
    }
    let slots = own.len() * a.sensors;
    let step = Duration::from_secs(a.period).div_f64(slots as f64);
    // The connections take turns, too.
    let shift = step.mul_f64(c as f64 / a.clients as f64);
    let mut second = 0;
    for k in 0_u64.. {
        let at = shift + step.mul_f64(k as f64);
        if at >= Duration::from_secs(a.seconds) || flight.is_cut() {
            return Ok(out);
        }
        thread::sleep(at.saturating_sub(flight.begun.elapsed()));
        if at.as_secs() >= second {
            second = at.as_secs() + 1;
            for m in own.iter().filter(|m| !m.scalars.is_empty()) {
                slow(&mut text, m, k);
                flight.publish(client, &mut ids, &format!("danxia/v1/{}/telemetry", m.id), text.as_bytes());
                out.messages += 1;
            }
        }
        let slot = k as usize % slots;
        let (m, s) = (&own[slot % own.len()], slot / own.len());
        let round = k as usize / slots;
        let record = &m.records[(round * 7 + s * 5 + slot) % m.records.len()];
        let id = (c as u128 + 1) << 64 | u128::from(k) << 16 | u128::from(a.seed & 0xffff);
        let payload = waveform::encode(&measured(a, m, s, record, WaveformId(id))?);
        let topic = format!("danxia/v1/{}/waveform", m.points[s]);
        let went = flight.publish(client, &mut ids, &topic, &payload);
        out.behind = out.behind.max(went.saturating_sub(at));
        (out.messages, out.records, out.bytes) = (out.messages + 1, out.records + 1, out.bytes + payload.len() as u64);
    }
    Ok(out)
}

/// The record as if it had just ended.
fn measured(
    a: &Accelerometers,
    m: &Installed<'_>,
    s: usize,
    record: &Record,
    id: WaveformId,
) -> anyhow::Result<Waveform> {
    let now = Timestamp::from_nanos(now_ns() as i64);
    let t0 = now - Duration::from_secs_f64(a.samples as f64 / a.fs);
    let meta = WaveformMeta {
        speed: Some(record.speed),
        range: Some(m.range),
        bias_v: Some(11.0),
        load: Some(80.0),
        ..WaveformMeta::default()
    };
    let unit = Unit::parse("m/s²").context("no unit of acceleration")?;
    let samples = Samples::I16 { raw: record.counts.clone(), scale: record.scale, offset: 0.0 };
    Ok(Waveform::new(id, m.points[s].clone(), t0, now, a.fs, unit, samples, meta)?)
}

/// The slow values of one machine, a little off their usual place.
fn slow(text: &mut String, m: &Installed<'_>, k: u64) {
    text.clear();
    let _ = write!(text, r#"{{"ts":{},"values":{{"#, now_ns());
    for (i, (name, usual)) in m.scalars.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let part = ((k + 31 * i as u64) % 17) as f64 / 17.0 - 0.5;
        let _ = write!(text, r#"{comma}"{name}":{:.2}"#, usual * (1.0 + 0.002 * part));
    }
    text.push_str("}}");
}
