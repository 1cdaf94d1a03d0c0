//! Where something stands in a payload, and texts that are made of captures and such places.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::RuleError;
use super::pattern::is_name;

/// The key or number of an entry, where a rule reads every entry of an object or array.
pub(super) const KEY: &str = "key";
/// Most bytes of a field or template.
const MAX_BYTES: usize = 256;
/// Most columns of a line.
const MAX_COLUMN: u16 = 4096;

/// A place in a payload. As text: a JSON pointer (`/temp/value`, RFC 6901; the empty text is the whole), the same from the
/// root where a rule reads every entry of a list (`^/ts`), or a column counted from 1 (`#3`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A JSON pointer within the entry, or within the payload where there are no entries.
    Pointer(Arc<str>),
    /// A JSON pointer within the payload.
    Root(Arc<str>),
    /// A column of a line, from 1.
    Column(u16),
}

fn pointer(s: &str) -> Result<Arc<str>, &'static str> {
    if !(s.is_empty() || s.starts_with('/')) {
        return Err("is no JSON pointer: begin it with '/', as in /temp/value, or leave it empty for the whole");
    }
    let mut escaped = s.split('~').skip(1);
    match escaped.all(|after| after.starts_with(['0', '1'])) {
        true => Ok(s.into()),
        false => Err("has a '~' that escapes nothing: write ~0 for '~' and ~1 for '/'"),
    }
}

impl FromStr for Field {
    type Err = RuleError;
    fn from_str(s: &str) -> Result<Self, RuleError> {
        let wrong = |what| RuleError::Field { found: s.chars().take(MAX_BYTES).collect(), what };
        if s.len() > MAX_BYTES {
            return Err(wrong("is too long: at most 256 bytes"));
        }
        if let Some(n) = s.strip_prefix('#') {
            return match n.parse::<u16>() {
                Ok(n) if (1..=MAX_COLUMN).contains(&n) => Ok(Self::Column(n)),
                _ => Err(wrong("is no column: count from #1, at most #4096")),
            };
        }
        match s.strip_prefix('^') {
            Some(rest) => pointer(rest).map(Self::Root).map_err(wrong),
            None => pointer(s).map(Self::Pointer).map_err(wrong),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pointer(p) => f.write_str(p),
            Self::Root(p) => write!(f, "^{p}"),
            Self::Column(n) => write!(f, "#{n}"),
        }
    }
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePart {
    /// As it stands.
    Text(Arc<str>),
    /// What the topic pattern captured under this name.
    Capture(Arc<str>),
    /// The key or number of the entry that is read.
    Key,
    /// What stands there in the payload.
    Field(Field),
}

/// A text with captures and fields in braces: `{machine}`, `line-{/line}`, `{#1}`. `Display` is the inverse of `FromStr`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<TemplatePart>);

impl Template {
    /// Its pieces in their order; at least one.
    #[must_use]
    pub fn parts(&self) -> &[TemplatePart] {
        &self.0
    }

    /// The names of captures that it uses.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|p| if let TemplatePart::Capture(n) = p { Some(&**n) } else { None })
    }

    /// The fields that it uses.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.0.iter().filter_map(|p| if let TemplatePart::Field(f) = p { Some(f) } else { None })
    }

    /// Whether it is one for each entry.
    #[must_use]
    pub fn uses_key(&self) -> bool {
        self.0.contains(&TemplatePart::Key)
    }
}

impl FromStr for Template {
    type Err = RuleError;
    fn from_str(s: &str) -> Result<Self, RuleError> {
        let wrong = |what| RuleError::Template { found: s.chars().take(MAX_BYTES).collect(), what };
        if s.is_empty() || s.len() > MAX_BYTES {
            return Err(wrong("is empty or too long: 1 to 256 bytes"));
        }
        let mut parts = Vec::new();
        let mut rest = s;
        while !rest.is_empty() {
            let Some(open) = rest.find(['{', '}']) else {
                parts.push(TemplatePart::Text(rest.into()));
                break;
            };
            if rest[open..].starts_with('}') {
                return Err(wrong("closes a brace that was not opened"));
            }
            if open > 0 {
                parts.push(TemplatePart::Text(rest[..open].into()));
            }
            let inside = &rest[open + 1..];
            let close = inside.find('}').ok_or_else(|| wrong("opens a brace that is not closed"))?;
            parts.push(match &inside[..close] {
                KEY => TemplatePart::Key,
                name if is_name(name) => TemplatePart::Capture(name.into()),
                "" => return Err(wrong("has empty braces: name a capture, or a field such as {/name} or {#1}")),
                field => TemplatePart::Field(field.parse()?),
            });
            rest = &inside[close + 1..];
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                TemplatePart::Text(text) => f.write_str(text)?,
                TemplatePart::Capture(name) => write!(f, "{{{name}}}")?,
                TemplatePart::Key => write!(f, "{{{KEY}}}")?,
                TemplatePart::Field(field) => write!(f, "{{{field}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_templates_round_trip() {
        for s in ["", "/temp/value", "/a~1b", "^/ts", "^", "#3"] {
            assert_eq!(s.parse::<Field>().unwrap().to_string(), s);
        }
        for s in ["fan-3", "{machine}", "line-{/line}-{#1}", "{key}", "{^/id}_{point}"] {
            assert_eq!(s.parse::<Template>().unwrap().to_string(), s);
        }
        let template: Template = "{m}-{/x}{key}".parse().unwrap();
        assert_eq!(template.captures().collect::<Vec<_>>(), ["m"]);
        assert_eq!(template.fields().count(), 1);
        assert!(template.uses_key());
    }

    #[test]
    fn what_is_neither_says_why() {
        for (s, why) in [
            ("temp", "begin it with '/'"),
            ("/a~2", "escapes nothing"),
            ("#0", "count from #1"),
            ("#", "count from #1"),
            ("#9999", "count from #1"),
            (&"/x".repeat(200), "too long"),
        ] {
            let error = s.parse::<Field>().unwrap_err().to_string();
            assert!(error.contains(why), "{s}: {error}");
        }
        for (s, why) in
            [("", "is empty"), ("{a", "not closed"), ("a}", "not opened"), ("{}", "empty braces"), ("{a b}", "'/'")]
        {
            let error = s.parse::<Template>().unwrap_err().to_string();
            assert!(error.contains(why), "{s}: {error}");
        }
    }
}
