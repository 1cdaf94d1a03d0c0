//! Records and verdicts on them.

use historian::WaveformInfo;
use plant::{BearingVerdict, Diagnosis, SensorState, Waveform, ZoneVerdict};

use super::{texts, unit};
use crate::dto;

pub(crate) fn header(w: &WaveformInfo) -> dto::WaveformHeader {
    dto::WaveformHeader {
        id: w.id.to_string(),
        point: w.point.to_string(),
        t0: w.t0.into(),
        fs: w.fs,
        n: w.n,
        unit: unit(w.unit),
        rpm: w.rpm,
    }
}

pub(crate) fn waveform_detail(w: &Waveform, judged: Option<&Diagnosis>) -> dto::WaveformDetail {
    let m = &w.meta;
    dto::WaveformDetail {
        header: dto::WaveformHeader {
            id: w.id.to_string(),
            point: w.point.to_string(),
            t0: w.t0.into(),
            fs: w.fs,
            n: w.samples.len() as u64,
            unit: unit(w.unit),
            rpm: m.speed.map(|s| s.mean_rpm),
        },
        duration_s: w.duration().as_secs_f64(),
        received: w.t_received.into(),
        meta: dto::WaveformMeta {
            rpm_range: m.speed.and_then(|s| s.range_rpm).map(|(a, b)| [a, b]),
            range: m.range,
            hp_hz: m.hp_hz,
            lp_hz: m.lp_hz,
            bias_v: m.bias_v,
            clip_count: m.clip_count,
            gaps: m.gaps,
            load: m.load,
            state: m.state.as_deref().map(Into::into),
            serial: m.serial.as_deref().map(Into::into),
            seq: m.seq,
            sync: m.sync.as_deref().map(Into::into),
            pulses: m.pulses,
        },
        diagnosis: judged.map(diagnosis),
    }
}

pub(crate) fn diagnosis(d: &Diagnosis) -> dto::Diagnosis {
    let sensor = match &d.sensor {
        SensorState::Healthy => dto::SensorVerdict { healthy: true, codes: Vec::new() },
        SensorState::Failed(codes) => dto::SensorVerdict { healthy: false, codes: texts(codes) },
    };
    dto::Diagnosis {
        waveform: d.waveform.to_string(),
        point: d.point.to_string(),
        t: d.t.into(),
        sensor,
        zone: zone(&d.zone),
        bearing: bearing(&d.bearing),
    }
}

pub(crate) fn zone(z: &ZoneVerdict) -> dto::Zone {
    match z {
        ZoneVerdict::Refused(codes) => dto::Zone::Refused { refused: texts(codes) },
        ZoneVerdict::Zone { zone, velocity_mm_s, boundaries, basis } => dto::Zone::Given {
            zone: zone.letter().to_string(),
            velocity_mm_s: *velocity_mm_s,
            boundaries: *boundaries,
            basis: basis.as_ref().into(),
        },
    }
}

fn bearing(b: &BearingVerdict) -> dto::BearingVerdict {
    match b {
        BearingVerdict::Refused(codes) => dto::BearingVerdict::Refused { refused: texts(codes) },
        BearingVerdict::Judged { hypotheses, threshold, shaft_hz } => dto::BearingVerdict::Judged {
            hypotheses: hypotheses
                .iter()
                .map(|h| dto::Hypothesis {
                    bearing: h.bearing.to_string(),
                    fault: h.fault.as_str().into(),
                    statistic: h.statistic,
                    threshold: *threshold,
                    hz: h.hz,
                })
                .collect(),
            threshold: *threshold,
            shaft_hz: *shaft_hz,
        },
    }
}
