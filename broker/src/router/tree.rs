//! The filters of all sessions as a tree of topic levels. A node that holds nothing is taken away, so that filters that
//! come and go leave nothing behind.

use std::collections::HashMap;
use std::sync::Arc;

use super::session::Session;

/// One subscription as the tree holds it.
#[derive(Clone)]
pub(crate) struct Target {
    pub session: Arc<Session>,
    pub qos: u8,
    pub no_local: bool,
    pub retain_as_published: bool,
}

#[derive(Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    /// What follows a `+`.
    plus: Option<Box<Node>>,
    /// Subscriptions that end here.
    here: Vec<Target>,
    /// Subscriptions that end here with a `#`.
    rest: Vec<Target>,
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
    pub fn insert(&mut self, filter: &str, target: Target) {
        let mut node = &mut self.root;
        for level in filter.split('/') {
            node = match level {
                "#" => {
                    self.len += usize::from(put(&mut node.rest, target));
                    return;
                }
                "+" => node.plus.get_or_insert_default(),
                _ => node.children.entry(level.into()).or_default(),
            };
        }
        self.len += usize::from(put(&mut node.here, target));
    }

    /// Takes a subscription away; whether there was one.
    pub fn remove(&mut self, filter: &str, session: u64) -> bool {
        let removed = self.root.remove(filter, session);
        self.len -= usize::from(removed);
        removed
    }

    /// Who wants a message with this topic: each session once, at the highest quality it asked for.
    pub fn matching(&self, topic: &str) -> Vec<Target> {
        let mut found = Vec::new();
        let internal = topic.starts_with('$');
        self.root.collect(Some(topic), !internal, &mut found);
        if found.len() > 1 {
            merge(&mut found);
        }
        found
    }

    /// Whether nothing at all is left, not even an empty node.
    #[cfg(test)]
    fn is_bare(&self) -> bool {
        self.root.is_bare()
    }
}

fn put(targets: &mut Vec<Target>, target: Target) -> bool {
    match targets.iter_mut().find(|t| t.session.id == target.session.id) {
        Some(old) => {
            *old = target;
            false
        }
        None => {
            targets.push(target);
            true
        }
    }
}

fn take(targets: &mut Vec<Target>, session: u64) -> bool {
    let before = targets.len();
    targets.retain(|t| t.session.id != session);
    targets.shrink_to_fit();
    targets.len() < before
}

fn merge(found: &mut Vec<Target>) {
    found.sort_by_key(|t| t.session.id);
    found.dedup_by(|next, kept| {
        let same = next.session.id == kept.session.id;
        if same {
            kept.qos = kept.qos.max(next.qos);
            kept.no_local &= next.no_local;
            kept.retain_as_published |= next.retain_as_published;
        }
        same
    });
}

impl Node {
    fn is_bare(&self) -> bool {
        self.children.is_empty() && self.plus.is_none() && self.here.is_empty() && self.rest.is_empty()
    }

    fn remove(&mut self, filter: &str, session: u64) -> bool {
        if filter == "#" {
            return take(&mut self.rest, session);
        }
        let (level, deeper) = split(filter);
        let child = if level == "+" { self.plus.as_deref_mut() } else { self.children.get_mut(level) };
        let Some(child) = child else { return false };
        let removed = match deeper {
            Some(deeper) => child.remove(deeper, session),
            None => take(&mut child.here, session),
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
    fn collect(&self, topic: Option<&str>, wildcards: bool, found: &mut Vec<Target>) {
        if wildcards {
            found.extend_from_slice(&self.rest);
        }
        let Some(topic) = topic else {
            found.extend_from_slice(&self.here);
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
    use crate::topic;

    fn target(session: &Arc<Session>, qos: u8) -> Target {
        Target { session: session.clone(), qos, no_local: false, retain_as_published: false }
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
            let mut found: Vec<_> = tree.matching(name).iter().map(|t| filters[t.session.id as usize - 1]).collect();
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
        assert_eq!(found.iter().map(|t| t.qos).collect::<Vec<_>>(), [2]);
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
