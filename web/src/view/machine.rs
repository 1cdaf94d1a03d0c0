//! One machine in full.

use std::time::Duration;

use historian::ReadError;
use plant::{AlarmRecord, Limits, Machine, Plant, Point, PointId, PointKind, SeriesKey};

use super::summary::summary;
use super::{alarms, diagnosis, indicator_unit, reading, shown, title, train, unit, zone};
use crate::dto;
use crate::state::Sources;

pub(crate) fn detail(
    from: &Sources,
    plant: &Plant,
    machine: &Machine,
    own_alarms: Vec<AlarmRecord>,
) -> Result<dto::MachineDetail, ReadError> {
    let summary = summary(from, machine, &own_alarms.iter().collect::<Vec<_>>())?;
    let keys = from.archive.series_of(&machine.id);
    let points: Result<_, _> = machine
        .points
        .values()
        .filter_map(|p| Some((machine.id.point(&p.name).ok()?, p)))
        .map(|(id, p)| point(from, &id, p, &keys))
        .collect();
    let open = own_alarms.into_iter().filter(shown).collect();
    Ok(dto::MachineDetail {
        summary,
        gateway: machine.gateway.as_ref().map(ToString::to_string),
        nominal_rpm: machine.nominal_rpm,
        severity: dto::Severity {
            rated_kw: machine.severity.rated_kw,
            shaft_height_mm: machine.severity.shaft_height_mm,
            foundation: machine.severity.foundation.map(|f| f.as_str().into()),
        },
        bearings: machine.bearings.iter().map(|b| train::bearing(machine, b)).collect(),
        train: train::train(machine),
        points: points?,
        alarms: alarms(plant, open),
    })
}

fn point(from: &Sources, id: &PointId, p: &Point, keys: &[SeriesKey]) -> Result<dto::Point, ReadError> {
    let judged = match p.kind {
        PointKind::Waveform => from.pulse.latest(&from.archive, id)?.diagnosis,
        PointKind::Scalar => None,
    };
    let indicators = keys.iter().filter(|k| k.point == *id).filter_map(|k| {
        let name = k.indicator.as_ref()?;
        Some(dto::Indicator {
            name: name.to_string(),
            unit: indicator_unit(name.as_str()).map(Into::into),
            last: from.archive.last(k).as_ref().map(reading),
        })
    });
    Ok(dto::Point {
        id: id.to_string(),
        name: p.name.as_ref().into(),
        title: title(&p.title),
        kind: match p.kind {
            PointKind::Scalar => "scalar".into(),
            PointKind::Waveform => "waveform".into(),
        },
        quantity: p.quantity.map(|q| q.as_str().into()),
        unit: p.unit.map(unit),
        range: p.range.map(|(a, b)| [a, b]),
        location: dto::Location {
            bearing: p.location.bearing.as_ref().map(ToString::to_string),
            axis: p.location.axis.map(|a| a.as_str().into()),
        },
        limits: limits(&p.limits),
        period_s: p.period.as_ref().map(Duration::as_secs_f64),
        last: from.archive.last(&SeriesKey::raw(id.clone())).as_ref().map(reading),
        indicators: indicators.collect(),
        zone: judged.as_ref().map(|d| zone(&d.zone)),
        diagnosis: judged.as_ref().map(|d| diagnosis(d)),
    })
}

fn limits(l: &Limits) -> dto::Limits {
    dto::Limits { hh: l.hh, h: l.h, l: l.l, ll: l.ll }
}
