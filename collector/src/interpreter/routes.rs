//! From a topic to what it means: the machine, node or rules that its messages go to, looked up once.

use std::sync::{Arc, PoisonError};

use plant::mapping::{Captures, RuleSet};
use plant::{MachineId, Name, Plant, PointId};

use super::Interpreter;
use crate::fault::{Code, Fault, shown};
use crate::machine::MachineSlot;
use crate::sparkplug::Node;
use crate::topic::{Kind, Topic};

/// Most topics whose meaning is remembered.
const ROUTES: usize = 65_536;

/// What a topic means, looked up once.
pub(crate) enum Route {
    Telemetry(Arc<MachineSlot>),
    Event(Arc<MachineSlot>),
    Birth(Arc<MachineSlot>),
    Death(Arc<MachineSlot>),
    Waveform(Arc<MachineSlot>, PointId),
    Sparkplug(Arc<Node>, Kind),
    /// Not data: a host application announces itself.
    State(Name),
    Hj212(Name),
    /// What the rules that were in force when it was looked up have for it.
    Mapped(Arc<RuleSet>, Vec<(usize, Captures)>),
    /// What the platform itself publishes.
    Published,
}

impl Interpreter {
    pub(crate) fn route(&self, topic: &Arc<str>, plant: &Plant) -> Result<Arc<Route>, Fault> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(topic).cloned();
        match known {
            // Rules have changed since: they are asked anew.
            Some(route) if matches!(&*route, Route::Mapped(rules, _) if !Arc::ptr_eq(rules, &plant.rules)) => {}
            Some(route) => return Ok(route),
            None => {}
        }
        let machine = |id: MachineId| self.machine(id, plant);
        let parsed = match topic.parse::<Topic>() {
            Err(fault) if fault.code == Code::Unmapped => {
                let candidates: Vec<_> = plant.rules.matching(topic).collect();
                match candidates.is_empty() {
                    true => return Err(fault),
                    false => return Ok(self.remember(topic, Route::Mapped(plant.rules.clone(), candidates))),
                }
            }
            parsed => parsed?,
        };
        let route = match parsed {
            Topic::Telemetry(id) => Route::Telemetry(machine(id)?),
            Topic::Event(id) => Route::Event(machine(id)?),
            Topic::Birth(id) => Route::Birth(machine(id)?),
            Topic::Death(id) => Route::Death(machine(id)?),
            Topic::Waveform(point) => Route::Waveform(machine(point.machine())?, point),
            Topic::Sparkplug(s) => Route::Sparkplug(self.node(&s.group, &s.edge)?, s.kind),
            Topic::SparkplugState(host) => Route::State(host),
            Topic::Published(..) => Route::Published,
            Topic::Hj212(site) => Route::Hj212(site),
        };
        Ok(self.remember(topic, route))
    }

    fn remember(&self, topic: &Arc<str>, route: Route) -> Arc<Route> {
        let route = Arc::new(route);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        if routes.len() >= ROUTES {
            // They are found again one by one; what counts is that they do not grow without end.
            routes.clear();
        }
        routes.insert(topic.clone(), route.clone());
        route
    }

    /// The machine `id`, one for all who ask.
    pub(crate) fn machine(&self, id: MachineId, plant: &Plant) -> Result<Arc<MachineSlot>, Fault> {
        if let Some(slot) = self.machines.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(slot.clone());
        }
        if id.is_ours() {
            let expected = "a site that is not the platform's own";
            return Err(Fault::new(Code::NameInvalid, expected, shown(id.site())));
        }
        let mut machines = self.machines.write().unwrap_or_else(PoisonError::into_inner);
        if machines.len() >= self.config.machines && plant.machine(id.as_str()).is_none() {
            let expected = format!("at most {} machines", self.config.machines);
            return Err(Fault::new(Code::MachinesLimit, expected, "one more"));
        }
        let slot = machines.entry(id.clone()).or_insert_with(|| Arc::new(MachineSlot::new(id)));
        Ok(slot.clone())
    }

    fn node(&self, group: &Name, edge: &Name) -> Result<Arc<Node>, Fault> {
        let key = format!("{group}/{edge}");
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.get(&key) {
            return Ok(node.clone());
        }
        if nodes.len() >= self.config.machines {
            let expected = format!("at most {} edge nodes", self.config.machines);
            return Err(Fault::new(Code::MachinesLimit, expected, "one more"));
        }
        let node = Arc::new(Node::new(group.clone(), edge.clone())?);
        nodes.insert(key, node.clone());
        Ok(node)
    }

    /// A replay begins or has ended: what held while it ran holds no more.
    pub(crate) fn forget_then(&self) {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).values().for_each(|node| node.forget_then());
    }

    pub(crate) fn all_nodes(&self) -> Vec<Arc<Node>> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
