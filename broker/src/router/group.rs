//! Shared subscriptions (MQTT 5, section 4.8.2): each message goes to one member of a group.
//!
//! Members take turns. One that is connected and has room comes first, then one that is connected; an absent member
//! gets messages of QoS 1 and 2 while no other member is connected. What a member leaves behind goes to another one as
//! soon as there is one that is connected, or with the end of its session to any; a message of QoS 2 that is on its way
//! to a client is that client's alone, as the standard demands.

use std::sync::{Arc, Mutex, Weak};

use super::message::{Delivery, Message, Via};
use super::session::{Presence, Pushed, Session};
use crate::codec::control;
use crate::lock;

/// The members of one shared subscription.
pub(crate) struct Group {
    /// Its share name.
    pub name: Box<str>,
    members: Mutex<Members>,
}

/// No member can have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nobody;

#[derive(Default)]
struct Members {
    list: Vec<Member>,
    /// Whose turn it is.
    next: usize,
}

struct Member {
    session: Arc<Session>,
    qos: u8,
    retain_as_published: bool,
    via: Arc<Via>,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Group {
    pub fn new(name: &str) -> Arc<Group> {
        Arc::new(Group { name: name.into(), members: Mutex::default() })
    }

    /// Adds a member, or changes what it asked for; whether it is a new one.
    pub fn join(self: &Arc<Group>, session: Arc<Session>, qos: u8, retain_as_published: bool, id: u32) -> bool {
        let ids = if id == 0 { Box::default() } else { control::subscription_ids(&[id]) };
        let via = Arc::new(Via { ids, group: Some(Arc::downgrade(self)) });
        let member = Member { session, qos, retain_as_published, via };
        let mut members = lock(&self.members);
        match members.list.iter_mut().find(|known| known.session.id == member.session.id) {
            Some(known) => {
                *known = member;
                false
            }
            None => {
                members.list.push(member);
                true
            }
        }
    }

    /// Takes a member out; whether it was one.
    pub fn leave(&self, session: u64) -> bool {
        let mut members = lock(&self.members);
        let before = members.list.len();
        members.list.retain(|member| member.session.id != session);
        members.list.shrink_to_fit();
        members.list.len() < before
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.members).list.is_empty()
    }

    /// Whether a member other than this one is connected.
    pub fn has_other(&self, session: u64) -> bool {
        let members = lock(&self.members);
        members.list.iter().any(|m| m.session.id != session && m.session.presence() < Presence::Absent)
    }

    /// Queues a message for one member other than `not`. Yields that member when its reader is slow, for the publisher
    /// to wait for; an error when there is no member to have it.
    pub fn give(&self, message: &Arc<Message>, not: u64) -> Result<Option<Arc<Session>>, Nobody> {
        let mut members = lock(&self.members);
        let count = members.list.len();
        for least in [Presence::Ready, Presence::Crowded, Presence::Stalled, Presence::Absent] {
            for turn in 0..count {
                let at = (members.next + turn) % count;
                let member = &members.list[at];
                let qos = message.qos.min(member.qos);
                let unfit = member.session.id == not || (least == Presence::Absent && qos == 0);
                if unfit || member.session.presence() > least {
                    continue;
                }
                let retain = message.retain && member.retain_as_published;
                let via = Some(member.via.clone());
                let pushed = member.session.push(Delivery { message: message.clone(), qos, retain, via });
                let slow = (pushed == Pushed::Crowded).then(|| member.session.clone());
                if pushed != Pushed::Gone {
                    members.next = at + 1;
                    return Ok(slow);
                }
            }
        }
        Err(Nobody)
    }
}

/// The group whose member a delivery is for, while there is one.
pub(crate) fn of(delivery: &Delivery) -> Option<Arc<Group>> {
    delivery.via.as_ref()?.group.as_ref().and_then(Weak::upgrade)
}
