//! Round trips of everything that is stored, and what becomes of damaged pieces.

mod alarm;
mod assessment;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plant::train::{
    Belt, Gear, Member, Motor, Passing, PassingKind, Planetary, Pulley, RotorClass, Stage, TrainUnit, UnitKind,
};
use plant::{
    AlarmCondition, AlarmKey, AlarmRecord, AlarmState, AlarmTransition, AssetChange, Axis, Bearing, BearingFault,
    BearingOrders, BearingVerdict, Condition, Diagnosis, Event, Evidence, FaultLine, Finding, Foundation, Geometry,
    Hypothesis, IndicatorValue, Limits, Location, Machine, MachineClass, Name, Observation, Point, PointId, PointKind,
    Priority, Quality, Quantity, Reason, SensorState, SeriesKey, Severity, Timestamp, Title, Train, Trigger, Unit,
    Value, WaveformId, WaveformMeta, Zone, ZoneVerdict,
};
use proptest::prelude::*;

use super::chunk::{self, Points};
use super::{Damage, load, row, seal, store};
use crate::{Batch, Ignored, LedgerDelta, Progress, Quarantined, Retained, Settled, Verdict};

/// Throws everything that a batch can hold, from one number.
struct Dice(u64);

impl Dice {
    fn bits(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.bits() % n
    }
    fn maybe<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| f(self))
    }
    fn some<T>(&mut self, most: u64, mut f: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| f(self)).collect()
    }
    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
    fn real(&mut self) -> f64 {
        match self.below(5) {
            0 => self.pick(&[0.0, -0.0, f64::MIN_POSITIVE, f64::MAX, f64::MIN, f64::EPSILON]),
            1 => f64::from(self.bits() as i16) / 8.0,
            2 => self.below(1_000) as f64 / 10.0,
            _ => Some(f64::from_bits(self.bits())).filter(|v| v.is_finite()).unwrap_or(1.5),
        }
    }
    fn t(&mut self) -> Timestamp {
        Timestamp::from_nanos(match self.below(8) {
            0 => self.pick(&[i64::MIN, i64::MAX, 0, -1]),
            1 => self.bits() as i64,
            _ => 1_700_000_000_000_000_000 + self.below(1 << 40) as i64,
        })
    }
    fn text(&mut self) -> Arc<str> {
        self.pick(&["", "a", "振动_驱动端", "running", "a longer text with \u{1F600} in it"]).into()
    }
    fn name(&mut self) -> Name {
        Name::new(self.pick(&["velocity_rms", "DE", "态"])).unwrap()
    }
    fn point(&mut self) -> PointId {
        self.pick(&["s/m/p", "s/m/q", "韶钢/三号风机/振动", "g/e/Folder/Metric 1"]).parse().unwrap()
    }
    fn quality(&mut self) -> Quality {
        let reason = self.pick(&Reason::ALL);
        self.pick(&[Quality::Good, Quality::Good, Quality::Uncertain(reason), Quality::Bad(reason)])
    }
    fn value(&mut self) -> Value {
        match self.below(5) {
            0 => Value::Int(self.bits() as i64 >> self.below(64)),
            1 => Value::Bool(self.below(2) == 0),
            2 => Value::Text(self.text()),
            _ => Value::Float(self.real()),
        }
    }
    fn unit(&mut self) -> Unit {
        let all: Vec<Unit> = Unit::all().collect();
        self.pick(&all)
    }
    fn codes(&mut self) -> Vec<Arc<str>> {
        self.some(2, Self::text)
    }
    fn title(&mut self) -> Title {
        Title { zh: self.maybe(Self::text), en: self.maybe(Self::text) }
    }
    fn describe(&mut self) -> Point {
        Point {
            title: self.title(),
            kind: self.pick(&[PointKind::Scalar, PointKind::Waveform]),
            quantity: self.maybe(|d| d.pick(&[Quantity::Acceleration, Quantity::Level])),
            unit: self.maybe(Self::unit),
            range: self.maybe(|d| (d.real(), d.real())),
            location: Location { bearing: self.maybe(Self::name), axis: self.maybe(|d| d.pick(&Axis::ALL)) },
            limits: Limits { hh: self.maybe(Self::real), l: self.maybe(Self::real), ..Limits::default() },
            period: self.maybe(|d| Duration::from_nanos(d.bits())),
            ..Point::bare(&self.text())
        }
    }
    fn bearing(&mut self) -> Bearing {
        let geometry = match self.below(3) {
            0 => Geometry::Dimensions { elements: 9, ball_mm: self.real(), pitch_mm: 39.04, contact_rad: 0.0 },
            1 => Geometry::Estimated { bore_mm: self.real(), outside_mm: 52.0 },
            _ => Geometry::Orders(BearingOrders { bpfo: 3.58, bpfi: self.real(), bsf: 2.36, ftf: 0.398 }),
        };
        Bearing { name: self.name(), designation: self.maybe(|d| d.text().to_string()), geometry }
    }
    fn machine(&mut self) -> Machine {
        let points = self.some(2, |d| (d.text(), d.describe()));
        Machine {
            title: self.title(),
            area: self.maybe(Self::name),
            gateway: self.maybe(Self::name),
            class: self.pick(&MachineClass::ALL),
            severity: Severity {
                rated_kw: self.maybe(Self::real),
                shaft_height_mm: self.maybe(Self::real),
                foundation: self.maybe(|d| d.pick(&[Foundation::Rigid, Foundation::Flexible])),
            },
            nominal_rpm: self.maybe(Self::real),
            bearings: self.some(2, Self::bearing),
            train: self.maybe(Self::train),
            points: points.into_iter().collect(),
            ..Machine::bare(self.point().machine())
        }
    }
    fn train(&mut self) -> Train {
        let seats = self.some(2, |d| (d.name(), d.name())).into_iter().collect();
        Train { measured: self.name(), units: self.some(3, Self::unit_of_train), seats }
    }
    fn unit_of_train(&mut self) -> TrainUnit {
        let kind = match self.below(5) {
            0 => {
                let (poles, line_hz, rotor_bars) = (Some(4), self.maybe(Self::real), self.maybe(|_| 44));
                UnitKind::Motor(Motor { shaft: self.name(), poles, line_hz, rotor_bars })
            }
            1 => UnitKind::Coupling { driving: self.name(), driven: self.name() },
            2 => UnitKind::Gearbox(self.some(3, Self::stage)),
            3 => {
                let pulley = |d: &mut Self| Pulley { shaft: d.name(), diameter_mm: d.real() };
                let (driving, driven) = (pulley(self), pulley(self));
                UnitKind::Belt(Belt { driving, driven, length_mm: self.maybe(Self::real), toothed: self.below(2) == 0 })
            }
            _ => {
                let passing = self.maybe(|d| Passing { kind: d.pick(&PassingKind::ALL), count: 12 });
                UnitKind::Rotor { class: self.pick(&RotorClass::ALL), shaft: self.name(), passing }
            }
        };
        TrainUnit { name: self.name(), kind }
    }
    fn stage(&mut self) -> Stage {
        match self.below(3) {
            0 => Stage::Gears(self.some(3, |d| Gear { shaft: d.name(), teeth: 23 })),
            1 => Stage::Planetary(Planetary {
                sun_teeth: 21,
                planet_teeth: 39,
                ring_teeth: 99,
                planets: 3,
                fixed: self.pick(&Member::ALL),
                sun: self.maybe(Self::name),
                carrier: self.maybe(Self::name),
                ring: self.maybe(Self::name),
            }),
            _ => Stage::Ratio { driving: self.name(), driven: self.name(), ratio: self.real() },
        }
    }
    fn change(&mut self) -> AssetChange {
        match self.below(3) {
            0 => AssetChange::Machine(self.machine()),
            2 => AssetChange::Alarms(self.some(3, Self::alarm_change)),
            _ => AssetChange::Point(self.point().machine(), self.describe()),
        }
    }
    fn diagnosis(&mut self) -> Diagnosis {
        let codes = self.codes();
        let basis = self.text();
        let zone = ZoneVerdict::Zone {
            zone: self.pick(&Zone::ALL),
            velocity_mm_s: self.real(),
            boundaries: [1.4, 2.8, self.real()],
            basis,
        };
        let judged = BearingVerdict::Judged {
            hypotheses: self.some(3, |d| Hypothesis {
                bearing: d.name(),
                fault: d.pick(&BearingFault::ALL),
                statistic: d.real(),
                hz: d.real(),
            }),
            threshold: self.real(),
            shaft_hz: self.real(),
        };
        Diagnosis {
            waveform: WaveformId(u128::from(self.bits())),
            point: self.point(),
            t: self.t(),
            sensor: self.pick(&[SensorState::Healthy, SensorState::Failed(codes.clone())]),
            zone: self.pick(&[zone, ZoneVerdict::Refused(codes.clone())]),
            bearing: self.pick(&[judged, BearingVerdict::Refused(codes)]),
        }
    }
    fn finding(&mut self) -> Finding {
        match self.below(5) {
            0 => Finding::Diagnosis(self.diagnosis()),
            1 => Finding::Alarm(self.transition()),
            2 => Finding::Assessment(Box::new(self.assessment())),
            _ => Finding::Indicator(IndicatorValue {
                point: self.point(),
                name: self.name(),
                t: self.t(),
                value: self.real(),
                quality: self.quality(),
                unit: self.maybe(Self::unit),
            }),
        }
    }
    fn observation(&mut self) -> Observation {
        Observation {
            point: self.point(),
            t: self.t(),
            t_received: self.t(),
            value: self.value(),
            quality: self.quality(),
            seq: self.maybe(Self::bits),
        }
    }
    fn event(&mut self) -> Event {
        let (point, kind) = (self.point(), self.name());
        let fields = self.some(3, |d| (d.text(), d.value())).into_iter().collect();
        Event { machine: point.machine(), t: self.t(), t_received: self.t(), kind, fields }
    }
    fn quarantined(&mut self) -> Quarantined {
        Quarantined {
            t: self.t(),
            source: self.text(),
            topic: self.text(),
            size: self.bits(),
            head: self.some(9, |d| d.bits() as u8).into(),
            rest: [].into(),
            code: self.text(),
            reason: self.text(),
        }
    }
    fn verdict(&mut self) -> Verdict {
        match self.below(4) {
            0 => Verdict::Released,
            1 => Verdict::Failed { code: self.text(), reason: self.text() },
            2 => Verdict::Discarded { why: self.text() },
            _ => Verdict::Restored,
        }
    }
    fn batch(&mut self) -> Batch {
        Batch {
            changes: self.some(2, Self::change),
            observations: self.some(12, Self::observation),
            waveforms: Vec::new(),
            events: self.some(2, Self::event),
            quarantine: self.some(2, Self::quarantined),
            settled: self.some(2, |d| Settled { id: d.bits(), code: d.text(), verdict: d.verdict() }),
            ignored: self.some(1, |d| Ignored {
                machine: d.point().machine(),
                point: d.maybe(Self::text),
                ignored: d.below(2) == 0,
            }),
            ledger: self.some(2, |d| LedgerDelta {
                source: d.text(),
                received: d.bits(),
                released: d.below(3),
                gaps: d.below(3),
                ..LedgerDelta::default()
            }),
            findings: self.some(5, Self::finding),
            conditions: self.some(1, |d| Condition {
                name: d.name(),
                priority: d.pick(&[Priority::Critical, Priority::Low]),
                active: d.below(2) == 0,
                detail: d.some(3, |d| (d.text(), d.value())).into_iter().collect(),
            }),
            actions: self.some(3, Self::action),
            work: self.some(2, Self::work),
            retained: self.some(1, |d| Retained {
                topic: d.text(),
                payload: d.some(9, |d| d.bits() as u8).into(),
                qos: d.below(3) as u8,
                properties: d.some(3, |d| d.bits() as u8).into(),
                expires: d.maybe(Self::t),
            }),
            staged: Vec::new(),
            progress: self
                .maybe(|d| Progress::new(d.name(), d.bits(), d.maybe(|d| d.some(9, |d| d.bits() as u8).into()))),
        }
    }
}

/// Numbers series in the order in which they come, and names them again.
fn number(batch: &Batch) -> (Vec<u32>, Vec<SeriesKey>) {
    let mut keys: Vec<SeriesKey> = Vec::new();
    let ids = crate::recorder::series_of(batch).map(|(point, indicator)| {
        let key = SeriesKey { point: point.clone(), indicator: indicator.cloned() };
        keys.iter().position(|k| *k == key).unwrap_or_else(|| {
            keys.push(key);
            keys.len() - 1
        }) as u32
    });
    (ids.collect(), keys)
}

fn read(body: &[u8], seq: u64, t: Timestamp, keys: &[SeriesKey]) -> Result<Batch, Damage> {
    row::decode(body, seq, t)?.into_batch(|id| keys.get(id as usize).cloned(), |_| Ok(None))
}

/// Equal bit for bit: `==` takes -0.0 for 0.0.
fn same(a: &Batch, b: &Batch) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn rows_round_trip(seed: u64, seq in 1u64..1 << 60) {
        let mut dice = Dice(seed);
        let (batch, t) = (dice.batch(), dice.t());
        let (ids, keys) = number(&batch);
        let body = row::encode(&batch, &ids, seq, t, vec![1, 2, 3]);
        let back = read(&body, seq, t, &keys).unwrap();
        prop_assert!(same(&batch, &back), "{batch:?}\n{back:?}");
        prop_assert!(row::decode(&body, seq + 1, t).is_err(), "read at another position");
    }

    #[test]
    fn a_damaged_row_is_an_error(seed: u64) {
        let mut dice = Dice(seed);
        let (batch, t) = (dice.batch(), dice.t());
        let body = row::encode(&batch, &number(&batch).0, 7, t, Vec::new());
        for n in 0..body.len() {
            prop_assert!(row::decode(&body[..n], 7, t).is_err(), "cut to {n} bytes");
        }
        for bit in 0..body.len() * 8 {
            let mut bad = body.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(row::decode(&bad, 7, t).is_err(), "bit {bit} flipped");
        }
    }

    /// Damage that the checksum does not show (a fault of the program that wrote it) is an error or another batch, and
    /// neither a panic nor a claim on memory.
    #[test]
    fn nonsense_with_a_valid_checksum_does_no_harm(seed: u64, flips in 1usize..6) {
        let mut dice = Dice(seed);
        let (batch, t) = (dice.batch(), dice.t());
        let (ids, keys) = number(&batch);
        let body = row::encode(&batch, &ids, 7, t, Vec::new());
        let mut bad = body[..body.len() - 4].to_vec();
        for _ in 0..flips {
            let at = dice.below(bad.len() as u64 - 1) as usize + 1;
            bad[at] = dice.bits() as u8;
        }
        seal(&[7, t.nanos()], &mut bad);
        if let Ok(other) = read(&bad, 7, t, &keys) {
            prop_assert!(other.observations.len() < 1 << 20);
        }
    }

    #[test]
    fn single_records_round_trip_and_damage_shows(seed: u64) {
        let mut dice = Dice(seed);
        let machine = dice.machine();
        let piece = store(&machine);
        prop_assert_eq!(load::<Machine>(&piece).unwrap(), machine);
        for n in 0..piece.len() {
            prop_assert!(load::<Machine>(&piece[..n]).is_err());
        }
        let record = AlarmRecord::after(None, &dice.transition());
        let back: AlarmRecord = load(&store(&record)).unwrap();
        prop_assert_eq!(format!("{record:?}"), format!("{back:?}"));
    }

    #[test]
    fn chunks_give_back_every_bit(seed: u64, n in 1usize..300, kinds in 0u8..4) {
        let mut dice = Dice(seed);
        let mut points = Points::default();
        for _ in 0..n {
            let value = match kinds {
                0 => Value::Float(dice.real()),
                1 => Value::Int(dice.bits() as i64),
                2 => Value::Bool(dice.below(2) == 0),
                _ => dice.value(),
            };
            points.push(dice.t().nanos(), value, dice.quality());
        }
        let points = points.select(&points.order());
        let body = chunk::encode(&points, &[1, 2, 3]).unwrap();
        let back = chunk::decode(&body, &[1, 2, 3]).unwrap();
        let samples = |p: &Points| (0..p.len()).map(|i| format!("{:?}", p.sample(i))).collect::<Vec<_>>();
        prop_assert_eq!(samples(&points), samples(&back));
        prop_assert!(chunk::decode(&body, &[1, 2, 4]).is_err(), "read at another place");
        for n in 0..body.len() {
            prop_assert!(chunk::decode(&body[..n], &[1, 2, 3]).is_err(), "cut to {} bytes", n);
        }
        for _ in 0..64 {
            let mut bad = body.clone();
            let bit = dice.below(body.len() as u64 * 8) as usize;
            bad[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(chunk::decode(&bad, &[1, 2, 3]).is_err(), "bit {} flipped", bit);
        }
    }
}

#[test]
fn a_machine_without_a_train_is_written_as_before_there_were_any() {
    let bare = Machine::bare("s/m".parse().unwrap());
    let old = b"\x03s/m\0\0\0\0\0\x05other\0\0\0\0\0\0";
    let mut piece = vec![1];
    piece.extend_from_slice(old);
    seal(&[], &mut piece);
    assert_eq!(store(&bare), piece);
    assert_eq!(load::<Machine>(&piece), Ok(bare.clone()));
    let change = store(&AssetChange::Machine(bare.clone()));
    assert_eq!(&change[..change.len() - 4], [&[1, 0][..], old].concat());

    let mut with = bare;
    let shaft: Name = "a".parse().unwrap();
    let kind = UnitKind::Motor(Motor { shaft: shaft.clone(), poles: None, line_hz: None, rotor_bars: None });
    let units = vec![TrainUnit { name: shaft.clone(), kind }];
    with.train = Some(Train { measured: shaft, units, seats: BTreeMap::new() });
    let change = AssetChange::Machine(with.clone());
    assert_eq!(load::<AssetChange>(&store(&change)), Ok(change));
    assert_eq!(load::<Machine>(&store(&with)), Ok(with));
}

#[test]
fn what_is_known_of_a_record_without_sync_is_written_as_before_there_was_any() {
    let meta = WaveformMeta {
        range: Some(2.0),
        clip_count: Some(3),
        gaps: 4,
        serial: Some("no. 5".into()),
        seq: Some(300),
        ..WaveformMeta::default()
    };
    let mut piece = vec![1, 0, 1];
    piece.extend_from_slice(&2.0f64.to_le_bytes());
    piece.extend_from_slice(b"\0\0\0\x01\x03\x04\0\0\x01\x05no. 5\x01\xac\x02");
    seal(&[], &mut piece);
    assert_eq!(store(&meta), piece);
    assert_eq!(load::<WaveformMeta>(&piece), Ok(meta.clone()));
    let with = WaveformMeta { sync: Some("adc-1/77".into()), ..meta.clone() };
    let tacho = WaveformMeta { pulses: Some(60.0), ..meta };
    assert_eq!(load::<WaveformMeta>(&store(&tacho)), Ok(tacho));
    let stored = store(&with);
    assert_eq!(load::<WaveformMeta>(&stored), Ok(with));
    let mut cut = stored[..stored.len() - 5].to_vec();
    seal(&[], &mut cut);
    assert!(load::<WaveformMeta>(&cut).is_err(), "it ends within the text");
}

#[test]
fn of_one_instant_the_last_word_stays() {
    let mut points = Points::default();
    for (t, v) in [(5, 1.0), (3, 2.0), (5, 3.0), (4, 4.0), (3, 5.0)] {
        points.push(t, Value::Float(v), Quality::Good);
    }
    let sorted = points.select(&points.order());
    let found: Vec<_> = (0..sorted.len()).map(|i| (sorted.times[i], sorted.usable(i))).collect();
    assert_eq!(found, [(3, Some(5.0)), (4, Some(4.0)), (5, Some(3.0))]);
}

#[test]
fn a_kind_that_was_never_written_is_refused() {
    let piece = |version: u8, rest: &[u8]| {
        let mut p = vec![version];
        p.extend_from_slice(rest);
        seal(&[], &mut p);
        p
    };
    assert_eq!(load::<Value>(&piece(1, &[3])), Ok(Value::Bool(true)));
    for (bad, why) in [
        (piece(2, &[3]), "its form is of a version that is not known here"),
        (piece(1, &[9]), "a kind of value is not known"),
        (piece(1, &[3, 0]), "there is more than expected"),
        (piece(1, &[4, 2, 0xff, 0xff]), "a text is not UTF-8"),
        (piece(1, &[4, 0xff, 0xff, 0xff, 0xff, 0x7f]), "a count is larger than what follows"),
        (piece(1, &[1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), "a number has too many bytes"),
    ] {
        assert_eq!(load::<Value>(&bad), Err(Damage(why)));
    }
}
