//! Adoption: what was heard under unknown names becomes part of the plant, and then what waited for it is read again.

use historian::{Batch, CommitError, Ignored, Selection};
use plant::{AssetChange, Machine, MachineId, Name, Plant, Point, Title, Unit};

use crate::collector::Collector;
use crate::discovery::{NewMachine, NewPoint, NewPoints};
use crate::replay::{ReplayError, Replayed, blocking, unknown_names};
use crate::values::kept_in;

/// A machine, or points of it, to be taken into the plant.
#[derive(Clone, Debug, PartialEq)]
pub struct Adopt {
    /// Which.
    pub machine: MachineId,
    /// What people call it; an empty one leaves what is known.
    pub title: Title,
    /// Where it stands.
    pub area: Option<Name>,
    /// A machine of the plant like which this one is: what it says of itself, and of points of the same name, is taken
    /// over where the new one has not described itself.
    pub like: Option<MachineId>,
    /// Which points; `None`: all that are offered.
    pub points: Option<Vec<AdoptPoint>>,
    /// The [`NewMachine::edition`] that was looked at; if the machine is another by now, nothing is adopted. `None`:
    /// whatever it is.
    pub edition: Option<u32>,
}

/// A point to be taken into the plant.
#[derive(Clone, Debug, PartialEq)]
pub struct AdoptPoint {
    /// Its name.
    pub name: String,
    /// What people call it; an empty one leaves what is known.
    pub title: Title,
    /// The unit in which it is kept, instead of the one it stated.
    pub unit: Option<Unit>,
}

/// What was adopted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Machines that are new in the plant.
    pub machines: u64,
    /// Points that are new in the plant.
    pub points: u64,
    /// What became of the messages that had waited.
    pub replayed: Replayed,
}

/// Nothing was adopted, or what waited was not read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// Nobody under this name has spoken.
    #[error(
        "expected a machine or point that waits to be adopted, found {name:?}; look at the list of new points again"
    )]
    NotOffered {
        /// The name.
        name: String,
    },
    /// The machine was changed after it was looked at.
    #[error("{machine} was changed meanwhile; look at the list of new points again, then adopt what is missing")]
    Changed {
        /// Its name.
        machine: MachineId,
    },
    /// The model is not in the plant.
    #[error("expected a machine of the plant to be like, found {name:?}; choose one that is there")]
    NoModel {
        /// The name.
        name: MachineId,
    },
    /// The adoption was not committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The machines are adopted; what waited for them was not read to its end and can be replayed again.
    #[error("adopted, but what waited was not read to its end: {0}")]
    Replay(#[from] ReplayError),
}

impl Collector {
    /// What speaks here and is not in the plant.
    #[must_use]
    pub fn new_points(&self) -> NewPoints {
        let interpreter = &self.inner.interpreter;
        interpreter.discovery.list(&interpreter.recall.plant())
    }

    /// Takes machines and points into the plant, then reads again what waited for them: with its own times, nothing of
    /// it is lost. `told` hears how far that is.
    pub async fn adopt(&self, wanted: &[Adopt], told: impl FnMut(&Replayed) + Send) -> Result<Adopted, AdoptError> {
        // Nobody reads meanwhile, and what was read before is committed: no birth and no other adoption comes between the
        // plant that is looked at here and the change that is made of it.
        let turn = self.settled_plant().await?;
        let plant = self.inner.interpreter.recall.plant();
        let offered = self.new_points();
        let mut adopted = Adopted::default();
        let mut changes = Vec::new();
        for adopt in wanted {
            let new = offered.machines.iter().find(|m| m.machine == adopt.machine);
            let new = new.ok_or_else(|| AdoptError::NotOffered { name: adopt.machine.to_string() })?;
            if adopt.edition.is_some_and(|seen| seen != new.edition) {
                return Err(AdoptError::Changed { machine: new.machine.clone() });
            }
            let model = adopt
                .like
                .as_ref()
                .map(|id| plant.machine(id.as_str()).cloned().ok_or_else(|| AdoptError::NoModel { name: id.clone() }));
            let model = model.transpose()?;
            self.take(&plant, adopt, new, model.as_deref(), &mut changes, &mut adopted)?;
        }
        if changes.is_empty() {
            return Ok(adopted);
        }
        self.inner.recorder.commit(Batch { changes, ..Batch::default() }).await?;
        drop(turn);
        // Not only of those clients that spoke last: what still waits for others stays as it is.
        let which = Selection { codes: unknown_names(), ..Selection::default() };
        adopted.replayed = self.replay(&which, told).await?;
        Ok(adopted)
    }

    fn take(
        &self,
        plant: &Plant,
        adopt: &Adopt,
        new: &NewMachine,
        model: Option<&Machine>,
        changes: &mut Vec<AssetChange>,
        adopted: &mut Adopted,
    ) -> Result<(), AdoptError> {
        let known = plant.machine(new.machine.as_str());
        let mut machine = match (known, &new.described) {
            (Some(machine), _) => Machine::clone(machine),
            (None, Some(described)) => Machine::clone(described),
            (None, None) => model.map_or_else(|| Machine::bare(new.machine.clone()), |m| like(m, &new.machine)),
        };
        let before = machine.points.len();
        for (point, chosen) in chosen(adopt, new)? {
            let Some(name) = &point.name else { continue };
            let as_model = || model.and_then(|m| m.points.get(name)).filter(|p| p.kind == point.kind).cloned();
            let entry = machine.points.entry(name.clone());
            let kept = entry.or_insert_with(|| as_model().unwrap_or_else(|| described(name, point)));
            if let Some(chosen) = chosen {
                choose(kept, chosen);
            }
        }
        adopted.points += match known {
            Some(_) => machine.points.len() - before,
            None => machine.points.len(),
        } as u64;
        adopted.machines += u64::from(known.is_none());
        name(&mut machine, adopt);
        if known.is_none_or(|k| **k != machine) {
            changes.push(AssetChange::Machine(machine));
        }
        Ok(())
    }

    /// These are not to be offered any more, or again. What they say goes on waiting in quarantine.
    pub async fn ignore(&self, names: Vec<Ignored>) -> Result<(), CommitError> {
        self.inner.recorder.commit(Batch { ignored: names.clone(), ..Batch::default() }).await?;
        self.inner.interpreter.discovery.ignore(&names);
        Ok(())
    }

    /// Takes note of the names that are not to be offered, as the store has them, and looks for others in what waits in
    /// quarantine. To be called once after a start, before messages come.
    pub async fn recall_discovery(&self, register: historian::Register) -> Result<(), ReplayError> {
        let ignored = blocking(move || register.ignored()).await?;
        self.inner.interpreter.discovery.ignore(&ignored);
        self.rediscover().await
    }
}

/// The offered points that are wanted, each with what was said about it.
fn chosen<'a>(
    adopt: &'a Adopt,
    new: &'a NewMachine,
) -> Result<Vec<(&'a NewPoint, Option<&'a AdoptPoint>)>, AdoptError> {
    let Some(points) = &adopt.points else { return Ok(new.points.iter().map(|p| (p, None)).collect()) };
    let find = |wanted: &'a AdoptPoint| {
        let offered = new.points.iter().find(|p| p.name.as_deref() == Some(&*wanted.name));
        let not_offered = || AdoptError::NotOffered { name: format!("{}/{}", new.machine, wanted.name) };
        Ok((offered.ok_or_else(not_offered)?, Some(wanted)))
    };
    points.iter().map(find).collect()
}

/// A machine like `model`, without the points that only that one has.
fn like(model: &Machine, id: &MachineId) -> Machine {
    Machine { id: id.clone(), title: Title::default(), gateway: None, points: Default::default(), ..model.clone() }
}

/// The point as it described itself by speaking. A unit that is not in the table is not guessed.
fn described(name: &str, new: &NewPoint) -> Point {
    let unit = new.unit.as_deref().and_then(Unit::parse).map(|u| kept_in(u, new.kind));
    Point { kind: new.kind, unit, quantity: unit.map(Unit::quantity), ..Point::bare(name) }
}

fn choose(point: &mut Point, chosen: &AdoptPoint) {
    if chosen.title != Title::default() {
        point.title = chosen.title.clone();
    }
    if let Some(unit) = chosen.unit {
        (point.unit, point.quantity) = (Some(unit), Some(unit.quantity()));
    }
}

fn name(machine: &mut Machine, adopt: &Adopt) {
    if adopt.title != Title::default() {
        machine.title = adopt.title.clone();
    }
    if adopt.area.is_some() {
        machine.area = adopt.area.clone();
    }
}
