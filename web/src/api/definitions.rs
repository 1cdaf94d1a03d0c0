//! How alarms are meant.

use std::collections::BTreeMap;

use historian::Batch;
use plant::{AlarmChange, AlarmDefinition, AlarmKey, AssetChange, MachineId, Plant};
use warp::http::StatusCode;

use super::{body, who};
use crate::problem::{Kind, Problem};
use crate::router::{Answer, Ask};
use crate::{dto, respond, view};

/// The largest body: a whole plant's definitions.
pub(super) const MAX_BODY: usize = 16 << 20;
/// The most changes in one.
const MOST: usize = 20_000;
/// Faults that are named in one answer.
const NAMED: usize = 20;

const NEXT: &str = "correct the definition, or leave it out; \"dry_run\": true says what would change";

/// The alarms of which somebody has said how they are meant.
#[utoipa::path(get, path = "/api/v1/alarm-definitions", tag = "alarms",
    params(("machine" = Option<String>, Query, description = "Of this machine only, `site/machine`.")),
    responses(
        (status = 200, description = "The definitions.", body = dto::AlarmDefinitions),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(ask: Ask) -> Answer {
    ask.query.only(&["machine"])?;
    let machine: Option<MachineId> = ask.query.get("machine", "a machine's id, SITE/MACHINE")?;
    let plant = ask.state.sources.register.plant();
    let of = plant.alarms.values().filter(|d| machine.as_ref().is_none_or(|m| d.key.machine == *m));
    let definitions = of.map(|d| view::definition(d)).collect();
    Ok(respond::json(&ask.headers, &dto::AlarmDefinitions { definitions }))
}

/// Says how alarms are meant from now on, or that nothing is said of them any more; all of it or nothing.
#[utoipa::path(post, path = "/api/v1/alarm-definitions", tag = "alarms",
    request_body(content = dto::DefinitionChange, description = "What changes."),
    responses(
        (status = 200, description = "What has changed, or would.", body = dto::ChangedDefinitions),
        (status = 400, description = "A definition makes no sense; the detail names each, and why.", body = dto::Problem, content_type = "application/problem+json"),
        (status = 503, description = "It was not confirmed in time.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn change(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let change: dto::DefinitionChange = body(&ask, NEXT)?;
    who(&ask, change.by.as_deref(), NEXT)?;
    // One after the other: what is said to change is what changes.
    let _turn = ask.state.definitions.lock().await;
    let plant = ask.state.sources.register.plant();
    let wanted = wanted(&change, &plant)?;
    let differs = |key: &AlarmKey, d: &Option<AlarmDefinition>| plant.alarms.get(key).map(|d| &**d) != d.as_ref();
    let wanted: BTreeMap<_, _> = wanted.into_iter().filter(|(key, d)| differs(key, d)).collect();
    let shown = |key: &AlarmKey, after: &Option<AlarmDefinition>| dto::ChangedDefinition {
        id: key.id().to_string(),
        before: plant.alarms.get(key).map(|d| view::definition(d)),
        after: after.as_ref().map(view::definition),
    };
    let changes = wanted.iter().map(|(key, d)| shown(key, d)).collect();
    let changed = dto::ChangedDefinitions { applied: !change.dry_run, changes };
    if !change.dry_run && !wanted.is_empty() {
        store(&ask, wanted).await?;
    }
    Ok(respond::fresh(StatusCode::OK, &changed))
}

/// What is wanted of each alarm; `None`: that nothing is said of it.
fn wanted(
    change: &dto::DefinitionChange,
    plant: &Plant,
) -> Result<BTreeMap<AlarmKey, Option<AlarmDefinition>>, Problem> {
    let n = change.define.len() + change.forget.len();
    if n > MOST {
        return Err(Problem::new(Kind::BadBody, format!("{n} changes at once; expected at most {MOST}"), "send fewer"));
    }
    let mut wanted = BTreeMap::new();
    let mut faults = Vec::new();
    for (i, d) in change.define.iter().enumerate() {
        let read = view::parse_definition(d).and_then(|d| known(&d.key, plant).map(|()| d));
        match read {
            Ok(d) if wanted.contains_key(&d.key) => faults.push(format!("definition {}: it stands twice", i + 1)),
            Ok(d) => drop(wanted.insert(d.key.clone(), Some(d))),
            Err(fault) => faults.push(format!("definition {}: {fault}", i + 1)),
        }
    }
    for (i, name) in change.forget.iter().enumerate() {
        match view::parse_key(&name.machine, name.point.as_deref(), &name.condition) {
            Ok(key) if wanted.contains_key(&key) => faults.push(format!("forget {}: it stands twice", i + 1)),
            Ok(key) => drop(wanted.insert(key, None)),
            Err(fault) => faults.push(format!("forget {}: {fault}", i + 1)),
        }
    }
    if faults.is_empty() {
        return Ok(wanted);
    }
    let more = faults.len().saturating_sub(NAMED);
    faults.truncate(NAMED);
    let mut detail = faults.join("; ");
    if more > 0 {
        detail.push_str(&format!("; and {more} more"));
    }
    Err(Problem::new(Kind::BadBody, detail, NEXT))
}

/// A definition of what nobody knows is a slip of the pen.
fn known(key: &AlarmKey, plant: &Plant) -> Result<(), String> {
    if key.machine.is_ours() {
        return Ok(());
    }
    let machine =
        plant.machines.get(&key.machine).ok_or_else(|| format!("there is no machine {:?}", key.machine.as_str()))?;
    match &key.point {
        Some(point) if !machine.points.contains_key(point.name()) => {
            Err(format!("the machine {:?} has no point {:?}", key.machine.as_str(), point.name()))
        }
        _ => Ok(()),
    }
}

async fn store(ask: &Ask, wanted: BTreeMap<AlarmKey, Option<AlarmDefinition>>) -> Result<(), Problem> {
    let change = |(key, d): (AlarmKey, Option<AlarmDefinition>)| match d {
        Some(d) => AlarmChange::Define(Box::new(d)),
        None => AlarmChange::Forget(key),
    };
    let changes = vec![AssetChange::Alarms(wanted.into_iter().map(change).collect())];
    let batch = Batch { changes, ..Batch::default() };
    let stored = tokio::time::timeout(ask.state.config.action_timeout, ask.state.recorder.commit(batch)).await;
    let next = "read the definitions again and see whether they have changed; if it stays so, look at /readyz";
    match stored {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => Err(Problem::new(Kind::Unavailable, format!("the definitions were not stored: {e}"), next)),
        Err(_) => Err(Problem::new(Kind::Unavailable, "the store has not taken the definitions in time", next)),
    }
}
