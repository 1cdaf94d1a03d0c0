//! Mapping rules between the plant's own types and the wire.

use plant::mapping::{self, Filter, Is, PayloadFormat, RuleError, RuleSet};
use plant::{Name, Unit};

use crate::dto;

/// The rules as they are answered.
pub(crate) fn rules(set: &RuleSet) -> dto::Rules {
    let changed = set.changed().map(|(by, at)| dto::RulesChanged { by: by.to_string(), at: (*at).into() });
    dto::Rules { revision: set.revision(), changed, rules: set.rules().iter().map(rule).collect() }
}

/// One rule as it is answered.
pub(crate) fn rule(rule: &mapping::Rule) -> dto::Rule {
    let (each, separator, skip) = match &rule.format {
        PayloadFormat::Json { each } => (each.as_deref().map(str::to_owned), None, 0),
        PayloadFormat::Csv { separator, skip } => (None, Some(*separator), *skip),
        PayloadFormat::Plain | PayloadFormat::Hj212 => (None, None, 0),
    };
    let value = |v: &mapping::RuleValue| dto::RuleValue {
        field: v.field.to_string(),
        point: v.point.to_string(),
        unit: v.unit.map(|u| u.symbol().to_owned()),
        scale: v.scale,
        offset: v.offset,
        optional: v.optional,
    };
    let filter = |f: &Filter| dto::RuleFilter {
        field: f.field.to_string(),
        equals: match &f.is {
            Is::Present => None,
            Is::Equal(text) => Some(text.to_string()),
        },
    };
    dto::Rule {
        name: rule.name.to_string(),
        enabled: rule.enabled,
        topic: rule.topic.to_string(),
        format: rule.format.as_str().to_owned(),
        each,
        separator,
        skip,
        site: rule.site.to_string(),
        machine: rule.machine.to_string(),
        values: rule.values.iter().map(value).collect(),
        time: rule.time.as_ref().map(|t| dto::RuleTime { field: t.field.to_string(), zone_min: t.zone_min }),
        filters: rule.filters.iter().map(filter).collect(),
    }
}

/// A rule as somebody wrote it. Whether its parts fit together is for [`RuleSet::new`] to say.
pub(crate) fn parse_rule(rule: &dto::Rule) -> Result<mapping::Rule, String> {
    let said = |e: RuleError| format!("rule {:?}: {e}", crate::problem::shorten(&rule.name));
    let format = format(rule)?;
    let time = |t: &dto::RuleTime| Ok(mapping::RuleTime { field: t.field.parse()?, zone_min: t.zone_min });
    Ok(mapping::Rule {
        name: Name::new(&rule.name).map_err(|e| said(e.into()))?,
        enabled: rule.enabled,
        topic: rule.topic.parse().map_err(said)?,
        format,
        site: rule.site.parse().map_err(said)?,
        machine: rule.machine.parse().map_err(said)?,
        values: rule.values.iter().map(parse_value).collect::<Result<_, _>>().map_err(said)?,
        time: rule.time.as_ref().map(time).transpose().map_err(said)?,
        filters: rule.filters.iter().map(parse_filter).collect::<Result<_, _>>().map_err(said)?,
    })
}

fn format(rule: &dto::Rule) -> Result<PayloadFormat, String> {
    match rule.format.as_str() {
        "json" => Ok(PayloadFormat::Json { each: rule.each.as_deref().map(Into::into) }),
        "csv" => Ok(PayloadFormat::Csv { separator: rule.separator.unwrap_or(','), skip: rule.skip }),
        "plain" => Ok(PayloadFormat::Plain),
        "hj212" => Ok(PayloadFormat::Hj212),
        other => Err(format!(
            "rule {:?}: the format is {:?}; expected json, csv, plain or hj212",
            crate::problem::shorten(&rule.name),
            crate::problem::shorten(other)
        )),
    }
}

fn parse_value(v: &dto::RuleValue) -> Result<mapping::RuleValue, RuleError> {
    let unit = v.unit.as_deref().filter(|u| !u.is_empty());
    let unit = unit.map(|u| Unit::parse(u).ok_or_else(|| RuleError::Unit(crate::problem::shorten(u)))).transpose()?;
    Ok(mapping::RuleValue {
        field: v.field.parse()?,
        point: v.point.parse()?,
        unit,
        scale: v.scale,
        offset: v.offset,
        optional: v.optional,
    })
}

fn parse_filter(f: &dto::RuleFilter) -> Result<Filter, RuleError> {
    let is = f.equals.as_deref().map_or(Is::Present, |text| Is::Equal(text.into()));
    Ok(Filter { field: f.field.parse()?, is })
}
