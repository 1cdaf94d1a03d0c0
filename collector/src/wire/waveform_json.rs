//! Waveforms in JSON, for gateways without CBOR: `{"ts": …, "fs": 25600, "unit": "g", "samples": [0.1, …]}`.
//!
//! The other fields are those of the CBOR map ([`super::waveform`]): `scale` and `offset` (physical = sample·scale + offset),
//! `axis`, `range`, `hp_hz`, `lp_hz`, `bias_v`, `clip_count`, `gaps`, `rpm` (a number, or {mean, min, max}), `load`, `state`,
//! `serial`, `seq`, `sync`, `pulses`, `id`. A record without `id` gets one that follows from its point, time and samples, so that it is
//! recognised when it comes again. Fields other than these are refused: a misspelt one must not be lost in silence.

use std::borrow::Cow;
use std::fmt;

use plant::{PointId, Samples, Speed, Timestamp, WaveformId, WaveformMeta};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::json::{self, Context, Text, TimeSeed};
use super::waveform::{WireWaveform, derived_id};
use super::{MAX_SAMPLES, MAX_TEXT};
use crate::fault::{Code, Fault, shown};

/// Reads a waveform of `point` from JSON.
pub fn decode<'a>(payload: &'a [u8], point: &PointId) -> Result<WireWaveform<'a>, Fault> {
    let context = Context::default();
    json::parse(payload, &context, RecordSeed(&context))?.assemble(point)
}

#[derive(Default)]
struct Fields<'a> {
    id: Option<WaveformId>,
    t0: Option<Timestamp>,
    fs: Option<f64>,
    unit: Option<Cow<'a, str>>,
    axis: Option<Cow<'a, str>>,
    scale: Option<f64>,
    offset: Option<f64>,
    samples: Option<Vec<f64>>,
    meta: WaveformMeta,
}

/// A speed: its mean, or more about it.
#[derive(Deserialize)]
#[serde(untagged)]
enum WireSpeed {
    Mean(f64),
    Stated(Stated),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    mean: f64,
    min: Option<f64>,
    max: Option<f64>,
}

struct RecordSeed<'c>(&'c Context);

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = Fields<'de>;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_> {
    type Value = Fields<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with ts, fs, unit and samples")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        let mut seen: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            if seen.contains(&key) {
                return Err(self.0.stop(Fault::new(Code::FieldTwice, "every field once", shown(&key))));
            }
            self.field(&mut fields, &key, &mut map).map_err(|e| self.0.locate(&key, e))?;
            seen.push(key);
        }
        Ok(fields)
    }
}

impl RecordSeed<'_> {
    fn field<'de, A: MapAccess<'de>>(&self, f: &mut Fields<'de>, key: &str, map: &mut A) -> Result<(), A::Error> {
        let meta = &mut f.meta;
        match key {
            "ts" => f.t0 = Some(map.next_value_seed(TimeSeed(self.0))?),
            "id" => {
                let Text(id) = map.next_value()?;
                let id =
                    id.parse().map_err(|_| self.0.stop(Fault::new(Code::WaveformId, "a UUID as text", shown(&id))));
                f.id = Some(id?);
            }
            "fs" => f.fs = map.next_value()?,
            "unit" => f.unit = self.text(map)?,
            "axis" => f.axis = self.text(map)?,
            "scale" => f.scale = map.next_value()?,
            "offset" => f.offset = map.next_value()?,
            "samples" => f.samples = Some(map.next_value()?),
            "rpm" => {
                meta.speed = map.next_value::<Option<WireSpeed>>()?.map(|speed| match speed {
                    WireSpeed::Mean(mean_rpm) => Speed { mean_rpm, range_rpm: None },
                    WireSpeed::Stated(s) => Speed { mean_rpm: s.mean, range_rpm: s.min.zip(s.max) },
                });
            }
            "range" => meta.range = map.next_value()?,
            "hp_hz" => meta.hp_hz = map.next_value()?,
            "lp_hz" => meta.lp_hz = map.next_value()?,
            "bias_v" => meta.bias_v = map.next_value()?,
            "load" => meta.load = map.next_value()?,
            "clip_count" => meta.clip_count = map.next_value()?,
            "gaps" => meta.gaps = map.next_value::<Option<u64>>()?.unwrap_or(0),
            "pulses" => meta.pulses = map.next_value()?,
            "seq" => meta.seq = map.next_value()?,
            "state" => meta.state = self.text(map)?.map(Into::into),
            "serial" => meta.serial = self.text(map)?.map(Into::into),
            "sync" => meta.sync = self.text(map)?.map(Into::into),
            other => {
                let expected = "ts, fs, unit, samples, id, or a field of the waveform format";
                return Err(self.0.stop(Fault::new(Code::FieldUnknown, expected, shown(other))));
            }
        }
        Ok(())
    }

    fn text<'de, A: MapAccess<'de>>(&self, map: &mut A) -> Result<Option<Cow<'de, str>>, A::Error> {
        let text = map.next_value::<Option<Text<'de>>>()?.map(|Text(text)| text);
        match &text {
            Some(text) if text.len() > MAX_TEXT => {
                let found = format!("{} bytes", text.len());
                Err(self.0.stop::<A::Error>(Fault::new(Code::TextLimit, format!("at most {MAX_TEXT} bytes"), found)))
            }
            _ => Ok(text),
        }
    }
}

impl<'a> Fields<'a> {
    fn assemble(self, point: &PointId) -> Result<WireWaveform<'a>, Fault> {
        let missing =
            |field: &str| Fault::new(Code::WaveformFieldMissing, "ts, fs, unit and samples", format!("no {field}"));
        let t0 = self.t0.ok_or_else(|| missing("ts"))?;
        let fs = self.fs.ok_or_else(|| Fault::new(Code::WaveformNoRate, "a sampling rate in Hz as fs", "none"))?;
        if !(fs.is_finite() && fs > 0.0) {
            return Err(Fault::new(Code::WaveformRate, "a sampling rate above 0 Hz", fs.to_string()));
        }
        let unit = self.unit.ok_or_else(|| Fault::new(Code::WaveformNoUnit, "a unit", "none"))?;
        let samples = self.samples.ok_or_else(|| missing("samples"))?;
        match samples.len() {
            0 => return Err(Fault::new(Code::WaveformSamples, "at least one sample", "none")),
            n if n > MAX_SAMPLES => {
                let expected = format!("at most {MAX_SAMPLES} samples");
                return Err(Fault::new(Code::WaveformLimit, expected, n.to_string()));
            }
            _ => {}
        }
        let (scale, offset) = (self.scale.unwrap_or(1.0), self.offset.unwrap_or(0.0));
        if !(scale.is_finite() && scale != 0.0 && offset.is_finite()) {
            let found = format!("scale {scale}, offset {offset}");
            return Err(Fault::new(Code::WaveformScale, "finite numbers and a scale other than 0", found));
        }
        let values: std::sync::Arc<[f32]> = samples.iter().map(|v| (v * scale + offset) as f32).collect();
        if let Some(i) = values.iter().position(|v| !v.is_finite()) {
            let found = format!("{} as sample {i}", samples[i]);
            return Err(Fault::new(Code::WaveformSamples, "numbers that 32 bits can hold", found));
        }
        let id = self.id.unwrap_or_else(|| derived_id(point.as_str(), t0, &values));
        Ok(WireWaveform {
            id,
            t0,
            fs,
            unit,
            axis: self.axis,
            samples: Samples::F32(values),
            meta: self.meta,
            part: (1, 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point() -> PointId {
        "s/m/vib".parse().unwrap()
    }

    fn code(payload: &str) -> Code {
        decode(payload.as_bytes(), &point()).unwrap_err().code
    }

    #[test]
    fn the_documented_form_is_read() {
        let payload = br#"{"ts":1735689600,"fs":2560,"unit":"g","samples":[1,-2.5,3e-1],"scale":2,"rpm":1480,"axis":"axial","seq":7,"sync":"adc 7"}"#;
        let w = decode(payload, &point()).unwrap();
        assert_eq!((w.t0, w.fs, &*w.unit, w.part), (Timestamp::from_secs(1_735_689_600), 2560.0, "g", (1, 1)));
        assert_eq!(w.samples, Samples::F32([2.0, -5.0, 0.6].into()));
        assert_eq!(w.meta.speed, Some(Speed { mean_rpm: 1480.0, range_rpm: None }));
        assert_eq!((w.axis.as_deref(), w.meta.seq, w.meta.sync.as_deref()), (Some("axial"), Some(7), Some("adc 7")));
    }

    #[test]
    fn an_id_that_is_not_stated_follows_from_the_record() {
        let record = |ts: i64, v: f32| {
            decode(format!(r#"{{"ts":{ts},"fs":10,"unit":"g","samples":[{v}]}}"#).as_bytes(), &point()).unwrap().id
        };
        assert_eq!(record(1, 0.5), record(1, 0.5));
        assert_ne!(record(1, 0.5), record(2, 0.5));
        assert_ne!(record(1, 0.5), record(1, 0.25));
        let text = record(1, 0.5).to_string();
        assert_eq!((&text[14..15], "89ab".contains(&text[19..20])), ("8", true), "{text}");
        let stated = br#"{"ts":1,"fs":10,"unit":"g","samples":[1],"id":"0192f0c1-8a3b-7c4d-9e5f-0123456789ab"}"#;
        assert_eq!(decode(stated, &point()).unwrap().id.to_string(), "0192f0c1-8a3b-7c4d-9e5f-0123456789ab");
    }

    #[test]
    fn bad_records_say_what_is_wrong() {
        for (payload, want) in [
            ("{", Code::JsonSyntax),
            (r#"{"fs":1,"unit":"g","samples":[1]}"#, Code::WaveformFieldMissing),
            (r#"{"ts":1,"unit":"g","samples":[1]}"#, Code::WaveformNoRate),
            (r#"{"ts":1,"fs":0,"unit":"g","samples":[1]}"#, Code::WaveformRate),
            (r#"{"ts":1,"fs":1,"samples":[1]}"#, Code::WaveformNoUnit),
            (r#"{"ts":1,"fs":1,"unit":"g"}"#, Code::WaveformFieldMissing),
            (r#"{"ts":1,"fs":1,"unit":"g","samples":[]}"#, Code::WaveformSamples),
            (r#"{"ts":1,"fs":1,"unit":"g","samples":[1e300]}"#, Code::WaveformSamples),
            (r#"{"ts":1,"fs":1,"unit":"g","samples":[null]}"#, Code::JsonType),
            (r#"{"ts":1,"fs":1,"unit":"g","samples":[1],"scale":0}"#, Code::WaveformScale),
            (r#"{"ts":1,"fs":1,"unit":"g","samples":[1],"sample":[1]}"#, Code::FieldUnknown),
            (r#"{"ts":1,"ts":2,"fs":1,"unit":"g","samples":[1]}"#, Code::FieldTwice),
            (r#"{"ts":1,"fs":1,"unit":"g","samples":[1],"id":"x"}"#, Code::WaveformId),
            (r#"{"ts":"then","fs":1,"unit":"g","samples":[1]}"#, Code::TsInvalid),
        ] {
            assert_eq!(code(payload), want, "{payload}");
        }
    }

    proptest! {
        #[test]
        fn nothing_ends_the_program(cut in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let good = br#"{"ts":1735689600,"fs":2560,"unit":"g","samples":[1,-2.5,3e-1],"rpm":{"mean":1480}}"#;
            let i = cut.index(good.len());
            prop_assert!(decode(&good[..i], &point()).is_err());
            let mut changed = good.to_vec();
            changed[i] ^= 1 << bit;
            let _ = decode(&changed, &point());
        }
    }
}
