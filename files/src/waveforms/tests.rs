use collector::wire::{uff, wav};
use plant::{Samples, Speed, Timestamp, Unit, WaveformId, WaveformMeta};

use super::*;

fn waveform(samples: Samples, fs: f64) -> Waveform {
    let t = Timestamp::from_nanos(1_735_689_600_000_000_001);
    let meta = WaveformMeta {
        speed: Some(Speed { mean_rpm: 1486.5, range_rpm: None }),
        sync: Some("adc-1".into()),
        pulses: Some(59.5),
        ..WaveformMeta::default()
    };
    let point = "韶钢/fan-3/vib de/h".parse().unwrap();
    Waveform::new(WaveformId(0xabcd_ef01 << 96), point, t, t, fs, Unit::parse("m/s²").unwrap(), samples, meta).unwrap()
}

fn counts() -> Samples {
    Samples::I16 { raw: [0, 1, -1, 12_345, i16::MIN, i16::MAX].into(), scale: 0.001_220_703_1, offset: -0.037 }
}

fn floats() -> Samples {
    Samples::F32([0.0, -1.5e-7, f32::MAX, 0.1, f32::MIN_POSITIVE].into())
}

fn written(w: &Waveform, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    write(w, format, &mut out).unwrap();
    out
}

#[test]
fn a_wav_and_its_sidecar_are_read_back_to_the_last_bit() {
    for samples in [counts(), floats()] {
        let w = waveform(samples, 25_600.5);
        let bytes = written(&w, Format::Wav);
        assert_eq!(u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize, bytes.len() - 8);
        let read = wav::decode(&bytes).unwrap();
        let beside = wav::Sidecar::decode(&sidecar(&w, true)).unwrap();
        let channel = beside.channel(0);
        let found: Vec<f64> = read.samples(0).map(|v| v * channel.scale + channel.offset).collect();
        assert_eq!(found, w.physical());
        assert_eq!((beside.t0, beside.machine.as_deref(), beside.fs), (Some(w.t0), Some("韶钢/fan-3"), Some(25_600.5)));
        assert!(beside.whole);
        assert_eq!(
            (channel.point.as_deref(), channel.unit, channel.rpm, channel.sync.as_deref()),
            (Some("vib de/h"), Some(w.unit), Some(1486.5), Some("adc-1"))
        );
        assert_eq!(channel.pulses, Some(59.5));
    }
}

#[test]
fn universal_files_are_read_back() {
    for samples in [counts(), floats()] {
        let w = waveform(samples, 12_000.0);
        for (format, exact) in [(Format::Uff, false), (Format::UffBinary, true)] {
            let read = uff::decode(&written(&w, format)).unwrap();
            assert_eq!((read.signals.len(), read.skipped), (1, 0));
            let signal = &read.signals[0];
            let rate = 1.0 / signal.step;
            assert!((rate - w.fs).abs() < w.fs * 1e-6, "{rate}");
            assert_eq!((&*signal.label, &*signal.unit), ("acceleration", "m/s^2"));
            assert_eq!(signal.title, "??/fan-3/vib de/h");
            assert_eq!(signal.date, "01-JAN-25 00:00:00");
            for (a, b) in signal.values.iter().zip(w.physical()) {
                assert!(if exact { *a == b } else { (a - b).abs() <= b.abs() * 1e-12 }, "{a} {b}");
                assert_eq!(*a as f32, b as f32);
            }
            assert_eq!(signal.values.len(), w.samples.len());
        }
    }
}

#[test]
fn csv_says_when_and_what() {
    let text = String::from_utf8(written(&waveform(counts(), 4.0), Format::Csv)).unwrap();
    let rows: Vec<(f64, f64)> = text
        .lines()
        .skip(1)
        .map(|l| l.split_once(',').map(|(t, v)| (t.parse().unwrap(), v.parse().unwrap())).unwrap())
        .collect();
    assert!(text.starts_with("time_s,value\n0,-0.037\n0.25,"), "{text}");
    assert_eq!(rows.iter().map(|r| r.1).collect::<Vec<_>>(), waveform(counts(), 4.0).physical());
}

#[test]
fn names_of_files_lead_nowhere_else() {
    let w = waveform(counts(), 1.0);
    assert_eq!(file_name(&w), "韶钢_fan-3_vib_de_h_20250101T000000.000000001Z_abcdef01");
    let up = Waveform { point: "../..\\/x".parse().unwrap(), ..w };
    assert!(!file_name(&up).contains(['/', '\\']) && !file_name(&up).starts_with('.'), "{}", file_name(&up));
}
