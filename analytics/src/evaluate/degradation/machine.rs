//! The bearings of one machine, gone through snapshot by snapshot.

use std::fs::File;

use super::naming::Namer;
use super::row::{Row, Snapshot};
use super::{Named, Rul, Run};
use crate::evaluate::manifest::ManifestError;
use crate::life::{Baseline, FEATURES, Onset, Trend, levels};
use crate::rotating::{Plans, Refusal};

/// Part of the run's time that is learnt from.
const LEARNT: f64 = 0.1;
/// Of bearings on one shaft, the one to blame has at least doubled (6 dB) over what its neighbours show: housings transmit,
/// and machines drift as one.
const BLAMED: f64 = std::f64::consts::LN_2;
/// A run without a stated end is taken to end at ten times the peak of its baseline, 20 dB.
const END: f64 = 10.0;

/// The bearings that share a shaft and an index.
pub(super) struct Machine<'a> {
    snapshots: Vec<Snapshot>,
    learnt: usize,
    bearings: Vec<Bearing<'a>>,
}

struct Bearing<'a> {
    row: &'a Row,
    files: Vec<File>,
    samples: usize,
    /// Features of each snapshot, channel after channel; or why there are none.
    features: Vec<Result<Vec<f64>, Refusal>>,
}

impl<'a> Machine<'a> {
    /// `snapshots` is the index of all of `rows`; neither is empty.
    pub fn open(rows: Vec<&'a Row>, snapshots: Vec<Snapshot>) -> Result<Self, ManifestError> {
        let (first, last) = (snapshots[0].t_s, snapshots[snapshots.len() - 1].t_s);
        let learnt = snapshots.iter().take_while(|s| s.t_s <= first + LEARNT * (last - first)).count();
        let bearings = rows.into_iter().map(|row| Bearing::open(row, &snapshots)).collect::<Result<_, _>>()?;
        Ok(Self { snapshots, learnt, bearings })
    }

    /// What came of each bearing, and whether it alarmed while it was learnt from; `on` is called before each.
    pub fn judge(mut self, on: &mut dyn FnMut()) -> Result<Vec<(Run, bool)>, ManifestError> {
        let plans = Plans::default();
        for b in &mut self.bearings {
            on();
            for s in &self.snapshots {
                let features = b.features_of(&plans, s)?;
                b.features.push(features);
            }
        }
        let mut watched: Vec<Watched> = self.bearings.iter().map(|b| Watched::learn(&plans, b, self.learnt)).collect();
        for i in 0..self.snapshots.len() {
            if i == self.learnt {
                watched.iter_mut().for_each(Watched::begin);
            }
            self.step(i, &mut watched);
            if i >= self.learnt {
                for (b, w) in self.bearings.iter_mut().zip(&mut watched) {
                    w.follow(b, &self.snapshots, i)?;
                }
            }
        }
        Ok(watched.into_iter().map(|w| (w.run, w.early)).collect())
    }

    /// One snapshot: each bearing's change less what its neighbours have in common, and who is to blame.
    fn step(&self, i: usize, watched: &mut [Watched]) {
        let changes: Vec<Option<Vec<f64>>> = self
            .bearings
            .iter()
            .zip(watched.iter())
            .map(|(b, w)| Some(w.onset.as_ref()?.baseline().change(b.features[i].as_ref().ok()?)))
            .collect();
        for (b, w) in watched.iter_mut().enumerate() {
            let (Some(own), Some(onset)) = (&changes[b], &mut w.onset) else { continue };
            let common = in_common(&changes, b);
            let excess: Vec<f64> = own.iter().zip(&common).map(|(v, c)| v - c).collect();
            let said = onset.step(&excess);
            (w.confirmed, w.rise) = (said.confirmed, said.rise);
        }
        let largest = watched.iter().map(|w| w.rise).fold(f64::NEG_INFINITY, f64::max);
        let alone = watched.len() == 1;
        for w in watched.iter_mut().filter(|w| w.confirmed) {
            if alone || (w.rise >= BLAMED && w.rise >= largest) {
                w.alarm(self.snapshots[i], self.snapshots[self.snapshots.len() - 1].t_s, i < self.learnt);
            }
        }
    }
}

/// What the neighbours of bearing `of` show, by feature: the median of their changes, as far as they are rises.
fn in_common(changes: &[Option<Vec<f64>>], of: usize) -> Vec<f64> {
    let width = changes[of].as_ref().map_or(0, Vec::len);
    let others: Vec<&Vec<f64>> =
        changes.iter().enumerate().filter_map(|(i, c)| c.as_ref().filter(|c| i != of && c.len() == width)).collect();
    let mut column = Vec::with_capacity(others.len());
    (0..width)
        .map(|f| {
            column.clear();
            column.extend(others.iter().map(|c| c[f]));
            column.sort_by(f64::total_cmp);
            // Of an even number the lower one: two bearings of three may be damaged before the third is blamed for it.
            column.get(column.len().saturating_sub(1) / 2).map_or(0.0, |v| v.max(0.0))
        })
        .collect()
}

impl<'a> Bearing<'a> {
    fn open(row: &'a Row, snapshots: &[Snapshot]) -> Result<Self, ManifestError> {
        let blocks = snapshots.iter().map(|s| s.position).max().unwrap_or(0) + 1;
        let len = row.channels[0].length()?;
        let samples = row.samples.unwrap_or((len / blocks) as usize);
        let files = row.channels.iter().map(|c| c.open()).collect::<Result<Vec<_>, _>>()?;
        for c in &row.channels {
            if c.length()? < blocks.saturating_mul(samples as u64) || samples == 0 {
                return Err(c.bad(format!("{blocks} snapshots of {samples} samples, as its index says")));
            }
        }
        Ok(Self { row, files, samples, features: Vec::with_capacity(snapshots.len()) })
    }

    fn records(&mut self, s: &Snapshot) -> Result<Vec<Vec<f64>>, ManifestError> {
        let mut records = Vec::with_capacity(self.files.len());
        for (c, file) in self.row.channels.iter().zip(&mut self.files) {
            let mut x = vec![0.0; self.samples];
            c.piece(file, s.position * self.samples as u64, &mut x)?;
            records.push(x);
        }
        Ok(records)
    }

    fn features_of(&mut self, plans: &Plans, s: &Snapshot) -> Result<Result<Vec<f64>, Refusal>, ManifestError> {
        let mut all = Vec::with_capacity(self.files.len() * FEATURES);
        for x in self.records(s)? {
            match levels(plans, &x) {
                Ok(l) => all.extend(l),
                Err(code) => return Ok(Err(code)),
            }
        }
        Ok(Ok(all))
    }
}

/// What is known of a bearing so far.
struct Watched {
    onset: Option<Onset>,
    confirmed: bool,
    rise: f64,
    early: bool,
    namer: Namer,
    trend: Trend,
    /// ln of the peak at which the run ends, over the baseline's, by channel.
    ends: Vec<f64>,
    run: Run,
}

impl Watched {
    fn learn(plans: &Plans, b: &Bearing<'_>, learnt: usize) -> Self {
        let sound: Vec<Vec<f64>> = b.features[..learnt].iter().filter_map(|f| f.clone().ok()).collect();
        let baseline = Baseline::learn(&sound);
        let refused = b.features[..learnt].iter().find_map(|f| f.as_ref().err().copied());
        let reason = baseline.as_ref().err().map(|code| refused.unwrap_or(code).to_owned());
        let onset = baseline.ok().map(Onset::new);
        let end = |channel: usize| {
            let Some((peak, baseline)) = b.row.stop_peak.zip(onset.as_ref()) else { return END.ln() };
            // The change of a record of ones, whose logarithms are 0, is the baseline's with the other sign.
            let ones = vec![0.0; b.row.channels.len() * FEATURES];
            peak.ln() + baseline.baseline().change(&ones)[peak_of(channel)]
        };
        let ends = (0..b.row.channels.len()).map(end).collect();
        let run = Run {
            bearing: b.row.bearing.clone(),
            first_alarm_snapshot: None,
            first_alarm_s: None,
            lead_s: None,
            named: None,
            rul: None,
            reason,
        };
        let (namer, trend) = (Namer::new(plans.clone()), Trend::new(1.0));
        Self { onset, confirmed: false, rise: f64::NEG_INFINITY, early: false, namer, trend, ends, run }
    }

    /// The first tenth is over: what was summed up over it is not carried into what is judged.
    fn begin(&mut self) {
        self.confirmed = false;
        if let Some(o) = &mut self.onset {
            o.reset();
        }
    }

    fn alarm(&mut self, s: Snapshot, end_s: f64, early: bool) {
        if early {
            self.early = true;
        } else if self.run.first_alarm_snapshot.is_none() {
            self.run.first_alarm_snapshot = Some(s.number);
            self.run.first_alarm_s = Some(s.t_s);
            self.run.lead_s = Some(end_s - s.t_s);
        }
    }

    /// After the alarm: which part it is, and how long it will go on.
    fn follow(&mut self, b: &mut Bearing<'_>, snapshots: &[Snapshot], i: usize) -> Result<(), ManifestError> {
        let (Some(from), Some(onset)) = (self.run.first_alarm_s, &self.onset) else { return Ok(()) };
        let s = snapshots[i];
        if s.t_s == from {
            self.trend = Trend::new(interval(snapshots, i));
        }
        if let Ok(features) = &b.features[i] {
            let change = onset.baseline().change(features);
            // The channel that is nearest to its end, on the scale of the first.
            let nearest = self.ends.iter().enumerate().map(|(c, end)| change[peak_of(c)] - end + self.ends[0]);
            self.trend.step(s.t_s, nearest.fold(f64::NEG_INFINITY, f64::max));
        }
        let asked = match b.row.asked_at {
            Some(at) => s.number as f64 <= at && snapshots.get(i + 1).is_none_or(|next| next.number as f64 > at),
            None => self.run.rul.is_none(),
        };
        if asked && let Ok(r) = self.trend.remaining(self.ends[0]) {
            self.run.rul = Some(Rul { at_snapshot: s.number, p10: r.p10_s, p50: r.p50_s, p90: r.p90_s });
        }
        if self.run.named.is_none() {
            let records = b.records(&s)?;
            let fault = self.namer.step(b.row, &records);
            self.run.named = fault.map(|f| Named { fault: f.to_string(), snapshot: s.number });
        }
        Ok(())
    }
}

/// Where the peak of a channel stands among the features.
fn peak_of(channel: usize) -> usize {
    (channel + 1) * FEATURES - 1
}

/// The median time from one snapshot to the next, up to the `i`-th, seconds.
fn interval(snapshots: &[Snapshot], i: usize) -> f64 {
    super::median(snapshots[..=i].windows(2).map(|w| w[1].t_s - w[0].t_s).collect()).unwrap_or(1.0)
}
