//! Samples of all features of a point at their places, column by column.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::packed::Column;

/// Samples in the order of time.
///
/// The features are stored first: the baselines before them hold the same samples, mostly, and a state is compressed by what
/// came within the last 32 KiB.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Rows {
    features: Vec<Column>,
    place: [Column; 3],
    follows: Vec<bool>,
}

impl Rows {
    /// How many.
    pub fn len(&self) -> usize {
        self.follows.len()
    }

    /// Takes a sample in: its place, whether it follows on the one before, and its features, NaN where missing.
    pub fn push(&mut self, place: [f32; 3], follows: bool, features: impl ExactSizeIterator<Item = f32>) {
        let n = self.len();
        let width = self.features.len().max(features.len());
        self.features.resize_with(width, || Column(vec![f32::NAN; n]));
        for (column, v) in self.features.iter_mut().zip(features.chain(std::iter::repeat(f32::NAN))) {
            column.0.push(v);
        }
        for (column, v) in self.place.iter_mut().zip(place) {
            column.0.push(v);
        }
        self.follows.push(follows);
    }

    /// Forgets all but the first `n`.
    pub fn truncate(&mut self, n: usize) {
        self.follows.truncate(n);
        self.place.iter_mut().chain(&mut self.features).for_each(|c| c.0.truncate(n));
    }

    /// Takes in what `others` hold, after its own.
    pub fn append(&mut self, others: Self) {
        for i in 0..others.len() {
            let features = others.features.iter().map(|c| c.0[i]);
            self.push([0, 1, 2].map(|c| others.place[c].0[i]), others.follows[i], features);
        }
    }

    /// Values of each sample.
    pub fn width(&self) -> usize {
        self.features.len()
    }

    /// The place of sample `i`.
    pub fn place(&self, i: usize) -> [f64; 3] {
        [0, 1, 2].map(|c| f64::from(self.place[c].0[i]))
    }

    /// Whether sample `i` follows on the one before.
    pub fn follows(&self, i: usize) -> bool {
        self.follows[i]
    }

    /// A feature of sample `i`; NaN where missing.
    pub fn feature(&self, i: usize, feature: usize) -> f64 {
        f64::from(self.features[feature].0[i])
    }
}

/// As they are stored.
#[derive(Deserialize)]
struct Columns {
    features: Vec<Column>,
    place: [Column; 3],
    follows: Vec<bool>,
}

/// As earlier versions stored each.
#[derive(Deserialize)]
struct Row {
    place: [f32; 3],
    follows: bool,
    features: Vec<f32>,
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Stored)
    }
}

struct Stored;

impl<'de> Visitor<'de> for Stored {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("columns of samples, or a list of rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rows, A::Error> {
        let Columns { features, place, follows } = Columns::deserialize(MapAccessDeserializer::new(map))?;
        if place.iter().chain(&features).any(|c| c.0.len() != follows.len()) {
            return Err(A::Error::custom("columns of samples differ in length"));
        }
        Ok(Rows { features, place, follows })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows, A::Error> {
        let mut rows = Rows::default();
        while let Some(Row { place, follows, features }) = list.next_element()? {
            rows.push(place, follows, features.into_iter());
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(stored: &impl Serialize) -> Result<Rows, String> {
        let mut bytes = Vec::new();
        ciborium::into_writer(stored, &mut bytes).unwrap();
        ciborium::from_reader(&bytes[..]).map_err(|e| e.to_string())
    }

    #[test]
    fn columns_come_back_and_what_a_sample_lacks_is_no_number() {
        let mut rows = Rows::default();
        for (i, features) in [&[1.0, 2.0][..], &[3.0, 4.0, 5.0], &[6.0]].into_iter().enumerate() {
            rows.push([i as f32, 0.5, 0.0], i > 0, features.iter().copied());
        }
        let feature = |rows: &Rows, f: usize| (0..rows.len()).map(|i| rows.feature(i, f)).collect::<Vec<_>>();
        let said = |rows: &Rows| format!("{rows:?}");
        assert_eq!((rows.len(), rows.width(), rows.place(2), rows.follows(0)), (3, 3, [2.0, 0.5, 0.0], false));
        assert_eq!(feature(&rows, 0), [1.0, 3.0, 6.0]);
        assert!(rows.feature(0, 2).is_nan() && rows.feature(2, 1).is_nan() && rows.feature(1, 2) == 5.0);
        assert_eq!(said(&through(&rows).unwrap()), said(&rows));
        let mut twice = rows.clone();
        twice.append(rows.clone());
        assert_eq!(feature(&twice, 0), [1.0, 3.0, 6.0, 1.0, 3.0, 6.0]);
        twice.truncate(3);
        assert_eq!(said(&twice), said(&rows));
        rows.follows.pop();
        assert!(through(&rows).unwrap_err().contains("differ in length"));
    }
}
