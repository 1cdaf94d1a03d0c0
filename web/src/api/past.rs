//! What became of an alarm before, and what was found where its like called people.

use historian::{Likeness, WorkFilter};
use plant::{WorkOrder, WorkState};

use super::alarms::{id, load};
use crate::router::{Answer, Ask};
use crate::{dto, respond, view};

/// Occurrences that are told.
const OCCURRENCES: usize = 20;
/// Steps of the journal that are looked through for them.
const STEPS: usize = 2_000;
/// Work orders that are told.
const FOUND: usize = 10;
/// Work orders that are looked through for them.
const LOOKED_THROUGH: usize = 500;

/// The past of an alarm: earlier occurrences, and what was found at work on it and on its like.
#[utoipa::path(get, path = "/api/v1/alarms/{id}/past", tag = "alarms",
    params(("id" = String, Path, description = "The alarm's id, 16 hexadecimal digits.")),
    responses(
        (status = 200, description = "The past, as far as the journal and the areas of who asks reach.", body = dto::AlarmPast),
        (status = "default", description = "What went wrong.", body = dto::Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn past(ask: Ask) -> Answer {
    ask.query.only(&[])?;
    let id = id(&ask)?;
    let alarm = load(&ask.state, id).await?;
    let (register, who) = (ask.state.sources.register.clone(), ask.who.clone());
    let read = move || {
        let plant = register.plant();
        let own = register.work_orders(&WorkFilter { alarm: Some(id), ..WorkFilter::default() }, LOOKED_THROUGH)?;
        let steps = register.alarm_journal(Some(id), None, STEPS)?;
        let mut occurrences = view::occurrences(&steps, view::standing(&alarm), &own);
        let more = occurrences.len() > OCCURRENCES || steps.len() == STEPS;
        occurrences.truncate(OCCURRENCES);
        let fault = plant::WorkOrigin::Alarm { key: alarm.key.clone(), raised: alarm.raised }.fault();
        let which = WorkFilter {
            states: Some([WorkState::Done].into()),
            like: Some(Likeness::of(&alarm.key, fault)),
            ..WorkFilter::default()
        };
        let mut found: Vec<WorkOrder> = register.work_orders(&which, LOOKED_THROUGH)?;
        found.retain(|o| who.sees(&plant, &o.machine));
        found.sort_by_key(|o| (o.machine != alarm.key.machine, std::cmp::Reverse(o.number)));
        found.truncate(FOUND);
        let found = found.iter().map(|o| view::work_order(&plant, o)).collect();
        Ok(dto::AlarmPast { occurrences, more, found })
    };
    Ok(respond::json(&ask.headers, &ask.state.reads.run(read).await?))
}
