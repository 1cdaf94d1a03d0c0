//! What an identity may publish and subscribe to: pure decisions over topics and filters.
//!
//! A subscription is granted only when *every* topic that it can match is allowed ([`Rights::may_subscribe`]). That is
//! decided exactly, also where several patterns cover a filter only together: a level may be any text, so a `+` of the
//! filter is covered where a `+` or `#` of a pattern stands, and a `#` of the filter stands for all its depths, each of
//! which one pattern must cover.
//!
//! It does not know who asks, what a topic means, or whether the topic or filter is well formed: the door has checked
//! that before ([`topic`](crate::topic)). What a connection publishes to is remembered with the topic, so that none of
//! this is done for every message.

use thiserror::Error;

use crate::topic;

/// The most patterns of one identity.
const MOST: usize = 256;

/// The longest pattern, in bytes.
const LONGEST: usize = 512;

/// The topics that the broker says of itself.
const SYSTEM: &str = "$SYS";

/// The rights of one identity: filters (MQTT 5, section 4.7) in which every placeholder has been filled in.
///
/// What no pattern allows is denied. A pattern that begins with `$` allows nothing and is an error, see
/// [`Rights::check`]: what begins with `$` belongs to the broker, and `monitor` is the only right to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// Topics it may publish to, wills and retained messages included.
    pub publish: Vec<String>,
    /// Topics it may not publish to although `publish` has them: what only the platform says.
    pub except: Vec<String>,
    /// Topics it may subscribe to.
    pub subscribe: Vec<String>,
    /// Whether it may read what the broker says of itself (`$SYS/#`).
    pub monitor: bool,
}

/// What is wrong with rights. Nobody is let in with such rights.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RightsError {
    /// Not a topic filter.
    #[error(
        "the pattern {0:?} is no topic filter; expected levels parted by /, with + for a whole level and # at the end only"
    )]
    Pattern(String),
    /// Begins with `$`.
    #[error("the pattern {0:?} begins with $, which belongs to the broker; expected monitor = true to read $SYS/#")]
    Reserved(String),
    /// More patterns than are looked through.
    #[error("{0} patterns are given; expected at most {MOST}: use wildcards, or several identities")]
    TooMany(usize),
    /// A template with a placeholder that does not exist, or a brace without its partner.
    #[error("the template {template:?} has the placeholder {found:?}; expected {{device}}, {{site}} or {{group}}")]
    Placeholder {
        /// The template.
        template: String,
        /// What stands between the braces.
        found: String,
    },
    /// Nothing to fill in.
    #[error("the template {template:?} needs a {placeholder}, and none is given")]
    Missing {
        /// The template.
        template: String,
        /// The placeholder.
        placeholder: &'static str,
    },
    /// A name that would change the shape of the pattern.
    #[error(
        "{placeholder} is {found:?}; expected a name of at most 128 bytes without /, +, # and control characters that does \
         not begin with $"
    )]
    Name {
        /// The placeholder.
        placeholder: &'static str,
        /// The name.
        found: String,
    },
}

impl Rights {
    /// Everything but `$SYS`: for clients of a trial on this computer.
    #[must_use]
    pub fn everything() -> Rights {
        Rights { publish: vec!["#".to_owned()], subscribe: vec!["#".to_owned()], ..Rights::default() }
    }

    fn patterns(&self) -> impl Iterator<Item = &String> {
        self.publish.iter().chain(&self.except).chain(&self.subscribe)
    }

    /// Whether every pattern is one. Rights that fail this let nobody in.
    pub fn check(&self) -> Result<(), RightsError> {
        let patterns = self.patterns().count();
        if patterns > MOST {
            return Err(RightsError::TooMany(patterns));
        }
        for pattern in self.patterns() {
            if pattern.starts_with('$') {
                return Err(RightsError::Reserved(pattern.clone()));
            }
            if pattern.len() > LONGEST || !topic::is_filter(pattern) {
                return Err(RightsError::Pattern(pattern.clone()));
            }
        }
        Ok(())
    }

    /// What both allow together. An exception of either holds for both: what is the platform's stays the platform's.
    pub fn extend(&mut self, other: Rights) {
        let add = |to: &mut Vec<String>, from: Vec<String>| {
            for pattern in from {
                if !to.contains(&pattern) {
                    to.push(pattern);
                }
            }
        };
        add(&mut self.publish, other.publish);
        add(&mut self.except, other.except);
        add(&mut self.subscribe, other.subscribe);
        self.monitor |= other.monitor;
    }

    /// Whether it may publish to this topic.
    #[must_use]
    pub fn may_publish(&self, topic: &str) -> bool {
        let among = |patterns: &[String]| patterns.iter().any(|pattern| topic::matches(pattern, topic));
        !topic.starts_with('$') && among(&self.publish) && !among(&self.except)
    }

    /// Whether it may subscribe to this filter: whether every topic that the filter matches is allowed. A shared
    /// subscription (`$share/{group}/{filter}`) is judged by its filter.
    #[must_use]
    pub fn may_subscribe(&self, filter: &str) -> bool {
        let filter = topic::unshared(filter);
        if filter.starts_with('$') {
            return self.monitor && first(filter) == SYSTEM;
        }
        covered(&self.subscribe, filter)
    }
}

/// Whether some topic is matched by both filters (which are some, and do not begin with `$`).
#[must_use]
pub fn overlap(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            // Also the parent level, so it does not matter whether the other one has ended.
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some(x), Some(y)) if x == "+" || y == "+" || x == y => {}
            _ => return false,
        }
    }
}

fn first(filter: &str) -> &str {
    filter.split('/').next().unwrap_or_default()
}

/// Whether `patterns` together match every topic that `filter` matches. `filter` does not begin with `$`.
fn covered(patterns: &[String], filter: &str) -> bool {
    let Some(stem) = filter.strip_suffix('#') else { return patterns.iter().any(|pattern| covers(pattern, filter)) };
    if patterns.iter().any(|pattern| covers(pattern, filter)) {
        return true;
    }
    // Not by one pattern. A `#` is any number of levels: none, one, two, …; beyond the depth of the deepest pattern
    // only what ends in `#` matches, and then it matches all the deeper ones as well.
    let depth = |filter: &str| filter.split('/').count();
    let deepest = patterns.iter().map(|pattern| depth(pattern)).max().unwrap_or(0);
    let mut levels = match stem.strip_suffix('/') {
        Some(parent) => parent.to_owned(),
        // The filter is `#` alone, and the shortest topic has one level.
        None => "+".to_owned(),
    };
    loop {
        if !patterns.iter().any(|pattern| covers(pattern, &levels)) {
            return false;
        }
        if depth(&levels) > deepest {
            return true;
        }
        levels.push_str("/+");
    }
}

/// Whether `pattern` alone matches every topic that `filter` matches, level by level.
fn covers(pattern: &str, filter: &str) -> bool {
    let mut wanted = filter.split('/');
    for allowed in pattern.split('/') {
        if allowed == "#" {
            // Also the parent level, so it does not matter whether any level is left.
            return true;
        }
        match wanted.next() {
            Some("#") | None => return false,
            Some(_) if allowed == "+" => {}
            Some(level) if level == allowed => {}
            Some(_) => return false,
        }
    }
    wanted.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Places;
    use proptest::prelude::*;

    fn rights(subscribe: &[&str]) -> Rights {
        Rights { subscribe: subscribe.iter().map(|s| (*s).to_owned()).collect(), ..Rights::default() }
    }

    #[test]
    fn a_filter_is_granted_when_every_topic_it_matches_is() {
        let check = |patterns: &[&str], filter: &str, expect: bool| {
            assert_eq!(rights(patterns).may_subscribe(filter), expect, "{patterns:?} {filter}");
        };
        check(&["a/#"], "a/#", true);
        check(&["a/#"], "a", true);
        check(&["a/#"], "a/+/c", true);
        check(&["a/#"], "#", false);
        check(&["a/#"], "+/b", false);
        check(&["a/+"], "a/#", false);
        check(&["a/+"], "a/+", true);
        check(&["a/+"], "a/b", true);
        check(&["a/+"], "a", false);
        check(&["a/b"], "a/+", false);
        check(&["+/b"], "a/b", true);
        check(&["+/b"], "a/#", false);
        check(&["#"], "#", true);
        check(&["#"], "+/+/#", true);
        check(&["+/#"], "#", true);
        check(&["+"], "#", false);
        check(&["+", "+/+", "+/+/#"], "#", true);
        check(&["a", "a/+/#"], "a/#", true);
        check(&["a", "a/+/+/#"], "a/#", false);
        check(&["a/b", "a/+/c"], "a/#", false);
        check(&["a/#", "b/#"], "+/#", false);
        check(&[], "a", false);
        check(&["a/#"], "$share/g/a/+", true);
        check(&["a/#"], "$share/g/#", false);
        check(&["#"], "$SYS/#", false);
        check(&["#"], "$share/g/$SYS/#", false);
        check(&["#"], "$other/x", false);
        check(&["轧钢/#"], "轧钢/一号机/+", true);
    }

    #[test]
    fn what_begins_with_a_dollar_is_for_the_monitor_and_only_sys() {
        let monitor = Rights { monitor: true, ..Rights::everything() };
        for (filter, expect) in [
            ("$SYS/#", true),
            ("$SYS/broker/+", true),
            ("$SYS", true),
            ("$share/g/$SYS/#", true),
            ("$SYSTEM/#", false),
            ("$canary/1", false),
            ("$", false),
        ] {
            assert_eq!(monitor.may_subscribe(filter), expect, "{filter}");
            assert!(!Rights::everything().may_subscribe(filter), "{filter}");
        }
        assert!(!monitor.may_publish("$SYS/x"));
        assert!(!Rights { monitor: true, ..Rights::default() }.may_subscribe("a"));
    }

    #[test]
    fn a_topic_may_be_published_to_when_a_pattern_matches_it() {
        let device = Rights { publish: vec!["d/v1/s/m/#".into(), "x/+/y".into()], ..Rights::default() };
        for (topic, expect) in [
            ("d/v1/s/m", true),
            ("d/v1/s/m/telemetry", true),
            ("d/v1/s/m2/telemetry", false),
            ("d/v1/s", false),
            ("x/a/y", true),
            ("x/a/b/y", false),
            ("$SYS/a", false),
        ] {
            assert_eq!(device.may_publish(topic), expect, "{topic}");
        }
    }

    #[test]
    fn an_exception_takes_away_from_publishing_and_from_nothing_else() {
        let mut rights = Rights { except: vec!["a/+/alarm/#".into()], ..Rights::everything() };
        let check =
            |rights: &Rights, topic: &str, expect: bool| assert_eq!(rights.may_publish(topic), expect, "{topic}");
        check(&rights, "a/m/alarm", false);
        check(&rights, "a/m/alarm/state", false);
        check(&rights, "a/m/alarms", true);
        check(&rights, "a/alarm", true);
        check(&rights, "a/m/x/alarm", true);
        assert!(rights.may_subscribe("a/m/alarm") && rights.may_subscribe("#"));
        rights.extend(Rights { publish: vec!["a/m/alarm".into()], except: vec!["b".into()], ..Rights::default() });
        check(&rights, "a/m/alarm", false);
        check(&rights, "b", false);
        check(&rights, "c", true);
    }

    #[test]
    fn patterns_that_are_none_are_named() {
        let check = |pattern: &str, expect: &str| {
            let one = || vec![pattern.to_owned()];
            let publish = Rights { publish: one(), ..Rights::default() };
            let except = Rights { except: one(), ..Rights::default() };
            for rights in [rights(&[pattern]), publish, except] {
                let error = rights.check().unwrap_err().to_string();
                assert!(error.contains(expect), "{error}");
            }
        };
        check("a/#/b", "is no topic filter");
        check("a+", "is no topic filter");
        check("", "is no topic filter");
        check("a\0", "is no topic filter");
        check(&"a/".repeat(300), "is no topic filter");
        check("$SYS/#", "monitor = true");
        assert_eq!(rights(&["a"; 257]).check(), Err(RightsError::TooMany(257)));
        assert_eq!(Rights::everything().check(), Ok(()));
    }

    /// Filters over a small alphabet; `c` is a level that no pattern names and so stands for all others.
    fn filter(literals: &'static [&'static str]) -> impl Strategy<Value = String> {
        let level = proptest::sample::select([literals, &["+", "+"]].concat());
        (proptest::collection::vec(level, 0..4), any::<bool>()).prop_map(|(mut levels, rest)| {
            if rest || levels.is_empty() {
                levels.push("#");
            }
            levels.join("/")
        })
    }

    /// Every topic of up to five levels over the alphabet. Patterns have no more than four, so a sixth level shows
    /// nothing that the fifth does not.
    fn topics() -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut last = vec![String::new()];
        for depth in 0..5 {
            let longer = |topic: &String| {
                ["a", "b", "c", ""].map(|level| if depth == 0 { level.to_owned() } else { format!("{topic}/{level}") })
            };
            last = last.iter().flat_map(longer).collect();
            all.extend(last.iter().filter(|topic| !topic.is_empty()).cloned());
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn containment_is_what_trying_every_topic_says(
            patterns in proptest::collection::vec(filter(&["a", "b"]), 0..5), wanted in filter(&["a", "b", "c"]),
        ) {
            let brute = topics().iter()
                .filter(|topic| topic::matches(&wanted, topic))
                .all(|topic| patterns.iter().any(|pattern| topic::matches(pattern, topic)));
            prop_assert_eq!(covered(&patterns, &wanted), brute, "{:?} {}", patterns, wanted);
        }

        #[test]
        fn filters_overlap_when_some_topic_is_matched_by_both(
            one in filter(&["a", "b"]), other in filter(&["a", "b", "c"]),
        ) {
            let both = |topic: &&String| topic::matches(&one, topic) && topic::matches(&other, topic);
            prop_assert_eq!(overlap(&one, &other), topics().iter().any(|topic| both(&topic)), "{} {}", one, other);
            prop_assert_eq!(overlap(&one, &other), overlap(&other, &one));
        }

        /// Whatever somebody is given beyond a role, what the given rights except is nobody's to publish.
        #[test]
        fn patterns_of_ones_own_never_reach_what_is_excepted(
            role in filter(&["a", "b"]), own in proptest::collection::vec(filter(&["a", "b"]), 0..5),
            except in filter(&["a", "b"]),
        ) {
            let mut rights = Rights { publish: vec![role], ..Rights::default() };
            let nothing = Vec::<String>::new();
            rights.extend(Rights::from_templates(&own, std::slice::from_ref(&except), &nothing, &Places::default()).unwrap());
            for topic in topics().iter().filter(|topic| topic::matches(&except, topic)) {
                prop_assert!(!rights.may_publish(topic), "{topic}");
            }
        }

        /// Whatever is granted, nothing that is not allowed comes through it.
        #[test]
        fn a_grant_never_reaches_beyond_the_rights(
            patterns in proptest::collection::vec(filter(&["a", "b"]), 0..4), wanted in filter(&["a", "b", "$SYS"]),
        ) {
            let rights = Rights { publish: patterns.clone(), subscribe: patterns, ..Rights::default() };
            if rights.may_subscribe(&wanted) {
                for topic in topics().iter().filter(|topic| topic::matches(&wanted, topic)) {
                    prop_assert!(rights.may_publish(topic), "{topic}");
                }
            }
        }
    }
}
