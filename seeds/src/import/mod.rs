//! Recordings of analysers and sound cards as waveforms of a machine: WAV with a sidecar, and UFF 58.
//!
//! They go through the same door as a machine's own: published over MQTT, acknowledged when they are on disk. Whatever the
//! file does not say (machine, unit, time) must be said by who imports it; nothing is guessed. The id of a waveform follows
//! from its content, so that importing a file twice stores it once.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use collector::wire::wav::{Channel, Sidecar, Wav};
use collector::wire::{MAX_SAMPLES, uff, wav, waveform};
use plant::{
    IdError, MachineId, PointId, Samples, Speed, Timestamp, Unit, Waveform, WaveformError, WaveformMeta, is_sync,
};

use crate::publisher::{Options, PublishError, Publisher};
use crate::replay::cut;

/// Largest file, in bytes: it is read whole.
const MAX_FILE: u64 = 1 << 30;
/// Most waveforms of one file.
const MAX_WAVEFORMS: usize = 65_536;
/// How long the broker may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may acknowledge nothing.
const STALL: Duration = Duration::from_secs(60);

/// What who imports says of the files. Each wins over what a file says.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// `site/machine`; a sidecar may say it too.
    pub machine: Option<MachineId>,
    /// The point; with several channels it is numbered.
    pub point: Option<String>,
    /// Time of the first sample.
    pub t0: Option<Timestamp>,
    /// Unit of the physical values.
    pub unit: Option<Unit>,
    /// Shaft speed, r/min.
    pub rpm: Option<f64>,
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is not what its beginning promises.
    #[error("{}: {why}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Something that neither the file nor whoever imports it says.
    #[error("{}: {what} is not known: {next}", path.display())]
    Unsaid {
        /// Which file.
        path: PathBuf,
        /// What is missing.
        what: String,
        /// How to say it.
        next: &'static str,
    },
    /// More than is taken.
    #[error("{}: {what}", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// What was found and what is taken.
        what: String,
    },
    /// A name that cannot be one.
    #[error("{}: {error}", path.display())]
    Name {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: IdError,
    },
    /// Samples that make no waveform.
    #[error("{}: {error}", path.display())]
    Waveform {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: WaveformError,
    },
    /// No connection, or a broken one.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The broker no longer acknowledges.
    #[error("{outstanding} messages have not been acknowledged for {} s; is the broker alive?", STALL.as_secs())]
    Stalled {
        /// How many are left.
        outstanding: usize,
    },
}

/// What was imported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files.
    pub files: usize,
    /// Waveforms published and acknowledged.
    pub waveforms: usize,
    /// Data sets of universal files that are no time signals.
    pub skipped: usize,
}

/// Reads every file first, then publishes all of them to the broker at `address`.
pub async fn import(
    files: &[PathBuf],
    said: &Said,
    address: &str,
    credentials: Option<(String, String)>,
) -> Result<Report, ImportError> {
    let mut report = Report::default();
    let mut all = Vec::new();
    for path in files {
        let (waveforms, skipped) = read(path, said)?;
        all.push(waveforms);
        report.files += 1;
        report.skipped += skipped;
    }
    let mut options = Options::new(address, "import");
    options.credentials = credentials;
    let publisher = Publisher::connect(options, PATIENCE).await?;
    for w in all.iter().flatten() {
        let topic = format!("danxia/v1/{}/waveform", w.point);
        in_time(&publisher, publisher.publish(&topic, waveform::encode(w))).await?;
        report.waveforms += 1;
    }
    in_time(&publisher, publisher.flush()).await?;
    publisher.close(Duration::ZERO).await;
    Ok(report)
}

async fn in_time(
    publisher: &Publisher,
    step: impl Future<Output = Result<(), PublishError>>,
) -> Result<(), ImportError> {
    match tokio::time::timeout(STALL, step).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(ImportError::Stalled { outstanding: publisher.outstanding() }),
    }
}

fn load(path: &Path) -> Result<Vec<u8>, ImportError> {
    let said = |error| ImportError::File { path: path.to_owned(), error };
    match std::fs::metadata(path).map_err(said)?.len() {
        n if n > MAX_FILE => {
            let what = format!("is {n} bytes long; at most {MAX_FILE} are read: cut it");
            Err(ImportError::TooLarge { path: path.to_owned(), what })
        }
        _ => std::fs::read(path).map_err(said),
    }
}

/// The waveforms of a file, and how many data sets in it are none.
fn read(path: &Path, said: &Said) -> Result<(Vec<Waveform>, usize), ImportError> {
    let bytes = load(path)?;
    if bytes.starts_with(b"RIFF") || bytes.starts_with(b"RF64") {
        let beside = [format!("{}.json", path.display()).into(), path.with_extension("json")];
        let sidecar = match beside.iter().find(|p: &&PathBuf| p.is_file()) {
            Some(beside) => {
                let read = Sidecar::decode(&load(beside)?);
                read.map_err(|fault| ImportError::Format { path: beside.clone(), why: fault.to_string() })?
            }
            None => Sidecar::default(),
        };
        return Ok((of_wav(path, &bytes, &sidecar, said)?, 0));
    }
    of_uff(path, &bytes, said)
}

/// A signal on its way to waveforms.
struct Signal {
    point: String,
    t0: Timestamp,
    fs: f64,
    unit: Unit,
    rpm: Option<f64>,
    /// What names the moment, where it was taken together with others.
    sync: Option<String>,
    /// Of a tacho: pulses in each turn of its shaft.
    pulses: Option<f64>,
    /// Whether it is one record already.
    whole: bool,
    values: Vec<f32>,
}

fn of_wav(path: &Path, bytes: &[u8], sidecar: &Sidecar, said: &Said) -> Result<Vec<Waveform>, ImportError> {
    let wav =
        wav::decode(bytes).map_err(|fault| ImportError::Format { path: path.to_owned(), why: fault.to_string() })?;
    let machine = machine(path, sidecar, said)?;
    let t0 = said.t0.or(sidecar.t0).ok_or_else(|| no_time(path))?;
    let mut waveforms = Vec::new();
    for i in 0..wav.channels {
        let known = sidecar.channel(i);
        let unit = said.unit.or(known.unit).ok_or_else(|| no_unit(path, ""))?;
        let point = point_of(&wav, i, known, said);
        let values = wav.samples(i).map(|v| (v * known.scale + known.offset) as f32).collect();
        let fs = sidecar.fs.unwrap_or(f64::from(wav.fs));
        // Channels of one recording were sampled together, whether anybody says so or not.
        let sync = known.sync.clone().or_else(|| (wav.channels > 1).then(|| format!("recording {}", t0.nanos())));
        let (rpm, pulses, whole) = (said.rpm.or(known.rpm), known.pulses, sidecar.whole);
        let signal = Signal { point, t0, fs, unit, rpm, sync, pulses, whole, values };
        pieces(path, &machine, signal, &mut waveforms)?;
    }
    Ok(waveforms)
}

fn point_of(wav: &Wav<'_>, i: u16, known: &Channel, said: &Said) -> String {
    match (&said.point, &known.point) {
        (Some(point), _) if wav.channels == 1 => point.clone(),
        (Some(point), _) => format!("{point}_{}", i + 1),
        (None, Some(point)) => point.clone(),
        (None, None) => format!("channel_{}", i + 1),
    }
}

fn of_uff(path: &Path, bytes: &[u8], said: &Said) -> Result<(Vec<Waveform>, usize), ImportError> {
    let found =
        uff::decode(bytes).map_err(|fault| ImportError::Format { path: path.to_owned(), why: fault.to_string() })?;
    let machine = machine(path, &Sidecar::default(), said)?;
    // The file's own date has no zone and no fixed form.
    let t0 = said.t0.ok_or_else(|| no_time(path))?;
    let several = found.signals.len() > 1;
    let mut waveforms = Vec::new();
    for (i, signal) in found.signals.into_iter().enumerate() {
        let unit = said.unit.or_else(|| Unit::parse(&signal.unit)).ok_or_else(|| no_unit(path, &signal.unit))?;
        let point = match &said.point {
            Some(point) if several => format!("{point}_{}", i + 1),
            Some(point) => point.clone(),
            None => direction(&signal.response),
        };
        let start = Duration::try_from_secs_f64(signal.start.abs()).unwrap_or_default();
        let t0 = if signal.start < 0.0 { t0 - start } else { t0 + start };
        let values = signal.values.iter().map(|v| *v as f32).collect();
        let (rpm, fs) = (said.rpm, 1.0 / signal.step);
        let signal = Signal { point, t0, fs, unit, rpm, sync: None, pulses: None, whole: false, values };
        pieces(path, &machine, signal, &mut waveforms)?;
    }
    Ok((waveforms, found.skipped))
}

/// `12+x`: node and direction of a response.
fn direction((_, node, direction): &(String, i64, i64)) -> String {
    let axis = match direction.abs() {
        1 => "x",
        2 => "y",
        3 => "z",
        4 => "rx",
        5 => "ry",
        6 => "rz",
        _ => "",
    };
    // '+' cannot stand in a point's name.
    let sign = if *direction < 0 { "-" } else { "" };
    format!("node_{node}{}{sign}{axis}", if axis.is_empty() { "" } else { "_" })
}

fn machine(path: &Path, sidecar: &Sidecar, said: &Said) -> Result<MachineId, ImportError> {
    if let Some(machine) = &said.machine {
        return Ok(machine.clone());
    }
    match &sidecar.machine {
        Some(text) => text.parse().map_err(|error| ImportError::Name { path: path.to_owned(), error }),
        None => Err(ImportError::Unsaid {
            path: path.to_owned(),
            what: "the machine".into(),
            next: "give --machine SITE/MACHINE, or put it into the sidecar",
        }),
    }
}

fn no_time(path: &Path) -> ImportError {
    let next = "give --time, or put t0 into the sidecar of a WAV";
    ImportError::Unsaid { path: path.to_owned(), what: "the time of the first sample".into(), next }
}

fn no_unit(path: &Path, found: &str) -> ImportError {
    let what = if found.is_empty() { "the unit".into() } else { format!("the unit {found:?} of the file") };
    ImportError::Unsaid { path: path.to_owned(), what, next: "give --unit, or put it into the sidecar of a WAV" }
}

/// What the piece of a recording that begins with sample `from` is called: each is a moment of its own. A name of the
/// recording that leaves no room for that stands for itself by a number that follows from it.
fn moment(recording: &str, from: usize) -> String {
    let own = format!("{recording}/{from}");
    if is_sync(&own) || !is_sync(recording) {
        return own;
    }
    format!("{}/{from}", waveform::derived_id(recording, Timestamp::default(), &[]))
}

/// Cuts a signal into waveforms, as a sensor would send them.
fn pieces(path: &Path, machine: &MachineId, signal: Signal, out: &mut Vec<Waveform>) -> Result<(), ImportError> {
    let Signal { point, t0, fs, unit, rpm, sync, pulses, whole, values } = signal;
    let point: PointId = machine.point(&point).map_err(|error| ImportError::Name { path: path.to_owned(), error })?;
    let mut from = 0;
    let lengths = if whole { vec![values.len()] } else { cut::lengths(values.len(), fs, rpm) };
    for length in lengths {
        if out.len() >= MAX_WAVEFORMS || length > MAX_SAMPLES {
            let what = format!("makes more than {MAX_WAVEFORMS} waveforms: cut it");
            return Err(ImportError::TooLarge { path: path.to_owned(), what });
        }
        let piece = &values[from..from + length];
        let begin = t0 + Duration::try_from_secs_f64(from as f64 / fs).unwrap_or_default();
        let meta = WaveformMeta {
            speed: rpm.map(|mean_rpm| Speed { mean_rpm, range_rpm: None }),
            sync: sync.as_ref().map(|s| if whole { s.as_str().into() } else { moment(s, from).into() }),
            pulses,
            ..WaveformMeta::default()
        };
        let id = waveform::derived_id(point.as_str(), begin, piece);
        let made = Waveform::new(id, point.clone(), begin, begin, fs, unit, Samples::F32(piece.into()), meta);
        out.push(made.map_err(|error| ImportError::Waveform { path: path.to_owned(), error })?);
        from += length;
    }
    Ok(())
}
