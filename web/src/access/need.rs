//! What a route needs of who asks, and whether they have it.

use std::sync::Arc;

use plant::access::{Denied, Right, Subject, may};
use plant::{AlarmId, MachineId, PointId, WaveformId};

use super::{How, Who};
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::state::State;

/// What a route needs. Every route of the table says it; there is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: what tells nothing of the plant, and what lets people in.
    Nothing,
    /// That somebody is logged in, whoever.
    Account,
    /// A right, there where it is asked for.
    Right(Right, Of),
}

/// Of what something is asked: where the request names the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Of no machine: it takes rights in the whole plant.
    Plant,
    /// Of everything that the asker may see, and the handler shows no more.
    Seen,
    /// `{site}/{machine}` of the path.
    Machine,
    /// `machine` or `point` of the query.
    Query,
    /// The alarm of the path's id.
    Alarm,
    /// The record of the path's id, and those that the query names beside it.
    Record,
}

impl Of {
    /// Its name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plant => "plant",
            Self::Seen => "seen",
            Self::Machine => "machine",
            Self::Query => "query",
            Self::Alarm => "alarm",
            Self::Record => "record",
        }
    }
}

/// Whether `who` may.
pub(crate) async fn allowed(
    state: &Arc<State>,
    need: Need,
    who: &Who,
    params: &[String],
    query: &Query,
) -> Result<(), Problem> {
    let (right, of) = match need {
        Need::Nothing => return Ok(()),
        Need::Account | Need::Right(..) if who.how == How::Nobody => return Err(log_in()),
        Need::Account => return Ok(()),
        Need::Right(right, of) => (right, of),
    };
    may(who.role, &who.areas, right, Subject::Anything).map_err(|why| denied(why, who))?;
    if who.sees_all() || of == Of::Seen {
        return Ok(());
    }
    if of == Of::Plant {
        return Err(denied(Denied::Area, who));
    }
    let machines = named(state, of, params, query).await?;
    let plant = state.sources.register.plant();
    for id in &machines {
        let subject = Subject::Machine(id, plant.machines.get(id).map(|m| &**m));
        may(who.role, &who.areas, right, subject).map_err(|why| denied(why, who))?;
    }
    Ok(())
}

/// Which machines the request is about. One that names none, or nothing that there is, is the handler's to refuse.
async fn named(state: &Arc<State>, of: Of, params: &[String], query: &Query) -> Result<Vec<MachineId>, Problem> {
    let param = |i: usize| params.get(i).map_or("", String::as_str);
    match of {
        Of::Plant | Of::Seen => Ok(Vec::new()),
        Of::Machine => Ok(MachineId::new(param(0), param(1)).into_iter().collect()),
        Of::Query => {
            let machine = query.text("machine").and_then(|m| m.parse().ok());
            let point = query.text("point").and_then(|p| p.parse::<PointId>().ok()).map(|p| p.machine());
            Ok(machine.into_iter().chain(point).collect())
        }
        Of::Alarm => {
            let Ok(id) = param(0).parse::<AlarmId>() else { return Ok(Vec::new()) };
            let register = state.sources.register.clone();
            // One that was never raised may be defined, and then put aside all the same.
            let defined = register.plant().alarms.keys().find(|key| key.id() == id).map(|key| key.machine.clone());
            let alarm = state.reads.run(move || register.alarm(id)).await?;
            Ok(alarm.map(|a| a.key.machine).into_iter().chain(defined).collect())
        }
        Of::Record => {
            let names = [Some(param(0)), query.text("with"), query.text("tacho")];
            let ids: Vec<WaveformId> = names.into_iter().flatten().filter_map(|id| id.parse().ok()).collect();
            let archive = state.sources.archive.clone();
            let read = move || ids.into_iter().map(|id| archive.waveform(id)).collect::<Result<Vec<_>, _>>();
            let records = state.reads.run(read).await?;
            Ok(records.into_iter().flatten().map(|w| w.point.machine()).collect())
        }
    }
}

fn log_in() -> Problem {
    let next = "log in; a program sends its token as Authorization: Bearer";
    Problem::new(Kind::LogIn, "this needs somebody who is logged in; found nobody", next)
}

/// What is missing, in words and for the page: the right by its name, or the area.
pub(crate) fn denied(why: Denied, who: &Who) -> Problem {
    let (code, detail) = match why {
        Denied::Right(right) => {
            let least = right.least().as_str();
            let detail = format!(
                "this needs the right {:?}, which the role {least} has; found the role {}",
                right.as_str(),
                who.role.as_str()
            );
            (right.as_str(), detail)
        }
        Denied::Area => ("area", "this lies outside the areas of this account".to_owned()),
    };
    let next = "ask an administrator for it, or log in as somebody who has it";
    Problem::new(Kind::Forbidden, detail, next).lacking(code, who.role.as_str())
}
