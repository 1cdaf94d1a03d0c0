//! A finished stretch of one series, compressed.
//!
//! Times and numbers are written by `pco` without loss: a chunk gives back every bit that was put in. Kinds and
//! qualities are run lengths, absent where all are alike; texts are a dictionary. What is in a chunk is in order of
//! time, each instant once.

use std::sync::Arc;

use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};
use plant::{Quality, Timestamp, Value};

use super::{Damage, Reader, Record, Writer, seal, unseal};
use crate::Sample;

const VERSION: u8 = 1;
/// No chunk holds more; a count above it is damage.
const MOST: usize = 1 << 20;
/// Above this level pco spends time on this data without gaining space.
const LEVEL: usize = 6;

const FLOAT: u8 = 0;
const INT: u8 = 1;
const BOOL: u8 = 2;
const TEXT: u8 = 3;

/// Values of one series, by kind where all are of one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Column {
    Float(Vec<f64>),
    Int(Vec<i64>),
    Mixed(Vec<Value>),
}

impl Default for Column {
    fn default() -> Self {
        Self::Float(Vec::new())
    }
}

impl Column {
    pub fn len(&self) -> usize {
        match self {
            Self::Float(v) => v.len(),
            Self::Int(v) => v.len(),
            Self::Mixed(v) => v.len(),
        }
    }

    pub fn get(&self, i: usize) -> Value {
        match self {
            Self::Float(v) => Value::Float(v[i]),
            Self::Int(v) => Value::Int(v[i]),
            Self::Mixed(v) => v[i].clone(),
        }
    }

    pub fn number(&self, i: usize) -> Option<f64> {
        match self {
            Self::Float(v) => Some(v[i]),
            Self::Int(v) => Some(v[i] as f64),
            Self::Mixed(v) => v[i].as_f64(),
        }
    }

    pub fn push(&mut self, value: Value) {
        if self.len() == 0 {
            match value {
                Value::Float(_) if !matches!(self, Self::Float(_)) => *self = Self::Float(Vec::new()),
                Value::Int(_) if !matches!(self, Self::Int(_)) => *self = Self::Int(Vec::new()),
                _ => {}
            }
        }
        match (&mut *self, value) {
            (Self::Float(v), Value::Float(x)) => v.push(x),
            (Self::Int(v), Value::Int(x)) => v.push(x),
            (Self::Mixed(v), x) => v.push(x),
            (_, x) => {
                let mut all: Vec<Value> = (0..self.len()).map(|i| self.get(i)).collect();
                all.push(x);
                *self = Self::Mixed(all);
            }
        }
    }

    /// The values at `order`, in that order.
    pub fn select(&self, order: &[u32]) -> Self {
        match self {
            Self::Float(v) => Self::Float(order.iter().map(|i| v[*i as usize]).collect()),
            Self::Int(v) => Self::Int(order.iter().map(|i| v[*i as usize]).collect()),
            Self::Mixed(v) => Self::Mixed(order.iter().map(|i| v[*i as usize].clone()).collect()),
        }
    }

    /// Forgets the first `n`.
    pub fn drop_first(&mut self, n: usize) {
        match self {
            Self::Float(v) => drop(v.drain(..n)),
            Self::Int(v) => drop(v.drain(..n)),
            Self::Mixed(v) => drop(v.drain(..n)),
        }
    }

    pub fn shrink_to(&mut self, n: usize) {
        match self {
            Self::Float(v) => v.shrink_to(n),
            Self::Int(v) => v.shrink_to(n),
            Self::Mixed(v) => v.shrink_to(n),
        }
    }
}

/// Values of one series with their times and qualities. Where it is "sorted", times rise and each stands once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Points {
    pub times: Vec<i64>,
    pub values: Column,
    /// Codes of qualities; empty where all are good.
    pub qualities: Vec<u8>,
}

impl Points {
    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub fn push(&mut self, t: i64, value: Value, quality: Quality) {
        if quality != Quality::Good && self.qualities.is_empty() {
            self.qualities = vec![0; self.len()];
        }
        if quality != Quality::Good || !self.qualities.is_empty() {
            self.qualities.push(quality.code());
        }
        self.times.push(t);
        self.values.push(value);
    }

    /// Adds all of `later` behind.
    pub fn append(&mut self, later: &Self) {
        match (&mut self.values, &later.values) {
            (Column::Float(a), Column::Float(b)) if self.qualities.is_empty() && later.qualities.is_empty() => {
                a.extend_from_slice(b);
                self.times.extend_from_slice(&later.times);
            }
            _ => (0..later.len()).for_each(|i| self.push(later.times[i], later.values.get(i), later.quality(i))),
        }
    }

    pub fn quality(&self, i: usize) -> Quality {
        // Codes come from `Quality::code` or were checked when they were read.
        self.qualities.get(i).and_then(|c| Quality::from_code(*c)).unwrap_or_default()
    }

    pub fn sample(&self, i: usize) -> Sample {
        Sample { t: Timestamp::from_nanos(self.times[i]), value: self.values.get(i), quality: self.quality(i) }
    }

    /// The number at `i`, if it is one and may be computed with.
    pub fn usable(&self, i: usize) -> Option<f64> {
        if !self.qualities.is_empty() && !self.quality(i).usable() {
            return None;
        }
        self.values.number(i)
    }

    pub fn is_sorted(&self) -> bool {
        self.times.is_sorted_by(|a, b| a < b)
    }

    /// The points at `order`, in that order.
    pub fn select(&self, order: &[u32]) -> Self {
        let qualities: Vec<u8> = match self.qualities.is_empty() {
            true => Vec::new(),
            false => order.iter().map(|i| self.qualities[*i as usize]).collect(),
        };
        Self {
            times: order.iter().map(|i| self.times[*i as usize]).collect(),
            values: self.values.select(order),
            qualities: if qualities.iter().all(|q| *q == 0) { Vec::new() } else { qualities },
        }
    }

    /// The points within `range`, of sorted ones.
    pub fn within(&self, range: &std::ops::Range<i64>) -> Self {
        let at = |t: i64| self.times.partition_point(|x| *x < t) as u32;
        let inside = at(range.start)..at(range.end);
        if inside.len() == self.len() { self.clone() } else { self.select(&inside.collect::<Vec<_>>()) }
    }

    /// Which points to keep and in which order so that times rise and of each instant the last one stays.
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        if !self.is_sorted() {
            order.sort_by_key(|i| self.times[*i as usize]); // stable: of equal times the later one stays behind
            let mut kept: Vec<u32> = Vec::with_capacity(order.len());
            for i in order {
                match kept.last_mut() {
                    Some(k) if self.times[*k as usize] == self.times[i as usize] => *k = i,
                    _ => kept.push(i),
                }
            }
            order = kept;
        }
        order
    }

    /// Forgets the first `n`.
    pub fn drop_first(&mut self, n: usize) {
        self.times.drain(..n);
        self.values.drop_first(n);
        if !self.qualities.is_empty() {
            self.qualities.drain(..n);
            if self.qualities.iter().all(|q| *q == 0) {
                self.qualities = Vec::new();
            }
        }
    }

    pub fn shrink_to(&mut self, n: usize) {
        self.times.shrink_to(n);
        self.values.shrink_to(n);
    }
}

/// Where a chunk belongs; part of its checksum.
pub(crate) fn place(series: u32, t0: i64, seq: u64) -> [i64; 3] {
    [i64::from(series), t0, seq as i64]
}

/// Compresses sorted points.
pub(crate) fn encode(points: &Points, place: &[i64]) -> Result<Vec<u8>, Damage> {
    let config = ChunkConfig::default().with_compression_level(LEVEL);
    let failed = |_| Damage("pco could not compress it");
    let mut w = Writer(Vec::with_capacity(points.len() * 4 + 64));
    w.u8(VERSION);
    w.varint(points.len() as u64);
    w.bytes(&simple_compress(&points.times, &config).map_err(failed)?);
    put_runs(&mut w, &points.qualities);
    match &points.values {
        Column::Float(v) => {
            put_runs(&mut w, &[]);
            w.bytes(&simple_compress(v, &config).map_err(failed)?);
        }
        Column::Int(v) => {
            put_runs(&mut w, &vec![INT; v.len()]);
            w.bytes(&simple_compress(v, &config).map_err(failed)?);
        }
        Column::Mixed(v) => put_mixed(&mut w, v, &config)?,
    }
    seal(place, &mut w.0);
    Ok(w.0)
}

/// Reads what [`encode`] wrote.
pub(crate) fn decode(body: &[u8], place: &[i64]) -> Result<Points, Damage> {
    let mut r = Reader(unseal(place, body)?);
    if r.u8()? != VERSION {
        return Err(Damage("its form is of a version that is not known here"));
    }
    let n = r.varint()? as usize;
    if n > MOST {
        return Err(Damage("it claims more points than a chunk may hold"));
    }
    let times: Vec<i64> = numbers(&mut r, n)?;
    let qualities = get_runs(&mut r, n)?;
    if qualities.iter().any(|q| Quality::from_code(*q).is_none()) {
        return Err(Damage("a quality is not known"));
    }
    let kinds = get_runs(&mut r, n)?;
    let values = if kinds.is_empty() {
        Column::Float(numbers(&mut r, n)?)
    } else if kinds.iter().all(|k| *k == INT) {
        Column::Int(numbers(&mut r, n)?)
    } else {
        Column::Mixed(get_mixed(&mut r, &kinds)?)
    };
    r.end()?;
    let points = Points { times, values, qualities };
    if !points.is_sorted() {
        return Err(Damage("its times do not rise"));
    }
    Ok(points)
}

fn numbers<T: pco::data_types::Number>(r: &mut Reader<'_>, n: usize) -> Result<Vec<T>, Damage> {
    let v: Vec<T> = simple_decompress(r.bytes()?).map_err(|_| Damage("pco could not read it"))?;
    if v.len() == n { Ok(v) } else { Err(Damage("a column is not as long as the chunk")) }
}

/// Run lengths; nothing at all where every code is 0.
fn put_runs(w: &mut Writer, codes: &[u8]) {
    let runs: Vec<&[u8]> = codes.chunk_by(|a, b| a == b).collect();
    if codes.iter().all(|c| *c == 0) {
        return w.varint(0);
    }
    w.varint(runs.len() as u64);
    for run in runs {
        w.u8(run[0]);
        w.varint(run.len() as u64);
    }
}

fn get_runs(r: &mut Reader<'_>, n: usize) -> Result<Vec<u8>, Damage> {
    let runs = r.count(2)?;
    let mut codes = Vec::new();
    for _ in 0..runs {
        let (code, len) = (r.u8()?, r.varint()?);
        if len > (n - codes.len()) as u64 {
            return Err(Damage("run lengths exceed the chunk"));
        }
        codes.resize(codes.len() + len as usize, code);
    }
    if runs != 0 && codes.len() != n {
        return Err(Damage("run lengths do not fill the chunk"));
    }
    Ok(codes)
}

fn put_mixed(w: &mut Writer, values: &[Value], config: &ChunkConfig) -> Result<(), Damage> {
    let failed = |_| Damage("pco could not compress it");
    let (mut kinds, mut floats, mut ints, mut bools, mut texts) = (vec![], vec![], vec![], vec![], vec![]);
    for v in values {
        kinds.push(match v {
            Value::Float(x) => {
                floats.push(*x);
                FLOAT
            }
            Value::Int(x) => {
                ints.push(*x);
                INT
            }
            Value::Bool(x) => {
                bools.push(u8::from(*x));
                BOOL
            }
            Value::Text(x) => {
                texts.push(x);
                TEXT
            }
        });
    }
    put_runs(w, &kinds);
    // A column in which every value happened to be a float again reads back as floats.
    if kinds.iter().all(|k| *k == FLOAT) {
        w.bytes(&simple_compress(&floats, config).map_err(failed)?);
        return Ok(());
    }
    if kinds.iter().all(|k| *k == INT) {
        w.bytes(&simple_compress(&ints, config).map_err(failed)?);
        return Ok(());
    }
    w.bytes(&simple_compress(&floats, config).map_err(failed)?);
    w.bytes(&simple_compress(&ints, config).map_err(failed)?);
    put_runs(w, &bools);
    let mut words: Vec<&Arc<str>> = texts.clone();
    words.sort();
    words.dedup();
    w.varint(words.len() as u64);
    words.iter().for_each(|s| s.put(w));
    let indices: Vec<u32> = texts.iter().map(|s| words.binary_search(s).unwrap_or(0) as u32).collect();
    w.bytes(&simple_compress(&indices, config).map_err(failed)?);
    Ok(())
}

fn get_mixed(r: &mut Reader<'_>, kinds: &[u8]) -> Result<Vec<Value>, Damage> {
    let of = |kind| kinds.iter().filter(|k| **k == kind).count();
    let mut floats = numbers::<f64>(r, of(FLOAT))?.into_iter();
    let mut ints = numbers::<i64>(r, of(INT))?.into_iter();
    let mut bools = get_runs(r, of(BOOL))?;
    bools.resize(of(BOOL), 0);
    let mut bools = bools.into_iter();
    let words: Vec<Arc<str>> = Record::get(r)?;
    let mut texts = numbers::<u32>(r, of(TEXT))?.into_iter();
    let short = Damage("a column is not as long as the chunk");
    kinds
        .iter()
        .map(|k| match *k {
            FLOAT => floats.next().map(Value::Float).ok_or(short),
            INT => ints.next().map(Value::Int).ok_or(short),
            BOOL => bools.next().map(|b| Value::Bool(b != 0)).ok_or(short),
            TEXT => {
                let word = texts.next().and_then(|i| words.get(i as usize));
                word.map(|w| Value::Text(w.clone())).ok_or(Damage("a text is not in the dictionary"))
            }
            _ => Err(Damage("a kind of value is not known")),
        })
        .collect()
}

/// What a chunk amounts to, so that a wide bucket need not open it. Of usable numbers only.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Summary {
    pub count: u64,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    pub last: f64,
    /// When `last` was, in nanoseconds.
    pub at: i64,
}

impl Summary {
    pub fn of(points: &Points, range: std::ops::Range<usize>) -> Self {
        let mut s = Self::default();
        for i in range {
            if let Some(v) = points.usable(i) {
                s.add(points.times[i], v);
            }
        }
        s
    }

    /// Takes in one more number. Never overflows: the mean stays between the numbers.
    pub fn add(&mut self, t: i64, v: f64) {
        self.merge(&Self { count: 1, min: v, max: v, mean: v, last: v, at: t });
    }

    /// Takes in others; of two latest numbers at one instant, theirs is the last word.
    pub fn merge(&mut self, others: &Self) {
        if others.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *others;
            return;
        }
        let n = self.count + others.count;
        let share = others.count as f64 / n as f64;
        self.mean = self.mean * (1.0 - share) + others.mean * share;
        self.min = self.min.min(others.min);
        self.max = self.max.max(others.max);
        self.count = n;
        if others.at >= self.at {
            (self.last, self.at) = (others.last, others.at);
        }
    }
}
