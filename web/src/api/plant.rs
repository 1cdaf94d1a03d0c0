//! The plant at a glance, and one machine in full.

use plant::MachineId;

use crate::problem::{Kind, Problem};
use crate::router::{Answer, Ask};
use crate::{dto, respond, view};

/// Every machine in one line, by area.
#[utoipa::path(get, path = "/api/v1/overview", tag = "plant", responses(
    (status = 200, description = "The plant at a glance.", body = dto::Overview),
    (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn overview(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let (sources, who) = (ask.state.sources.clone(), ask.who.clone());
    let overview = ask.state.reads.run(move || view::overview(&sources, &who)).await?;
    Ok(respond::json(&ask.headers, &overview))
}

/// A machine with its points, bearings, verdicts and open alarms.
#[utoipa::path(get, path = "/api/v1/machines/{site}/{machine}", tag = "plant",
    params(
        ("site" = String, Path, description = "The site's name, percent-encoded."),
        ("machine" = String, Path, description = "The machine's own name, percent-encoded."),
    ),
    responses(
        (status = 200, description = "The machine.", body = dto::MachineDetail),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn machine(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let id = MachineId::new(ask.param(0), ask.param(1))
        .map_err(|e| Problem::new(Kind::BadRequest, e.to_string(), "GET /api/v1/overview lists the machines"))?;
    let sources = ask.state.sources.clone();
    let detail = move || {
        let plant = sources.register.plant();
        let Some(machine) = plant.machines.get(&id) else { return Ok(Err(id)) };
        let mut alarms = sources.register.alarms()?;
        alarms.retain(|a| a.key.machine == id);
        view::detail(&sources, &plant, machine, alarms).map(Ok)
    };
    let detail = ask.state.reads.run(detail).await?;
    let detail =
        detail.map_err(|id| Problem::not_found("machine", id.as_str(), "GET /api/v1/overview lists the machines"))?;
    Ok(respond::json(&ask.headers, &detail))
}
