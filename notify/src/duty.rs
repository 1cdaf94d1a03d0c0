//! Hours of the week, by the plant's clock.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use plant::Timestamp;

/// Hours that recur on days of the week. Where `to` is not after `from`, they reach into the next day and belong to the one
/// on which they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Monday is bit 0.
    pub days: u8,
    /// Minutes after midnight.
    pub from: u16,
    /// Minutes after midnight; not included.
    pub to: u16,
}

/// Every day of the week.
pub const EVERY_DAY: u8 = 0x7f;
/// The days of the week as they are written, Monday first.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Hours {
    /// Whether `now` lies in them, by the clocks of `zone`.
    #[must_use]
    pub fn hold(&self, now: Timestamp, zone: &TimeZone) -> bool {
        let Some(local) = local(now, zone) else { return false };
        let today = local.weekday().to_monday_zero_offset() as u8;
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let on = |day: u8| self.days & (1 << day) != 0;
        if self.from < self.to {
            return on(today) && (self.from..self.to).contains(&minute);
        }
        (on(today) && minute >= self.from) || (on((today + 6) % 7) && minute < self.to)
    }

    /// When they end, for a `now` that lies in them. Where clocks are put forward over the end, it is the moment after the
    /// gap.
    #[must_use]
    pub fn end(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = local(now, zone)?;
        let end = Time::new((self.to / 60) as i8, (self.to % 60) as i8, 0, 0).ok()?;
        let date = if local.time() < end { local.date() } else { local.date().tomorrow().ok()? };
        let at = DateTime::from_parts(date, end).to_zoned(zone.clone()).ok()?;
        i64::try_from(at.timestamp().as_nanosecond()).ok().map(Timestamp::from_nanos)
    }
}

/// The instant by the clocks of `zone`.
pub(crate) fn local(now: Timestamp, zone: &TimeZone) -> Option<DateTime> {
    let t = jiff::Timestamp::from_nanosecond(i128::from(now.nanos())).ok()?;
    Some(zone.to_datetime(t))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        let t: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_nanos(t.as_nanosecond() as i64)
    }

    #[test]
    fn a_shift_over_midnight_belongs_to_the_day_on_which_it_began() {
        let shanghai = zone("Asia/Shanghai");
        // Friday night only: from Friday 20:00 to Saturday 08:00.
        let night = Hours { days: 1 << 4, from: 20 * 60, to: 8 * 60 };
        for (t, expect) in [
            ("2026-11-27T11:59:59Z", false), // Friday 19:59:59
            ("2026-11-27T12:00:00Z", true),  // Friday 20:00
            ("2026-11-27T23:59:59Z", true),  // Saturday 07:59:59
            ("2026-11-28T00:00:00Z", false), // Saturday 08:00
            ("2026-11-28T12:00:00Z", false), // Saturday 20:00
            ("2026-11-26T16:30:00Z", false), // Friday 00:30: Thursday's night
        ] {
            assert_eq!(night.hold(at(t), &shanghai), expect, "{t}");
        }
        let always = Hours { days: EVERY_DAY, from: 0, to: 0 };
        assert!(always.hold(at("2026-11-28T03:04:05Z"), &shanghai));
    }

    #[test]
    fn the_hours_of_the_plant_count_where_clocks_change() {
        let berlin = zone("Europe/Berlin");
        let night = Hours { days: EVERY_DAY, from: 22 * 60, to: 2 * 60 + 30 };
        // 29 March 2026: 02:00 becomes 03:00, so that 02:30 does not exist.
        assert!(night.hold(at("2026-03-29T00:59:59Z"), &berlin));
        assert!(!night.hold(at("2026-03-29T01:00:00Z"), &berlin), "03:00");
        assert_eq!(night.end(at("2026-03-28T23:00:00Z"), &berlin), Some(at("2026-03-29T01:30:00Z")));
        // 25 October 2026: 02:30 comes twice; the first is the end.
        assert_eq!(night.end(at("2026-10-24T22:00:00Z"), &berlin), Some(at("2026-10-25T00:30:00Z")));
        assert_eq!(night.end(at("2026-06-01T21:00:00Z"), &berlin), Some(at("2026-06-02T00:30:00Z")));
    }
}
