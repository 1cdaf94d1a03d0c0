//! `danxia import points`: histories of other systems come in by the door that machines use.
//!
//! Every file is read twice. The first time everything is looked at and nothing is published: what cannot be read goes to
//! `FILE.rejects.csv`, and the instance is asked whether it knows the points ([`known`]). The second time values are
//! published in large telemetry messages ([`publish`]), and what is acknowledged, and therefore on disk, is noted beside
//! the file ([`journal`]), so that an import that was interrupted goes on there. Publishing a value twice changes nothing:
//! it has the same series and the same instant.

mod journal;
mod known;
mod publish;
mod rejects;
mod survey;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use files::history::{History, Layout, Wide};
use plant::{Clock, Timestamp};

use crate::cli::ImportPoints;
use crate::clock::SystemClock;
use crate::commands::Exit;
use crate::commands::remote::Remote;
use journal::{Identity, Journal};
use known::{Known, Need};
use survey::Survey;

/// Values further ahead of our clock are no history; the collector would refuse their whole message.
const AHEAD: Duration = Duration::from_secs(24 * 3600);
/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// What was imported.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    values: u64,
    seconds: f64,
}

/// Checks all files, then imports them.
pub async fn run(args: &ImportPoints, credentials: Option<(String, String)>) -> anyhow::Result<Exit> {
    let layout = layout(args, SystemClock.now());
    let remote = match Remote::new(&args.url, args.ca.as_deref()) {
        Ok(remote) => remote,
        Err(said) => {
            eprintln!("{said}");
            return Ok(Exit::Usage);
        }
    };
    let options = format!("{} {:?}", args.mqtt, Layout { newest: Timestamp::MAX, ..layout.clone() });
    let mut surveys = Vec::new();
    let mut jobs = Vec::new();
    for path in &args.files {
        let notes = Notes::of(path, args.notes.as_deref());
        let identity = Identity::of(path, &options).with_context(|| format!("{}", path.display()))?;
        let journal = match Journal::find(&notes.journal, &identity) {
            Ok(found) => found.filter(|_| !args.check),
            Err(said) if !args.check => {
                eprintln!("{said}");
                return Ok(Exit::Usage);
            }
            Err(_) => None,
        };
        if journal.is_none() {
            match survey::look(path, &layout, &notes.rejects, args.strict) {
                Ok(survey) => surveys.push(survey),
                Err(e) => return refused(e),
            }
        }
        jobs.push((path.as_path(), notes, identity, journal));
    }
    let survey = Survey::together(surveys);
    survey.say();
    let need = Known::ask(&remote, &survey).map(|k| k.need(&survey));
    let need = match need {
        Ok(need) => need,
        Err(said) => {
            eprintln!(
                "{said}\nit is asked which points there are before anything is imported; --url says where its page is"
            );
            return Ok(Exit::Unavailable);
        }
    };
    need.say(args.create);
    if args.check {
        return Ok(if need.stops(args.create) || survey.rejected() > 0 { Exit::Failure } else { Exit::Ok });
    }
    if need.stops(args.create) || (args.strict && survey.rejected() > 0) {
        eprintln!("nothing was imported");
        return Ok(Exit::Failure);
    }
    if survey.values() == 0 && jobs.iter().all(|(.., journal)| journal.is_none()) {
        eprintln!("there is nothing to import");
        return Ok(Exit::Failure);
    }
    import(args, credentials, &layout, &remote, &need, jobs).await
}

type Job<'a> = (&'a Path, Notes, Identity, Option<Journal>);

async fn import(
    args: &ImportPoints,
    credentials: Option<(String, String)>,
    layout: &Layout,
    remote: &Remote,
    need: &Need,
    jobs: Vec<Job<'_>>,
) -> anyhow::Result<Exit> {
    let client = jobs.first().map_or_else(String::new, |(_, _, identity, _)| identity.client());
    let publisher = match publish::connect(&args.mqtt.to_string(), &client, credentials).await {
        Ok(publisher) => publisher,
        Err(e) => {
            eprintln!("{e}");
            return Ok(Exit::Unavailable);
        }
    };
    need.create(&publisher, remote, layout, jobs.iter().map(|j| j.0)).await?;
    let before = known::ledger(remote, &client)?;
    let mut total = Done::default();
    for (path, notes, identity, journal) in jobs {
        match one(path, layout, &notes, identity, journal, &publisher).await {
            Ok(done) => {
                total.values += done.values;
                total.seconds += done.seconds;
            }
            Err(e) if e.downcast_ref::<publish::Stopped>().is_some() => {
                eprintln!("{e:#}\nthe same command goes on where this stands: {}", notes.journal.display());
                return Ok(Exit::Unavailable);
            }
            Err(e) => return Err(e),
        }
    }
    publisher.close(Duration::ZERO).await;
    let rate = total.values as f64 / total.seconds.max(1e-9);
    eprintln!(
        "{} values imported in {:.1} s ({rate:.0}/s), every one acknowledged: it is on disk",
        total.values, total.seconds
    );
    known::became(remote, &client, &before, &args.url)
}

/// Imports one file, from where it stood.
async fn one(
    path: &Path,
    layout: &Layout,
    notes: &Notes,
    identity: Identity,
    journal: Option<Journal>,
    publisher: &seeds::publisher::Publisher,
) -> anyhow::Result<Done> {
    let mut history = open(path, layout)?;
    let begun = journal.is_some();
    let mut journal = journal.unwrap_or_else(|| Journal::new(identity, history.position()));
    if begun {
        eprintln!("{}: goes on at line {}", path.display(), journal.position.line);
        history.seek(journal.position)?;
    }
    let done = publish::file(path, &mut history, &mut journal, &notes.journal, publisher).await?;
    Journal::remove(&notes.journal)?;
    Ok(done)
}

fn open(path: &Path, layout: &Layout) -> anyhow::Result<History<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    History::open(BufReader::with_capacity(BUFFER, file), layout.clone()).with_context(|| format!("{}", path.display()))
}

fn refused(e: anyhow::Error) -> anyhow::Result<Exit> {
    if e.downcast_ref::<files::history::LayoutError>().is_some() || e.downcast_ref::<survey::Strict>().is_some() {
        eprintln!("{e:#}\nnothing was imported");
        return Ok(Exit::Failure);
    }
    Err(e)
}

fn layout(args: &ImportPoints, now: Timestamp) -> Layout {
    let wide = match (args.wide, args.map.is_empty()) {
        (true, _) => Wide::All,
        (false, false) => Wide::These(args.map.clone()),
        (false, true) => Wide::No,
    };
    Layout {
        delimiter: args.delimiter,
        decimal_comma: args.decimal_comma,
        encoding: args.encoding.into(),
        zone: args.timezone.clone(),
        time_format: args.time_format.clone(),
        machine: args.machine.clone(),
        point: args.point.clone(),
        unit: args.unit,
        columns: args.column.clone(),
        wide,
        texts: args.text,
        newest: now + AHEAD,
    }
}

/// The files beside a history.
struct Notes {
    journal: PathBuf,
    rejects: PathBuf,
}

impl Notes {
    fn of(path: &Path, dir: Option<&Path>) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = |ending: &str| match dir {
            Some(dir) => dir.join(format!("{name}.{ending}")),
            None => path.with_file_name(format!("{name}.{ending}")),
        };
        Self { journal: beside("danxia-import"), rejects: beside("rejects.csv") }
    }
}
