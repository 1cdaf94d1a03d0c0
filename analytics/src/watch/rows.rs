//! Samples of all features of a point at their places, column by column.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::packed::Column;

/// Samples in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Rows {
    place: [Column; 3],
    follows: Vec<bool>,
    features: Vec<Column>,
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
    place: [Column; 3],
    follows: Vec<bool>,
    features: Vec<Column>,
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
        let Columns { place, follows, features } = Columns::deserialize(MapAccessDeserializer::new(map))?;
        if place.iter().chain(&features).any(|c| c.0.len() != follows.len()) {
            return Err(A::Error::custom("columns of samples differ in length"));
        }
        Ok(Rows { place, follows, features })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rows, A::Error> {
        let mut rows = Rows::default();
        while let Some(Row { place, follows, features }) = list.next_element()? {
            rows.push(place, follows, features.into_iter());
        }
        Ok(rows)
    }
}
