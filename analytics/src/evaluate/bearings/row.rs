//! A row of a manifest of bearings.

use plant::{BearingFault, BearingOrders, Geometry};

use crate::evaluate::manifest::{Fields, ManifestError, Recording};

/// The label of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Healthy,
    Damaged(BearingFault),
}

/// One row. What is `None` was not stated.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub recording: Recording,
    pub expected: String,
    pub condition: Condition,
    pub sample_rate_hz: Option<f64>,
    pub shaft_hz: Option<f64>,
    pub orders: Option<BearingOrders>,
}

impl Row {
    pub fn of(f: &Fields<'_>) -> Result<Self, ManifestError> {
        let recording = f.recording("file")?;
        let expected = f.required("condition")?;
        let shaft_hz = f.shaft_hz()?;
        f.required("sample_rate_hz")?;
        Ok(Self {
            recording,
            expected: expected.to_owned(),
            condition: condition(f, expected)?,
            sample_rate_hz: f.positive("sample_rate_hz")?,
            shaft_hz,
            orders: orders(f, shaft_hz)?,
        })
    }
}

fn condition(f: &Fields<'_>, text: &str) -> Result<Condition, ManifestError> {
    if matches!(text, "normal" | "healthy") {
        return Ok(Condition::Healthy);
    }
    let fault = BearingFault::ALL.into_iter().find(|f| f.as_str() == text);
    let expected = "normal, healthy, inner_race, outer_race, ball or cage";
    fault.map(Condition::Damaged).ok_or_else(|| f.bad("condition", text, expected))
}

/// The bearing's frequencies as multiples of shaft speed.
///
/// Frequencies in Hz stand for multiples once the shaft's speed is known. With n rolling elements
/// BPFO + BPFI = n·f and FTF = BPFO/n; x = 1 − 2·FTF is (d/D)·cos φ, and BSF = (1−x²)/2x where φ is 0.
pub(in crate::evaluate) fn orders(
    f: &Fields<'_>,
    shaft_hz: Option<f64>,
) -> Result<Option<BearingOrders>, ManifestError> {
    let order = |x: &'static str, hz: &'static str| -> Result<Option<f64>, ManifestError> {
        match f.positive(x)? {
            Some(v) => Ok(Some(v)),
            None => Ok(f.positive(hz)?.zip(shaft_hz).map(|(v, shaft)| v / shaft)),
        }
    };
    let (bpfo, bpfi) = (order("bpfo_x", "bpfo_hz")?, order("bpfi_x", "bpfi_hz")?);
    let (bsf, ftf) = (order("bsf_x", "bsf_hz")?, order("ftf_x", "ftf_hz")?);
    let Some((bpfo, bpfi)) = bpfo.zip(bpfi) else { return Ok(None) };
    let ftf = ftf.unwrap_or(bpfo / (bpfo + bpfi));
    let x = (1.0 - 2.0 * ftf).clamp(0.01, 0.99);
    let bsf = bsf.unwrap_or((1.0 - x * x) / (2.0 * x));
    let orders = BearingOrders { bpfo, bpfi, bsf, ftf };
    let (column, found) = (if f.text("bpfo_x").is_some() { "bpfo_x" } else { "bpfo_hz" }, bpfo.to_string());
    Geometry::Orders(orders).orders().map(Some).map_err(|e| f.bad(column, &found, &e.to_string()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::evaluate::manifest::parse;

    fn rows(text: &str) -> Result<Vec<Row>, String> {
        parse(Path::new("m.csv"), "the manifest lists no recording", text.as_bytes(), Row::of)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn multiples_and_frequencies_say_the_same() {
        let x =
            rows("file,sample_rate_hz,shaft_rpm,condition,bpfo_x,bpfi_x,bsf_x,ftf_x\na,12000,1500,ball,3,5,2,0.4\n");
        let hz = rows(
            "file,sample_rate_hz,shaft_hz,condition,bpfo_hz,bpfi_hz,bsf_hz,ftf_hz\na,12000,25,ball,75,125,50,10\n",
        );
        assert_eq!(x, hz);
        let row = &x.unwrap()[0];
        assert_eq!(row.orders, Some(BearingOrders { bpfo: 3.0, bpfi: 5.0, bsf: 2.0, ftf: 0.4 }));
        assert_eq!((row.condition, row.shaft_hz), (Condition::Damaged(BearingFault::Ball), Some(25.0)));
    }

    #[test]
    fn cage_and_ball_follow_from_the_races() {
        let text = "file,sample_rate_hz,shaft_hz,condition,bpfo_hz,bpfi_hz\na,48828,25,normal,81.125,118.875\n";
        let orders = rows(text).unwrap()[0].orders.unwrap();
        assert!((orders.ftf * 25.0 - 10.14).abs() < 0.01, "{orders:?}");
        assert!((orders.bsf * 25.0 - 63.91).abs() < 0.1, "{orders:?}");
    }

    #[test]
    fn what_is_not_stated_is_none_and_what_is_wrong_is_named_with_row_and_column() {
        let heading = "file,sample_rate_hz,shaft_rpm,condition,bpfo_x,bpfi_x\n";
        let row = &rows(&format!("{heading}a,,,healthy,,\n")).unwrap()[0];
        assert_eq!((row.sample_rate_hz, row.shaft_hz, row.orders), (None, None, None));
        for (text, want) in [
            ("a,fast,1500,ball,3,5\n", "m.csv, row 2, column sample_rate_hz: found \"fast\""),
            ("a,1,2,ball,3,5\nb,12000,-1,ball,3,5\n", "m.csv, row 3, column shaft_rpm: found \"-1\""),
            ("a,12000,1500,broken,3,5\n", "m.csv, row 2, column condition: found \"broken\""),
            ("a,12000,1500,ball,3000,5\n", "m.csv, row 2, column bpfo_x: found \"3000\""),
            (",12000,1500,ball,3,5\n", "m.csv, row 2, column file: found \"\""),
            ("a,12000\n", "m.csv, row 2"),
            ("", "m.csv, row 2: the manifest lists no recording"),
        ] {
            let e = rows(&format!("{heading}{text}")).unwrap_err();
            assert!(e.starts_with(want), "{e}");
        }
        for (heading, column) in [
            ("file,condition", "sample_rate_hz"),
            ("condition,sample_rate_hz", "file"),
            ("file,sample_rate_hz", "condition"),
        ] {
            let e = rows(&format!("{heading}\nball,ball\n")).unwrap_err();
            assert!(e.contains(&format!("row 1, column {column}")) || e.contains("column condition: found"), "{e}");
        }
    }
}
