//! Replay: what a manifest may say, and what arrives.

use std::collections::{BTreeMap, BTreeSet};

use plant::{ManualClock, Unit};

use super::*;
use crate::fake_broker::{FakeBroker, Manners, POLITE};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn parsed(text: &str) -> Recording {
    manifest::parse(text, "s").unwrap().remove(0)
}

#[test]
fn speeds_and_fault_frequencies_come_in_two_spellings() {
    let x = parsed("file,sample_rate_hz,shaft_rpm,bpfo_x,bpfi_x,bsf_x,ftf_x\na.f32,12000,1800,3.5,5.5,2.25,0.4\n");
    assert_eq!((x.machine.as_str(), x.row, x.fs, x.rpm, x.unit.symbol()), ("s/a", 2, 12_000.0, 1800.0, "g"));
    assert_eq!(x.orders, Some(plant::BearingOrders { bpfo: 3.5, bpfi: 5.5, bsf: 2.25, ftf: 0.4 }));

    let hz = parsed("bpfo_hz,bpfi_hz,bsf_hz,file,shaft_hz,sample_rate_hz\n 90,135,60,\"b, 1.f32\",25,48828\n");
    assert_eq!(hz.machine.as_str(), "s/b, 1");
    let orders = hz.orders.unwrap();
    assert_eq!((orders.bpfo, orders.bpfi, orders.bsf, hz.rpm), (3.6, 5.4, 2.4, 1500.0));
    assert!((orders.ftf - 0.4).abs() < 1e-12, "nine elements: the cage turns at a ninth of BPFO");
}

#[test]
fn a_bearing_that_is_not_stated_is_not_invented() {
    let r = parsed("file,sample_rate_hz,shaft_rpm,bpfo_x,bpfi_x,bsf_x,unit,t0\nsub/a#1.f32,100,60,,,,m/s²,1.5\n");
    assert_eq!((r.orders, r.machine.as_str(), r.unit), (None, "s/sub-a-1", Unit::parse("m/s2").unwrap()));
    assert_eq!(r.t0, Some(Timestamp::from_millis(1500)));
}

#[test]
fn a_bad_manifest_is_refused_with_row_and_column() {
    let head = "file,sample_rate_hz,shaft_rpm,bpfo_x,bpfi_x,bsf_x,unit";
    for (text, want) in [
        (String::new(), "row 1, column file: is missing"),
        ("file,shaft_rpm\na,1\n".into(), "row 1, column sample_rate_hz: is missing"),
        ("file,sample_rate_hz\na,1\n".into(), "row 1, column shaft_rpm: is missing (and so is shaft_hz)"),
        (format!("{head}\n"), "row 2, column file: is missing: no recordings"),
        (format!("{head}\n,1,1,,,,\n"), "row 2, column file: is empty"),
        (
            format!("{head}\na,1,1,,,,\nb,x,1,,,,\n"),
            "row 3, column sample_rate_hz: is \"x\"; expected a number above 0",
        ),
        (format!("{head}\na,,1,,,,\n"), "row 2, column sample_rate_hz: is empty"),
        (format!("{head}\na,1,-3,,,,\n"), "row 2, column shaft_rpm: is \"-3\""),
        (format!("{head}\na,1,inf,,,,\n"), "row 2, column shaft_rpm: is \"inf\""),
        (format!("{head}\na,1,,,,,\n"), "row 2, column shaft_rpm: is empty"),
        (format!("{head}\na,1,1,3.5,,2,\n"), "row 2, column bpfi_x: is empty while others"),
        (format!("{head}\na,1,1,3.5,1e9,2,\n"), "row 2, column bpfo_x: belongs to no bearing"),
        (format!("{head}\na,1,1,,,,mm/s\n"), "row 2, column unit: is \"mm/s\"; expected a unit of acceleration"),
        (format!("{head}\n../a,1,1,,,,\n"), "row 2, column file: is \"../a\"; expected a path within"),
        (format!("{head}\n/a,1,1,,,,\n"), "row 2, column file: is \"/a\""),
        (format!("{head}\na,1,1\n"), "row 2, column file: the row has 3 cells, the header 7"),
        (format!("{head}\na.f32,1,1,,,,\na.bin,1,1,,,,\n"), "row 3, column file: names the machine s/a, as row 2 does"),
    ] {
        let e = manifest::parse(&text, "s").unwrap_err().to_string();
        assert!(e.starts_with("manifest.csv, ") && e.contains(want), "{e:?} does not say {want:?}");
    }
}

#[test]
fn recordings_are_cut_into_what_can_be_judged_without_a_rest() {
    let check = |samples, fs, rpm, pieces| {
        let lengths = cut::lengths(samples, fs, rpm);
        assert_eq!(lengths.len(), pieces, "{samples} at {fs} Hz: {lengths:?}");
        assert_eq!(lengths.iter().sum::<usize>(), samples);
        assert!(lengths.iter().all(|n| (1..=cut::LONGEST).contains(n)));
        // None that is cut is shorter than what is judged, unless it would be longer than a message.
        let shortest = cut::shortest_s(rpm.unwrap_or(1500.0));
        let longest = shortest * fs < cut::LONGEST as f64 / 2.0;
        assert!(pieces == 1 || !longest || lengths.iter().all(|n| *n as f64 / fs >= shortest), "{lengths:?}");
    };
    check(121_265, 12_000.0, Some(1797.0), 5);
    check(240_000, 48_000.0, Some(1500.0), 2);
    // Three seconds are one of three, not five of 0.6, in which velocity would be refused.
    check(146_484, 48_828.0, Some(1500.0), 1);
    check(146_484, 48_828.0, None, 1);
    check(2_000_000, 25_600.0, Some(3000.0), 20);
    // 16 turns of 60 r/min take 16 s.
    check(25_600 * 100, 25_600.0, Some(60.0), 5);
    check(25_600 * 31, 25_600.0, Some(60.0), 2);
    check(20_480, 25_600.0, Some(1500.0), 1);
    check(1, 25_600.0, Some(0.0), 1);
    check(65_536 * 5 + 1, 1e9, Some(1500.0), 1);
    check(cut::LONGEST * 2, 1e9, Some(1500.0), 2);
}

#[test]
fn the_shortest_is_what_velocity_and_bearings_take() {
    for (rpm, seconds) in [(3000.0, 2.0), (600.0, 2.0), (599.0, 10.0), (96.0, 10.0), (60.0, 16.0), (0.0, 10.0)] {
        assert!((cut::shortest_s(rpm) - seconds).abs() < 1e-9, "{rpm}");
    }
}

#[test]
fn ids_follow_from_content_and_time() {
    let id = |machine, t, samples: &[f32]| cut::id(machine, Timestamp::from_secs(t), samples);
    let a = id("s/m", 1, &[1.0, 2.0]);
    assert_eq!(a, id("s/m", 1, &[1.0, 2.0]));
    let others = [id("s/n", 1, &[1.0, 2.0]), id("s/m", 2, &[1.0, 2.0]), id("s/m", 1, &[1.0, 2.5])];
    assert!(others.iter().all(|o| *o != a));
    let text = a.to_string();
    assert_eq!((&text[14..15], text[19..20].contains(['8', '9', 'a', 'b'])), ("8", true), "{text}");
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn new(manifest: &str, files: &[(&str, Vec<u8>)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("manifest.csv"), manifest).unwrap();
        for (name, bytes) in files {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        Self(dir)
    }
}

fn floats(n: usize) -> Vec<u8> {
    (0..n).flat_map(|i| (i as f32).to_le_bytes()).collect()
}

fn options(address: &str) -> ReplayOptions {
    ReplayOptions {
        address: address.to_owned(),
        credentials: None,
        site: Some(Name::new("lab").unwrap()),
        times: Times::EndingNow,
        speed: None,
        clock: Arc::new(ManualClock::new(NOW)),
    }
}

const MANIFEST: &str = "file,sample_rate_hz,shaft_rpm,condition,bpfo_x,bpfi_x,bsf_x,ftf_x,bearing,t0\n\
    one.f32,1000,1800,outer_race,3.58,5.42,2.36,0.398,6205,1700000000\n\
    two.f32,2000,1200,normal,,,,,,1700000000.5\n";

#[tokio::test]
async fn a_directory_becomes_a_site_whose_machines_have_just_been_measured() {
    // The broker cuts the first connection: at least once, and still in order of time.
    let broker = FakeBroker::start(|n| if n == 0 { Manners { cut_after: Some(4), ..POLITE } } else { POLITE }).await;
    let dir = Dir::new(MANIFEST, &[("one.f32", floats(10_003)), ("two.f32", floats(8_000))]);
    let mut steps = Vec::new();
    let report = replay(dir.0.path(), options(&broker.address), |p| steps.push(p.clone())).await.unwrap();
    assert_eq!(report, Report { site: "lab".into(), machines: 2, waveforms: 7, samples: 18_003, short: vec![] });
    assert_eq!(steps.iter().map(|p| (p.waveforms, p.of)).collect::<Vec<_>>().last(), Some(&(7, 7)));
    assert_eq!((steps.len(), steps.last().unwrap().outstanding), (8, 0));

    let seen = broker.seen.borrow();
    let mut waveforms = BTreeMap::new();
    let mut births = BTreeMap::new();
    for (topic, payload) in seen.published() {
        if let Some(machine) = topic.strip_suffix("/birth") {
            births.insert(machine.to_owned(), birth::decode(payload).unwrap());
        } else {
            let w = waveform::decode(payload).unwrap();
            waveforms.insert((topic.clone(), w.t0), (w.id, w.samples.clone(), w.fs, w.meta.speed.unwrap().mean_rpm));
        }
        let text = String::from_utf8_lossy(payload).into_owned();
        assert!(!text.contains("outer_race") && !text.contains("normal") && !text.contains("condition"), "{text}");
    }
    let id: MachineId = "lab/one".parse().unwrap();
    let machine = births["danxia/v1/lab/one"].machine(id).unwrap();
    assert_eq!(machine.bearings[0].designation.as_deref(), Some("6205"));
    assert_eq!(machine.bearings[0].geometry.orders().unwrap().bpfo, 3.58);
    assert_eq!(machine.points[POINT].unit, Unit::parse("g"));
    assert!(births["danxia/v1/lab/two"].bearings.is_empty());

    assert_eq!(waveforms.len(), 7);
    assert_eq!(waveforms.values().map(|w| w.0).collect::<BTreeSet<_>>().len(), 7, "each an id of its own");
    let mut expected = NOW - Duration::from_secs_f64(10.003);
    let mut whole = Vec::new();
    for ((topic, t0), (_, samples, fs, rpm)) in waveforms.iter().filter(|((topic, _), _)| topic.contains("/one/")) {
        assert_eq!((topic.as_str(), *fs, *rpm), ("danxia/v1/lab/one/vibration/waveform", 1000.0, 1800.0));
        assert!(t0.nanos().abs_diff(expected.nanos()) < 1000, "consecutive");
        expected = *t0 + seconds(samples.len(), *fs);
        let Samples::F32(v) = samples else { panic!("floats") };
        whole.extend(v.iter().copied());
    }
    assert!(expected.nanos().abs_diff(NOW.nanos()) < 1000, "it ends now");
    assert!(whole.len() == 10_003 && whole.iter().enumerate().all(|(i, v)| *v == i as f32), "not a sample is lost");
}

#[tokio::test]
async fn the_original_times_make_a_second_replay_the_same_messages() {
    let broker = FakeBroker::start(|_| POLITE).await;
    let dir = Dir::new(MANIFEST, &[("one.f32", floats(10_000)), ("two.f32", floats(2_000))]);
    for now in [NOW, NOW + Duration::from_secs(3600)] {
        let clock = Arc::new(ManualClock::new(now));
        let options = ReplayOptions { times: Times::Original, clock, ..options(&broker.address) };
        let report = replay(dir.0.path(), options, |_| {}).await.unwrap();
        // Of one second there is no velocity; it goes out whole, and it is said.
        assert_eq!((report.waveforms, report.short), (6, vec!["lab/two".parse().unwrap()]));
    }
    let seen = broker.seen.borrow();
    assert_eq!(seen.connections[0].published, seen.connections[1].published);
    let (_, first) = &seen.connections[0].published[1];
    assert_eq!(waveform::decode(first).unwrap().t0, Timestamp::from_secs(1_700_000_000));
}

#[tokio::test(start_paused = true)]
async fn with_a_speed_each_waveform_ends_when_it_is_published() {
    let clock = Arc::new(ManualClock::new(NOW));
    let dir = Dir::new("file,sample_rate_hz,shaft_rpm\na.f32,1000,600\n", &[("a.f32", floats(10_000))]);
    let plan = Plan::new(manifest::read(dir.0.path(), "s").unwrap().remove(0), Times::EndingNow).unwrap();
    let options = ReplayOptions { speed: Some(4.0), ..options("127.0.0.1:1") };
    let mut player = Player::open(plan, &ReplayOptions { clock: clock.clone(), ..options }).unwrap();
    let start = tokio::time::Instant::now();
    let mut n = 0;
    while let Some(w) = player.next().await.unwrap() {
        n += 1;
        let late = start.elapsed().as_secs_f64() - 0.5 * f64::from(n);
        assert!((0.0..0.05).contains(&late), "2 s pass in half a second; {late} s late");
        assert_eq!(w.t0 + w.duration(), clock.now());
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(n, 5);
}

#[tokio::test]
async fn files_that_are_not_what_they_should_be_are_named_before_anything_is_published() {
    let broker = FakeBroker::start(|_| POLITE).await;
    let fails = async |manifest: &str, two: Option<Vec<u8>>, want: &str| {
        let mut files = vec![("one.f32", floats(1000))];
        files.extend(two.map(|bytes| ("two.f32", bytes)));
        let dir = Dir::new(manifest, &files);
        let e = replay(dir.0.path(), options(&broker.address), |_| {}).await.unwrap_err().to_string();
        assert!(e.contains(want), "{e:?} does not say {want:?}");
    };
    fails(MANIFEST, None, "two.f32: No such file").await;
    fails(MANIFEST, Some(vec![0; 7]), "two.f32 (row 3 of the manifest): is 7 bytes long").await;
    fails(MANIFEST, Some(Vec::new()), "two.f32 (row 3 of the manifest): is 0 bytes long").await;
    fails("file\n", None, "row 1, column sample_rate_hz").await;
    assert_eq!(broker.seen.borrow().connections.len(), 0);

    let mut bad = floats(1500);
    bad[1000 * 4..1001 * 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fails(MANIFEST, Some(bad), "two.f32 (row 3 of the manifest): sample 1000 is not a finite number").await;

    let e = replay(Path::new("no/such/directory"), ReplayOptions { site: None, ..options("h:1") }, |_| {}).await;
    assert!(e.unwrap_err().to_string().starts_with("no/such/directory: "));
    let dir = Dir::new("file,sample_rate_hz,shaft_hz\none.f32,100,1\n", &[("one.f32", floats(9))]);
    let original = ReplayOptions { times: Times::Original, ..options("h:1") };
    let e = replay(dir.0.path(), original, |_| {}).await.unwrap_err().to_string();
    assert!(e.contains("row 2, column t0: is missing"), "{e}");
}

/// Recordings are not part of the repository: `DANXIA_DATA`, or `shared/data` beside it.
fn recordings() -> Option<PathBuf> {
    let dir = std::env::var_os("DANXIA_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    dir.is_dir().then_some(dir)
}

#[tokio::test]
async fn real_recordings_arrive_whole_or_are_refused_by_row_and_column() {
    let Some(data) = recordings() else {
        println!("no recordings: neither DANXIA_DATA nor ../shared/data is there; nothing was checked");
        return;
    };
    let mut replayed = 0;
    for dir in std::fs::read_dir(data).unwrap().map(|d| d.unwrap().path()) {
        if !dir.join("manifest.csv").is_file() {
            continue;
        }
        let broker = FakeBroker::start(|_| POLITE).await;
        match replay(&dir, ReplayOptions { site: None, ..options(&broker.address) }, |_| {}).await {
            Ok(report) => {
                let site = dir.file_name().unwrap().to_string_lossy().into_owned();
                let recordings = manifest::read(&dir, &site).unwrap();
                let bytes: u64 = recordings.iter().map(|r| std::fs::metadata(&r.path).unwrap().len()).sum();
                assert_eq!((report.samples * 4, &report.site), (bytes, &site));
                assert_eq!(report.machines as usize, recordings.len());
                let published = broker.seen.borrow().published().count() as u64;
                assert_eq!(published, report.machines + report.waveforms);
                println!("{site}: {} recordings, {} waveforms", report.machines, report.waveforms);
                replayed += 1;
            }
            Err(e) => {
                assert!(matches!(e, ReplayError::Cell { .. }), "{}: {e}", dir.display());
                println!("{}: {e}", dir.display());
            }
        }
    }
    assert!(replayed > 0, "a directory of recordings holds at least one that can be replayed");
}
