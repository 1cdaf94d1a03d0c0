//! Whether what stands says what the points say.

use rusqlite::Connection;

use super::build::hours_of;
use super::{MINUTE, Width, day_range, exists, load, open, stale, standing};
use crate::ReadError;
use crate::buckets::Sum;
use crate::codec::chunk::Summary;
use crate::codec::rollup::Slot;
use crate::db::File;
use crate::read::Raw;

/// Reads every row of minutes and hours; `fault` is told what is damaged, and where they do not say what the chunks say.
/// Gives how many rows there are. Within one transaction.
pub(crate) fn check(conn: &Connection, mut fault: impl FnMut(String)) -> Result<u64, ReadError> {
    let said = File::Ts.said();
    if !exists(conn).map_err(&said)? {
        return Ok(0);
    }
    let stray = "SELECT count(*) FROM rollup_body WHERE id NOT IN (SELECT body FROM rollup)";
    if conn.query_row(stray, [], |r| r.get::<_, i64>(0)).map_err(&said)? > 0 {
        fault("ts.db holds minutes or hours of no series".into());
    }
    let sql =
        "SELECT series, width, t, rollup_body.body FROM rollup LEFT JOIN rollup_body ON rollup_body.id = rollup.body";
    let mut all = conn.prepare(sql).map_err(&said)?;
    let mut rows = all.query([]).map_err(&said)?;
    let mut count = 0;
    while let Some(r) = rows.next().map_err(&said)? {
        count += 1;
        let row = || Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get::<_, Option<Vec<u8>>>(3)?));
        let (series, width, t, body): (u32, i64, i64, Option<Vec<u8>>) = row().map_err(&said)?;
        let width = if width == Width::Minute.code() { Width::Minute } else { Width::Hour };
        match open(series, width, t, &body.unwrap_or_default()) {
            Err(why) => fault(why.to_string()),
            Ok(minutes) if width == Width::Minute => day(conn, series, t, &minutes, &mut fault)?,
            Ok(_) => {}
        }
    }
    Ok(count)
}

/// One day by its minutes: against its chunks, where they are still there, and against its hours.
fn day(
    conn: &Connection,
    series: u32,
    day: i64,
    minutes: &[Slot],
    fault: &mut impl FnMut(String),
) -> Result<(), ReadError> {
    let said = File::Ts.said();
    let Some(standing) = standing(conn, series).map_err(&said)? else {
        fault(format!("the minutes of series {series} on day {day}: the series is not there"));
        return Ok(());
    };
    let (row, first) = (day.div_euclid(32), day.rem_euclid(32) as u32 * 24);
    match load(conn, series, Width::Hour, row) {
        Err(why) => fault(why.to_string()),
        Ok(hours) => {
            let hours = hours.unwrap_or_default();
            let stand = hours.iter().filter(|(slot, _)| (first..first + 24).contains(slot)).map(|(_, s)| *s);
            if !alike(stand, hours_of(minutes).map(|(_, s)| s)) {
                fault(format!("the hours of series {series} on day {day} do not say what its minutes say"));
            }
        }
    }
    let whole = day_range(day);
    let since = stale(conn, series, &(whole.start..whole.start)).map_err(&said)?.get(&day).copied();
    let range = whole.start.max(standing.raw_from)..whole.end.min(since.unwrap_or(i64::MAX));
    let mut sum = Sum::exact(MINUTE);
    if let Err(why) = Raw::of_chunks(conn, series, standing.span).walk(&range, &mut sum) {
        // What is damaged is told where the chunks are looked at.
        return if matches!(why, ReadError::Damaged { .. }) { Ok(()) } else { Err(why) };
    }
    let made = sum.stretches();
    let stand = minutes.iter().filter(|(slot, _)| range.contains(&Width::Minute.start(day, *slot)));
    let times = minutes.iter().map(|(slot, _)| Width::Minute.start(day, *slot)).filter(|t| range.contains(t));
    if !times.eq(made.iter().map(|(t, _)| *t)) || !alike(stand.map(|(_, s)| *s), made.iter().map(|(_, s)| *s)) {
        fault(format!("the minutes of series {series} on day {day} do not say what its chunks say"));
    }
    Ok(())
}

/// Equal, but for the rounding of means.
fn alike(a: impl Iterator<Item = Summary>, b: impl Iterator<Item = Summary>) -> bool {
    let (a, b): (Vec<_>, Vec<_>) = (a.collect(), b.collect());
    let same = |(a, b): (&Summary, &Summary)| {
        let scale = a.min.abs().max(a.max.abs()).max(f64::MIN_POSITIVE);
        (a.count, a.min, a.max, a.last, a.at) == (b.count, b.min, b.max, b.last, b.at)
            && (a.mean / scale - b.mean / scale).abs() <= 1e-12
    };
    a.len() == b.len() && a.iter().zip(&b).all(same)
}
