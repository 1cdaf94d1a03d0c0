//! The spectrum over time: within one record, and from record to record.

use plant::Waveform;

use super::{LARGEST_MAP, Map, acceleration};
use crate::rotating::{Plans, Refusal, transform};

/// Short-time spectra of one record: columns are time, s, rows frequency, Hz, values dB re 10⁻⁶ m/s² RMS by line. See
/// [`transform::spectrogram`].
pub fn spectrogram(w: &Waveform) -> Result<Map, Refusal> {
    transform::spectrogram(&Plans::default(), &acceleration(w)?, w.fs, LARGEST_MAP, LARGEST_MAP)
}

/// The spectra of several records, one row each in the order given, from 0 to `to_hz`: columns are frequency, Hz, rows the
/// running number of the record, values dB re 10⁻⁶ m/s² RMS by line, the strongest line of each column.
///
/// Gives what each row stands for (time or r/min, as it was given) beside the map. Of more than [`LARGEST_MAP`] records
/// the last are taken. Refused: `band` where `to_hz` is not above 0, `record_length` where there is no record, and what
/// refuses any of the records.
pub fn waterfall(records: &[(f64, &Waveform)], to_hz: f64) -> Result<(Vec<f64>, Map), Refusal> {
    if !(to_hz > 0.0 && to_hz.is_finite()) {
        return Err("band");
    }
    let records = &records[records.len().saturating_sub(LARGEST_MAP)..];
    // No more columns than the coarsest record has lines.
    let lines = records.iter().map(|(_, w)| to_hz * w.samples.len() as f64 / w.fs).fold(f64::INFINITY, f64::min);
    if records.is_empty() || lines < 2.0 {
        return Err("record_length");
    }
    let columns = (lines as usize).min(LARGEST_MAP);
    let plans = Plans::default();
    let mut values = Vec::with_capacity(columns * records.len());
    for (_, w) in records {
        values.extend(transform::line_levels(&plans, &acceleration(w)?, w.fs, to_hz, columns)?);
    }
    let map = Map { x0: 0.0, dx: to_hz / columns as f64, y0: 0.0, dy: 1.0, columns, rows: records.len(), values };
    Ok((records.iter().map(|(at, _)| *at).collect(), map))
}
