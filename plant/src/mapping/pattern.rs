//! Topic patterns: levels that are literal, free (`+`), captured (`{name}`), or the rest (`#`).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::RuleError;

/// Most bytes of a pattern.
const MAX_BYTES: usize = 512;
/// Most levels of a pattern.
const MAX_LEVELS: usize = 32;

/// One level.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    Literal(Arc<str>),
    Any,
    Capture(Arc<str>),
    /// Only as the last: this level and all below, also none.
    Rest,
}

/// A topic pattern such as `plant/{machine}/+/{point}` or `gateway/{machine}/#`. `Display` is the inverse of `FromStr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern(Vec<Level>);

/// What a pattern captured of a topic: names and texts, in the pattern's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures(Vec<(Arc<str>, Arc<str>)>);

impl Captures {
    /// The text captured under `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| **n == *name).map(|(_, text)| &**text)
    }

    /// Names and texts in the pattern's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, t)| (&**n, &**t))
    }
}

/// Whether `s` can name a capture: a letter, then letters, digits and `_`, at most 32 bytes.
pub(super) fn is_name(s: &str) -> bool {
    s.len() <= 32
        && s.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn level(text: &str) -> Result<Level, &'static str> {
    match text {
        "+" => return Ok(Level::Any),
        "#" => return Ok(Level::Rest),
        _ => {}
    }
    if let Some(name) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        return match is_name(name) {
            true if name == super::template::KEY => {
                Err("captures {key}, which stands for the key of an entry: rename it")
            }
            true => Ok(Level::Capture(name.into())),
            false => Err("has a capture without a usable name: a letter, then letters, digits and '_'"),
        };
    }
    match text.contains(['+', '#', '{', '}']) || text.chars().any(char::is_control) {
        true => Err("mixes '+', '#', braces or control characters with text: let each fill a level of its own"),
        false => Ok(Level::Literal(text.into())),
    }
}

impl FromStr for TopicPattern {
    type Err = RuleError;
    fn from_str(s: &str) -> Result<Self, RuleError> {
        let wrong = |what| RuleError::Pattern { found: s.chars().take(MAX_BYTES).collect(), what };
        if s.is_empty() || s.len() > MAX_BYTES {
            return Err(wrong("is empty or too long: 1 to 512 bytes"));
        }
        let levels = s.split('/').map(level).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        if levels.len() > MAX_LEVELS {
            return Err(wrong("has too many levels: at most 32"));
        }
        if levels.iter().rev().skip(1).any(|l| *l == Level::Rest) {
            return Err(wrong("has '#' before its end: it stands for everything below and can only be last"));
        }
        let names: Vec<_> =
            levels.iter().filter_map(|l| if let Level::Capture(n) = l { Some(n) } else { None }).collect();
        if names.iter().enumerate().any(|(i, n)| names[..i].contains(n)) {
            return Err(wrong("captures the same name twice: rename one"));
        }
        if ["danxia/", "spBv1.0/", "hj212/", "$"].iter().any(|native| s.starts_with(native)) {
            return Err(wrong("begins like a topic that is understood without a rule, or with '$': choose another"));
        }
        Ok(Self(levels))
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, level) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("/")?;
            }
            match level {
                Level::Literal(text) => f.write_str(text)?,
                Level::Any => f.write_str("+")?,
                Level::Capture(name) => write!(f, "{{{name}}}")?,
                Level::Rest => f.write_str("#")?,
            }
        }
        Ok(())
    }
}

impl TopicPattern {
    /// What it captures of `topic`; `None` where it does not match. One walk over the topic, whatever both hold.
    #[must_use]
    pub fn captures(&self, topic: &str) -> Option<Captures> {
        // A topic beginning with '$' is the server's own: wildcards never reach it (MQTT 4.7.2).
        if topic.starts_with('$') {
            return None;
        }
        let mut captured = Vec::new();
        let mut levels = topic.split('/');
        for level in &self.0 {
            match (level, levels.next()) {
                (Level::Rest, _) => return Some(Captures(captured)),
                (_, None) => return None,
                (Level::Any, Some(_)) => {}
                (Level::Literal(text), Some(found)) if **text == *found => {}
                (Level::Literal(_), Some(_)) => return None,
                (Level::Capture(name), Some(found)) => captured.push((name.clone(), found.into())),
            }
        }
        levels.next().is_none().then_some(Captures(captured))
    }

    /// The names it captures.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|l| if let Level::Capture(n) = l { Some(&**n) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, topic: &str, want: Option<&[(&str, &str)]>) {
        let found = pattern.parse::<TopicPattern>().unwrap().captures(topic);
        let found: Option<Vec<_>> = found.as_ref().map(|c| c.iter().collect());
        assert_eq!(found.as_deref(), want, "{pattern} on {topic}");
    }

    #[test]
    fn levels_match_one_by_one() {
        check("plant/{machine}/+/{point}", "plant/fan-3/x/temp", Some(&[("machine", "fan-3"), ("point", "temp")]));
        check("plant/{machine}/+/{point}", "plant/fan-3/x", None);
        check("plant/{machine}/+/{point}", "plant/fan-3/x/temp/y", None);
        check("a/{m}/#", "a/b", Some(&[("m", "b")]));
        check("a/{m}/#", "a/b/c/d", Some(&[("m", "b")]));
        check("a/b", "a/b", Some(&[]));
        check("a/b", "a/c", None);
        check("a/+", "a/", Some(&[]));
        check("#", "anything/at/all", Some(&[]));
        check("#", "$SYS/broker", None);
        check("风机/{m}", "风机/三号", Some(&[("m", "三号")]));
    }

    #[test]
    fn patterns_round_trip_and_impossible_ones_say_why() {
        for s in ["plant/{machine}/+/{point}", "a/#", "#", "/a/", "x"] {
            assert_eq!(s.parse::<TopicPattern>().unwrap().to_string(), s);
        }
        for (s, why) in [
            ("", "is empty"),
            ("a/#/b", "before its end"),
            ("a/b+", "mixes"),
            ("a/{m}{n}", "usable name"),
            ("a/{}", "usable name"),
            ("a/{m}/{m}", "twice"),
            ("a/{key}", "rename"),
            ("danxia/v1/s/m/telemetry", "without a rule"),
            ("spBv1.0/#", "without a rule"),
            ("hj212/{m}", "without a rule"),
            (&"x".repeat(513), "too long"),
            (&"x/".repeat(33), "too many levels"),
        ] {
            let error = s.parse::<TopicPattern>().unwrap_err().to_string();
            assert!(error.contains(why), "{s}: {error}");
        }
    }
}
