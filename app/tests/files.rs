//! Export and import as somebody types them: files of other programs out of a store, histories of other systems into a
//! running instance, also after the import was killed in its middle.

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use common::{Instance, Raw, eventually, export, fresh_port};

fn command(args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danxia"));
    command.args(args).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs `danxia` in `dir`; it must end with this code. What it said.
fn danxia(code: i32, args: &[&str], dir: &Path) -> String {
    let output = command(args, dir).output().expect("danxia runs");
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}", said(&output));
    said(&output)
}

/// A trial instance and where it is.
struct Plant {
    instance: Instance,
    mqtt: String,
    url: String,
}

impl Plant {
    fn start(dir: &Path, data: &str) -> Self {
        Self::start_with(dir, data, &["--anonymous"])
    }

    fn start_with(dir: &Path, data: &str, more: &[&str]) -> Self {
        let (mqtt, http) = (fresh_port(), fresh_port());
        let instance = Instance::start_closed(&dir.join(data), mqtt, http, more);
        Self { instance, mqtt: format!("127.0.0.1:{mqtt}"), url: format!("http://127.0.0.1:{http}") }
    }

    fn args<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec!["import", "points", "--mqtt", &self.mqtt, "--url", &self.url];
        args.extend(more);
        args
    }
}

fn lines(data: &Path) -> Vec<String> {
    let mut all: Vec<_> = export(data)
        .iter()
        .map(|r| format!("{} {} {} {} {}", r.time_ns, r.machine, r.point, r.value, r.quality))
        .collect();
    all.sort();
    all
}

#[test]
fn a_history_is_checked_then_created_then_imported_and_pages_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path();
    let plant = Plant::start(at, "data");
    let mut text = String::from("time,point,value,unit\n");
    for i in 0..600 {
        text.push_str(&format!("2019-01-01 {:02}:{:02}:00,s/kiln/temp,{}.5,°C\n", i / 60, i % 60, 900 + i % 7));
    }
    text.push_str("2019-01-02 00:00:00,s/kiln/temp,hot,°C\nyesterday,s/kiln/temp,1,°C\n2019-01-02 00:00:00,s/kiln\n");
    fs::write(at.join("h.csv"), &text).expect("written");
    let zone = ["h.csv", "--timezone", "Asia/Shanghai"];
    let err = danxia(1, &plant.args(&[&zone[..], &["--check"]].concat()), at);
    assert!(err.contains("603 rows: 600 values of 1 points, from 2018-12-31T16:00:00Z to"), "{err}");
    assert!(
        err.contains("3 rows or cells cannot be read in h.csv.rejects.csv") && err.contains("s/kiln, with 1 points"),
        "{err}"
    );
    let rejects = fs::read_to_string(at.join("h.csv.rejects.csv")).expect("the rejects");
    let rejects: Vec<&str> = rejects.lines().collect();
    assert_eq!(rejects.len(), 4, "{rejects:?}");
    assert!(rejects[1].starts_with("h.csv,602,value,\"a number, true or false") && rejects[1].ends_with(",hot"));
    assert!(rejects[2].starts_with("h.csv,603,time,") && rejects[3] == "h.csv,604,,\"4 columns, as in the header\",2");

    let err = danxia(1, &plant.args(&zone), at);
    assert!(
        err.contains("not in the plant") && err.contains("--create") && err.contains("nothing was imported"),
        "{err}"
    );
    let err = danxia(1, &plant.args(&[&zone[..], &["--create", "--strict"]].concat()), at);
    assert!(
        err.contains("h.csv:602: column \"value\": expected a number") && err.contains("nothing was imported"),
        "{err}"
    );
    assert!(export(&at.join("data")).is_empty());

    let err = danxia(0, &plant.args(&[&zone[..], &["--create"]].concat()), at);
    assert!(err.contains("1 machines and 1 points are new") && err.contains("600 values imported"), "{err}");
    assert!(err.contains("every one acknowledged") && err.contains("0 in quarantine"), "{err}");
    assert_eq!(export(&at.join("data")).len(), 600);
    assert!(!at.join("h.csv.danxia-import").exists());
    // Again: the same values of the same instants are the same values.
    danxia(0, &plant.args(&zone), at);
    assert_eq!(export(&at.join("data")).len(), 600);
    // A unit that contradicts the plant is found out before anything is published.
    fs::write(at.join("bar.csv"), "time_s,value\n1546300800,1\n").expect("written");
    let err = danxia(1, &plant.args(&["bar.csv", "--point", "s/kiln/temp", "--unit", "bar"]), at);
    assert!(err.contains("expected a unit of temperature, found bar"), "{err}");
    let alarms = plant.instance.get("/api/v1/alarms");
    assert!(alarms.contains("\"alarms\":[]"), "{alarms}");
    plant.instance.stop();
}

#[test]
fn an_instance_that_takes_on_nothing_by_itself_is_told_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path();
    let plant = Plant::start_with(at, "data", &[]);
    let added =
        command(&["device", "add", "importer", "--site", "s", "--role", "gateway", "--data", "data", "--json"], at)
            .output()
            .expect("danxia runs");
    let added: serde_json::Value = serde_json::from_slice(&added.stdout).expect("JSON");
    let password = added["password"].as_str().expect("a password").to_owned();
    let import = |args: &[&str]| {
        let args = plant.args(&[args, &["--user", "importer"]].concat());
        let output = command(&args, at).env("DANXIA_PASSWORD", &password).output().expect("danxia runs");
        (output.status.code(), said(&output))
    };
    fs::write(at.join("a.csv"), "time_s,machine,point,value,unit\n1546300800,s/m,a,1,bar\n1546300801,s/m,a,2,bar\n")
        .expect("written");
    let (code, err) = import(&["a.csv", "--create"]);
    assert!(
        code == Some(0) && err.contains("1 machines and 1 points are new") && err.contains("0 in quarantine"),
        "{err}"
    );
    // A machine that is there gets another point without losing what it is; two texts and a number are no numbers.
    fs::write(
        at.join("b.csv"),
        "time_s,machine,point,value\n1546300802,s/m,a,3\n1546300802,s/m,b,on\n1546300803,s/m,b,off\n",
    )
    .expect("written");
    let (code, err) = import(&["b.csv", "--text"]);
    assert!(code == Some(1) && err.contains("s/m/b") && err.contains("nothing was imported"), "{err}");
    let (code, err) = import(&["b.csv", "--text", "--create"]);
    assert!(code == Some(0) && err.contains("0 machines and 1 points are new"), "{err}");
    let values: Vec<_> = export(&at.join("data")).iter().map(|r| format!("{} {}", r.point, r.value)).collect();
    assert_eq!(values, ["a 1", "a 2", "a 3", "b on", "b off"]);
    let machine = plant.instance.get("/api/v1/machines/s/m");
    assert!(machine.contains("\"unit\":\"bar\""), "{machine}");
    let total: serde_json::Value = serde_json::from_str(&plant.instance.get("/api/v1/ledger/total")).expect("JSON");
    assert_eq!(total["quarantined"], 0, "{total}");
    // Nobody is let in with another password, and says so.
    let args = plant.args(&["a.csv", "--user", "importer"]);
    let output = command(&args, at).env("DANXIA_PASSWORD", "wrong").output().expect("danxia runs");
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    plant.instance.stop();
}

/// Rows of a wide table, a second apart.
fn wide(path: &Path, rows: u32) {
    let mut out = std::io::BufWriter::new(fs::File::create(path).expect("a file"));
    writeln!(out, "time_s;T1;T2;p;note").expect("written");
    for i in 0..rows {
        let (a, b) = (f64::from(i % 977) / 8.0, f64::from(i % 31));
        writeln!(out, "{};{a};{b};{},5;x", 1_500_000_000 + i, i % 11).expect("written");
    }
    out.flush().expect("written");
}

const MAP: [&str; 9] = [
    "--decimal-comma",
    "--machine",
    "s/line",
    "--map",
    "T1=temp/1[°C]",
    "--map",
    "T2=temp/2[°C]",
    "--map",
    "p=pressure[bar]",
];

fn kill_in_the_middle(mut import: Child, note: &Path) {
    let first = format!("\"line\":{}", 2);
    let begun = eventually(Duration::from_secs(120), || {
        fs::read_to_string(note).is_ok_and(|text| text.contains("\"line\":") && !text.contains(&format!("{first}}}")))
    });
    assert!(begun, "nothing was noted within 120 s");
    import.kill().expect("it is still running");
    import.wait().expect("it ends");
}

#[test]
fn an_import_that_was_killed_goes_on_where_it_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path();
    const ROWS: u32 = 60_000;
    let text = {
        wide(&at.join("w.csv"), ROWS);
        // The machine writes decimal points where MAP reads commas: make them commas.
        let text = fs::read_to_string(at.join("w.csv")).expect("the table").replace('.', ",");
        fs::write(at.join("w.csv"), &text).expect("written");
        text
    };
    let plant = Plant::start(at, "killed");
    let args = plant.args(&[&["w.csv", "--create"][..], &MAP].concat());
    let note = at.join("w.csv.danxia-import");
    let import = command(&args, at).stderr(Stdio::null()).spawn().expect("danxia starts");
    kill_in_the_middle(import, &note);
    let half = export(&at.join("killed")).len();
    assert!(half > 0 && half < 3 * ROWS as usize, "{half} of {}", 3 * ROWS);
    // Another file, or other options, are not what was begun.
    let other = plant.args(&["w.csv", "--wide", "--machine", "s/line"]);
    let err = danxia(2, &other, at);
    assert!(err.contains("the options are others"), "{err}");
    let err = danxia(0, &args, at);
    assert!(err.contains("w.csv: goes on at line ") && err.contains("0 in quarantine"), "{err}");
    let values: usize =
        err.split(" values imported").next().and_then(|s| s.rsplit('\n').next()?.parse().ok()).expect("a number");
    assert!(values < 3 * ROWS as usize, "it began anew: {err}");
    assert!(!note.exists());
    plant.instance.stop();

    let whole = Plant::start(at, "whole");
    let args = whole.args(&[&["w.csv", "--create"][..], &MAP].concat());
    danxia(0, &args, at);
    whole.instance.stop();
    let (killed, whole) = (lines(&at.join("killed")), lines(&at.join("whole")));
    assert_eq!(killed.len(), 3 * ROWS as usize);
    assert!(killed == whole, "the exports differ");
    let first = text.lines().nth(1).expect("a row");
    assert!(first.starts_with("1500000000;0;0;0,5;"), "{first}");
    assert_eq!(whole[0], "1500000000000000000 line pressure 0.5 good");
}

#[test]
fn exports_are_there_when_they_are_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path();
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start(&at.join("data"), mqtt, http);
    let mut client = Raw::connect(mqtt, "m");
    client.publish(b"danxia/v1/s/m/telemetry", br#"{"ts":1735689600000,"values":{"x":61.25,"state":"on","ok":true}}"#);
    assert!(client.acknowledged());
    for format in ["csv", "ndjson", "parquet"] {
        let file = format!("out.{format}");
        let err = danxia(0, &["export", "points", "--data", "data", "--format", format, "--output", &file], at);
        assert!(err.contains(&format!("3 values of 3 series in {file}")), "{err}");
        assert!(fs::metadata(at.join(&file)).expect("the file").len() > 0);
    }
    let printed = command(&["export", "points", "--data", "data"], at).output().expect("danxia runs").stdout;
    assert_eq!(fs::read(at.join("out.csv")).expect("the file"), printed);
    let ndjson = fs::read_to_string(at.join("out.ndjson")).expect("the file");
    assert!(ndjson.contains(
        r#"{"time":"2025-01-01T00:00:00Z","site":"s","machine":"m","point":"x","value":61.25,"quality":"good"}"#
    ));
    danxia(1, &["export", "points", "--data", "data", "--output", "none/out.csv"], at);
    danxia(1, &["export", "points", "--data", "nothing", "--output", "empty.csv"], at);
    assert!(!at.join("empty.csv").exists());
    let left: Vec<_> =
        fs::read_dir(at).expect("the directory").filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    assert!(!left.iter().any(|n| n.ends_with(".part")), "{left:?}");
    instance.stop();
}

/// A WAV of counts with a sidecar, imported, exported in every form, and imported from there into another store.
#[test]
fn waveforms_go_out_and_come_in_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path();
    let samples: Vec<f32> = (0..51_200).map(|i| (f64::from(i) * 0.37).sin() as f32).collect();
    fs::write(at.join("in.wav"), collector::wire::wav::encode(25_600, &[&samples])).expect("written");
    let sidecar = r#"{"t0":"2025-01-01T00:00:00.000000001Z","machine":"s/m","fs":25600.25,"whole":true,"channels":[{"point":"vib/de","unit":"m/s²","rpm":1486}]}"#;
    fs::write(at.join("in.wav.json"), sidecar).expect("written");
    let plant = Plant::start(at, "data");
    let import = |plant: &Plant, args: &[&str]| {
        danxia(0, &[&["import", "waveform", "--mqtt", &plant.mqtt][..], args].concat(), at);
    };
    import(&plant, &["in.wav"]);
    let export = |data: &str, format: &str, to: &str| {
        let args = ["export", "waveforms", "--data", data, "--point", "s/m/vib/de", "--format", format, "--output", to];
        let err = danxia(0, &args, at);
        assert!(err.contains("1 waveforms of s/m/vib/de"), "{err}");
        let mut names: Vec<_> =
            fs::read_dir(at.join(to)).expect("the directory").map(|e| e.expect("an entry").path()).collect();
        names.sort();
        assert_eq!(names.len(), 2, "{names:?}");
        names[0].clone()
    };
    let indicators = |data: &str| {
        let args = ["export", "points", "--indicators", "--format", "ndjson", "--data", data];
        command(&args, at).output().expect("danxia runs").stdout
    };
    let computed = || plant.instance.get("/api/v1/machines/s/m").contains("\"name\":\"acceleration_rms\"");
    assert!(eventually(Duration::from_secs(60), computed), "nothing was computed from the record");
    let wav = export("data", "wav", "wav");
    export("data", "csv", "csv");
    export("data", "uff", "uff");
    export("data", "uff-binary", "uffb");
    plant.instance.stop();
    // What a backup brings back is the same by every export: values, indicators, waveforms.
    danxia(0, &["backup", "vault", "--data", "data"], at);
    danxia(0, &["restore", "vault", "--data", "restored"], at);
    assert!(String::from_utf8_lossy(&indicators("data")).contains("\"indicator\":\"acceleration_rms\""));
    assert_eq!(indicators("restored"), indicators("data"));
    let back = export("restored", "wav", "back");
    assert_eq!(
        (back.file_name(), fs::read(&back).expect("the WAV")),
        (wav.file_name(), fs::read(&wav).expect("the WAV"))
    );
    let again = Plant::start(at, "again");
    import(&again, &[wav.to_str().expect("a name")]);
    let second = export("again", "wav", "wav2");
    again.instance.stop();
    // The id follows from the samples, the point and the time: even the names are the same.
    assert_eq!(wav.file_name(), second.file_name());
    assert_eq!(fs::read(&wav).expect("the first"), fs::read(&second).expect("the second"));
    let beside = |p: &Path| fs::read_to_string(format!("{}.json", p.display())).expect("its description");
    assert_eq!(beside(&wav), beside(&second));
    assert!(beside(&wav).contains("25600.25") && beside(&wav).contains("00.000000001Z"), "{}", beside(&wav));
}
