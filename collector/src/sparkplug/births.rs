//! What a birth said of the metrics that data will speak of.

use std::collections::HashMap;
use std::sync::Arc;

use crate::fault::{Code, Fault, shown};
use crate::machine::First;
use crate::wire::MAX_VALUES;
use crate::wire::sparkplug::{DataType, Metric, MetricValue, Payload, Template};

/// How deep templates may be nested.
pub(super) const DEPTH: usize = 8;

/// The metrics that a birth introduced, members of templates among them under `metric/member`.
#[derive(Default)]
pub(super) struct Births {
    by_alias: HashMap<u64, usize>,
    by_name: HashMap<Arc<str>, usize>,
    list: Vec<Introduced>,
    /// Types of the members of template definitions, by definition and member.
    definitions: HashMap<String, HashMap<String, u32>>,
}

/// A metric that a birth introduced.
pub(super) struct Introduced {
    pub name: Arc<str>,
    pub datatype: Option<u32>,
    pub unit: Option<Box<str>>,
    range: Option<(f64, f64)>,
    description: Option<Box<str>>,
}

impl Introduced {
    /// What a point that speaks for the first time is taken to be.
    pub(super) fn first<'a>(&'a self, unit: Option<&'a str>) -> First<'a> {
        First { unit, range: self.range, title: self.description.as_deref(), ..First::default() }
    }
}

impl Births {
    /// Of a node's birth (`of_node` is `None`) or of a device's, which relies on the definitions of the node's.
    pub(super) fn of(payload: &Payload, of_node: Option<&Self>) -> Self {
        let mut births = Self::default();
        for metric in &payload.metrics {
            births.define(metric);
        }
        for metric in &payload.metrics {
            let Some(name) = metric.name.as_deref().filter(|n| !n.is_empty()) else { continue };
            births.introduce(name, metric, metric.datatype, of_node, DEPTH);
        }
        births
    }

    /// Takes note of a template definition; definitions stand beside the metrics and have no values.
    fn define(&mut self, metric: &Metric) {
        if let (Some(name), Some(MetricValue::Template(bytes))) = (&metric.name, &metric.value)
            && let Ok(template) = Template::read(bytes)
            && template.defines()
        {
            let types = template.metrics.iter().filter_map(|m| Some((m.name.clone()?, m.datatype?)));
            self.definitions.insert(name.clone(), types.collect());
        }
    }

    fn member_type(&self, of_node: Option<&Self>, definition: Option<&str>, member: &str) -> Option<u32> {
        let definition = definition?;
        let own = self.definitions.get(definition).and_then(|d| d.get(member));
        own.or_else(|| of_node?.definitions.get(definition)?.get(member)).copied()
    }

    fn introduce(&mut self, name: &str, metric: &Metric, datatype: Option<u32>, of_node: Option<&Self>, depth: usize) {
        if self.list.len() >= MAX_VALUES {
            return;
        }
        let i = self.list.len();
        let name: Arc<str> = name.into();
        self.by_name.insert(name.clone(), i);
        if let Some(alias) = metric.alias {
            self.by_alias.insert(alias, i);
        }
        let (unit, description) = (metric.unit().map(Into::into), metric.description().map(Into::into));
        self.list.push(Introduced { name: name.clone(), datatype, unit, range: metric.range(), description });
        let Some(MetricValue::Template(bytes)) = metric.value.as_ref().filter(|_| depth > 0) else { return };
        let Some(template) = Template::read(bytes).ok().filter(|t| !t.defines()) else { return };
        let definition = template.template_ref.as_deref();
        for member in &template.metrics {
            let Some(own) = member.name.as_deref().filter(|n| !n.is_empty()) else { continue };
            let datatype = member.datatype.or_else(|| self.member_type(of_node, definition, own));
            self.introduce(&format!("{name}/{own}"), member, datatype, of_node, depth - 1);
        }
    }

    /// What the birth said of a metric of data.
    pub(super) fn find(&self, metric: &Metric) -> Result<&Introduced, Fault> {
        let named = metric.name.as_deref().filter(|n| !n.is_empty());
        let i =
            match (named, metric.alias) {
                (Some(name), _) => self.by_name.get(name).copied().ok_or_else(|| {
                    Fault::new(Code::SparkplugMetric, "a metric that the birth introduced", shown(name))
                }),
                (None, Some(alias)) => self.by_alias.get(&alias).copied().ok_or_else(|| {
                    Fault::new(Code::SparkplugAlias, "an alias that the birth introduced", alias.to_string())
                }),
                (None, None) => {
                    Err(Fault::new(Code::SparkplugMetric, "a metric with a name or an alias", "one with neither"))
                }
            }?;
        Ok(&self.list[i])
    }

    /// What the birth said of the member of a template, by its whole name.
    pub(super) fn member(&self, name: &str) -> Option<&Introduced> {
        self.by_name.get(name).map(|i| &self.list[*i])
    }
}

/// The type of a metric that is more than one value. Where none is stated, the value's own field tells.
pub(super) fn unfolds(datatype: Option<u32>, value: Option<&MetricValue>) -> Option<DataType> {
    use DataType as T;
    match (DataType::from_code(datatype.unwrap_or(0))?, value) {
        (T::Unknown, Some(MetricValue::DataSet(_))) => Some(T::DataSet),
        (T::Unknown, Some(MetricValue::Template(_))) => Some(T::Template),
        (datatype, _) => (!datatype.is_single()).then_some(datatype),
    }
}
