//! What is computed of records when an analyst asks for it: one at a time for each client, within the bound on reads.

use std::sync::Arc;

use plant::{Timestamp, Waveform, WaveformId};

use super::waveforms::{id, load, machine_of, missing};
use crate::dto;
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::question::{Question, Reference};
use crate::respond;
use crate::router::{Answer, Ask};
use crate::state::Sources;

/// Records of one waterfall.
const ROWS: usize = 128;
/// Samples that one waterfall may read.
const SAMPLES: u64 = 20_000_000;
/// The questions, by name.
const KINDS: [&str; 11] = [
    "zoom",
    "velocity",
    "displacement",
    "envelope",
    "peak_hold",
    "cepstrum",
    "spectrogram",
    "kurtogram",
    "orders",
    "average",
    "run_up",
];
/// Pulses in a turn, and turns in a turn, beyond which nothing is meant.
const MOST_PULSES: f64 = 10_000.0;
/// No record shows more, Hz.
const HIGHEST_HZ: f64 = 1e9;

/// One question to one record. What cannot be computed says so in `refused`.
#[utoipa::path(get, path = "/api/v1/waveforms/{id}/analysis", tag = "waveforms",
    params(
        ("id" = String, Path, description = "The record's id, a UUID."),
        ("kind" = String, Query, description = "`zoom`, `velocity`, `displacement`, `envelope`, `peak_hold`, `cepstrum`, `spectrogram`, `kurtogram`, `orders`, `average` or `run_up`."),
        ("low_hz" = Option<f64>, Query, description = "`zoom`, `envelope`: low end of the band; 0 where it is left out. `velocity`, `displacement`: where the high-pass begins; 10 Hz, 2 Hz for slow shafts, where it is left out."),
        ("high_hz" = Option<f64>, Query, description = "`zoom`, `envelope`: high end of the band; half of the sampling rate where it is left out."),
        ("to_hz" = Option<f64>, Query, description = "`envelope`: up to where its spectrum goes."),
        ("corner_hz" = Option<f64>, Query, description = "`peak_hold`: where its high-pass begins; as is usual for the shaft's speed where it is left out."),
        ("tacho" = Option<String>, Query, description = "`orders`, `average`, `run_up` (needed there): a record of pulses, taken at the same time."),
        ("min_hz" = Option<f64>, Query, description = "`orders`, `average`: the lowest speed of the shaft to look for; with `max_hz`."),
        ("max_hz" = Option<f64>, Query, description = "`orders`, `average`: the highest."),
        ("pulses" = Option<f64>, Query, description = "`orders`, `average`, `run_up`: pulses of the tacho in a turn; 1 where it is left out."),
        ("ratio" = Option<f64>, Query, description = "`average`: turns of the shaft of interest in one turn of the reference; 1 where it is left out."),
    ),
    responses(
        (status = 200, description = "The answer.", body = dto::Analysis),
        (status = 422, description = "A number makes no sense for this record.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn analysis(ask: Ask) -> Answer {
    let id = id(&ask)?;
    let kinds = KINDS.map(|k| (k, k));
    let kind = ask.query.choice("kind", &kinds)?;
    let kind = kind.ok_or_else(|| Problem::query("kind", &format!("one of {}", KINDS.join(", ")), ""))?;
    ask.query.only(match kind {
        "zoom" => &["kind", "low_hz", "high_hz"],
        "velocity" | "displacement" => &["kind", "low_hz"],
        "envelope" => &["kind", "low_hz", "high_hz", "to_hz"],
        "peak_hold" => &["kind", "corner_hz"],
        "run_up" => &["kind", "tacho", "pulses"],
        "orders" => &["kind", "tacho", "min_hz", "max_hz", "pulses"],
        "average" => &["kind", "tacho", "min_hz", "max_hz", "pulses", "ratio"],
        _ => &["kind"],
    })?;
    let _turn = ask.state.turns.take(ask.peer).await?;
    let (sources, analyst, query) = (ask.state.sources.clone(), ask.state.analyst.clone(), ask.query.clone());
    let work = move || {
        let waveform = load(&sources, id)?;
        let question = question(kind, &query, &waveform, &sources)?;
        Ok(analyst.analyse(&waveform, &machine_of(&sources, &waveform), &question))
    };
    let answer = ask.state.reads.with(work).await?;
    Ok(respond::json(&ask.headers, &answer))
}

fn question(kind: &str, query: &Query, w: &Waveform, sources: &Sources) -> Result<Question, Problem> {
    Ok(match kind {
        "zoom" => {
            let (low_hz, high_hz) = band(query, w.fs)?;
            Question::Zoom { low_hz, high_hz }
        }
        "velocity" | "displacement" => {
            let low_hz = query.positive("low_hz", w.fs / 2.0, "half of the sampling rate")?;
            Question::Integrated { twice: kind == "displacement", low_hz }
        }
        "envelope" => {
            let (low_hz, high_hz) = band(query, w.fs)?;
            let to_hz = query.positive("to_hz", w.fs / 2.0, "half of the sampling rate")?;
            Question::Envelope { low_hz, high_hz, to_hz }
        }
        "peak_hold" => {
            let corner_hz = query.positive("corner_hz", w.fs / 2.0, "half of the sampling rate")?;
            Question::PeakHold { corner_hz }
        }
        "run_up" => {
            let Reference { tacho, pulses_per_turn, .. } = reference(query, w.fs, sources)?;
            let needed = || Problem::query("tacho", "the id of a record of pulses: without it there is no phase", "");
            Question::RunUp { tacho: tacho.ok_or_else(needed)?, pulses_per_turn }
        }
        "cepstrum" => Question::Cepstrum,
        "spectrogram" => Question::Spectrogram,
        "kurtogram" => Question::Kurtogram,
        "orders" => Question::Orders(reference(query, w.fs, sources)?),
        _ => Question::Average {
            reference: reference(query, w.fs, sources)?,
            ratio: query.positive("ratio", MOST_PULSES, "turns")?.unwrap_or(1.0),
        },
    })
}

/// `low_hz..high_hz` within what a record of rate `fs` can show.
fn band(query: &Query, fs: f64) -> Result<(f64, f64), Problem> {
    const OF: &str = "half of the sampling rate";
    // A band may begin at 0, which is not positive.
    let zero = query.text("low_hz").is_some_and(|v| v.parse() == Ok(0.0));
    let low = if zero { 0.0 } else { query.positive("low_hz", fs / 2.0, OF)?.unwrap_or(0.0) };
    let high = query.positive("high_hz", fs / 2.0, OF)?.unwrap_or(fs / 2.0);
    if low >= high {
        return Err(Problem::out_of_range("low_hz", "a number below high_hz", &low.to_string()));
    }
    Ok((low, high))
}

fn reference(query: &Query, fs: f64, sources: &Sources) -> Result<Reference, Problem> {
    const OF: &str = "half of the sampling rate";
    let tacho: Option<WaveformId> = query.get("tacho", "a record's id, a UUID")?;
    let tacho = tacho.map(|id| load(sources, id)).transpose()?;
    let (min, max) = (query.positive("min_hz", fs / 2.0, OF)?, query.positive("max_hz", fs / 2.0, OF)?);
    let expected_hz = match (min, max) {
        (None, None) => None,
        (Some(min), Some(max)) if min < max => Some((min, max)),
        (Some(min), _) => return Err(Problem::out_of_range("min_hz", "a number below max_hz", &min.to_string())),
        (None, Some(max)) => {
            return Err(Problem::out_of_range("max_hz", "min_hz beside it", &max.to_string()));
        }
    };
    let pulses_per_turn = query.positive("pulses", MOST_PULSES, "pulses in a turn")?.unwrap_or(1.0);
    Ok(Reference { tacho, expected_hz, pulses_per_turn })
}

/// The path of a shaft between two sensors at right angles, and its full spectrum.
#[utoipa::path(get, path = "/api/v1/waveforms/{id}/orbit", tag = "waveforms",
    params(
        ("id" = String, Path, description = "The record of the horizontal sensor, a UUID."),
        ("with" = String, Query, description = "The record of the vertical sensor, taken at the same time."),
    ),
    responses(
        (status = 200, description = "The answer.", body = dto::Analysis),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn orbit(ask: Ask) -> Answer {
    ask.query.only(&["with"])?;
    const WITH: &str = "the id of the record of the sensor at right angles";
    let with: Option<WaveformId> = ask.query.get("with", WITH)?;
    let (id, with) = (id(&ask)?, with.ok_or_else(|| Problem::query("with", WITH, ""))?);
    let _turn = ask.state.turns.take(ask.peer).await?;
    let (sources, analyst) = (ask.state.sources.clone(), ask.state.analyst.clone());
    let work = move || Ok(analyst.orbit(&*load(&sources, id)?, &*load(&sources, with)?));
    let answer = ask.state.reads.with(work).await?;
    Ok(respond::json(&ask.headers, &answer))
}

/// The spectra of a point's records over time or speed.
#[utoipa::path(get, path = "/api/v1/waterfall", tag = "waveforms",
    params(
        ("point" = String, Query, description = "The point, `site/machine/point`."),
        ("from" = Option<String>, Query, description = "Begin (included): RFC 3339 or milliseconds since 1970; the beginning of the store where it is left out."),
        ("to" = Option<String>, Query, description = "End (not included); the end of the store where it is left out."),
        ("limit" = Option<usize>, Query, description = "At most so many records, the newest, 1 to 128; 40 where it is left out."),
        ("to_hz" = Option<f64>, Query, description = "Up to which frequency; 1000 Hz, or half of the sampling rate, where it is left out."),
        ("by" = Option<String>, Query, description = "In order of `time` (also where it is left out) or `speed`; records without a speed are not in the latter."),
    ),
    responses(
        (status = 200, description = "The answer: a row each record, in order.", body = dto::Analysis),
        (status = 422, description = "A number makes no sense for these records, or they are too long.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn waterfall(ask: Ask) -> Answer {
    ask.query.only(&["point", "from", "to", "limit", "to_hz", "by"])?;
    let wanted = Waterfall::parse(&ask.query)?;
    let _turn = ask.state.turns.take(ask.peer).await?;
    let (sources, analyst) = (ask.state.sources.clone(), ask.state.analyst.clone());
    let answer = ask.state.reads.with(move || wanted.compute(&sources, &*analyst)).await?;
    Ok(respond::json(&ask.headers, &answer))
}

struct Waterfall {
    query: Query,
    point: plant::PointId,
    span: (Timestamp, Timestamp),
    limit: usize,
    by_speed: bool,
}

impl Waterfall {
    fn parse(query: &Query) -> Result<Self, Problem> {
        let from = query.instant("from")?.unwrap_or(Timestamp::MIN);
        let to = query.instant("to")?.unwrap_or(Timestamp::MAX);
        if from >= to {
            return Err(Problem::query("from", "an instant before \"to\"", query.text("from").unwrap_or_default()));
        }
        // Read once here, so that nonsense is told before anything is read, and once more when the rate is known.
        query.positive("to_hz", HIGHEST_HZ, "half of the sampling rate")?;
        Ok(Self {
            query: query.clone(),
            point: query.point()?,
            span: (from, to),
            limit: query.count("limit", 40, ROWS)?,
            by_speed: query.choice("by", &[("time", false), ("speed", true)])?.unwrap_or(false),
        })
    }

    fn compute(&self, sources: &Sources, analyst: &dyn crate::Analyst) -> Result<dto::Analysis, Problem> {
        let found = sources.archive.waveforms(&self.point, self.span.0, self.span.1, self.limit);
        let found = found.map_err(|e| Problem::unreadable(&e))?;
        if found.is_empty() && sources.register.plant().point(&self.point).is_none() {
            let next = "GET /api/v1/machines/{site}/{machine} lists a machine's points";
            return Err(Problem::not_found("point", self.point.as_str(), next));
        }
        let samples: u64 = found.iter().map(|w| w.n).sum();
        if samples > SAMPLES {
            let detail = format!("these records hold {samples} samples; at most {SAMPLES} are read at once");
            return Err(Problem::new(Kind::TooCostly, detail, "ask for fewer records with limit, from or to"));
        }
        let fs = found.iter().map(|w| w.fs).fold(f64::INFINITY, f64::min);
        let top = if found.is_empty() { HIGHEST_HZ } else { fs / 2.0 };
        let to_hz = self.query.positive("to_hz", top, "half of the sampling rate")?.unwrap_or(top.min(1000.0));
        let mut rows: Vec<(f64, Arc<Waveform>)> = Vec::with_capacity(found.len());
        for info in &found {
            let place = if self.by_speed { info.rpm } else { Some(info.t0.nanos() as f64 / 1e9) };
            let Some(place) = place else { continue };
            match load(sources, info.id) {
                Ok(w) => rows.push((place, w)),
                // It may have been thinned since the list was read.
                Err(p) if p == missing(&info.id.to_string()) => {}
                Err(p) => return Err(p),
            }
        }
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut answer = analyst.waterfall(&rows, to_hz);
        if let Some(map) = answer.map.as_mut().filter(|m| m.rows == rows.len()) {
            map.records = rows.iter().map(|(_, w)| record(w)).collect();
        }
        Ok(answer)
    }
}

fn record(w: &Waveform) -> dto::MapRecord {
    dto::MapRecord { id: w.id.to_string(), t0: w.t0.into(), rpm: w.meta.speed.map(|s| s.mean_rpm) }
}
