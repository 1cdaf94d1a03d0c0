//! A row of a manifest of runs to failure, and the index of its snapshots.

use plant::{BearingOrders, Geometry};

use crate::evaluate::bearings::orders;
use crate::evaluate::manifest::{Fields, ManifestError, Recording, read_table};

/// Samples of the longest snapshot.
const LONGEST: f64 = (1 << 22) as f64;

/// One row. What is `None` was not stated.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub bearing: String,
    /// One file a channel.
    pub channels: Vec<Recording>,
    pub index: Recording,
    /// Bearings that differ here are not of one machine.
    pub machine: Option<String>,
    pub sample_rate_hz: Option<f64>,
    pub shaft_hz: Option<f64>,
    pub orders: Option<BearingOrders>,
    pub samples: Option<usize>,
    /// Peak at which the run was ended, in the unit of the samples.
    pub stop_peak: Option<f64>,
    /// The snapshot at which the remaining life is asked for.
    pub asked_at: Option<f64>,
}

impl Row {
    pub fn of(f: &Fields<'_>) -> Result<Self, ManifestError> {
        let filled = |column| f.text(column).is_some_and(|t| !t.is_empty());
        let channels = match (filled("file_h"), filled("file_v"), f.text("file_h").is_some() && !filled("file")) {
            (true, true, _) => vec![f.recording("file_h")?, f.recording("file_v")?],
            (true, false, _) | (false, _, true) => vec![f.recording("file_h")?],
            (false, _, false) => vec![f.recording("file")?],
        };
        let index = f.recording("index_file")?;
        f.required("sample_rate_hz")?;
        let shaft_hz = f.shaft_hz()?;
        let whole = "a whole number of samples, 1 to 4194304";
        let samples = f.number("samples_per_snapshot", |v| v.fract() == 0.0 && (1.0..=LONGEST).contains(&v), whole)?;
        let bearing = f.text("bearing").filter(|t| !t.is_empty()).unwrap_or(&channels[0].file).to_owned();
        let machine = ["machine", "shaft"].into_iter().find_map(|c| f.text(c).filter(|t| !t.is_empty()));
        Ok(Self {
            bearing,
            machine: machine.map(str::to_owned),
            channels,
            index,
            sample_rate_hz: f.positive("sample_rate_hz")?,
            shaft_hz,
            orders: match orders(f, shaft_hz)? {
                Some(o) => Some(o),
                None => dimensions(f)?,
            },
            samples: samples.map(|v| v as usize),
            stop_peak: f.positive("stop_peak")?,
            asked_at: f.positive("challenge_truncated_at_snapshot")?,
        })
    }
}

impl Row {
    /// Whether two bearings whose snapshots were taken at the same moments are of one machine, as far as is stated.
    pub fn beside(&self, other: &Self) -> bool {
        (&self.machine, self.sample_rate_hz, self.shaft_hz) == (&other.machine, other.sample_rate_hz, other.shaft_hz)
    }
}

/// Multiples of shaft speed from the bearing's dimensions, where they are stated.
fn dimensions(f: &Fields<'_>) -> Result<Option<BearingOrders>, ManifestError> {
    let whole = "a whole number of rolling elements, 3 to 1000";
    let n = f.number("n_elements", |v| v.fract() == 0.0 && (3.0..=1000.0).contains(&v), whole)?;
    let (ball, pitch) = (f.positive("element_dia_mm")?, f.positive("pitch_dia_mm")?);
    let angle = f.number("contact_angle_deg", |v| (0.0..90.0).contains(&v), "degrees, 0 to 90")?.unwrap_or(0.0);
    let Some(((n, ball_mm), pitch_mm)) = n.zip(ball).zip(pitch) else { return Ok(None) };
    let geometry = Geometry::Dimensions { elements: n as u16, ball_mm, pitch_mm, contact_rad: angle.to_radians() };
    let found = format!("{n} elements of {ball_mm} mm on {pitch_mm} mm");
    geometry.orders().map(Some).map_err(|e| f.bad("element_dia_mm", &found, &e.to_string()))
}

/// One snapshot: where it stands in the files, its number, when it was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Snapshot {
    pub position: u64,
    pub number: u64,
    pub t_s: f64,
}

/// Reads the index that a row names: `position_in_file`, `snapshot_number`, `elapsed_s`, in the order of time.
pub(super) fn index(of: &Recording) -> Result<Vec<Snapshot>, ManifestError> {
    // A file that is not there is an error of the manifest, by row and column.
    of.open()?;
    let mut last = f64::NEG_INFINITY;
    read_table(&of.path(), "the index lists no snapshot", |f| {
        let whole = |column: &'static str| {
            let text = f.required(column)?;
            text.parse::<u64>().map_err(|_| f.bad(column, text, "a whole number"))
        };
        let (position, number) = (whole("position_in_file")?, whole("snapshot_number")?);
        let text = f.required("elapsed_s")?;
        let expected = "seconds, more than in the row before";
        let t_s = f.number("elapsed_s", |v| v > last, expected)?.ok_or_else(|| f.bad("elapsed_s", text, expected))?;
        last = t_s;
        Ok(Snapshot { position, number, t_s })
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::evaluate::manifest::{parse, read};

    fn rows(text: &str) -> Result<Vec<Row>, String> {
        parse(Path::new("m.csv"), "nothing", text.as_bytes(), Row::of).map_err(|e| e.to_string())
    }

    #[test]
    fn both_forms_are_read() {
        let two = "bearing,file_h,file_v,index_file,sample_rate_hz,samples_per_snapshot,shaft_rpm,n_elements,\
                   element_dia_mm,pitch_dia_mm\nb,h,v,i,25600,2560,1800,13,3.5,25.6\n";
        let row = &rows(two).unwrap()[0];
        assert_eq!((row.channels.len(), row.samples, row.machine.as_deref()), (2, Some(2560), None));
        assert!((row.orders.unwrap().bpfo - 5.6113).abs() < 1e-4 && row.shaft_hz == Some(30.0));
        let one = "file,index_file,sample_rate_hz,shaft_hz,bpfo_x,bpfi_x,machine\na,i,20000,33.3,7.1,8.9,m\n";
        let row = &rows(one).unwrap()[0];
        assert_eq!((row.bearing.as_str(), row.channels.len(), row.machine.as_deref()), ("a", 1, Some("m")));
        assert_eq!((row.samples, row.stop_peak, row.asked_at), (None, None, None));
    }

    #[test]
    fn what_is_wrong_is_named_with_row_and_column() {
        let heading = "file,index_file,sample_rate_hz,samples_per_snapshot,n_elements,element_dia_mm,pitch_dia_mm\n";
        for (text, want) in [
            ("a,i,fast,1,,,\n", "m.csv, row 2, column sample_rate_hz: found \"fast\""),
            ("a,i,1,1,,,\na,i,1,2.5,,,\n", "m.csv, row 3, column samples_per_snapshot: found \"2.5\""),
            ("a,,1,1,,,\n", "m.csv, row 2, column index_file: found \"\""),
            ("a,i,1,1,2,3,9\n", "m.csv, row 2, column n_elements: found \"2\""),
            ("a,i,1,1,9,30,9\n", "m.csv, row 2, column element_dia_mm: found \"9 elements"),
        ] {
            let e = rows(&format!("{heading}{text}")).unwrap_err();
            assert!(e.starts_with(want), "{e}");
        }
        assert!(rows("file,sample_rate_hz\na,1\n").unwrap_err().contains("row 1, column index_file"));
        assert!(rows("index_file,sample_rate_hz\na,1\n").unwrap_err().contains("row 1, column file"));
    }

    #[test]
    fn an_index_that_goes_back_in_time_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = "file,index_file,sample_rate_hz\na,good.csv,1\na,back.csv,1\na,odd.csv,1\na,none.csv,1\n";
        std::fs::write(dir.path().join("manifest.csv"), manifest).unwrap();
        let heading = "position_in_file,snapshot_number,elapsed_s\n";
        for (name, text) in [("good", "0,1,0\n1,5,40\n"), ("back", "0,1,10\n1,2,10\n"), ("odd", "0,x,10\n")] {
            std::fs::write(dir.path().join(format!("{name}.csv")), format!("{heading}{text}")).unwrap();
        }
        let rows = read(dir.path(), Row::of).unwrap();
        let said: Vec<_> = rows.iter().map(|r| index(&r.index).map_err(|e| e.to_string())).collect();
        assert_eq!(said[0].as_ref().unwrap()[1], Snapshot { position: 1, number: 5, t_s: 40.0 });
        assert!(said[1].as_ref().unwrap_err().contains("back.csv, row 3, column elapsed_s: found \"10\""));
        assert!(said[2].as_ref().unwrap_err().contains("odd.csv, row 2, column snapshot_number: found \"x\""));
        assert!(said[3].as_ref().unwrap_err().contains("manifest.csv, row 5, column index_file: found \"none.csv\""));
    }
}
