//! Records that were taken together: what their sources say of it, and whether it holds.

use plant::{Waveform, is_sync};
use serde::{Deserialize, Serialize};

use super::{Spoken, judged};
use crate::diagnosis::Known;
use crate::fold::state::MachineState;

/// What a record says of the moment in which it was taken, and by what that is held to be true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// What the source calls the moment; `None` where that is no such text.
    moment: Option<String>,
    /// Another record of the same point was said to be of this moment: the text is no moment's own.
    repeated: bool,
    /// Samples a second,
    fs: f64,
    /// and how many.
    n: u64,
}

impl Together {
    /// As `w` states it; `None` where it states nothing. `before` is the moment of the record of the point that was heard
    /// last.
    pub fn of(w: &Waveform, before: Option<&str>) -> Option<Self> {
        let sync = w.meta.sync.as_deref()?;
        let moment = is_sync(sync).then(|| sync.to_owned());
        let repeated = moment.is_some() && moment.as_deref() == before;
        Some(Self { moment, repeated, fs: w.fs, n: w.samples.len() as u64 })
    }

    /// What the source calls the moment.
    pub fn moment(&self) -> Option<&str> {
        self.moment.as_deref()
    }
}

/// Whether two records are samples of the same moments: their sources say so (which no time stamp can: clocks are read
/// later than converters are started), and nothing else that they say contradicts it. Times of their first samples more
/// than a sample apart do, as do other rates or lengths, a text that is none, and one that a point states twice.
pub fn together(a: &Spoken, b: &Spoken) -> Known<()> {
    let (Some(x), Some(y)) = (&a.together, &b.together) else { return Err("no_phase") };
    match (&x.moment, &y.moment) {
        (Some(p), Some(q)) if p != q => return Err("no_phase"),
        (Some(_), Some(_)) if !x.repeated && !y.repeated => {}
        _ => return Err("sync"),
    }
    let samples = a.t_ns.abs_diff(b.t_ns) as f64 / 1e9 * x.fs;
    if x.fs == y.fs && x.n == y.n && samples <= 1.0 { Ok(()) } else { Err("sync") }
}

/// Notes that the point of which `heard` was heard states the same moment for `w`, which is another record.
pub fn note(heard: &mut Spoken, w: &Waveform) {
    if let Some(together) = &mut heard.together
        && heard.t_ns != w.t0.nanos()
        && together.moment.is_some()
        && together.moment.as_deref() == w.meta.sync.as_deref()
    {
        together.repeated = true;
    }
}

/// Whether a window cannot hold all of the moment of `w` any more: another point has spoken of it before the window could
/// hear it. The window is for records that were taken together, and waits for the next moment.
pub fn passed(past: &MachineState, w: &Waveform) -> bool {
    if w.meta.sync.is_none() {
        return false;
    }
    let window = past.watch.as_ref().and_then(|watch| watch.window.as_ref()).filter(|window| !window.closed);
    past.points.iter().any(|(name, p)| {
        let same = p.newest.nanos().abs_diff(w.t0.nanos()) as f64 / 1e9 * w.fs <= 1.0;
        let unheard = window.is_none_or(|window| !window.points.contains_key(&**name));
        **name != *w.point.name() && same && unheard && judged(past, name, p)
    })
}
