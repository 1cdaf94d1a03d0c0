//! What one device may do beside its role: patterns of its own, checked before they are stored and again when they are
//! used.
//!
//! They are for topics of a plant's own, which mapping rules make values of. What has a form of its own here, under
//! `danxia/v1` and `spBv1.0`, is published by the leave of a role only, so that whoever reads there can rely on whom it
//! is from. Under `hj212/{site}` the payload says which monitor of the site speaks, so a pattern there names the site. And what only the platform publishes stays the platform's whatever the patterns say.

use std::fmt;

use broker::{Places, Rights, RightsError, overlap};
use historian::OwnPatterns;

use super::rules::OURS;

/// The longest pattern, bytes: as long as those of the broker.
const LONGEST: usize = 512;

/// Where a pattern was to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Among those to publish to.
    Publish,
    /// Among those to subscribe to.
    Subscribe,
}

impl Way {
    /// The stable name, that of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a pattern cannot be one of a device's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{way} pattern {found:?}: {why}")]
pub struct OwnError {
    /// Among which it was to stand.
    pub way: Way,
    /// The pattern as it was given.
    pub found: String,
    /// What is wrong with it.
    pub why: Wrong,
}

/// What is wrong with a pattern, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not a topic filter.
    #[error(
        "it is no topic filter; expected at most {LONGEST} bytes in levels parted by /, with + for a whole level and # at \
         the end only"
    )]
    Filter,
    /// Begins with `$`.
    #[error(
        "what begins with $ belongs to the broker; the role monitor reads $SYS/#, and $share/GROUP/FILTER is allowed \
         wherever FILTER is"
    )]
    Reserved,
    /// A wildcard in the first level of what is published to.
    #[error(
        "it begins with a wildcard, so the device could speak for others, also under danxia/v1 and spBv1.0; name the first \
         level, as in gateway-7/#"
    )]
    Wildcard,
    /// Reaches into what has a form of its own.
    #[error(
        "it reaches into danxia/v1, where roles say who may publish: leave it out; the role device publishes under \
         danxia/v1/{{site}}/{{device}}/#, the role gateway under danxia/v1/{{site}}/#"
    )]
    Danxia,
    /// Reaches into what is Sparkplug's.
    #[error(
        "it reaches into spBv1.0, where roles say who may publish: leave it out; the role sparkplug-node publishes births, \
         data and deaths of {{device}} in {{group}}"
    )]
    Sparkplug,
    /// Reaches into every site's monitors.
    #[error(
        "it reaches into hj212/ of every site, where the payload says which machine speaks; name the site, as in hj212/{{site}}"
    )]
    Monitors,
    /// A placeholder that does not exist, or for which there is nothing.
    #[error("{0}")]
    Placeholder(RightsError),
    /// Allowed without it.
    #[error("a device that is unrestricted may do everything already; add it anew with a role first")]
    Everything,
    /// Too many.
    #[error("it is one more than the {max} there may be; use wildcards", max = OwnPatterns::MOST)]
    TooMany,
}

impl Wrong {
    /// The stable code, for the page's own words.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Reserved => "reserved",
            Self::Wildcard => "wildcard",
            Self::Danxia => "danxia",
            Self::Sparkplug => "sparkplug",
            Self::Monitors => "monitors",
            Self::Placeholder(_) => "placeholder",
            Self::Everything => "everything",
            Self::TooMany => "too_many",
        }
    }
}

/// Patterns as somebody wrote them, trimmed, without empty ones and those that stand there already. That they make sense
/// for this device is what [`rights`] says.
pub fn tidied(own: OwnPatterns) -> OwnPatterns {
    let tidy = |all: Vec<String>| {
        let mut kept: Vec<String> = Vec::with_capacity(all.len());
        for text in all {
            let text = text.trim();
            if !text.is_empty() && !kept.iter().any(|k| k == text) {
                kept.push(text.to_owned());
            }
        }
        kept
    };
    OwnPatterns { publish: tidy(own.publish), subscribe: tidy(own.subscribe) }
}

/// What these patterns let a device do, with the exceptions that hold for all of them.
pub fn rights(own: &OwnPatterns, places: &Places<'_>) -> Result<Rights, OwnError> {
    let filled = |way, templates: &[String]| -> Result<Vec<String>, OwnError> {
        let wrong = |found: &str, why| OwnError { way, found: found.chars().take(LONGEST).collect(), why };
        if let Some(more) = templates.get(OwnPatterns::MOST) {
            return Err(wrong(more, Wrong::TooMany));
        }
        templates.iter().map(|template| pattern(way, template, places).map_err(|why| wrong(template, why))).collect()
    };
    let publish = filled(Way::Publish, &own.publish)?;
    let except = if publish.is_empty() { Vec::new() } else { OURS.map(str::to_owned).to_vec() };
    let subscribe = filled(Way::Subscribe, &own.subscribe)?;
    Ok(Rights { publish, except, subscribe, monitor: false })
}

/// One template filled in. It is judged by what it then is: a name may be `danxia`.
fn pattern(way: Way, template: &str, places: &Places<'_>) -> Result<String, Wrong> {
    if template.len() > LONGEST {
        return Err(Wrong::Filter);
    }
    let one = Rights::from_templates(&[template], &[], &[], places).map_err(|e| match e {
        RightsError::Reserved(_) => Wrong::Reserved,
        RightsError::Pattern(_) | RightsError::TooMany(_) => Wrong::Filter,
        e => Wrong::Placeholder(e),
    })?;
    let Some(filter) = one.publish.into_iter().next() else {
        // It has an optional placeholder, and the device nothing for it: what would never do anything is a mistake.
        let (template, placeholder) = (template.to_owned(), "group");
        return Err(Wrong::Placeholder(RightsError::Missing { template, placeholder }));
    };
    if filter.chars().any(char::is_control) {
        return Err(Wrong::Filter);
    }
    match way {
        Way::Subscribe => Ok(filter),
        Way::Publish if filter.starts_with(['+', '#']) => Err(Wrong::Wildcard),
        Way::Publish if overlap(&filter, "danxia/v1/#") => Err(Wrong::Danxia),
        Way::Publish if overlap(&filter, "spBv1.0/#") => Err(Wrong::Sparkplug),
        // Who may speak there speaks for every monitor of a site: that is for whoever gives the right to say of which.
        Way::Publish if filter.starts_with("hj212/") && filter.contains(['+', '#']) => Err(Wrong::Monitors),
        Way::Publish => Ok(filter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: Places<'static> = Places { device: Some("gw-7"), site: Some("hall"), group: None };

    fn own(publish: &[&str], subscribe: &[&str]) -> OwnPatterns {
        let all = |some: &[&str]| some.iter().map(|&s| s.to_owned()).collect();
        OwnPatterns { publish: all(publish), subscribe: all(subscribe) }
    }

    #[test]
    fn what_a_plant_calls_its_topics_may_be_published_to_and_what_has_a_role_may_not() {
        let check = |pattern: &str, expect: Result<&str, &str>| {
            let said = rights(&own(&[pattern], &[]), &PLACES).map(|r| r.publish[0].clone());
            let said = said.map_err(|e| (e.way, e.found.len().min(pattern.len()), e.why.code()));
            let expect = expect.map(str::to_owned).map_err(|code| (Way::Publish, pattern.len().min(512), code));
            assert_eq!(said, expect, "{pattern}");
        };
        for good in
            ["gw7/#", "gw7/+/data", "plant/line-1", "danxia", "danxia/v2/x", "spBv1", "hj212/hall", "/a", "轧钢/#"]
        {
            check(good, Ok(good));
        }
        check("gw/{site}/{device}/#", Ok("gw/hall/gw-7/#"));
        for bad in ["#", "+", "+/#", "+/v1/x", "+/a"] {
            check(bad, Err("wildcard"));
        }
        for bad in
            ["danxia/v1/hall/gw-7/telemetry", "danxia/#", "danxia/+/x", "danxia/v1", "danxia/+", "danxia/v1/+/+/alarm"]
        {
            check(bad, Err("danxia"));
        }
        for bad in ["spBv1.0/#", "spBv1.0", "spBv1.0/G/NDATA/x", "spBv1.0/+/+/gw-7"] {
            check(bad, Err("sparkplug"));
        }
        for bad in ["hj212/#", "hj212/+", "hj212/+/x"] {
            check(bad, Err("monitors"));
        }
        for bad in ["$SYS/x", "$share/g/a", "$"] {
            check(bad, Err("reserved"));
        }
        for bad in ["a/#/b", "a+", "a\u{0}", "a\tb", &"a/".repeat(400)] {
            check(bad, Err("filter"));
        }
        for bad in ["a/{machine}", "a/{device", "a/{group}", "a/{group?}/b"] {
            check(bad, Err("placeholder"));
        }
    }

    #[test]
    fn it_is_judged_by_what_it_is_once_filled_in() {
        let places = Places { device: Some("v1"), site: Some("danxia"), group: Some("spBv1.0") };
        for (pattern, code) in [("{site}/{device}/#", "danxia"), ("{site}/+/x", "danxia"), ("{group}/x", "sparkplug")] {
            assert_eq!(rights(&own(&[pattern], &[]), &places).unwrap_err().why.code(), code, "{pattern}");
        }
    }

    #[test]
    fn anything_but_the_brokers_own_may_be_read() {
        for good in ["#", "+/x", "danxia/v1/#", "spBv1.0/#", "gw7/{device}"] {
            assert_eq!(rights(&own(&[], &[good]), &PLACES).unwrap().subscribe.len(), 1, "{good}");
        }
        let said = rights(&own(&[], &["$SYS/#"]), &PLACES).unwrap_err();
        assert_eq!((said.way, said.why.code()), (Way::Subscribe, "reserved"));
        assert!(!rights(&own(&[], &["#"]), &PLACES).unwrap().may_subscribe("$SYS/#"));
    }

    #[test]
    fn the_words_say_what_was_found_and_which_role_is_for_it() {
        let said = |pattern: &str| rights(&own(&[pattern], &[]), &PLACES).unwrap_err().to_string();
        let text = said("danxia/#");
        assert!(text.contains("\"danxia/#\"") && text.contains("role gateway") && text.contains("{site}/#"), "{text}");
        assert!(said("spBv1.0/#").contains("role sparkplug-node"));
        assert!(said("#").contains("danxia/v1 and spBv1.0"));
        assert!(said("a/{group}").contains("needs a group"));
    }

    #[test]
    fn there_are_at_most_so_many_and_none_twice() {
        let many: Vec<_> = (0..=OwnPatterns::MOST).map(|n| format!("gw/{n}")).collect();
        let most = OwnPatterns { publish: many[1..].to_vec(), subscribe: many[1..].to_vec() };
        assert_eq!(rights(&most, &PLACES).unwrap().publish.len(), 32);
        let said = rights(&OwnPatterns { publish: many, ..OwnPatterns::default() }, &PLACES).unwrap_err();
        assert_eq!((said.found.as_str(), said.why), ("gw/32", Wrong::TooMany));
        assert_eq!(tidied(own(&[" a/# ", "", "b", "a/#"], &[" "])), own(&["a/#", "b"], &[]));
    }
}
