//! The simulator, machine by machine, and against a broker.

use std::collections::BTreeSet;
use std::sync::Arc;

use plant::{ManualClock, Samples, Timestamp};
use tokio::sync::oneshot;

use super::*;
use crate::fake_broker::{FakeBroker, Manners, POLITE};
use crate::kit::steel;

const START: Timestamp = Timestamp::from_secs(1_790_000_000);

fn at(second: u64) -> Timestamp {
    START + Duration::from_secs(second)
}

/// The kit with shorter records, for tests that do not look into them.
fn short(mut kit: Kit, keep: &[&str]) -> Kit {
    kit.machines.retain(|m| keep.contains(&m.machine.id.name()));
    for a in kit.machines.iter_mut().flat_map(|m| &mut m.accelerometers) {
        a.samples = 2048;
    }
    kit
}

fn machine(name: &str, seed: u64, faults: bool) -> MachineSim {
    let kit = short(steel(), &[name]);
    let faults = if faults { kit.faults.clone() } else { Vec::new() };
    MachineSim::new(kit.machines[0].clone(), &faults, seed, 0)
}

fn play(mut m: MachineSim, seconds: u64) -> Vec<machine::Tick> {
    (1..=seconds).map(|s| m.tick(s, at(s)).unwrap()).collect()
}

#[test]
fn the_same_seed_plays_the_same_plant_and_another_seed_another() {
    let a = play(machine("bof-dedust-fan", 7, true), 60);
    assert_eq!(a, play(machine("bof-dedust-fan", 7, true), 60));
    assert_ne!(a, play(machine("bof-dedust-fan", 8, true), 60));
}

#[test]
fn what_a_machine_plays_does_not_depend_on_the_machines_beside_it() {
    let mut kit = short(steel(), &["bof-dedust-fan", "bof-gas-blower"]);
    kit.machines.reverse();
    let alone = play(machine("bof-dedust-fan", 7, true), 20);
    let fan = kit.machine("bof-dedust-fan").unwrap().clone();
    assert_eq!(play(MachineSim::new(fan, &kit.faults, 7, 0), 20), alone);
}

#[test]
fn points_speak_as_often_as_announced() {
    let kit = steel();
    let fan = &kit.machine("sinter-dedust-fan").unwrap().machine;
    let ticks = play(machine("sinter-dedust-fan", 7, false), 60);
    for (name, point) in &fan.points {
        let scalars = ticks.iter().flat_map(|t| &t.readings).filter(|(p, _)| p.name() == &**name).count();
        let waveforms = ticks.iter().flat_map(|t| &t.waveforms).filter(|w| w.point.name() == &**name).count();
        assert_eq!(((scalars + waveforms) as u64) * point.period.unwrap().as_secs(), 60, "{name}");
    }
    assert!(ticks.iter().all(|t| t.waveforms.len() <= 1), "four sensors speak in turns");
}

#[test]
fn a_record_says_what_a_data_collector_knows() {
    let ticks = play(machine("bof-dedust-fan", 7, false), 30);
    let mut ids = BTreeSet::new();
    for (second, w) in (1..).zip(&ticks).flat_map(|(s, t)| t.waveforms.iter().map(move |w| (s, w))) {
        assert!(ids.insert(w.id));
        assert_eq!((w.id.0 >> 76) & 0xf, 7, "UUID version 7");
        assert_eq!(w.t0 + w.duration(), at(second), "it ends now");
        let speed = w.meta.speed.unwrap();
        let (lo, hi) = speed.range_rpm.unwrap();
        assert!(lo <= speed.mean_rpm && speed.mean_rpm <= hi && (hi - lo) / hi < 0.005, "{speed:?}");
        assert!((8.0..14.0).contains(&w.meta.bias_v.unwrap()));
        assert_eq!(w.meta.clip_count, Some(0));
    }
}

/// RMS in m/s² of the last record of `point` within `seconds`.
fn last_rms(name: &str, point: &str, seconds: u64, faults: bool) -> f64 {
    let ticks = play(machine(name, 7, faults), seconds);
    let w = ticks.iter().flat_map(|t| &t.waveforms).rfind(|w| w.point.name() == point).unwrap();
    let x = w.physical();
    (x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64).sqrt()
}

#[test]
fn faults_begin_when_scripted_and_only_where_scripted() {
    for (name, point, before, after, ratio) in [
        ("bof-dedust-fan", "vib_de_h", 29, 95, 1.5),
        ("sinter-dedust-fan", "vib_de_v", 19, 35, 1.1),
        ("mill-coiler-motor", "vib_nde_h", 39, 55, 10.0),
    ] {
        let rms = |seconds, faults| last_rms(name, point, seconds, faults);
        assert_eq!(rms(before, true), rms(before, false), "{name} before");
        assert!(rms(after, true) > ratio * rms(after, false), "{name}: {} {}", rms(after, true), rms(after, false));
    }
    let well = play(machine("mill-coiler-motor", 7, false), 90);
    let loose = play(machine("mill-coiler-motor", 7, true), 90);
    let de = |ticks: &[machine::Tick]| {
        ticks.iter().flat_map(|t| t.waveforms.clone()).filter(|w| w.point.name() == "vib_de_h").collect::<Vec<_>>()
    };
    assert_eq!(de(&well), de(&loose), "the sensor at the other end is well");
}

#[test]
fn a_damaged_bearing_warms_up_and_stays_within_its_limit() {
    let temp = |faults| {
        let ticks = play(machine("bof-dedust-fan", 7, faults), 3600);
        let of_de = |(p, _): &&(plant::PointId, f64)| p.name() == "bearing_temp_de";
        ticks.iter().flat_map(|t| &t.readings).rfind(of_de).map(|r| r.1).unwrap()
    };
    let (damaged, well) = (temp(true), temp(false));
    assert!(damaged > well + 5.0 && damaged < 80.0, "{damaged} °C against {well} °C");
}

#[tokio::test]
async fn a_plant_announces_itself_and_speaks_in_the_canonical_formats() {
    let broker = FakeBroker::start(|_| POLITE).await;
    let kit = short(steel(), &["bof-dedust-fan", "bof-tilt-motor", "mill-table-motor-12"]);
    let (stop, stopped) = oneshot::channel::<()>();
    let options = SimOptions {
        address: broker.address.clone(),
        credentials: None,
        seed: 7,
        speed: 200.0,
        faults: true,
        clock: Arc::new(ManualClock::new(START)),
    };
    let shutdown = async {
        let _ = stopped.await;
    };
    let running = tokio::spawn(run(kit.clone(), options, shutdown));
    // Until second 65, say: 62 telemetry messages of each machine behind the gateway that stays.
    let telemetry_of = |seen: &crate::fake_broker::Seen, name: &str| {
        let topic = format!("danxia/v1/steel/{name}/telemetry");
        seen.published().filter(|(t, _)| *t == topic).count()
    };
    let dark = |s: &crate::fake_broker::Seen| s.connections.iter().any(|c| c.client_id == "gw-mill-2" && c.ended);
    broker.wait_for(|s| telemetry_of(s, "bof-tilt-motor") >= 62 && dark(s)).await;
    stop.send(()).unwrap();
    let report = running.await.unwrap().unwrap();
    broker.wait_for(|s| s.connections.iter().all(|c| c.ended)).await;

    let seen = broker.seen.borrow();
    // Of what the gateway had under way when its supply failed, the report knows; nothing else may be missing.
    let lost = report.messages - (seen.published().count() as u64 - 3);
    assert!(lost <= report.unacknowledged, "{lost} of {report:?}");
    let until_dark = telemetry_of(&seen, "mill-table-motor-12") as u64;
    assert_eq!(until_dark + lost, 59, "its gateway loses its supply in second 60");
    assert_eq!(seen.goodbyes, 1, "and says nothing");
    let mut clients: Vec<_> = seen.connections.iter().map(|c| c.client_id.as_str()).collect();
    clients.sort_unstable();
    assert_eq!(clients, ["gw-bof", "gw-mill-2"]);

    let (mut values, mut waveforms) = (0, 0);
    for connection in &seen.connections {
        let births = connection.published.iter().take_while(|(t, _)| t.ends_with("/birth")).count();
        assert_eq!(births, if connection.client_id == "gw-bof" { 2 } else { 1 });
        for (topic, payload) in &connection.published {
            let understood = topic.parse::<collector::topic::Topic>().unwrap();
            assert_eq!(&understood.to_string(), topic);
            let parts: Vec<&str> = topic.split('/').collect();
            let machine = &kit.machine(parts[3]).unwrap().machine;
            match *parts.last().unwrap() {
                "birth" => {
                    let birth = birth::decode(payload).unwrap();
                    assert_eq!(&birth.machine(machine.id.clone()).unwrap(), machine, "nothing is lost on the way");
                }
                "telemetry" => {
                    for frame in telemetry::decode(payload).unwrap() {
                        assert_eq!(frame.t, Some(START));
                        assert!(frame.readings.iter().all(|r| machine.points.contains_key(&*r.name)));
                        values += frame.readings.len() as u64;
                    }
                }
                "waveform" => {
                    let w = waveform::decode(payload).unwrap();
                    assert!(machine.points.contains_key(parts[4]));
                    assert!(matches!(w.samples, Samples::I16 { .. }) && w.samples.len() == 2048);
                    waveforms += 1;
                }
                other => panic!("{other} is not a topic of a plant"),
            }
        }
    }
    assert_eq!(waveforms, report.waveforms, "every accelerometer is behind the gateway that stays");
    assert!(values <= report.values && values + 4 * lost >= report.values, "{values} of {report:?}");
}

#[tokio::test]
async fn nothing_that_is_published_names_a_fault() {
    let kit = steel();
    let mut all = gateways(
        &kit,
        &SimOptions {
            address: String::new(),
            credentials: None,
            seed: 7,
            speed: 1.0,
            faults: true,
            clock: Arc::new(ManualClock::new(START)),
        },
    );
    for gateway in &mut all {
        let births = gateway.births().into_iter().map(|(topic, payload)| (topic, payload.to_vec()));
        let spoken = gateway.tick(100, START).unwrap().into_iter().map(|m| (m.topic, m.payload));
        for (topic, payload) in births.chain(spoken) {
            let text = String::from_utf8_lossy(&payload).to_lowercase();
            for word in ["fault", "outer_race", "imbalance", "spall", "loose", "connector", "healthy", "label"] {
                assert!(!text.contains(word) && !topic.contains(word), "{topic} says {word}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_ends_the_play_at_once() {
    let broker = FakeBroker::start(|_| Manners { code: 5, ..POLITE }).await;
    let (address, clock) = (broker.address.clone(), Arc::new(ManualClock::new(START)));
    let options = SimOptions { address, credentials: None, seed: 1, speed: 1.0, faults: false, clock };
    let e = run(steel(), options, std::future::pending()).await.unwrap_err();
    assert!(matches!(e, SimError::Publish(PublishError::Refused { .. })), "{e}");
}

#[tokio::test]
async fn a_speed_at_which_time_cannot_pass_is_refused() {
    for speed in [0.0, -1.0, f64::NAN, 1e9] {
        let clock = Arc::new(ManualClock::new(START));
        let options =
            SimOptions { address: "127.0.0.1:1".into(), credentials: None, seed: 1, speed, faults: false, clock };
        let e = run(steel(), options, async {}).await.unwrap_err();
        assert!(matches!(e, SimError::Speed(_)), "{e}");
    }
}
