//! A message as people read it, before a channel gives it its form.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use plant::Timestamp;

use crate::duty::local;
use crate::escape::one_line;
use crate::state::What;
use crate::step::Facts;
use crate::words::{self, Language, Word, counted, word};

/// Longest text of one field, characters.
const FIELD: usize = 300;

/// One alarm of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What happened.
    pub facts: Facts,
    /// What is told of it.
    pub what: What,
    /// Level of escalation, from 0.
    pub level: u8,
    /// Where it is shown.
    pub link: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The same for every attempt.
    pub key: String,
    /// What it is written in.
    pub language: Language,
    /// The receiver's own address, where the channel takes one.
    pub to: Option<String>,
    /// For whom it is, where several people read it.
    pub whom: Vec<String>,
    /// What it tells of; nothing where it is a test.
    pub items: Vec<Item>,
    /// Alarms beyond those.
    pub more: u32,
    /// Where all alarms are shown.
    pub overview: String,
    /// The plant's time zone.
    pub zone: TimeZone,
}

/// A label and what stands beside it.
pub type Row = (&'static str, String);

impl Letter {
    /// Whether it puts several alarms together.
    #[must_use]
    pub fn digest(&self) -> bool {
        self.items.len() > 1 || self.more > 0
    }

    /// The most urgent priority in it, 1 to 4.
    #[must_use]
    pub fn priority(&self) -> u8 {
        self.items.iter().map(|i| i.facts.priority).min().unwrap_or(4)
    }

    /// One line that says it all: shape, digit, what, where.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.items[..] {
            [] => format!("Danxia: {}", word(self.language, Word::Test)),
            [only] if self.more == 0 => self.headline(only),
            items => {
                let n = items.len() + self.more as usize;
                let mut by: BTreeMap<u8, u32> = BTreeMap::new();
                items.iter().for_each(|i| *by.entry(i.facts.priority).or_default() += 1);
                let split: Vec<_> = by.iter().map(|(p, n)| format!("{} {p} × {n}", words::shape(*p))).collect();
                format!("{}: {}", counted(self.language, Word::Digest, n), split.join(", "))
            }
        }
    }

    /// One line of one alarm.
    #[must_use]
    pub fn headline(&self, item: &Item) -> String {
        let f = &item.facts;
        let mark = format!("{} {}", words::shape(f.priority), f.priority);
        let what = match item.what {
            What::Returned => format!("{}: ", word(self.language, Word::Returned)),
            What::Raised | What::Escalated => String::new(),
        };
        let condition = words::condition(self.language, &f.condition);
        one_line(&format!("{mark} {what}{condition} · {}", self.machine(f)), FIELD)
    }

    /// What people call the machine, and its name.
    fn machine(&self, f: &Facts) -> String {
        let title = match self.language {
            Language::En => f.title.en.as_ref().or(f.title.zh.as_ref()),
            Language::ZhCn => f.title.zh.as_ref().or(f.title.en.as_ref()),
        };
        let shown = title.map_or_else(|| f.machine.clone(), |t| format!("{t} ({})", f.machine));
        one_line(&shown, FIELD)
    }

    /// What is known of one alarm.
    #[must_use]
    pub fn rows(&self, item: &Item) -> Vec<Row> {
        let (f, l) = (&item.facts, self.language);
        let mut rows = vec![(word(l, Word::Machine), self.machine(f))];
        if let Some(area) = &f.area {
            rows.push((word(l, Word::Area), one_line(area, FIELD)));
        }
        if let Some(point) = &f.point {
            rows.push((word(l, Word::Point), one_line(point, FIELD)));
        }
        let unit = f.unit.map(|u| format!(" {u}")).unwrap_or_default();
        if let Some(v) = f.value {
            rows.push((word(l, Word::Value), format!("{}{unit}", number(v))));
        }
        if let Some(v) = f.limit {
            rows.push((word(l, Word::Limit), format!("{}{unit}", number(v))));
        }
        let when = if item.what == What::Returned { Word::Ended } else { Word::Since };
        rows.push((word(l, when), self.time(f.t)));
        if !self.whom.is_empty() {
            rows.push((word(l, Word::For), one_line(&self.whom.join(", "), FIELD)));
        }
        rows
    }

    /// How urgent it is, and that nobody has acknowledged.
    #[must_use]
    pub fn urgency(&self, item: &Item) -> String {
        let priority = words::priority(self.language, item.facts.priority);
        match item.what {
            What::Escalated => {
                format!("{priority}. {}", counted(self.language, Word::Escalated, item.level + 1))
            }
            What::Raised | What::Returned => priority.to_owned(),
        }
    }

    /// What to do; empty where nothing is to be done.
    #[must_use]
    pub fn action(&self, item: &Item) -> String {
        if item.what == What::Returned {
            return String::new();
        }
        let own = &item.facts.action;
        let own = match self.language {
            Language::ZhCn => own.zh.as_ref().or(own.en.as_ref()),
            Language::En => own.en.as_ref().or(own.zh.as_ref()),
        };
        let usual = || words::action(self.language, &item.facts.condition);
        one_line(&own.map_or_else(usual, ToString::to_string), 2 * FIELD)
    }

    /// Where the button leads: the alarm, or all of them.
    #[must_use]
    pub fn button(&self) -> (&'static str, &str) {
        match &self.items[..] {
            [only] if self.more == 0 => (word(self.language, Word::Open), &only.link),
            _ => (word(self.language, Word::OpenAll), &self.overview),
        }
    }

    /// What is beyond those that are named; empty where nothing is.
    #[must_use]
    pub fn rest(&self) -> String {
        if self.more == 0 { String::new() } else { counted(self.language, Word::More, self.more) }
    }

    /// By the plant's clocks.
    #[must_use]
    pub fn time(&self, t: Timestamp) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        local(t, &self.zone).map_or_else(String::new, |d| format!("{} ({zone})", d.strftime("%Y-%m-%d %H:%M:%S")))
    }
}

/// With as many digits as a person wants to see.
#[must_use]
pub fn number(v: f64) -> String {
    let digits = match v.abs() {
        a if a >= 1_000.0 || a == 0.0 => 0,
        a if a >= 100.0 => 1,
        a if a >= 1.0 => 2,
        a if a >= 1e-4 => 4,
        _ => return format!("{v:e}"),
    };
    let text = format!("{v:.digits$}");
    if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (v, expect) in [
            (92.0, "92"),
            (92.127, "92.13"),
            (0.5, "0.5"),
            (0.0, "0"),
            (-3.1, "-3.1"),
            (12_345.6, "12346"),
            (250.04, "250"),
            (1.5e-7, "1.5e-7"),
        ] {
            assert_eq!(number(v), expect);
        }
    }
}
