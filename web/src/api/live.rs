//! The live stream's door.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

use plant::MachineId;
use warp::Reply;

use crate::dto;
use crate::live::{KEEP_ALIVE, Wanted, stream};
use crate::problem::{Kind, Problem};
use crate::router::{Answer, Ask};

/// Machines that one stream may be asked for by name.
const MAX_MACHINES: usize = 16;

/// What happens now, as server-sent events: `snapshot` first, then `values`, `alarm` and `status`. A client that falls
/// behind gets another `snapshot`, which replaces all it knew. Ids are `<boot>-<seq>`.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    params(
        ("topics" = Option<String>, Query, description = "Any of `values`, `alarms`, `status`, joined by commas; all of them where it is left out."),
        ("machine" = Option<String>, Query, description = "Values of these machines only: up to 16 times `site/machine`, joined by `#` (`%23`), which no name holds. One that is not there, or not among those that may be seen, is not heard of as long as that is so. Alarms and status are always those of the whole plant."),
    ),
    responses(
        (status = 200, description = "The stream. `snapshot` holds a LiveSnapshot, `values` LiveValues, `assessed` a LiveAssessed, `alarm` an Alarm, `status` a LiveStatus.", content_type = "text/event-stream", body = String),
        (status = 503, description = "There are too many streams.", body = dto::Problem, content_type = "application/problem+json"),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn live(ask: Ask) -> Answer {
    ask.query.only(&["topics", "machine"])?;
    let wanted = wanted(&ask)?;
    let Ok(room) = ask.state.streams.clone().try_acquire_owned() else {
        ask.state.meter.refused_streams.fetch_add(1, Relaxed);
        let detail = format!("{} live streams are open, as many as are allowed", ask.state.config.max_streams);
        return Err(Problem::new(
            Kind::TooManyStreams,
            detail,
            "close pages that nobody looks at, or raise max_streams",
        ));
    };
    let events = stream(ask.state, wanted, ask.who, room).await?;
    let events = warp::sse::keep_alive().interval(KEEP_ALIVE).stream(events);
    Ok(warp::sse::reply(events).into_response())
}

fn wanted(ask: &Ask) -> Result<Wanted, Problem> {
    const TOPICS: &str = "any of values, alarms, status, joined by commas";
    let mut wanted = Wanted { machines: machines(ask.query.text("machine").unwrap_or_default())?, ..Wanted::default() };
    for topic in ask.query.text("topics").unwrap_or("values,alarms,status").split(',') {
        match topic.trim() {
            "values" => wanted.values = true,
            "alarms" => wanted.alarms = true,
            "status" => wanted.status = true,
            other => return Err(Problem::query("topics", TOPICS, other)),
        }
    }
    Ok(wanted)
}

/// The machines that `named` names. Whether they are there is nobody's fault who listens: a stream outlives machines, and
/// one is open before they are born.
fn machines(named: &str) -> Result<BTreeSet<MachineId>, Problem> {
    const EXPECTED: &str = "up to 16 ids of machines, SITE/MACHINE, joined by # (%23)";
    let ids = named.split('#').filter(|id| !id.is_empty());
    let found: BTreeSet<MachineId> =
        ids.map(|id| id.parse().map_err(|_| Problem::query("machine", EXPECTED, id))).collect::<Result<_, _>>()?;
    match found.len() {
        0..=MAX_MACHINES => Ok(found),
        n => Err(Problem::query("machine", EXPECTED, &format!("{n} machines"))),
    }
}
