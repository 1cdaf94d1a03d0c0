//! What is owed to the server and no longer in the log: stretches of time of each series, to be read from the archive.
//!
//! A stretch may hold more than is owed, as writing twice is writing once; it never holds less. So it is small however
//! long the server is away: a series that went on speaking is one stretch, and no series has more than a few.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use foldhash::fast::RandomState;
use historian::Seq;
use plant::{Name, SeriesKey, Timestamp};

/// Values that are no further apart than this are one stretch.
const GAP: Duration = Duration::from_secs(600);
/// So many stretches a series has at most; then those nearest to one another become one.
const MOST: usize = 16;
/// The form of the encoding.
const VERSION: u8 = 1;
/// No honest encoding unfolds to more.
const LARGEST: u64 = 1 << 30;

/// A stretch of time of one series, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first value's time.
    pub from: Timestamp,
    /// The last value's time.
    pub to: Timestamp,
    /// How many values were noted, and not shipped since.
    pub points: u64,
    /// The first commit that owes something here …
    pub seq: Seq,
    /// … and since when; moves on as the stretch is worked off.
    pub since: Timestamp,
}

/// Stretches by series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    by: HashMap<SeriesKey, Vec<Stretch>, RandomState>,
}

impl Owed {
    /// Whether nothing is owed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by.is_empty()
    }

    /// How many values are owed, about: one that was noted twice counts twice.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.all().map(|(_, s)| s.points).sum()
    }

    /// The first commit that owes something.
    #[must_use]
    pub fn first(&self) -> Option<Seq> {
        self.all().map(|(_, s)| s.seq).min()
    }

    /// Since when something is owed.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.all().map(|(_, s)| s.since).min()
    }

    /// The `n` stretches that begin first, each with its series.
    #[must_use]
    pub fn next(&self, n: usize) -> Vec<(SeriesKey, Stretch)> {
        let mut all: Vec<_> = self.all().map(|(key, s)| (s.from, key, s)).collect();
        let order =
            |a: &(Timestamp, &SeriesKey, &Stretch), b: &(Timestamp, &SeriesKey, &Stretch)| (a.0, a.1).cmp(&(b.0, b.1));
        if all.len() > n {
            all.select_nth_unstable_by(n, order);
            all.truncate(n);
        }
        all.sort_unstable_by(order);
        all.into_iter().map(|(_, key, s)| (key.clone(), *s)).collect()
    }

    fn all(&self) -> impl Iterator<Item = (&SeriesKey, &Stretch)> {
        self.by.iter().flat_map(|(key, list)| list.iter().map(move |s| (key, s)))
    }

    /// Notes a value at `t`, of commit `seq` made at `since`.
    pub fn note(&mut self, key: &SeriesKey, t: Timestamp, seq: Seq, since: Timestamp) {
        let one = Stretch { from: t, to: t, points: 1, seq, since };
        let Some(list) = self.by.get_mut(key) else {
            self.by.insert(key.clone(), vec![one]);
            return;
        };
        // As nearly always: the series has gone on.
        if let Some(last) = list.last_mut()
            && t >= last.from
            && t.since(last.to) <= GAP
        {
            last.to = last.to.max(t);
            last.points += 1;
            last.seq = last.seq.min(seq);
            return;
        }
        list.push(one);
        tidy(list);
    }

    /// Notes that everything of `key` between `from` and `to` is owed, however many values that is.
    pub fn note_all(&mut self, key: &SeriesKey, from: Timestamp, to: Timestamp, seq: Seq) {
        if from <= to {
            let list = self.by.entry(key.clone()).or_default();
            list.push(Stretch { from, to, points: 0, seq, since: from });
            tidy(list);
        }
    }

    /// `n` values of `key` from `from` to `to` have been shipped, and these are all there are.
    pub fn shipped(&mut self, key: &SeriesKey, from: Timestamp, to: Timestamp, n: u64) {
        let Some(list) = self.by.get_mut(key) else { return };
        let mut rest = Vec::with_capacity(list.len() + 1);
        for s in list.drain(..) {
            if s.to < from || s.from > to {
                rest.push(s);
                continue;
            }
            if s.from < from {
                rest.push(Stretch { to: from - Duration::from_nanos(1), ..s });
            }
            if s.to > to {
                let next = to + Duration::from_nanos(1);
                rest.push(Stretch { from: next, points: s.points.saturating_sub(n), since: s.since.max(to), ..s });
            }
        }
        *list = rest;
        if list.is_empty() {
            self.by.remove(key);
        }
    }

    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = DeflateEncoder::new(vec![VERSION], Compression::fast());
        let mut keys: Vec<_> = self.by.keys().collect();
        keys.sort_unstable();
        for key in keys {
            let list = &self.by[key];
            let mut row = Vec::with_capacity(128);
            text(&mut row, key.point.as_str());
            text(&mut row, key.indicator.as_ref().map_or("", Name::as_str));
            row.push(list.len() as u8);
            for s in list {
                for n in [s.from.nanos(), s.to.nanos(), s.since.nanos(), s.points as i64, s.seq as i64] {
                    row.extend_from_slice(&n.to_le_bytes());
                }
            }
            // Into memory, which does not fail.
            let _ = out.write_all(&row);
        }
        out.finish().unwrap_or_default()
    }

    /// From the bytes that [`Owed::encode`] gave; `None` for any others.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, body) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let mut all = Vec::new();
        DeflateDecoder::new(body).take(LARGEST).read_to_end(&mut all).ok()?;
        let mut rest = &all[..];
        let mut owed = Self::default();
        while !rest.is_empty() {
            let point = read_text(&mut rest)?.parse().ok()?;
            let indicator = read_text(&mut rest)?;
            let indicator = if indicator.is_empty() { None } else { Some(Name::new(indicator).ok()?) };
            let (n, after) = rest.split_first()?;
            rest = after;
            let mut list = Vec::with_capacity(usize::from(*n));
            for _ in 0..*n {
                let [from, to, since, points, seq] = numbers(&mut rest)?;
                let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
                let since = Timestamp::from_nanos(since);
                list.push(Stretch { from, to, since, points: points as u64, seq: seq as Seq });
            }
            owed.by.insert(SeriesKey { point, indicator }, list);
        }
        Some(owed)
    }
}

/// In order, those that touch as one, and not too many.
fn tidy(list: &mut Vec<Stretch>) {
    list.sort_unstable_by_key(|s| s.from);
    let mut at = 0;
    while at + 1 < list.len() {
        if list[at + 1].from.since(list[at].to) <= GAP {
            join(list, at);
        } else {
            at += 1;
        }
    }
    while list.len() > MOST {
        let gap = |i: &usize| list[i + 1].from.since(list[*i].to);
        let Some(nearest) = (0..list.len() - 1).min_by_key(gap) else { return };
        join(list, nearest);
    }
}

/// Stretch `at` and the one after it become one.
fn join(list: &mut Vec<Stretch>, at: usize) {
    let b = list.remove(at + 1);
    let a = &mut list[at];
    a.to = a.to.max(b.to);
    a.points += b.points;
    a.seq = a.seq.min(b.seq);
    a.since = a.since.min(b.since);
}

fn text(out: &mut Vec<u8>, s: &str) {
    // Names of points are at most 515 bytes.
    out.extend_from_slice(&(s.len() as u16).to_le_bytes());
    out.extend_from_slice(s.as_bytes());
}

fn read_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (len, after) = rest.split_first_chunk()?;
    let (text, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

fn numbers<const N: usize>(rest: &mut &[u8]) -> Option<[i64; N]> {
    let mut out = [0; N];
    for n in &mut out {
        let (bytes, after) = rest.split_first_chunk()?;
        *n = i64::from_le_bytes(*bytes);
        *rest = after;
    }
    Some(out)
}

#[cfg(test)]
#[path = "owed_tests.rs"]
mod tests;
