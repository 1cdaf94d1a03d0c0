//! `[store]`: how much room the store may take, and which waveforms it keeps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use historian::{Capture, DiskPolicy, Retention, WavePolicy};
use plant::Quantity;
use serde::{Deserialize, Serialize};

use super::ConfigError;

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// No store is smaller: its logs alone need this.
const LEAST_BYTES: u64 = 1 << 30;
/// No quota of waveforms is smaller.
const LEAST_QUOTA: u64 = 64 << 20;
/// A hundred years.
const LONGEST_DAYS: u64 = 36_525;

/// Settings that make sense.
#[derive(Clone, Debug, Default)]
pub struct Store {
    /// The disk.
    pub disk: DiskPolicy,
    /// Waveforms.
    pub waves: WavePolicy,
    /// How long data stays that is no waveform.
    pub keep: Retention,
    /// Where backups are taken to, for the page to say when the last one was.
    pub backups: Option<PathBuf>,
}

/// As they are written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    max_bytes: u64,
    floor_bytes: u64,
    keep_raw_days: u64,
    keep_minutes_days: u64,
    keep_hours_days: u64,
    keep_events_days: u64,
    keep_diagnoses_days: u64,
    backups: PathBuf,
    waveforms: RawWaveforms,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawWaveforms {
    quota_bytes: u64,
    all_hours: u64,
    hourly_days: u64,
    around_alarm_minutes: u64,
    class: BTreeMap<String, RawCapture>,
}

/// What differs for points of one class.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCapture {
    all_hours: Option<u64>,
    hourly_days: Option<u64>,
    around_alarm_minutes: Option<u64>,
}

impl Default for Raw {
    fn default() -> Self {
        let waves = WavePolicy::default();
        Self {
            max_bytes: 0,
            floor_bytes: 0,
            keep_raw_days: 0,
            keep_minutes_days: 0,
            keep_hours_days: 0,
            keep_events_days: 0,
            keep_diagnoses_days: 0,
            backups: PathBuf::new(),
            waveforms: RawWaveforms {
                quota_bytes: waves.quota_bytes,
                all_hours: waves.capture.all_for.as_secs() / HOUR,
                hourly_days: waves.capture.hourly_for.as_secs() / DAY,
                around_alarm_minutes: waves.capture.around_alarm.as_secs() / 60,
                class: BTreeMap::new(),
            },
        }
    }
}

fn wrong(key: impl Into<String>, found: impl ToString, expected: impl Into<String>) -> ConfigError {
    ConfigError::Named { key: key.into(), found: found.to_string(), expected: expected.into() }
}

impl Raw {
    /// Whether a store can be kept by them.
    pub(super) fn check(self) -> Result<Store, ConfigError> {
        let bytes = |n: u64| (n > 0).then_some(n);
        if self.max_bytes > 0 && self.max_bytes < LEAST_BYTES {
            let expected = format!("expected at least {LEAST_BYTES} bytes (1 GiB), or 0 for the whole file system");
            return Err(wrong("store.max_bytes", self.max_bytes, expected));
        }
        let disk = DiskPolicy { max_bytes: bytes(self.max_bytes), floor_bytes: bytes(self.floor_bytes) };
        if let (Some(max), Some(floor)) = (disk.max_bytes, disk.floor_bytes)
            && floor > max / 10
        {
            let expected = format!("expected at most a tenth of store.max_bytes, {}", max / 10);
            return Err(wrong("store.floor_bytes", floor, expected));
        }
        let keep = self.keep()?;
        let backups = Some(self.backups).filter(|p| !p.as_os_str().is_empty());
        Ok(Store { disk, waves: self.waveforms.check()?, keep, backups })
    }

    fn keep(&self) -> Result<Retention, ConfigError> {
        let days = |key: &str, n: u64| match n {
            0 => Ok(None),
            1..=LONGEST_DAYS => Ok(Some(Duration::from_secs(n * DAY))),
            _ => {
                let expected = format!("expected 1 to {LONGEST_DAYS} days, or 0 for ever");
                Err(wrong(key, n, expected))
            }
        };
        let keep = Retention {
            raw: days("store.keep_raw_days", self.keep_raw_days)?,
            minutes: days("store.keep_minutes_days", self.keep_minutes_days)?,
            hours: days("store.keep_hours_days", self.keep_hours_days)?,
            events: days("store.keep_events_days", self.keep_events_days)?,
            diagnoses: days("store.keep_diagnoses_days", self.keep_diagnoses_days)?,
        };
        // For ever is longest.
        let shorter = |coarse: Option<Duration>, fine: Option<Duration>| {
            coarse.unwrap_or(Duration::MAX) < fine.unwrap_or(Duration::MAX)
        };
        if shorter(keep.minutes, keep.raw) {
            let expected = "expected at least as many days as store.keep_raw_days, or 0 for ever";
            return Err(wrong("store.keep_minutes_days", self.keep_minutes_days, expected));
        }
        if shorter(keep.hours, keep.minutes) {
            let expected = "expected at least as many days as store.keep_minutes_days, or 0 for ever";
            return Err(wrong("store.keep_hours_days", self.keep_hours_days, expected));
        }
        Ok(keep)
    }
}

impl RawWaveforms {
    fn check(self) -> Result<WavePolicy, ConfigError> {
        if self.quota_bytes < LEAST_QUOTA {
            let expected = format!("expected at least {LEAST_QUOTA} bytes (64 MiB)");
            return Err(wrong("store.waveforms.quota_bytes", self.quota_bytes, expected));
        }
        let capture = capture("store.waveforms", self.all_hours, self.hourly_days, self.around_alarm_minutes)?;
        let mut classes = BTreeMap::new();
        for (name, own) in self.class {
            let key = format!("store.waveforms.class.{name}");
            let quantity = Quantity::parse(&name);
            let expected = "expected what points measure, such as acceleration or velocity";
            let quantity = quantity.ok_or_else(|| wrong("store.waveforms.class", &name, expected))?;
            let all = own.all_hours.unwrap_or(self.all_hours);
            let hourly = own.hourly_days.unwrap_or(self.hourly_days);
            let around = own.around_alarm_minutes.unwrap_or(self.around_alarm_minutes);
            classes.insert(quantity, self::capture(&key, all, hourly, around)?);
        }
        Ok(WavePolicy { capture, classes, quota_bytes: self.quota_bytes })
    }
}

fn capture(key: &str, all_hours: u64, hourly_days: u64, around_alarm_minutes: u64) -> Result<Capture, ConfigError> {
    if !(1..=LONGEST_DAYS * 24).contains(&all_hours) {
        let expected = format!("expected 1 to {} hours", LONGEST_DAYS * 24);
        return Err(wrong(format!("{key}.all_hours"), all_hours, expected));
    }
    if hourly_days > LONGEST_DAYS || hourly_days * 24 < all_hours {
        let expected = format!("expected days, at least as long as all_hours ({all_hours} h), at most {LONGEST_DAYS}");
        return Err(wrong(format!("{key}.hourly_days"), hourly_days, expected));
    }
    if around_alarm_minutes > 24 * 60 {
        let expected = "expected at most 1440 minutes (a day)";
        return Err(wrong(format!("{key}.around_alarm_minutes"), around_alarm_minutes, expected));
    }
    Ok(Capture {
        all_for: Duration::from_secs(all_hours * HOUR),
        hourly_for: Duration::from_secs(hourly_days * DAY),
        around_alarm: Duration::from_secs(around_alarm_minutes * 60),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Flags, Sources};
    use super::*;

    fn read(toml: &str) -> Result<Store, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("danxia.toml");
        std::fs::write(&path, format!("[store]\n{toml}")).unwrap();
        let settings = Sources::new(Some(&path), Flags::default()).and_then(|s| s.settings());
        settings.map(|s| s.store).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_not_set_is_what_the_store_does_by_itself() {
        let store = read("").unwrap();
        assert_eq!((store.disk, store.waves), (DiskPolicy::default(), WavePolicy::default()));
        assert_eq!((store.backups, store.keep), (None, Retention::default()));
    }

    #[test]
    fn what_is_kept_is_counted_in_days_and_what_is_coarser_is_kept_longer() {
        let keep = read("keep_raw_days = 90\nkeep_minutes_days = 730\nkeep_events_days = 7\n").unwrap().keep;
        let days = |n: u64| Some(Duration::from_secs(n * DAY));
        let wanted = Retention { raw: days(90), minutes: days(730), events: days(7), ..Retention::default() };
        assert_eq!(keep, wanted);
    }

    #[test]
    fn a_class_of_points_differs_in_what_it_names() {
        let store = read(
            "max_bytes = 2000000000\nbackups = \"/mnt/b\"\n[store.waveforms]\nall_hours = 24\n\
             [store.waveforms.class.acceleration]\nhourly_days = 3\n",
        )
        .unwrap();
        assert_eq!(store.disk.max_bytes, Some(2_000_000_000));
        assert_eq!(store.backups, Some("/mnt/b".into()));
        let of = store.waves.classes[&Quantity::Acceleration];
        assert_eq!((of.all_for.as_secs(), of.hourly_for.as_secs()), (24 * HOUR, 3 * DAY));
        assert_eq!(store.waves.capture.hourly_for.as_secs(), 30 * DAY);
    }

    #[test]
    fn what_makes_no_sense_says_what_would() {
        for (toml, wanted) in [
            ("max_bytes = 1000\n", "store.max_bytes is \"1000\": expected at least 1073741824"),
            ("max_bytes = 2000000000\nfloor_bytes = 300000000\n", "at most a tenth of store.max_bytes, 200000000"),
            ("keep_raw_days = 90\nkeep_minutes_days = 30\n", "at least as many days as store.keep_raw_days"),
            (
                "keep_raw_days = 9\nkeep_minutes_days = 90\nkeep_hours_days = 30\n",
                "at least as many days as store.keep_minutes_days",
            ),
            ("keep_hours_days = 9\n", "at least as many days as store.keep_minutes_days"),
            ("keep_events_days = 99999\n", "expected 1 to 36525 days"),
            ("[store.waveforms]\nquota_bytes = 1\n", "store.waveforms.quota_bytes is \"1\": expected at least"),
            ("[store.waveforms]\nall_hours = 0\n", "store.waveforms.all_hours is \"0\": expected 1 to"),
            ("[store.waveforms]\nhourly_days = 1\n", "at least as long as all_hours (48 h)"),
            ("[store.waveforms]\naround_alarm_minutes = 2000\n", "at most 1440 minutes"),
            ("[store.waveforms.class.colour]\nall_hours = 9\n", "store.waveforms.class is \"colour\""),
            ("[store.waveforms.class.velocity]\nall_hours = 9000\n", "store.waveforms.class.velocity.hourly_days"),
        ] {
            let e = read(toml).expect_err(toml);
            assert!(e.contains(wanted), "{toml:?} was answered with {e:?}");
        }
    }
}
