//! Metrics that are more than one value, and how they become points.
//!
//! - An array: `metric/0`, `metric/1`, ….
//! - A DataSet with one row: `metric/column`. With more rows and a `DateTime` column: `metric/column`, each row at its
//!   time. With more rows and none: `metric/row/column`.
//! - A template's instance: `metric/member`, templates in it likewise down to eight levels; its parameters are
//!   `metric/parameters/name`. Definitions have no values.
//! - Bytes and files: hexadecimal text.
//!
//! A null of such a type says nothing. No metric unfolds to more than [`MAX_UNFOLDED`](sparkplug::MAX_UNFOLDED) values.

use super::births::DEPTH;
use super::reading::Reading;
use crate::fault::{Code, Fault, shown};
use crate::interpreter::{Faults, Interpreter};
use crate::machine::First;
use crate::wire::MAX_TEXT;
use crate::wire::sparkplug::{self, DataSet, DataType, Metric, MetricValue, Template};
use crate::wire::telemetry::Scalar;

/// A metric to unfold.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    /// Its whole name.
    pub name: &'a str,
    pub metric: &'a Metric,
    /// What its points are taken to be.
    pub first: First<'a>,
    /// How many templates it may still hold in each other.
    pub depth: usize,
}

impl Interpreter {
    /// The values of a metric that is more than one. Faults of its values are noted one by one.
    pub(super) fn unfold(
        &self,
        reading: &mut Reading<'_>,
        whole: Whole<'_>,
        datatype: DataType,
        faults: &mut Faults,
    ) -> Result<(), Fault> {
        use DataType as T;
        let Whole { metric, name, .. } = whole;
        let Some(value) = metric.value.as_ref().filter(|_| metric.is_null != Some(true)) else {
            return match metric.is_null {
                Some(true) => Ok(()),
                _ => Err(Fault::new(Code::ValuesMissing, "a value, or is_null", "neither")),
            };
        };
        match (datatype, value) {
            (T::DataSet, MetricValue::DataSet(bytes)) => {
                self.data_set(reading, whole, &DataSet::read(bytes)?, faults);
            }
            (T::Template, MetricValue::Template(bytes)) => {
                self.template(reading, whole, &Template::read(bytes)?, faults)?
            }
            (T::Bytes | T::File, MetricValue::Bytes(bytes)) => {
                let text = hexadecimal(bytes)?;
                self.leaf(reading, whole, name, None, Scalar::Text(text.into()), faults);
            }
            (T::PropertySet | T::PropertySetList, _) => {
                return Err(Fault::new(Code::SparkplugDatatype, "a type of metrics", format!("{datatype:?}")));
            }
            (_, MetricValue::Bytes(bytes)) if datatype as u32 >= T::Int8Array as u32 => {
                for (i, element) in sparkplug::elements(datatype, bytes)?.into_iter().enumerate() {
                    self.leaf(reading, whole, &format!("{name}/{i}"), None, element, faults);
                }
            }
            _ => return Err(value.not_of(datatype)),
        }
        Ok(())
    }

    /// One value of it, measured at `ms` where it has a time of its own.
    fn leaf(
        &self,
        reading: &mut Reading<'_>,
        whole: Whole<'_>,
        name: &str,
        ms: Option<u64>,
        value: Scalar<'_>,
        faults: &mut Faults,
    ) {
        let first = match value {
            Scalar::Float(_) | Scalar::Int(_) | Scalar::Null => whole.first,
            // A unit of the whole is one of its numbers.
            Scalar::Bool(_) | Scalar::Text(_) => First::default(),
        };
        if let Err(fault) = self.single(reading, whole.metric, name, first, ms, value) {
            faults.note(fault.at(name));
        }
    }

    fn data_set(&self, reading: &mut Reading<'_>, whole: Whole<'_>, set: &DataSet, faults: &mut Faults) {
        // The columns measure different things.
        let whole = Whole { first: First::default(), ..whole };
        let time = set.time_column();
        for (r, row) in set.rows.iter().enumerate() {
            let cell = |c: usize| sparkplug::cell(row.elements[c].value.clone().map(Into::into), set.types[c]);
            let ms = match time.map(cell).transpose() {
                Ok(Some(Scalar::Int(ms))) => u64::try_from(ms).ok(),
                Ok(_) => None,
                Err(fault) => {
                    faults.note(fault.at(whole.name));
                    continue;
                }
            };
            for (c, column) in set.columns.iter().enumerate().filter(|(c, _)| Some(*c) != time) {
                let name = match set.rows.len() == 1 || time.is_some() {
                    true => format!("{}/{column}", whole.name),
                    false => format!("{}/{r}/{column}", whole.name),
                };
                match cell(c) {
                    Ok(value) => self.leaf(reading, whole, &name, ms, value, faults),
                    Err(fault) => faults.note(fault.at(&name)),
                }
            }
        }
    }

    fn template(
        &self,
        reading: &mut Reading<'_>,
        whole: Whole<'_>,
        template: &Template,
        faults: &mut Faults,
    ) -> Result<(), Fault> {
        if template.defines() {
            return Ok(());
        }
        if whole.depth == 0 {
            return Err(Fault::new(
                Code::SparkplugTemplate,
                format!("at most {DEPTH} templates in each other"),
                "one more",
            ));
        }
        for member in &template.metrics {
            let Some(own) = member.name.as_deref().filter(|n| !n.is_empty()) else {
                faults.note(Fault::new(Code::SparkplugTemplate, "members with names", "one without").at(whole.name));
                continue;
            };
            let name = format!("{}/{own}", whole.name);
            if let Err(fault) = self.member(reading, &name, member, whole.depth - 1, faults) {
                faults.note(fault.at(&name));
            }
        }
        for parameter in &template.parameters {
            let name = format!("{}/parameters/{}", whole.name, parameter.name.as_deref().unwrap_or_default());
            match sparkplug::cell(parameter.value.clone().map(Into::into), parameter.datatype.unwrap_or(0)) {
                Ok(Scalar::Null) => {}
                Ok(value) => self.leaf(reading, Whole { first: First::default(), ..whole }, &name, None, value, faults),
                Err(fault) => faults.note(fault.at(&name)),
            }
        }
        Ok(())
    }

    fn member(
        &self,
        reading: &mut Reading<'_>,
        name: &str,
        member: &Metric,
        depth: usize,
        faults: &mut Faults,
    ) -> Result<(), Fault> {
        let introduced = reading.births.member(name);
        let Some(introduced) = introduced else {
            return Err(Fault::new(Code::SparkplugMetric, "a member that the birth introduced", shown(name)));
        };
        self.introduced(reading, introduced, member, depth, faults)
    }
}

fn hexadecimal(bytes: &[u8]) -> Result<String, Fault> {
    use std::fmt::Write as _;
    if bytes.len() > MAX_TEXT / 2 {
        let found = format!("{} bytes", bytes.len());
        return Err(Fault::new(Code::TextLimit, format!("at most {} bytes", MAX_TEXT / 2), found));
    }
    let mut text = String::with_capacity(bytes.len() * 2);
    for b in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{b:02x}");
    }
    Ok(text)
}
