//! Import: what becomes of a file, and what arrives.

use collector::wire::uff::{Form, TimeData};

use super::*;
use crate::fake_broker::{FakeBroker, POLITE};

const T0: Timestamp = Timestamp::from_secs(1_735_689_600);

fn said() -> Said {
    Said { machine: Some("s/pump".parse().unwrap()), t0: Some(T0), unit: Unit::parse("g"), ..Said::default() }
}

fn signal(direction: i64, values: Vec<f64>) -> TimeData {
    TimeData {
        title: String::new(),
        date: String::new(),
        response: (String::new(), 12, direction),
        start: 0.5,
        step: 0.01,
        label: "Acceleration".into(),
        unit: "m/s^2".into(),
        values,
    }
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

#[test]
fn a_wav_takes_from_its_sidecar_what_nobody_else_says() {
    let dir = Dir::new();
    let path = dir.put("run.wav", wav::encode(100, &[&[0.5, -0.5], &[1.0, 2.0]]));
    dir.put(
        "run.wav.json",
        r#"{"t0": 1735689600, "machine": "s/fan", "unit": "g", "scale": 10, "channels": [{"point": "de", "rpm": 1480, "pulses": 2}]}"#,
    );
    let (found, _) = read(&path, &Said::default()).unwrap();
    let seen: Vec<_> = found.iter().map(|w| (w.point.as_str(), w.physical(), w.unit.symbol(), w.t0)).collect();
    assert_eq!(seen, [("s/fan/de", vec![5.0, -5.0], "g", T0), ("s/fan/channel_2", vec![10.0, 20.0], "g", T0)]);
    assert_eq!(found[0].meta.speed.map(|s| s.mean_rpm), Some(1480.0));
    assert_eq!((found[0].meta.pulses, found[1].meta.pulses), (Some(2.0), None));
    let syncs: Vec<_> = found.iter().filter_map(|w| w.meta.sync.as_deref()).collect();
    assert!(syncs.len() == 2 && syncs[0] == syncs[1] && is_sync(syncs[0]), "sampled together: {syncs:?}");
    let over = Said { machine: Some("a/b".parse().unwrap()), point: Some("p".into()), ..Said::default() };
    assert_eq!(read(&path, &over).unwrap().0[1].point.as_str(), "a/b/p_2");
}

#[test]
fn a_universal_file_names_its_points_and_units() {
    let dir = Dir::new();
    let signals = [signal(-3, vec![1.0, 2.0]), signal(1, vec![3.0])];
    let path = dir.put("run.uff", uff::encode(&signals, Form::Binary { big_endian: false, double: true }));
    let (found, skipped) = read(&path, &Said { unit: None, ..said() }).unwrap();
    let seen: Vec<_> = found.iter().map(|w| (w.point.as_str(), w.physical(), w.unit.symbol(), w.fs)).collect();
    assert_eq!(
        seen,
        [("s/pump/node_12_-z", vec![1.0, 2.0], "m/s²", 100.0), ("s/pump/node_12_x", vec![3.0], "m/s²", 100.0)]
    );
    assert_eq!((skipped, found[0].t0), (0, T0 + Duration::from_millis(500)));
}

#[test]
fn nothing_is_guessed() {
    let dir = Dir::new();
    let bare = dir.put("bare.wav", wav::encode(100, &[&[0.5]]));
    let odd = dir.put(
        "odd.unv",
        uff::encode(&[TimeData { unit: "furlong".into(), ..signal(1, vec![1.0]) }], Form::Ascii { double: true }),
    );
    let text = dir.put("text.txt", "hello");
    let wrong = dir.put("wrong.wav", wav::encode(100, &[&[0.5]]));
    dir.put("wrong.json", "{");
    for (path, said, why) in [
        (&bare, Said::default(), "the machine is not known"),
        (&bare, Said { t0: None, ..said() }, "the time of the first sample is not known"),
        (&bare, Said { unit: None, ..said() }, "the unit is not known"),
        (&odd, Said { unit: None, ..said() }, "the unit \"furlong\" of the file is not known"),
        (&bare, Said { point: Some("a#b".into()), ..said() }, "'#'"),
        (&text, said(), "-1 before a data set"),
        (&wrong, said(), "a sidecar in JSON"),
        (&dir.0.path().join("none.wav"), said(), "No such file"),
    ] {
        let error = read(path, &said).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[test]
fn a_long_recording_becomes_consecutive_waveforms_of_ids_that_follow_from_them() {
    let dir = Dir::new();
    let values: Vec<f32> = (0..400_000).map(|i| i as f32).collect();
    let path = dir.put("long.wav", wav::encode(51_200, &[&values]));
    let (found, _) = read(&path, &said()).unwrap();
    assert_eq!(found.iter().map(|w| w.samples.len()).sum::<usize>(), values.len());
    assert!(
        found.len() > 1 && found.windows(2).all(|w| w[0].t0 + w[0].duration() <= w[1].t0 + Duration::from_nanos(1))
    );
    assert!(found.iter().all(|w| w.meta.sync.is_none()), "one channel was taken together with nothing");
    let again = read(&path, &said()).unwrap().0;
    assert!(found.iter().zip(&again).all(|(a, b)| a.id == b.id));
}

#[tokio::test]
async fn every_waveform_arrives_at_the_broker() {
    let dir = Dir::new();
    let files = [
        dir.put("a.wav", wav::encode(100, &[&[0.5, 0.25]])),
        dir.put("b.uff", uff::encode(&[signal(1, vec![1.0])], Form::Ascii { double: false })),
    ];
    let broker = FakeBroker::start(|_| POLITE).await;
    let report = import(&files, &said(), &broker.address, None).await.unwrap();
    assert_eq!(report, Report { files: 2, waveforms: 2, skipped: 0 });
    let seen = broker.seen.borrow();
    let topics: Vec<&str> = seen.published().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, ["danxia/v1/s/pump/channel_1/waveform", "danxia/v1/s/pump/node_12_x/waveform"]);
    let first = seen.published().next().unwrap();
    let decoded = waveform::decode(&first.1).unwrap();
    assert_eq!((decoded.samples, decoded.fs), (Samples::F32([0.5, 0.25].into()), 100.0));
}

#[test]
fn pieces_of_a_recording_with_a_long_name_are_moments_too() {
    let dir = Dir::new();
    let values = vec![0.5; 400_000];
    let path = dir.put("long.wav", wav::encode(51_200, &[&values, &values]));
    let named = |name: &str| {
        let channel = format!(r#"{{"sync": "{name}"}}"#);
        dir.put("long.json", format!(r#"{{"channels": [{channel}, {channel}]}}"#));
        let found = read(&path, &said()).unwrap().0;
        found.iter().map(|w| w.meta.sync.clone().unwrap()).collect::<Vec<_>>()
    };
    let (long, other) = ("a".repeat(plant::LONGEST_SYNC), format!("{}b", "a".repeat(plant::LONGEST_SYNC - 1)));
    let found = named(&long);
    let (first, second) = found.split_at(found.len() / 2);
    assert!(first == second && first.len() > 1, "channels were sampled together: {found:?}");
    assert!(first.iter().all(|s| is_sync(s)) && first[0] != first[1], "{first:?}");
    assert_ne!(named(&other), found);
    assert_eq!(&*named("short")[0], "short/0");
    assert!(!is_sync(&named("\u{00fc}")[0]), "what is no name does not become one");
}
