//! A rule, and the ordered list of them.

use std::sync::Arc;

use super::{Captures, Field, RuleError, Template, TopicPattern};
use crate::{Name, Timestamp, Unit};

/// Most rules of a plant.
pub const MAX_RULES: usize = 1000;
/// Most values that a rule takes from a message, or from each of its entries.
pub const MAX_VALUES: usize = 256;
/// Most conditions of a rule.
pub const MAX_FILTERS: usize = 8;
/// Most bytes of all texts of a rule set together.
pub const MAX_TEXT: usize = 1 << 20;
/// Longest text that a condition compares with, in bytes.
const MAX_COMPARED: usize = 256;

/// How a payload is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadFormat {
    /// JSON. With `each`, the place of an object or array of which every entry is read on its own.
    Json {
        /// Where the entries are.
        each: Option<Arc<str>>,
    },
    /// Lines of columns; every line is read on its own.
    Csv {
        /// Stands between columns.
        separator: char,
        /// Lines at the beginning that are passed over.
        skip: u16,
    },
    /// One number or text.
    Plain,
    /// Segments of HJ 212: point, value, unit and time stand in them; the rule says only whose they are.
    Hj212,
}

impl PayloadFormat {
    /// The stable name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Json { .. } => "json",
            Self::Csv { .. } => "csv",
            Self::Plain => "plain",
            Self::Hj212 => "hj212",
        }
    }

    fn suits(&self, field: &Field) -> Result<(), RuleError> {
        let what = match (self, field) {
            (Self::Json { .. }, Field::Pointer(_)) | (Self::Csv { .. }, Field::Column(_)) => return Ok(()),
            (Self::Json { each: Some(_) }, Field::Root(_)) => return Ok(()),
            (Self::Plain, Field::Pointer(p)) if p.is_empty() => return Ok(()),
            (Self::Json { .. }, Field::Root(_)) => "without entries to read one by one, leave out the '^'",
            (Self::Json { .. }, Field::Column(_)) => "use a JSON pointer such as /temp",
            (Self::Csv { .. }, _) => "use a column such as #2",
            (Self::Plain, _) => "leave it empty: there is one value",
            (Self::Hj212, _) => "leave values, time and conditions out: the segments state them",
        };
        Err(RuleError::Unsuited { field: format!("{:?}", field.to_string()), format: self.as_str(), what })
    }
}

/// Where a time stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTime {
    /// There: an epoch number whose unit is told by its magnitude, or RFC 3339 text.
    pub field: Field,
    /// Offset from UTC, in minutes, of texts that state none (`2026-01-31 08:00:00`, `20260131080000`); `None` refuses them.
    pub zone_min: Option<i32>,
}

/// A value to take.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleValue {
    /// Where it stands.
    pub field: Field,
    /// The point it is of.
    pub point: Template,
    /// The unit after scale and offset. Where there is one, or a scale or offset, texts are read as numbers.
    pub unit: Option<Unit>,
    /// Factor; 1 if not needed.
    pub scale: f64,
    /// Added after the factor; 0 if not needed.
    pub offset: f64,
    /// Whether a message may come without it.
    pub optional: bool,
}

/// What a condition asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Is {
    /// Something stands there, and it is not null.
    Present,
    /// The text, number or boolean there is written like this.
    Equal(Arc<str>),
}

/// A condition on the message, or on each of its entries: where it does not hold, the rule is not for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Where to look.
    pub field: Field,
    /// For what.
    pub is: Is,
}

/// A rule. [`Rule::check`] holds what later code relies on; a [`RuleSet`] takes only rules that pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, unique in the set.
    pub name: Name,
    /// Whether it is applied.
    pub enabled: bool,
    /// The topics it is for.
    pub topic: TopicPattern,
    /// How their payload is written.
    pub format: PayloadFormat,
    /// The site.
    pub site: Template,
    /// The machine.
    pub machine: Template,
    /// What to take.
    pub values: Vec<RuleValue>,
    /// When it was measured; without it, the time of receipt stands in and the values are doubtful.
    pub time: Option<RuleTime>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
}

impl Rule {
    /// Whether the rule can be applied.
    pub fn check(&self) -> Result<(), RuleError> {
        let count = |what, found, expected| Err(RuleError::Count { what, found, expected });
        match (&self.format, self.values.len()) {
            (PayloadFormat::Hj212, 0) => {}
            (PayloadFormat::Hj212, n) => return count("values", n, "none: the segments of HJ 212 name their points"),
            (_, n) if n == 0 || n > MAX_VALUES => return count("values", n, "1 to 256"),
            _ => {}
        }
        if self.filters.len() > MAX_FILTERS {
            return count("conditions", self.filters.len(), "at most 8");
        }
        self.check_format()?;
        self.check_fields()?;
        for value in &self.values {
            let (scale, offset) = (value.scale, value.offset);
            if !(scale.is_finite() && scale != 0.0 && offset.is_finite()) {
                return Err(RuleError::Scale { scale, offset });
            }
        }
        match self.time.as_ref().and_then(|t| t.zone_min) {
            Some(zone) if !(-840..=840).contains(&zone) => Err(RuleError::Zone(zone)),
            _ => Ok(()),
        }
    }

    fn check_format(&self) -> Result<(), RuleError> {
        match &self.format {
            PayloadFormat::Csv { separator, .. } if !matches!(separator, ',' | ';' | '\t' | ' ' | '|') => {
                Err(RuleError::Separator(*separator))
            }
            PayloadFormat::Json { each: Some(each) } => each.parse::<Field>().and_then(|f| match f {
                Field::Pointer(_) => Ok(()),
                Field::Root(_) | Field::Column(_) => self.format.suits(&Field::Column(1)),
            }),
            _ => Ok(()),
        }
    }

    fn check_fields(&self) -> Result<(), RuleError> {
        let templates = || [&self.site, &self.machine].into_iter().chain(self.values.iter().map(|v| &v.point));
        for name in templates().flat_map(Template::captures) {
            if !self.topic.names().any(|n| n == name) {
                return Err(RuleError::NoCapture { name: name.to_owned() });
            }
        }
        if templates().any(Template::uses_key) && !matches!(self.format, PayloadFormat::Json { each: Some(_) }) {
            return Err(RuleError::NoCapture { name: super::template::KEY.to_owned() });
        }
        let fields = templates().flat_map(Template::fields).chain(self.values.iter().map(|v| &v.field));
        let fields = fields.chain(self.time.iter().map(|t| &t.field)).chain(self.filters.iter().map(|f| &f.field));
        for field in fields {
            self.format.suits(field)?;
        }
        for filter in &self.filters {
            if let Is::Equal(text) = &filter.is
                && text.len() > MAX_COMPARED
            {
                return Err(RuleError::Count {
                    what: "bytes to compare with",
                    found: text.len(),
                    expected: "at most 256",
                });
            }
        }
        Ok(())
    }

    /// Bytes of its texts, for the limit on the whole set.
    fn weight(&self) -> usize {
        let values = self.values.iter().map(|v| 32 + v.field.to_string().len() + v.point.to_string().len());
        let filters = self
            .filters
            .iter()
            .map(|f| f.field.to_string().len() + if let Is::Equal(text) = &f.is { text.len() } else { 0 });
        let heads = [self.topic.to_string(), self.site.to_string(), self.machine.to_string()];
        64 + self.name.as_str().len()
            + heads.iter().map(String::len).sum::<usize>()
            + values.sum::<usize>()
            + filters.sum::<usize>()
    }
}

/// What is wrong with a list of rules.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleSetError {
    /// Too many.
    #[error("there are {0} rules; at most 1000 are kept: join or remove some")]
    TooMany(usize),
    /// Too long together.
    #[error("the rules hold {0} bytes of text; at most 1048576 are kept: shorten or remove some")]
    TooLong(usize),
    /// Two of one name.
    #[error("two rules are called {0}: rename one")]
    Twice(Name),
    /// A rule that cannot be applied.
    #[error("rule {name}: {error}")]
    Rule {
        /// Which.
        name: Name,
        /// Why.
        error: RuleError,
    },
}

/// The rules of a plant in their order. Made by [`RuleSet::new`], which holds what later code relies on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSet {
    revision: u64,
    rules: Vec<Rule>,
    changed: Option<(Arc<str>, Timestamp)>,
}

impl RuleSet {
    /// Checks and takes `rules`. `revision` is one more than that of the set which they replace.
    pub fn new(revision: u64, rules: Vec<Rule>) -> Result<Self, RuleSetError> {
        if rules.len() > MAX_RULES {
            return Err(RuleSetError::TooMany(rules.len()));
        }
        let mut names = std::collections::HashSet::new();
        for rule in &rules {
            if !names.insert(&rule.name) {
                return Err(RuleSetError::Twice(rule.name.clone()));
            }
            rule.check().map_err(|error| RuleSetError::Rule { name: rule.name.clone(), error })?;
        }
        match rules.iter().map(Rule::weight).sum::<usize>() {
            bytes if bytes > MAX_TEXT => Err(RuleSetError::TooLong(bytes)),
            _ => Ok(Self { revision, rules, changed: None }),
        }
    }

    /// Counts the changes of the rules; 0 is the empty set that nobody has touched.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The same rules, with who made them what they are, and when.
    #[must_use]
    pub fn by(mut self, who: Arc<str>, when: Timestamp) -> Self {
        self.changed = Some((who, when));
        self
    }

    /// Who changed them last, and when, where that is known.
    #[must_use]
    pub const fn changed(&self) -> Option<&(Arc<str>, Timestamp)> {
        self.changed.as_ref()
    }

    /// The rules in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that are applied to `topic`, in their order, each with its place and what its pattern captures.
    pub fn matching<'a>(&'a self, topic: &'a str) -> impl Iterator<Item = (usize, Captures)> + 'a {
        let enabled = self.rules.iter().enumerate().filter(|(_, rule)| rule.enabled);
        enabled.filter_map(move |(i, rule)| rule.topic.captures(topic).map(|captures| (i, captures)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str) -> Rule {
        Rule {
            name: Name::new(name).unwrap(),
            enabled: true,
            topic: "plant/{machine}/{point}".parse().unwrap(),
            format: PayloadFormat::Json { each: None },
            site: "s".parse().unwrap(),
            machine: "{machine}".parse().unwrap(),
            values: vec![RuleValue {
                field: "/v".parse().unwrap(),
                point: "{point}".parse().unwrap(),
                unit: None,
                scale: 1.0,
                offset: 0.0,
                optional: false,
            }],
            time: None,
            filters: Vec::new(),
        }
    }

    fn refused(change: impl FnOnce(&mut Rule)) -> String {
        let mut rule = rule("r");
        change(&mut rule);
        RuleSet::new(1, vec![rule]).unwrap_err().to_string()
    }

    #[test]
    fn an_impossible_rule_says_why() {
        let field = |s: &str| s.parse::<Field>().unwrap();
        assert!(refused(|r| r.values.clear()).contains("expected 1 to 256"));
        assert!(refused(|r| r.values[0].scale = 0.0).contains("scale other than 0"));
        assert!(refused(|r| r.values[0].offset = f64::NAN).contains("finite numbers"));
        assert!(refused(|r| r.site = "{site}".parse().unwrap()).contains("captures nothing of that name"));
        assert!(refused(|r| r.machine = "{key}".parse().unwrap()).contains("captures nothing of that name"));
        assert!(refused(|r| r.values[0].field = field("#1")).contains("use a JSON pointer"));
        assert!(refused(|r| r.values[0].field = field("^/v")).contains("leave out the '^'"));
        assert!(refused(|r| r.format = PayloadFormat::Plain).contains("there is one value"));
        assert!(refused(|r| r.format = PayloadFormat::Csv { separator: ',', skip: 0 }).contains("a column such as #2"));
        assert!(refused(|r| r.format = PayloadFormat::Csv { separator: '1', skip: 0 }).contains("separate columns"));
        assert!(refused(|r| r.format = PayloadFormat::Hj212).contains("HJ 212 name their points"));
        let time = |zone_min| Some(RuleTime { field: field("/ts"), zone_min });
        assert!(refused(|r| r.time = time(Some(900))).contains("no offset from UTC"));
        let filter = Filter { field: field("/k"), is: Is::Equal("x".repeat(300).as_str().into()) };
        assert!(refused(|r| r.filters = vec![filter.clone()]).contains("at most 256"));
        assert!(refused(|r| r.filters = vec![Filter { is: Is::Present, ..filter.clone() }; 9]).contains("at most 8"));
        assert!(RuleSet::new(1, vec![rule("r")]).is_ok());
    }

    #[test]
    fn a_set_is_bounded_and_its_names_are_distinct() {
        assert_eq!(
            RuleSet::new(1, vec![rule("a"), rule("a")]).unwrap_err().to_string(),
            "two rules are called a: rename one"
        );
        let many: Vec<Rule> = (0..=MAX_RULES).map(|i| rule(&format!("r{i}"))).collect();
        assert!(RuleSet::new(1, many[..MAX_RULES].to_vec()).is_ok());
        assert_eq!(RuleSet::new(1, many.clone()).unwrap_err(), RuleSetError::TooMany(MAX_RULES + 1));
        let heavy = many.into_iter().take(100).map(|mut r| {
            r.values = vec![RuleValue { point: "x".repeat(250).parse().unwrap(), ..r.values[0].clone() }; 100];
            r
        });
        assert!(matches!(RuleSet::new(1, heavy.collect()), Err(RuleSetError::TooLong(_))));
    }

    #[test]
    fn rules_match_in_their_order_and_not_while_switched_off() {
        let (mut off, wide) = (rule("off"), Rule { topic: "#".parse().unwrap(), ..rule("wide") });
        off.enabled = false;
        let wide = Rule {
            machine: "m".parse().unwrap(),
            values: vec![RuleValue { point: "p".parse().unwrap(), ..wide.values[0].clone() }],
            ..wide
        };
        let set = RuleSet::new(3, vec![off, rule("a"), wide]).unwrap();
        assert_eq!(set.matching("plant/m/p").map(|(i, _)| i).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(set.matching("other").map(|(i, _)| i).collect::<Vec<_>>(), [2]);
    }
}
