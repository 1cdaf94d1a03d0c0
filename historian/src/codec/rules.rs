//! The stored form of mapping rules. What has a text that is read back as the same is stored as that text.

use std::sync::Arc;

use plant::Timestamp;
use plant::mapping::{Filter, Is, PayloadFormat, Rule, RuleSet, RuleTime, RuleValue};

use super::{Damage, Reader, Record, Writer};

/// A text that is read back by its type's own parser.
fn parsed<T: std::str::FromStr>(r: &mut Reader<'_>, what: &'static str) -> Result<T, Damage> {
    r.str()?.parse().map_err(|_| Damage(what))
}

fn text(v: &impl ToString, w: &mut Writer) {
    w.bytes(v.to_string().as_bytes());
}

impl Record for PayloadFormat {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Json { each } => {
                w.u8(0);
                each.put(w);
            }
            Self::Csv { separator, skip } => {
                w.u8(1);
                text(separator, w);
                skip.put(w);
            }
            Self::Plain => w.u8(2),
            Self::Hj212 => w.u8(3),
        }
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match r.u8()? {
            0 => Self::Json { each: Record::get(r)? },
            1 => Self::Csv { separator: parsed(r, "a separator is not a character")?, skip: Record::get(r)? },
            2 => Self::Plain,
            3 => Self::Hj212,
            _ => return Err(Damage("a format of a rule is not known")),
        })
    }
}

impl Record for RuleTime {
    fn put(&self, w: &mut Writer) {
        text(&self.field, w);
        w.u8(u8::from(self.zone_min.is_some()));
        w.zigzag(i64::from(self.zone_min.unwrap_or(0)));
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        let field = parsed(r, "a field of a rule does not parse")?;
        let stated = bool::get(r)?;
        let zone = i32::try_from(r.zigzag()?).map_err(|_| Damage("a number is too large"))?;
        Ok(Self { field, zone_min: stated.then_some(zone) })
    }
}

impl Record for RuleValue {
    fn put(&self, w: &mut Writer) {
        text(&self.field, w);
        text(&self.point, w);
        self.unit.put(w);
        self.scale.put(w);
        self.offset.put(w);
        self.optional.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            field: parsed(r, "a field of a rule does not parse")?,
            point: parsed(r, "a template of a rule does not parse")?,
            unit: Record::get(r)?,
            scale: Record::get(r)?,
            offset: Record::get(r)?,
            optional: Record::get(r)?,
        })
    }
}

impl Record for Filter {
    fn put(&self, w: &mut Writer) {
        text(&self.field, w);
        let is: Option<Arc<str>> = match &self.is {
            Is::Present => None,
            Is::Equal(text) => Some(text.clone()),
        };
        is.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        let field = parsed(r, "a field of a rule does not parse")?;
        Ok(Self { field, is: Option::<Arc<str>>::get(r)?.map_or(Is::Present, Is::Equal) })
    }
}

impl Record for Rule {
    fn put(&self, w: &mut Writer) {
        self.name.put(w);
        self.enabled.put(w);
        text(&self.topic, w);
        self.format.put(w);
        text(&self.site, w);
        text(&self.machine, w);
        self.values.put(w);
        self.time.put(w);
        self.filters.put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            name: Record::get(r)?,
            enabled: Record::get(r)?,
            topic: parsed(r, "a topic pattern does not parse")?,
            format: Record::get(r)?,
            site: parsed(r, "a template of a rule does not parse")?,
            machine: parsed(r, "a template of a rule does not parse")?,
            values: Record::get(r)?,
            time: Record::get(r)?,
            filters: Record::get(r)?,
        })
    }
}

impl Record for RuleSet {
    fn put(&self, w: &mut Writer) {
        self.revision().put(w);
        w.varint(self.rules().len() as u64);
        self.rules().iter().for_each(|rule| rule.put(w));
        self.changed().cloned().put(w);
    }
    fn get(r: &mut Reader<'_>) -> Result<Self, Damage> {
        let revision = u64::get(r)?;
        let set = Self::new(revision, Vec::get(r)?).map_err(|_| Damage("the mapping rules do not fit together"))?;
        Ok(match Option::<(Arc<str>, Timestamp)>::get(r)? {
            Some((who, when)) => set.by(who, when),
            None => set,
        })
    }
}

#[cfg(test)]
mod tests {
    use plant::{AssetChange, Unit};

    use super::*;
    use crate::codec::{load, store};

    fn value(field: &str, point: &str) -> RuleValue {
        RuleValue {
            field: field.parse().unwrap(),
            point: point.parse().unwrap(),
            unit: Unit::parse("°C"),
            scale: 0.1,
            offset: -40.0,
            optional: true,
        }
    }

    fn rule(name: &str, topic: &str, format: PayloadFormat, values: Vec<RuleValue>) -> Rule {
        Rule {
            name: plant::Name::new(name).unwrap(),
            enabled: name != "off",
            topic: topic.parse().unwrap(),
            format,
            site: "s".parse().unwrap(),
            machine: "{m}".parse().unwrap(),
            values,
            time: None,
            filters: Vec::new(),
        }
    }

    #[test]
    fn rules_are_read_back_as_they_were_written_and_damage_is_told() {
        let mut list =
            rule("list", "gw/{m}/#", PayloadFormat::Json { each: Some("/d".into()) }, vec![value("/v", "{key}-{/n}")]);
        list.time = Some(RuleTime { field: "^/ts".parse().unwrap(), zone_min: Some(480) });
        list.filters = vec![
            Filter { field: "/n".parse().unwrap(), is: Is::Present },
            Filter { field: "^/type".parse().unwrap(), is: Is::Equal("data".into()) },
        ];
        let csv = PayloadFormat::Csv { separator: ';', skip: 1 };
        let rules = vec![
            list,
            rule("off", "csv/{m}", csv, vec![value("#2", "p")]),
            rule("plain", "plain/{m}", PayloadFormat::Plain, vec![value("", "p")]),
            rule("hj", "hj/{m}", PayloadFormat::Hj212, vec![]),
        ];
        let change =
            AssetChange::Rules(Arc::new(RuleSet::new(7, rules).unwrap().by("林".into(), Timestamp::from_secs(9))));
        let stored = store(&change);
        assert_eq!(load::<AssetChange>(&stored).unwrap(), change);
        for cut in 0..stored.len() {
            assert!(load::<AssetChange>(&stored[..cut]).is_err(), "{cut}");
        }
    }
}
