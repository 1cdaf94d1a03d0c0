//! What the instance knows of the points of a history, and what became of the messages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, bail};
use collector::wire::birth::{self, Birth, WirePoint};
use files::history::{Layout, Row};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use plant::{MachineId, PointId, Quantity, Unit};
use seeds::publisher::Publisher;
use web::{RegistrarError, dto};

use super::publish;
use super::survey::{Facts, Survey};
use crate::commands::Exit;
use crate::commands::remote::{Remote, sentence};

/// Most machines of one adoption, by the API.
const AT_ONCE: usize = 200;
/// Most names that are listed on the terminal.
const LISTED: usize = 20;

/// The points of the machines that a history names, as the instance has them; `None`: no such machine.
pub struct Known(BTreeMap<MachineId, Option<BTreeMap<String, dto::Point>>>);

/// What stands between a history and its import.
#[derive(Debug, Default)]
pub struct Need {
    /// Machines that are not there, with their points.
    machines: BTreeMap<MachineId, Points>,
    /// Points that are not there, of machines that are.
    points: BTreeMap<MachineId, Points>,
    /// What contradicts the plant.
    wrong: Vec<String>,
}

type Points = Vec<(PointId, Option<Unit>)>;

impl Known {
    /// Asks for every machine of the survey.
    pub fn ask(remote: &Remote, survey: &Survey) -> Result<Self, String> {
        let machines: BTreeSet<MachineId> = survey.points.keys().map(PointId::machine).collect();
        machines.into_iter().map(|m| Ok((m.clone(), points(remote, &m)?))).collect::<Result<_, String>>().map(Self)
    }

    /// What is missing, and what cannot be.
    pub fn need(&self, survey: &Survey) -> Need {
        let mut need = Need::default();
        for (point, facts) in &survey.points {
            let machine = point.machine();
            need.wrong.extend(contradiction(point, facts, self.at(point)));
            match self.0.get(&machine) {
                Some(Some(points)) if points.contains_key(point.name()) => {}
                Some(Some(_)) => need.points.entry(machine).or_default().push((point.clone(), facts.unit)),
                _ => need.machines.entry(machine).or_default().push((point.clone(), facts.unit)),
            }
        }
        need
    }

    fn at(&self, point: &PointId) -> Option<&dto::Point> {
        self.0.get(point.machine_str())?.as_ref()?.get(point.name())
    }
}

fn points(remote: &Remote, machine: &MachineId) -> Result<Option<BTreeMap<String, dto::Point>>, String> {
    let encoded = |part: &str| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string();
    let path = format!("/api/v1/machines/{}/{}", encoded(machine.site()), encoded(machine.name()));
    match remote.get::<dto::MachineDetail>(&path) {
        Ok(found) => Ok(Some(found.points.into_iter().map(|p| (p.name.clone(), p)).collect())),
        Err(RegistrarError::Unknown(_)) => Ok(None),
        Err(e) => Err(sentence(e)),
    }
}

/// Why values of this kind cannot be values of this point: the collector would refuse their messages.
fn contradiction(point: &PointId, facts: &Facts, known: Option<&dto::Point>) -> Option<String> {
    if let (Some(a), Some(b)) = (facts.unit, facts.other_unit) {
        return Some(format!(
            "{point}: its values are stated in {a} and in {b}; give each quantity a point of its own"
        ));
    }
    let known = known?;
    if known.kind == "waveform" {
        return Some(format!("{point} is a point of waveforms and takes no single values"));
    }
    let unit = known.unit.as_deref().and_then(Unit::parse);
    match (unit, facts.unit) {
        (Some(kept), Some(stated)) if kept.quantity() != stated.quantity() => {
            Some(format!("{point} is kept in {kept}; expected a unit of {}, found {stated}", kept.quantity().as_str()))
        }
        (Some(kept), _) if facts.no_number => {
            Some(format!("{point} is kept in {kept}; expected numbers, found texts, or true or false"))
        }
        (None, Some(stated)) => Some(format!("{point} has no unit; found values in {stated}: leave the unit out")),
        _ => None,
    }
}

impl Need {
    /// Whether it stops the import.
    pub fn stops(&self, create: bool) -> bool {
        !self.wrong.is_empty() || (!create && !self.is_empty())
    }

    fn is_empty(&self) -> bool {
        self.machines.is_empty() && self.points.is_empty()
    }

    /// Says what it is and what to do.
    pub fn say(&self, create: bool) {
        list("contradicts the plant", self.wrong.iter().cloned());
        let machines = self.machines.iter().map(|(m, points)| format!("{m}, with {} points", points.len()));
        list("not in the plant", machines);
        list("not in the plant", self.points.values().flatten().map(|(p, _)| p.to_string()));
        if !self.is_empty() && !create {
            eprintln!("correct the names, or give --create to take these into the plant");
        }
    }

    /// Takes what is missing into the plant: machines by their birth, points by their first value; where the instance does
    /// not take on by itself what it does not know, it is told to.
    pub async fn create<'a>(
        &self,
        publisher: &Publisher,
        remote: &Remote,
        layout: &Layout,
        files: impl Iterator<Item = &'a Path>,
    ) -> anyhow::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        for (machine, points) in &self.machines {
            publish::send(publisher, &format!("danxia/v1/{machine}/birth"), birth::encode(&born(points))).await?;
        }
        self.first_values(publisher, layout, files).await?;
        publish::acknowledged(publisher).await?;
        let missing = self.missing(remote)?;
        for some in missing.chunks(AT_ONCE) {
            let adopted: Result<dto::Adopted, _> =
                remote.post("/api/v1/discovery/adopt", &dto::Adopt { machines: some.to_vec() });
            adopted.map_err(sentence).map_err(anyhow::Error::msg).context("the points were not taken on")?;
        }
        let missing = self.missing(remote)?;
        if let Some(first) = missing.first() {
            bail!("{} was not taken into the plant: look at Connections on the page", first.machine);
        }
        let points: usize = self.machines.values().chain(self.points.values()).map(Vec::len).sum();
        eprintln!("{} machines and {points} points are new in the plant", self.machines.len());
        Ok(())
    }

    /// Publishes one value of each new point of a machine that has described itself: another birth would take the place
    /// of what it said.
    async fn first_values<'a>(
        &self,
        publisher: &Publisher,
        layout: &Layout,
        files: impl Iterator<Item = &'a Path>,
    ) -> anyhow::Result<()> {
        let mut wanted: BTreeSet<&PointId> = self.points.values().flatten().map(|(p, _)| p).collect();
        let mut row = Row::default();
        for path in files {
            if wanted.is_empty() {
                break;
            }
            let mut history = super::open(path, layout)?;
            while !wanted.is_empty() && history.read(&mut row)? {
                for e in &row.entries {
                    let point = &history.points()[e.point];
                    if wanted.remove(point) {
                        let (topic, payload) = publish::single(point, e);
                        publish::send(publisher, &topic, payload).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What the instance still does not have, as an adoption.
    fn missing(&self, remote: &Remote) -> anyhow::Result<Vec<dto::AdoptMachine>> {
        let mut missing = Vec::new();
        for (machine, wanted) in self.machines.iter().chain(&self.points) {
            let Some(there) = points(remote, machine).map_err(anyhow::Error::msg)? else {
                // Its birth waits in quarantine, and describes its points.
                missing.push(dto::AdoptMachine { machine: machine.to_string(), ..dto::AdoptMachine::default() });
                continue;
            };
            let lacking = wanted.iter().filter(|(p, _)| !there.contains_key(p.name()));
            let lacking: Vec<_> = lacking
                .map(|(p, unit)| dto::AdoptPoint {
                    name: p.name().to_owned(),
                    unit: unit.map(|u| u.symbol().to_owned()),
                    ..dto::AdoptPoint::default()
                })
                .collect();
            if !lacking.is_empty() {
                let machine = machine.to_string();
                missing.push(dto::AdoptMachine { machine, points: Some(lacking), ..dto::AdoptMachine::default() });
            }
        }
        Ok(missing)
    }
}

/// The birth of a machine that is known by its points alone.
fn born(points: &Points) -> Birth {
    let point = |(p, unit): &(PointId, Option<Unit>)| WirePoint {
        name: p.name().to_owned(),
        unit: unit.map(|u| u.symbol().to_owned()),
        quantity: unit.map(Unit::quantity).map(Quantity::as_str).map(str::to_owned),
        ..WirePoint::default()
    };
    Birth { points: points.iter().map(point).collect(), ..Birth::default() }
}

fn list(what: &str, all: impl Iterator<Item = String>) {
    let mut all = all.peekable();
    if all.peek().is_none() {
        return;
    }
    eprintln!("{what}:");
    all.by_ref().take(LISTED).for_each(|one| eprintln!("  {one}"));
    let more = all.count();
    if more > 0 {
        eprintln!("  and {more} more");
    }
}

/// What became of the messages of this client so far.
pub fn ledger(remote: &Remote, client: &str) -> anyhow::Result<dto::LedgerTotal> {
    let all: dto::Ledger = remote.get("/api/v1/ledger").map_err(sentence).map_err(anyhow::Error::msg)?;
    Ok(all.sources.into_iter().find(|s| s.source == client).map(|s| s.total).unwrap_or_default())
}

/// Says what became of the messages since `before`.
pub fn became(remote: &Remote, client: &str, before: &dto::LedgerTotal, url: &str) -> anyhow::Result<Exit> {
    let after = ledger(remote, client)?;
    let since = |of: fn(&dto::LedgerTotal) -> u64| of(&after).saturating_sub(of(before));
    let refused = since(|l| l.quarantined);
    eprintln!(
        "{} messages: {} committed, {} known already, {refused} in quarantine",
        since(|l| l.received),
        since(|l| l.committed),
        since(|l| l.duplicates),
    );
    if refused == 0 {
        return Ok(Exit::Ok);
    }
    let waiting: dto::Quarantine =
        remote.get("/api/v1/quarantine?limit=1000").map_err(sentence).map_err(anyhow::Error::msg)?;
    let mut codes: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for e in waiting.entries.into_iter().filter(|e| e.message.source == client).take(refused as usize) {
        codes.entry(e.message.code).or_insert((0, e.message.reason)).0 += 1;
    }
    for (code, (n, reason)) in codes {
        eprintln!("  {n} x {code}: {reason}");
    }
    eprintln!("they are not lost: {}/#/connections", url.trim_end_matches('/'));
    Ok(Exit::Failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(unit: Option<&str>, no_number: bool) -> Facts {
        Facts { values: 1, unit: unit.and_then(Unit::parse), other_unit: None, no_number }
    }

    fn known(kind: &str, unit: Option<&str>) -> dto::Point {
        serde_json::from_value(serde_json::json!({
            "id": "s/m/p", "name": "p", "title": {}, "kind": kind, "unit": unit, "location": {}, "limits": {}, "indicators": []
        }))
        .unwrap()
    }

    #[test]
    fn what_cannot_be_a_value_of_the_point_is_said_before_anything_is_published() {
        let point: PointId = "s/m/p".parse().unwrap();
        let said = |f: &Facts, k: Option<&dto::Point>| contradiction(&point, f, k);
        for (f, k, why) in [
            (facts(None, false), known("waveform", Some("g")), "takes no single values"),
            (facts(Some("bar"), false), known("scalar", Some("°C")), "expected a unit of temperature, found bar"),
            (facts(None, true), known("scalar", Some("°C")), "expected numbers"),
            (facts(Some("bar"), false), known("scalar", None), "has no unit"),
        ] {
            assert!(said(&f, Some(&k)).is_some_and(|s| s.contains(why)), "{why}");
        }
        assert_eq!(said(&facts(Some("kPa"), false), Some(&known("scalar", Some("bar")))), None);
        assert_eq!(said(&facts(None, true), Some(&known("scalar", None))), None);
        assert_eq!(said(&facts(Some("bar"), true), None), None);
        let two = Facts { other_unit: Unit::parse("K"), ..facts(Some("bar"), false) };
        assert!(said(&two, None).is_some_and(|s| s.contains("a point of its own")));
    }
}
