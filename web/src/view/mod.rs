//! From the plant's own types to the shapes of the wire: plain functions, no I/O but reads of the store that is handed in.

mod alarm;
mod assessment;
mod definition;
mod intake;
mod machine;
mod rules;
mod series;
pub(crate) mod store;
mod summary;
mod train;
mod waveform;
mod work;

pub use alarm::alarm_name;
pub(crate) use alarm::{active, alarm, alarms, counts, journal_entry, shown, unacknowledged};
pub(crate) use assessment::{assessment, health_point};
pub(crate) use definition::{definition, parse_definition, parse_key};
pub use intake::quarantined_message;
pub(crate) use intake::{
    group, ledger_line, ledger_source, ledger_total, quarantine_entry, quarantine_payload, quarantine_stats,
    quarantine_topic,
};
pub(crate) use machine::detail;
pub(crate) use rules::{parse_rule, rule, rules};
pub(crate) use series::Known;
pub(crate) use summary::{SparkCache, overview, summaries};
pub(crate) use waveform::{diagnosis, header, waveform_detail, zone};
pub(crate) use work::{note, occurrences, standing, work_order};

use historian::Sample;
use plant::{MachineId, Plant, Quality, SeriesKey, Title, Unit, Value};

use crate::dto;

pub(crate) fn title(t: &Title) -> dto::Title {
    dto::Title { zh: t.zh.as_deref().map(Into::into), en: t.en.as_deref().map(Into::into) }
}

/// A machine by its id and what people call it.
pub(crate) fn machine_ref(plant: &Plant, id: &MachineId) -> dto::MachineRef {
    let title = match id.is_ours() {
        true => dto::Title { zh: Some("丹霞平台".into()), en: Some("Danxia platform".into()) },
        false => plant.machines.get(id).map(|m| title(&m.title)).unwrap_or_default(),
    };
    dto::MachineRef { site: id.site().into(), machine: id.name().into(), title }
}

pub(crate) fn number(v: &Value) -> dto::Number {
    match v {
        Value::Float(v) => dto::Number::Float(*v),
        Value::Int(v) => dto::Number::Int(*v),
        Value::Bool(v) => dto::Number::Bool(*v),
        Value::Text(v) => dto::Number::Text(v.as_ref().into()),
    }
}

pub(crate) fn quality(q: Quality) -> dto::Quality {
    dto::Quality(q.to_string())
}

pub(crate) fn reading(s: &Sample) -> dto::Reading {
    dto::Reading { t: s.t.into(), value: number(&s.value), quality: quality(s.quality) }
}

pub(crate) fn texts<T: AsRef<str>>(all: &[T]) -> Vec<String> {
    all.iter().map(|s| s.as_ref().to_owned()).collect()
}

/// The unit of a series: the point's own, or that of the indicator.
pub(crate) fn unit_of(plant: &Plant, key: &SeriesKey) -> Option<String> {
    match &key.indicator {
        Some(name) => indicator_unit(name.as_str()).map(Into::into),
        None => plant.point(&key.point).and_then(|(_, p)| p.unit).map(unit),
    }
}

pub(crate) fn unit(u: Unit) -> String {
    u.symbol().to_owned()
}

/// The units of the indicators that exist; those not listed are pure numbers. The store keeps no units of indicators:
/// each is always computed in the same one.
pub(crate) fn indicator_unit(name: &str) -> Option<&'static str> {
    match name {
        "velocity_rms" | "amplitude_1x" => Some("mm/s"),
        "acceleration_rms" | "peak" => Some("m/s²"),
        _ => None,
    }
}
