//! Canonical waveform: a CBOR map with text keys.
//!
//! Required: `v` (1), `id` (UUID, 16 bytes or text), `t0_ns`, `fs` (Hz), `n`, `unit`, `data`. Optional: `scale`, `offset`
//! (physical = raw·scale + offset, for integers), `crc32c` (of the bytes of `data`), `axis`, `quantity`, `range`,
//! `hp_hz`, `lp_hz`, `bias_v`, `clip_count`, `gaps`, `rpm` {mean, min, max}, `load`, `state`, `serial`, `seq`, `sync`, `pulses`, `part`,
//! `parts` (a record sent in several messages: `part` counts from 1, `n`, `crc32c` and `data` are those of the part,
//! everything else is that of the record and the same in every part). `data` is a typed array of RFC 8746: tag 77 (16-bit signed integers, little endian) or 85 (32-bit floats,
//! little endian). Null stands for an absent field. Other keys are passed over: `v` says which fields there are.

use std::borrow::Cow;
use std::sync::Arc;

use plant::{Samples, Speed, Timestamp, Waveform, WaveformId, WaveformMeta};

use super::cbor::{Head, Reader, Writer};
use super::{MAX_SAMPLES, MAX_TEXT};
use crate::fault::{Code, Fault, shown};

const VERSION: u64 = 1;
const TAG_I16: u64 = 77;
const TAG_F32: u64 = 85;
const TAG_UUID: u64 = 37;

/// A waveform as it stands on the wire: checked for form, its unit not yet looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct WireWaveform<'a> {
    /// Its identity.
    pub id: WaveformId,
    /// Time of the first sample.
    pub t0: Timestamp,
    /// Sampling rate, Hz; finite and above 0.
    pub fs: f64,
    /// Unit of the physical values.
    pub unit: Cow<'a, str>,
    /// Direction of measurement, if stated.
    pub axis: Option<Cow<'a, str>>,
    /// The samples.
    pub samples: Samples,
    /// Whatever else is stated.
    pub meta: WaveformMeta,
    /// Which part of the record this is, and of how many; (1, 1) is the whole.
    pub part: (u32, u32),
}

/// Writes a waveform payload, with its checksum. `seq` and the other optional fields come from `w.meta`.
#[must_use]
pub fn encode(w: &Waveform) -> Vec<u8> {
    encode_with(w, None)
}

/// Writes a waveform payload that states the direction of measurement.
#[must_use]
pub fn encode_with(w: &Waveform, axis: Option<&str>) -> Vec<u8> {
    write(w, axis, (1, 1))
}

/// Writes one part of a record: `w` holds the samples of the part and everything else of the whole record.
#[must_use]
pub fn encode_part(w: &Waveform, number: u32, of: u32) -> Vec<u8> {
    write(w, None, (number, of))
}

fn write(w: &Waveform, axis: Option<&str>, (number, of): (u32, u32)) -> Vec<u8> {
    let mut fields = Fields { out: Writer(Vec::new()), count: 0 };
    let data = data_bytes(&w.samples);
    fields.key("v").unsigned(VERSION);
    fields.key("id").bytes(&w.id.0.to_be_bytes());
    fields.key("t0_ns").integer(w.t0.nanos());
    fields.key("fs").float(w.fs);
    fields.key("n").unsigned(w.samples.len() as u64);
    fields.key("unit").text(w.unit.symbol());
    if let Samples::I16 { scale, offset, .. } = &w.samples {
        fields.key("scale").float(*scale);
        fields.key("offset").float(*offset);
    }
    if let Some(axis) = axis {
        fields.key("axis").text(axis);
    }
    fields.meta(&w.meta);
    if of > 1 {
        fields.key("part").unsigned(u64::from(number));
        fields.key("parts").unsigned(u64::from(of));
    }
    fields.key("crc32c").unsigned(u64::from(crc32c::crc32c(&data)));
    let tag = if matches!(w.samples, Samples::I16 { .. }) { TAG_I16 } else { TAG_F32 };
    fields.key("data").tag(tag);
    fields.out.bytes_head(data.len());

    let mut whole = Writer(Vec::with_capacity(fields.out.0.len() + data.len() + 9));
    whole.map(fields.count);
    whole.0.extend_from_slice(&fields.out.0);
    whole.0.extend_from_slice(&data);
    whole.0
}

/// An id that follows from the content (UUID version 8, RFC 9562, by FNV-1a): the same samples under the same name at the
/// same time are the same record. Not against somebody who looks for two of one id: they could only hide their own.
#[must_use]
pub fn derived_id(name: &str, t0: Timestamp, samples: &[f32]) -> WaveformId {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let add = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    let hash = name.bytes().chain([0]).chain(t0.nanos().to_le_bytes()).fold(OFFSET, add);
    let hash = samples.iter().flat_map(|v| v.to_le_bytes()).fold(hash, add);
    let (version, variant) = (0xf << 76, 0b11 << 62);
    WaveformId(hash & !version & !variant | (0x8 << 76) | (0b10 << 62))
}

fn data_bytes(samples: &Samples) -> Vec<u8> {
    match samples {
        Samples::I16 { raw, .. } => raw.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Samples::F32(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

struct Fields {
    out: Writer,
    count: u64,
}

impl Fields {
    fn key(&mut self, key: &str) -> &mut Writer {
        self.count += 1;
        self.out.text(key);
        &mut self.out
    }

    fn meta(&mut self, meta: &WaveformMeta) {
        if let Some(speed) = meta.speed {
            let rpm = self.key("rpm");
            rpm.map(if speed.range_rpm.is_some() { 3 } else { 1 });
            rpm.text("mean");
            rpm.float(speed.mean_rpm);
            if let Some((min, max)) = speed.range_rpm {
                rpm.text("min");
                rpm.float(min);
                rpm.text("max");
                rpm.float(max);
            }
        }
        let numbers = [
            ("range", meta.range),
            ("hp_hz", meta.hp_hz),
            ("lp_hz", meta.lp_hz),
            ("bias_v", meta.bias_v),
            ("load", meta.load),
            ("pulses", meta.pulses),
        ];
        for (key, value) in numbers {
            if let Some(value) = value {
                self.key(key).float(value);
            }
        }
        for (key, value) in [("clip_count", meta.clip_count), ("gaps", Some(meta.gaps)), ("seq", meta.seq)] {
            if let Some(value) = value {
                self.key(key).unsigned(value);
            }
        }
        for (key, value) in [("state", &meta.state), ("serial", &meta.serial), ("sync", &meta.sync)] {
            if let Some(value) = value {
                self.key(key).text(value);
            }
        }
    }
}

/// What has been read so far.
#[derive(Default)]
struct Parts<'a> {
    version: Option<u64>,
    id: Option<WaveformId>,
    t0: Option<Timestamp>,
    fs: Option<f64>,
    n: Option<u64>,
    unit: Option<Cow<'a, str>>,
    axis: Option<Cow<'a, str>>,
    scale: Option<f64>,
    offset: Option<f64>,
    crc: Option<u64>,
    part: Option<u64>,
    parts: Option<u64>,
    data: Option<(u64, Cow<'a, [u8]>)>,
    meta: WaveformMeta,
}

/// Reads a waveform payload.
pub fn decode(payload: &[u8]) -> Result<WireWaveform<'_>, Fault> {
    let mut reader = Reader::new(payload);
    let mut parts = Parts::default();
    let announced = reader.map()?;
    let mut read = 0;
    while !reader.ends(announced, read)? {
        let key = reader.text()?;
        parts.take(&key, &mut reader).map_err(|f| f.at(&key))?;
        read += 1;
    }
    reader.end()?;
    parts.assemble()
}

impl<'a> Parts<'a> {
    fn take(&mut self, key: &str, r: &mut Reader<'a>) -> Result<(), Fault> {
        let meta = &mut self.meta;
        match key {
            "v" => self.version = Some(r.unsigned()?),
            "id" => self.id = Some(read_id(r)?),
            "t0_ns" => self.t0 = Some(Timestamp::from_nanos(r.integer()?)),
            "fs" => self.fs = r.number()?,
            "n" => self.n = Some(r.unsigned()?),
            "unit" => self.unit = optional_text(r)?,
            "axis" => self.axis = optional_text(r)?,
            "scale" => self.scale = r.number()?,
            "offset" => self.offset = r.number()?,
            "crc32c" => self.crc = optional_unsigned(r)?,
            "part" => self.part = optional_unsigned(r)?,
            "parts" => self.parts = optional_unsigned(r)?,
            "data" => self.data = Some(read_data(r)?),
            "rpm" => meta.speed = read_speed(r)?,
            "range" => meta.range = finite(r)?,
            "hp_hz" => meta.hp_hz = finite(r)?,
            "lp_hz" => meta.lp_hz = finite(r)?,
            "bias_v" => meta.bias_v = finite(r)?,
            "load" => meta.load = finite(r)?,
            "pulses" => meta.pulses = finite(r)?,
            "clip_count" => meta.clip_count = optional_unsigned(r)?,
            "gaps" => meta.gaps = optional_unsigned(r)?.unwrap_or(0),
            "seq" => meta.seq = optional_unsigned(r)?,
            "state" => meta.state = optional_text(r)?.map(Into::into),
            "serial" => meta.serial = optional_text(r)?.map(Into::into),
            "sync" => meta.sync = optional_text(r)?.map(Into::into),
            _ => r.skip()?,
        }
        Ok(())
    }

    fn assemble(self) -> Result<WireWaveform<'a>, Fault> {
        let missing = |field: &str| {
            Fault::new(Code::WaveformFieldMissing, "v, id, t0_ns, fs, n, unit and data", format!("no {field}"))
        };
        match self.version {
            Some(VERSION) => {}
            Some(other) => return Err(Fault::new(Code::WaveformVersion, "version 1 as v", other.to_string())),
            None => return Err(missing("v")),
        }
        let part = part(self.part, self.parts)?;
        let fs = self.fs.ok_or_else(|| Fault::new(Code::WaveformNoRate, "a sampling rate in Hz as fs", "none"))?;
        if !(fs.is_finite() && fs > 0.0) {
            return Err(Fault::new(Code::WaveformRate, "a sampling rate above 0 Hz", fs.to_string()));
        }
        let unit = self.unit.ok_or_else(|| Fault::new(Code::WaveformNoUnit, "a unit", "none"))?;
        let (tag, data) = self.data.ok_or_else(|| missing("data"))?;
        check_length(self.n.ok_or_else(|| missing("n"))?, tag, &data)?;
        check_crc(self.crc, &data)?;
        Ok(WireWaveform {
            id: self.id.ok_or_else(|| missing("id"))?,
            t0: self.t0.ok_or_else(|| missing("t0_ns"))?,
            fs,
            unit,
            axis: self.axis,
            samples: samples(tag, &data, self.scale.unwrap_or(1.0), self.offset.unwrap_or(0.0))?,
            meta: self.meta,
            part,
        })
    }
}

/// Most parts of a record.
pub const MAX_PARTS: u32 = 1_024;

fn part(number: Option<u64>, of: Option<u64>) -> Result<(u32, u32), Fault> {
    match (number, of) {
        (None | Some(1), None | Some(1)) => Ok((1, 1)),
        (Some(n), Some(of)) if (1..=of).contains(&n) && of <= u64::from(MAX_PARTS) => Ok((n as u32, of as u32)),
        (number, of) => {
            let show = |n: Option<u64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
            let found = format!("part {} of {}", show(number), show(of));
            Err(Fault::new(Code::WaveformParts, format!("part from 1 to parts, at most {MAX_PARTS}"), found))
        }
    }
}

const fn width(tag: u64) -> usize {
    if tag == TAG_I16 { 2 } else { 4 }
}

fn check_length(n: u64, tag: u64, data: &[u8]) -> Result<(), Fault> {
    let length = data.len() / width(tag);
    if !data.len().is_multiple_of(width(tag)) || length as u64 != n {
        let expected = format!("n = {n} samples of {} bytes", width(tag));
        return Err(Fault::new(Code::WaveformLength, expected, format!("{} bytes of data", data.len())));
    }
    match length {
        0 => Err(Fault::new(Code::WaveformSamples, "at least one sample", "none")),
        l if l > MAX_SAMPLES => {
            Err(Fault::new(Code::WaveformLimit, format!("at most {MAX_SAMPLES} samples"), l.to_string()))
        }
        _ => Ok(()),
    }
}

fn check_crc(stated: Option<u64>, data: &[u8]) -> Result<(), Fault> {
    let Some(stated) = stated else { return Ok(()) };
    let found = crc32c::crc32c(data);
    match stated == u64::from(found) {
        true => Ok(()),
        false => Err(Fault::new(Code::WaveformCrc, format!("CRC-32C {stated:08x}"), format!("{found:08x}"))),
    }
}

fn samples(tag: u64, data: &[u8], scale: f64, offset: f64) -> Result<Samples, Fault> {
    if tag == TAG_I16 {
        if !((scale * 32_768.0 + offset).is_finite() && scale != 0.0 && offset.is_finite()) {
            let found = format!("scale {scale}, offset {offset}");
            return Err(Fault::new(Code::WaveformScale, "finite numbers and a scale other than 0", found));
        }
        let (pairs, _) = data.as_chunks::<2>();
        let raw: Arc<[i16]> = pairs.iter().map(|b| i16::from_le_bytes(*b)).collect();
        return Ok(Samples::I16 { raw, scale, offset });
    }
    let (quads, _) = data.as_chunks::<4>();
    let values: Arc<[f32]> = match (scale, offset) {
        (1.0, 0.0) => quads.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        _ => quads.iter().map(|b| (f64::from(f32::from_le_bytes(*b)) * scale + offset) as f32).collect(),
    };
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(Samples::F32(values)),
        Some(i) => Err(Fault::new(Code::WaveformSamples, "finite numbers", format!("{} as sample {i}", values[i]))),
    }
}

fn read_id(r: &mut Reader<'_>) -> Result<WaveformId, Fault> {
    let bad = |found: String| Fault::new(Code::WaveformId, "a UUID as 16 bytes or as text", found);
    let mut head = r.head()?;
    if head == Head::Tag(TAG_UUID) {
        head = r.head()?;
    }
    if let Head::Text(_) = head {
        let text = r.text_after(head)?;
        return text.parse().map_err(|_| bad(shown(&text)));
    }
    let bytes = r.bytes_after(head)?;
    match <[u8; 16]>::try_from(bytes.as_ref()) {
        Ok(b) => Ok(WaveformId(u128::from_be_bytes(b))),
        Err(_) => Err(bad(format!("{} bytes", bytes.len()))),
    }
}

fn read_data<'a>(r: &mut Reader<'a>) -> Result<(u64, Cow<'a, [u8]>), Fault> {
    match r.head()? {
        Head::Tag(tag @ (TAG_I16 | TAG_F32)) => {
            let head = r.head()?;
            Ok((tag, r.bytes_after(head)?))
        }
        Head::Tag(other) => Err(Fault::new(Code::WaveformData, "tag 77 or 85", format!("tag {other}"))),
        _ => Err(Fault::new(Code::WaveformData, "tag 77 or 85", "no typed array")),
    }
}

fn read_speed(r: &mut Reader<'_>) -> Result<Option<Speed>, Fault> {
    let announced = r.map()?;
    let (mut mean, mut min, mut max) = (None, None, None);
    let mut read = 0;
    while !r.ends(announced, read)? {
        match r.text()?.as_ref() {
            "mean" => mean = finite(r)?,
            "min" => min = finite(r)?,
            "max" => max = finite(r)?,
            _ => r.skip()?,
        }
        read += 1;
    }
    Ok(mean.map(|mean_rpm| Speed { mean_rpm, range_rpm: min.zip(max) }))
}

fn finite(r: &mut Reader<'_>) -> Result<Option<f64>, Fault> {
    match r.number()? {
        Some(f) if !f.is_finite() => Err(Fault::new(Code::ValueNotFinite, "a finite number", f.to_string())),
        f => Ok(f),
    }
}

fn optional_unsigned(r: &mut Reader<'_>) -> Result<Option<u64>, Fault> {
    match r.number()? {
        None => Ok(None),
        Some(f) if f >= 0.0 && f.fract() == 0.0 && f <= 9_007_199_254_740_992.0 => Ok(Some(f as u64)),
        Some(f) => Err(Fault::new(Code::CborType, "a whole number from 0 to 2⁵³", f.to_string())),
    }
}

fn optional_text<'a>(r: &mut Reader<'a>) -> Result<Option<Cow<'a, str>>, Fault> {
    let head = r.head()?;
    if head == Head::Null {
        return Ok(None);
    }
    let text = r.text_after(head)?;
    match text.len() {
        n if n > MAX_TEXT => {
            Err(Fault::new(Code::TextLimit, format!("at most {MAX_TEXT} bytes"), format!("{n} bytes")))
        }
        _ => Ok(Some(text)),
    }
}
