//! Sparkplug B as a host application sees it (Eclipse Sparkplug 3.0): who is there, what their births said, whether
//! anything was lost on the way, and what its values are.
//!
//! Aliases are scoped to the birth that introduced them. Values are taken at once, in whatever order they come; what
//! waits for the reorder window is only the verdict whether a skipped number is a loss, see [`order`]. What cannot be
//! understood before a birth goes to quarantine, and is replayed from there after it, see [`waiting`].
//!
//! What this does *not* know: connections (it says what is to be published, see [`host`] and [`crate::Command`]) and
//! what time it is.

mod alive;
mod births;
mod host;
mod messages;
mod order;
mod reading;
mod unfold;
mod waiting;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use historian::Selection;
use plant::{MachineId, Name, Timestamp};

use self::births::Births;
use self::order::Order;
use self::waiting::Early;
use crate::draft::Mode;
use crate::fault::{Code, Fault};
use crate::topic::Kind;

pub(crate) use alive::Host;
pub use host::{State, birth, death, state_topic};
pub(crate) use waiting::Carried;

/// An edge node.
pub(crate) struct Node {
    group: Name,
    edge: Name,
    machine: MachineId,
    session: Mutex<Session>,
    /// What holds while messages of then are replayed: a birth of then must not unsettle the session of now.
    then: Mutex<Session>,
}

/// What holds between a node's birth and its death, and what waits for the next birth.
#[derive(Default)]
pub(crate) struct Session {
    /// The node's own metrics; `None` before the birth and after the death.
    node: Option<Births>,
    bd_seq: Option<u64>,
    /// When the node's birth was sent, epoch ms.
    born: Option<u64>,
    /// Of the session whose death came last.
    died: Option<u64>,
    order: Order,
    devices: HashMap<Name, Device>,
    /// How many births there have been, the node's and its devices'.
    births: u64,
    /// Whether there has been a birth since what waits in quarantine was replayed last.
    explained: bool,
    early: Early,
    /// Who spoke for it last.
    source: Option<Arc<str>>,
    /// When its birth was asked for last.
    asked: Option<Timestamp>,
    /// Whether it is to be asked for as soon as it may.
    wanted: bool,
}

/// A device of a node.
struct Device {
    metrics: Births,
    /// The sequence number of the message that says whether it lives.
    seq: u8,
    /// After its death it is remembered for messages that were sent before and come late.
    alive: bool,
}

impl Node {
    pub(crate) fn new(group: Name, edge: Name) -> Result<Self, Fault> {
        let machine = machine_id(&group, &edge, None)?;
        Ok(Self { group, edge, machine, session: Mutex::default(), then: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session in which a message is read, and whether it is replayed into the one that lives. Data of then, and
    /// births of devices, are read by the node's birth of then, if that is replayed too.
    fn session(&self, mode: Mode, kind: &Kind) -> (MutexGuard<'_, Session>, bool) {
        let replayed = mode != Mode::Live;
        if replayed {
            let then = self.then.lock().unwrap_or_else(PoisonError::into_inner);
            let explained_now = matches!(kind, Kind::NodeData | Kind::DeviceData(_) | Kind::DeviceBirth(_));
            if then.node.is_some() || !explained_now {
                return (then, false);
            }
        }
        (self.lock(), replayed)
    }

    /// A replay begins or has ended.
    pub(crate) fn forget_then(&self) {
        *self.then.lock().unwrap_or_else(PoisonError::into_inner) = Session::default();
    }

    /// What of this node waits in quarantine for a birth.
    pub(crate) fn waits(&self) -> Selection {
        let topic = |kind: &str, below: &str| format!("spBv1.0/{}/{kind}/{}{below}", self.group, self.edge).into();
        Selection {
            codes: [Code::SparkplugNoBirth, Code::SparkplugAlias].map(|c| c.as_str().into()).to_vec(),
            topics: vec![topic("NDATA", ""), topic("DBIRTH", "/#"), topic("DDATA", "/#")],
            ..Selection::default()
        }
    }

    /// There was a birth, and what waits in quarantine is to be replayed.
    pub(crate) fn explained(&self) {
        self.lock().explained = true;
    }

    /// Whether there was one since this was asked last, and its session lives.
    pub(crate) fn take_explained(&self) -> bool {
        let mut session = self.lock();
        session.node.is_some() && std::mem::take(&mut session.explained)
    }

    /// How many devices, missing numbers and early places its session holds.
    pub(crate) fn held(&self) -> (usize, usize, usize) {
        let session = self.lock();
        (session.devices.len(), session.order.missing(), session.early.len())
    }

    /// The machine of the node, or of a device of it.
    fn id(&self, device: Option<&Name>) -> Result<MachineId, Fault> {
        match device {
            None => Ok(self.machine.clone()),
            Some(device) => machine_id(&self.group, &self.edge, Some(device)),
        }
    }
}

fn machine_id(group: &Name, edge: &Name, device: Option<&Name>) -> Result<MachineId, Fault> {
    let name = device.map_or_else(|| edge.to_string(), |device| format!("{edge}.{device}"));
    MachineId::new(group.as_str(), &name).map_err(|e| {
        Fault::new(Code::NameInvalid, "edge and device names of at most 127 bytes together", e.to_string())
    })
}

/// A node, shared by everybody who reads its messages.
pub(crate) type SharedNode = Arc<Node>;
