//! Annotated CSV ("Annotated CSV", InfluxDB OSS v2 documentation): tables one after another, each with rows of annotations
//! (`#datatype`, `#group`, `#default`), a row of names, and records. An error in the middle is a table with the columns
//! `error` and `reference`.

use ::csv::{ReaderBuilder, StringRecord};

use super::FluxError;

/// One record.
pub(super) struct Row<'a> {
    names: &'a StringRecord,
    defaults: &'a StringRecord,
    record: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// The field of the column `name`, or that column's default; `None` where the table has no such column.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let at = self.names.iter().position(|n| n == name)?;
        let found = self.record.get(at).filter(|v| !v.is_empty());
        Some(found.or_else(|| self.defaults.get(at)).unwrap_or_default())
    }
}

/// Shows `f` every record.
pub(super) fn each(answer: &[u8], mut f: impl FnMut(&Row<'_>) -> Result<(), FluxError>) -> Result<(), FluxError> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(answer);
    let (mut names, mut defaults, mut record) = (StringRecord::new(), StringRecord::new(), StringRecord::new());
    let mut named = false;
    while reader.read_record(&mut record).map_err(|e| FluxError::Csv(e.to_string()))? {
        let first = record.get(0).unwrap_or_default();
        if first.starts_with('#') {
            if named {
                (named, defaults) = (false, StringRecord::new());
            }
            if first == "#default" {
                defaults = record.clone();
            }
        } else if !named {
            (named, names) = (true, record.clone());
        } else if names.iter().any(|n| n == "error") && names.iter().any(|n| n == "reference") {
            let row = Row { names: &names, defaults: &defaults, record: &record };
            return Err(FluxError::Csv(row.get("error").unwrap_or_default().to_owned()));
        } else {
            // `#default` names its annotation in the first column, which is no default.
            f(&Row { names: &names, defaults: &defaults, record: &record })?;
        }
    }
    Ok(())
}
