//! The filters of all sessions as a tree of topic levels. A node that holds nothing is taken away, so that filters that
//! come and go leave nothing behind.

use std::collections::HashMap;
use std::sync::Arc;

use super::group::Group;
use super::message::Via;
use super::session::Session;
use crate::codec::control;
use crate::topic;

/// One subscription as the tree holds it.
#[derive(Clone)]
pub(crate) struct Subscription {
    pub session: Arc<Session>,
    pub qos: u8,
    pub no_local: bool,
    pub retain_as_published: bool,
    /// Its identifier; 0 is none.
    pub id: u32,
}

/// A session that wants a message, through one or several of its subscriptions.
pub(crate) struct Target {
    pub session: Arc<Session>,
    pub qos: u8,
    pub no_local: bool,
    pub retain_as_published: bool,
    pub via: Option<Arc<Via>>,
}

/// Everybody who wants a message.
#[derive(Default)]
pub(crate) struct Targets {
    pub sessions: Box<[Target]>,
    /// One member of each.
    pub groups: Box<[Arc<Group>]>,
}

impl Targets {
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.groups.is_empty()
    }
}

#[derive(Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    /// What follows a `+`.
    plus: Option<Box<Node>>,
    /// Subscriptions that end here.
    here: Ends,
    /// Subscriptions that end here with a `#`.
    rest: Ends,
}

/// The subscriptions of one filter.
#[derive(Default)]
struct Ends {
    sessions: Vec<Subscription>,
    groups: Vec<Arc<Group>>,
}

/// What matches while it is being collected.
#[derive(Default)]
struct Found {
    sessions: Vec<Subscription>,
    groups: Vec<Arc<Group>>,
}

/// All filters.
#[derive(Default)]
pub(crate) struct Tree {
    root: Node,
    len: usize,
}

impl Tree {
    /// How many subscriptions there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a subscription, or replaces the one this session has with the same filter.
    pub fn insert(&mut self, filter: &str, subscription: Subscription) {
        let (share, filter) = topic::shared(filter);
        let mut node = &mut self.root;
        for level in filter.split('/') {
            node = match level {
                "#" => {
                    self.len += usize::from(node.rest.put(share, subscription));
                    return;
                }
                "+" => node.plus.get_or_insert_default(),
                _ => node.children.entry(level.into()).or_default(),
            };
        }
        self.len += usize::from(node.here.put(share, subscription));
    }

    /// Takes a subscription away; whether there was one.
    pub fn remove(&mut self, filter: &str, session: u64) -> bool {
        let (share, filter) = topic::shared(filter);
        let removed = self.root.remove(share, filter, session);
        self.len -= usize::from(removed);
        removed
    }

    /// Who wants a message with this topic: each session once, at the highest quality it asked for and with the
    /// identifiers of all its subscriptions that match; and the groups of which one member each is to get it.
    pub fn matching(&self, topic: &str) -> Targets {
        let mut found = Found::default();
        let internal = topic.starts_with('$');
        self.root.collect(Some(topic), !internal, &mut found);
        Targets { sessions: merge(found.sessions).into_boxed_slice(), groups: found.groups.into_boxed_slice() }
    }

    /// Whether nothing at all is left, not even an empty node.
    #[cfg(test)]
    fn is_bare(&self) -> bool {
        self.root.is_bare()
    }
}

impl Ends {
    fn put(&mut self, share: Option<&str>, subscription: Subscription) -> bool {
        let Some(name) = share else { return put(&mut self.sessions, subscription) };
        let group = match self.groups.iter().position(|group| *group.name == *name) {
            Some(at) => &self.groups[at],
            None => {
                self.groups.push(Group::new(name));
                &self.groups[self.groups.len() - 1]
            }
        };
        let Subscription { session, qos, retain_as_published, id, .. } = subscription;
        group.join(session, qos, retain_as_published, id)
    }

    fn take(&mut self, share: Option<&str>, session: u64) -> bool {
        let Some(name) = share else { return take(&mut self.sessions, session) };
        let Some(at) = self.groups.iter().position(|group| *group.name == *name) else { return false };
        let left = self.groups[at].leave(session);
        if self.groups[at].is_empty() {
            self.groups.remove(at);
            self.groups.shrink_to_fit();
        }
        left
    }

    fn is_bare(&self) -> bool {
        self.sessions.is_empty() && self.groups.is_empty()
    }

    fn collect(&self, found: &mut Found) {
        found.sessions.extend_from_slice(&self.sessions);
        found.groups.extend_from_slice(&self.groups);
    }
}

fn put(subscriptions: &mut Vec<Subscription>, subscription: Subscription) -> bool {
    match subscriptions.iter_mut().find(|known| known.session.id == subscription.session.id) {
        Some(old) => {
            *old = subscription;
            false
        }
        None => {
            subscriptions.push(subscription);
            true
        }
    }
}

fn take(subscriptions: &mut Vec<Subscription>, session: u64) -> bool {
    let before = subscriptions.len();
    subscriptions.retain(|known| known.session.id != session);
    subscriptions.shrink_to_fit();
    subscriptions.len() < before
}

fn merge(mut found: Vec<Subscription>) -> Vec<Target> {
    found.sort_by_key(|subscription| subscription.session.id);
    let of_session = found.chunk_by(|a, b| a.session.id == b.session.id);
    of_session
        .filter_map(|same| {
            let ids: Vec<_> = same.iter().map(|subscription| subscription.id).filter(|id| *id != 0).collect();
            let via = || Arc::new(Via { ids: control::subscription_ids(&ids), group: None });
            Some(Target {
                session: same.first()?.session.clone(),
                qos: same.iter().map(|subscription| subscription.qos).max()?,
                no_local: same.iter().all(|subscription| subscription.no_local),
                retain_as_published: same.iter().any(|subscription| subscription.retain_as_published),
                via: (!ids.is_empty()).then(via),
            })
        })
        .collect()
}

impl Node {
    fn is_bare(&self) -> bool {
        self.children.is_empty() && self.plus.is_none() && self.here.is_bare() && self.rest.is_bare()
    }

    fn remove(&mut self, share: Option<&str>, filter: &str, session: u64) -> bool {
        if filter == "#" {
            return self.rest.take(share, session);
        }
        let (level, deeper) = split(filter);
        let child = if level == "+" { self.plus.as_deref_mut() } else { self.children.get_mut(level) };
        let Some(child) = child else { return false };
        let removed = match deeper {
            Some(deeper) => child.remove(share, deeper, session),
            None => child.here.take(share, session),
        };
        if child.is_bare() {
            if level == "+" {
                self.plus = None;
            } else {
                self.children.remove(level);
                if self.children.is_empty() {
                    self.children = HashMap::new();
                }
            }
        }
        removed
    }

    /// Adds what matches `topic`, the levels from this node on; `None` means that the topic ends here.
    fn collect(&self, topic: Option<&str>, wildcards: bool, found: &mut Found) {
        if wildcards {
            self.rest.collect(found);
        }
        let Some(topic) = topic else {
            self.here.collect(found);
            return;
        };
        let (level, deeper) = split(topic);
        if let Some(child) = self.children.get(level) {
            child.collect(deeper, true, found);
        }
        if let Some(plus) = self.plus.as_deref().filter(|_| wildcards) {
            plus.collect(deeper, true, found);
        }
    }
}

fn split(topic: &str) -> (&str, Option<&str>) {
    match topic.split_once('/') {
        Some((level, deeper)) => (level, Some(deeper)),
        None => (topic, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::session::tests::session;

    fn target(session: &Arc<Session>, qos: u8) -> Subscription {
        Subscription { session: session.clone(), qos, no_local: false, retain_as_published: false, id: 0 }
    }

    #[test]
    fn the_tree_finds_what_the_filter_matches_and_nothing_else() {
        let filters = ["#", "a/#", "a/+", "+/b", "a/b", "a", "+", "/", "+/+", "a/b/#", "$SYS/#", "轧钢/#", "a//b"];
        let topics = ["a", "a/b", "a/c", "a/b/c", "/", "b/b", "$SYS/x", "轧钢/一号机", "轧钢", "a//b", "x/y/z"];
        let sessions: Vec<_> = (0..filters.len()).map(|i| session(i as u64 + 1)).collect();
        let mut tree = Tree::default();
        for (filter, session) in filters.iter().zip(&sessions) {
            tree.insert(filter, target(session, 1));
        }
        for name in topics {
            let mut found: Vec<_> =
                tree.matching(name).sessions.iter().map(|t| filters[t.session.id as usize - 1]).collect();
            found.sort_unstable();
            let mut expect: Vec<_> = filters.into_iter().filter(|f| topic::matches(f, name)).collect();
            expect.sort_unstable();
            assert_eq!(found, expect, "{name}");
        }
    }

    #[test]
    fn a_session_gets_a_message_once_however_many_of_its_filters_match() {
        let one = session(1);
        let mut tree = Tree::default();
        for (filter, qos) in [("a/#", 0), ("a/b", 2), ("+/b", 1)] {
            tree.insert(filter, target(&one, qos));
        }
        let found = tree.matching("a/b");
        assert_eq!(found.sessions.iter().map(|t| t.qos).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn the_identifiers_of_all_subscriptions_that_match_come_with_the_message() {
        let one = session(1);
        let mut tree = Tree::default();
        for (filter, id) in [("a/#", 1), ("a/b", 0), ("+/b", 200), ("x", 3)] {
            tree.insert(filter, Subscription { id, ..target(&one, 0) });
        }
        let found = tree.matching("a/b");
        assert_eq!(&*found.sessions[0].via.as_ref().unwrap().ids, [11, 1, 11, 0xc8, 1]);
    }

    #[test]
    fn a_group_is_one_target_and_goes_with_its_last_member() {
        let (one, two) = (session(1), session(2));
        let mut tree = Tree::default();
        for filter in ["$share/g/a/+", "$share/h/a/+", "a/b"] {
            tree.insert(filter, target(&one, 1));
        }
        tree.insert("$share/g/a/+", target(&two, 1));
        assert_eq!(tree.len(), 4);
        let found = tree.matching("a/b");
        assert_eq!((found.sessions.len(), found.groups.len()), (1, 2));
        assert!(tree.remove("$share/g/a/+", 1));
        assert!(!tree.remove("$share/g/a/+", 1));
        assert!(!tree.remove("a/+", 1));
        assert_eq!(tree.matching("a/b").groups.len(), 2);
        for (filter, session) in [("$share/g/a/+", 2), ("$share/h/a/+", 1), ("a/b", 1)] {
            assert!(tree.remove(filter, session));
        }
        assert!(tree.is_bare());
    }

    #[test]
    fn twenty_thousand_filters_that_went_leave_nothing_behind() {
        let one = session(1);
        let mut tree = Tree::default();
        let filters: Vec<_> = (0..20_000).map(|i| format!("site/{i}/+/x{i}/#")).collect();
        for filter in &filters {
            tree.insert(filter, target(&one, 0));
        }
        assert_eq!(tree.len(), 20_000);
        for filter in &filters {
            assert!(tree.remove(filter, 1));
        }
        assert!(!tree.remove("site/1/+/x1/#", 1));
        assert_eq!(tree.len(), 0);
        assert!(tree.is_bare());
    }
}
