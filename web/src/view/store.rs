//! The store, as it is shown.

use std::collections::BTreeMap;
use std::path::Path;

use historian::backup::{BackupError, Listed};
use historian::{Capture, DiskPolicy, DiskUse, FileSize, Oldest, Removed, Retention, WavePolicy, WaveStats};

use crate::dto;

pub(crate) fn disk(now: &DiskUse, policy: &DiskPolicy) -> dto::StoreDisk {
    let left = now.left().saturating_sub(now.floor);
    dto::StoreDisk {
        level: now.level.as_str().into(),
        full: now.full,
        at: now.at.map(Into::into),
        total_bytes: now.space.total,
        free_bytes: now.space.free,
        store_bytes: now.store_bytes,
        budget_bytes: now.budget,
        used_bytes: now.used,
        own_budget: policy.max_bytes.is_some(),
        near_percent: DiskPolicy::NEAR,
        shed_percent: DiskPolicy::SHED,
        floor_bytes: now.floor,
        growth_bytes_per_day: now.growth,
        days_left: now.growth.filter(|g| *g > 0).map(|g| left as f64 / g as f64),
    }
}

pub(crate) fn file(f: &FileSize) -> dto::StoreFile {
    dto::StoreFile { name: f.name.into(), bytes: f.bytes, wal_bytes: f.wal_bytes }
}

pub(crate) fn waves(stats: &WaveStats, policy: &WavePolicy) -> dto::StoreWaves {
    let dropped = stats.dropped.iter().map(|d| dto::StoreWaveDropped {
        reason: d.reason.as_str().into(),
        records: d.records,
        bytes: d.bytes,
    });
    dto::StoreWaves {
        records: stats.records,
        bytes: stats.bytes,
        near_alarms: stats.near_alarms,
        evidence: stats.evidence,
        used_bytes: stats.used_bytes,
        quota_bytes: policy.quota_bytes,
        policy: capture(&policy.capture),
        classes: policy.classes.iter().map(|(of, c)| (of.as_str().to_owned(), capture(c))).collect(),
        dropped: dropped.collect(),
    }
}

fn capture(c: &Capture) -> dto::StoreWavePolicy {
    dto::StoreWavePolicy {
        all_hours: c.all_for.as_secs() / 3_600,
        hourly_days: c.hourly_for.as_secs() / 86_400,
        around_alarm_minutes: c.around_alarm.as_secs() / 60,
    }
}

pub(crate) fn retention(of: &Retention) -> BTreeMap<String, Option<u64>> {
    let Retention { raw, minutes, hours, events, diagnoses } = *of;
    let classes = [("raw", raw), ("minutes", minutes), ("hours", hours), ("events", events), ("diagnoses", diagnoses)];
    classes.into_iter().map(|(class, kept)| (class.to_owned(), kept.map(|k| k.as_secs() / 86_400))).collect()
}

pub(crate) fn removed(r: Removed) -> dto::StoreRemoved {
    let Removed { points, bytes, minutes, hours, events, diagnoses } = r;
    dto::StoreRemoved { raw: points, raw_bytes: bytes, minutes, hours, events, diagnoses }
}

pub(crate) fn oldest(o: &Oldest) -> dto::StoreOldest {
    dto::StoreOldest {
        raw: o.raw.map(Into::into),
        events: o.events.map(Into::into),
        diagnoses: o.diagnoses.map(Into::into),
        waveforms: o.waveforms.map(Into::into),
    }
}

pub(crate) fn backups(dir: &Path, listed: Result<Vec<Listed>, BackupError>) -> dto::StoreBackups {
    let directory = dir.display().to_string();
    let mut found = dto::StoreBackups { directory, count: 0, last: None, bytes: None, fault: None };
    let all = match listed {
        Ok(all) => all,
        Err(e) => return dto::StoreBackups { fault: Some(e.to_string()), ..found },
    };
    found.count = all.len() as u64;
    if let Some(last) = all.iter().max_by_key(|b| b.t) {
        found.last = Some(last.t.into());
        match &last.found {
            Ok(summary) => found.bytes = Some(summary.bytes),
            Err(why) => found.fault = Some(why.clone()),
        }
    }
    found
}
