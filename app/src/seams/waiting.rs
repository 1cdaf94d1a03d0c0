//! What waits in quarantine, as the page sees and moves it: the collector behind the page's own words.

use std::sync::Arc;

use collector::{Adopt, AdoptError, AdoptPoint, Collector, NewMachine, NewPoint, ReplayError, Replayed};
use futures_util::future::BoxFuture;
use historian::{Archive, Ignored, Selection};
use plant::{Clock, Name, PointKind, Timestamp, Title, Unit, Value};
use tokio::sync::watch;
use web::{Declined, dto};

use crate::config::Settings;
use crate::statement::Signer;

/// The collector for the page.
pub struct Waiting {
    collector: Collector,
    archive: Archive,
    signer: Signer,
    clock: Arc<dyn Clock>,
    progress: watch::Sender<dto::Replay>,
}

impl Waiting {
    /// On `collector` and the store in the settings' directory.
    pub fn new(collector: Collector, archive: Archive, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let progress = watch::channel(dto::Replay::default()).0;
        Self { collector, archive, signer: Signer::new(&settings.data), clock, progress }
    }
}

impl web::Waiting for Waiting {
    fn replay(&self, which: Selection) -> bool {
        let begins = self.progress.send_if_modified(|now| {
            let idle = !now.running;
            if idle {
                *now = dto::Replay { running: true, ..dto::Replay::default() };
            }
            idle
        });
        if begins {
            let (collector, progress) = (self.collector.clone(), self.progress.clone());
            tokio::spawn(async move {
                let told =
                    |r: &Replayed| progress.send_modify(|now| *now = dto::Replay { running: true, ..replayed(r) });
                let ended = collector.replay(&which, told).await;
                progress.send_modify(|now| match ended {
                    Ok(sum) => *now = replayed(&sum),
                    Err(why) => (now.running, now.problem) = (false, Some(why.to_string())),
                });
            });
        }
        begins
    }

    fn progress(&self) -> watch::Receiver<dto::Replay> {
        self.progress.subscribe()
    }

    fn discard(&self, which: Selection, why: String) -> BoxFuture<'_, Result<u64, Declined>> {
        Box::pin(async move { self.collector.discard(&which, &why).await.map_err(now) })
    }

    fn restore(&self, which: Selection) -> BoxFuture<'_, Result<u64, Declined>> {
        Box::pin(async move { self.collector.restore(&which).await.map_err(now) })
    }

    fn discovery(&self) -> dto::Discovery {
        let found = self.collector.new_points();
        let machines = found.machines.iter().map(machine).collect();
        dto::Discovery { machines, left_out: found.left_out, ignored: Vec::new() }
    }

    fn adopt(&self, what: dto::Adopt) -> BoxFuture<'_, Result<dto::Adopted, Declined>> {
        Box::pin(async move {
            let wanted = what.machines.into_iter().map(adopt).collect::<Result<Vec<_>, _>>()?;
            let adopted = self.collector.adopt(&wanted, |_| {}).await.map_err(|e| match e {
                AdoptError::Changed { .. } => Declined::Overtaken(e.to_string()),
                AdoptError::NotOffered { .. } | AdoptError::NoModel { .. } => Declined::Asked(e.to_string()),
                e => Declined::Now(e.to_string()),
            })?;
            let replay = replayed(&adopted.replayed);
            Ok(dto::Adopted { machines: adopted.machines, points: adopted.points, replay })
        })
    }

    fn ignore(&self, names: Vec<Ignored>) -> BoxFuture<'_, Result<(), Declined>> {
        Box::pin(async move { self.collector.ignore(names).await.map_err(|e| Declined::Now(e.to_string())) })
    }

    fn statement(&self, from: Timestamp, to: Timestamp) -> Result<String, Declined> {
        let signed = self.signer.statement(&self.archive, from, to, self.clock.now());
        signed.map_err(|e| {
            tracing::error!("no statement could be signed: {e:#}");
            Declined::Now(format!("no statement could be signed: {e:#}"))
        })
    }
}

fn now(e: ReplayError) -> Declined {
    Declined::Now(e.to_string())
}

fn replayed(r: &Replayed) -> dto::Replay {
    let Replayed { selected, done, committed, duplicates, failed, incomplete } = *r;
    dto::Replay { running: false, selected, done, committed, duplicates, failed, incomplete, problem: None }
}

fn machine(m: &NewMachine) -> dto::NewMachine {
    let title = m.described.as_ref().map(|d| d.title.clone()).unwrap_or_default();
    dto::NewMachine {
        machine: m.machine.to_string(),
        known: m.known,
        edition: m.edition,
        described: m.described.is_some(),
        title: dto::Title { zh: title.zh.map(|s| s.to_string()), en: title.en.map(|s| s.to_string()) },
        points: m.points.iter().map(point).collect(),
    }
}

fn point(p: &NewPoint) -> dto::NewPoint {
    dto::NewPoint {
        name: p.name.as_deref().map(Into::into),
        kind: match p.kind {
            PointKind::Scalar => "scalar".into(),
            PointKind::Waveform => "waveform".into(),
        },
        unit: p.unit.as_deref().map(Into::into),
        unit_known: p.unit.as_deref().is_none_or(|u| Unit::parse(u).is_some()),
        value: p.value.as_ref().map(|v| match v {
            Value::Float(v) => dto::Number::Float(*v),
            Value::Int(v) => dto::Number::Int(*v),
            Value::Bool(v) => dto::Number::Bool(*v),
            Value::Text(v) => dto::Number::Text(v.to_string()),
        }),
        quality: dto::Quality(p.quality.to_string()),
        t: p.t.into(),
        count: p.count,
        source: p.source.to_string(),
        first: p.first.into(),
        last: p.last.into(),
    }
}

fn adopt(a: dto::AdoptMachine) -> Result<Adopt, Declined> {
    let points = a.points.map(|points| points.into_iter().map(adopt_point).collect::<Result<Vec<_>, _>>());
    Ok(Adopt {
        machine: name("a machine as SITE/MACHINE", &a.machine)?,
        title: title(a.title)?,
        area: a.area.as_deref().filter(|s| !s.is_empty()).map(|s| name::<Name>("an area's name", s)).transpose()?,
        like: a.like.as_deref().filter(|s| !s.is_empty()).map(|s| name("a machine as SITE/MACHINE", s)).transpose()?,
        points: points.transpose()?,
        edition: a.edition,
    })
}

fn adopt_point(p: dto::AdoptPoint) -> Result<AdoptPoint, Declined> {
    let unit = p.unit.as_deref().filter(|u| !u.is_empty()).map(|u| {
        Unit::parse(u).ok_or_else(|| Declined::Asked(format!("found the unit {u:.40?}; expected one of the table")))
    });
    Ok(AdoptPoint { name: p.name, title: title(p.title)?, unit: unit.transpose()? })
}

fn name<T: std::str::FromStr<Err: std::fmt::Display>>(expected: &str, found: &str) -> Result<T, Declined> {
    found.parse().map_err(|e| Declined::Asked(format!("found {found:.80?}; expected {expected}: {e}")))
}

fn title(t: dto::Title) -> Result<Title, Declined> {
    let one = |s: Option<String>| match s.filter(|s| !s.trim().is_empty()) {
        Some(s) if s.chars().count() > 200 || s.chars().any(char::is_control) => Err(Declined::Asked(format!(
            "found the title {s:.40?}; expected at most 200 characters, none of them control"
        ))),
        s => Ok(s.map(|s| s.trim().into())),
    };
    Ok(Title { zh: one(t.zh)?, en: one(t.en)? })
}
