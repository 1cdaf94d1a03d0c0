//! WAV recordings: RIFF, PCM of 16, 24 or 32 bits or floats of 32, one or several channels.
//!
//! A WAV says how fast and how wide it was sampled, and nothing of what: time, unit and scale of each channel stand in a
//! [`Sidecar`] beside it. Samples are read in place, channel by channel; integers are fractions of full scale (−1 to just
//! below 1), so that a sidecar's scale is "units at full scale", whatever the width.
//!
//! Recordings above 4 GiB (RF64) and compressed ones are refused by name.

use plant::{Timestamp, Unit};
use serde::Deserialize;

use super::{MAX_TEXT, time};
use crate::fault::{Code, Fault, shown};

/// Most channels of a recording.
pub const MAX_CHANNELS: u16 = 64;
/// Longest recording, in samples of one channel.
pub const MAX_FRAMES: usize = 1 << 28;

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Signed integers of this many bytes: 2, 3 or 4.
    Integer(u8),
    /// IEEE floats of 32 bits.
    Float,
}

impl Encoding {
    const fn bytes(self) -> usize {
        match self {
            Self::Integer(n) => n as usize,
            Self::Float => 4,
        }
    }
}

/// A recording. Borrows its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Wav<'a> {
    /// Sampling rate, Hz.
    pub fs: u32,
    /// Channels.
    pub channels: u16,
    /// How samples are written.
    pub encoding: Encoding,
    data: &'a [u8],
}

fn wrong(expected: impl Into<std::borrow::Cow<'static, str>>, found: impl Into<Box<str>>) -> Fault {
    Fault::new(Code::WavFormat, expected, found)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

/// Reads the chunks of a WAV. Those other than `fmt ` and `data` are passed over.
pub fn decode(bytes: &[u8]) -> Result<Wav<'_>, Fault> {
    match (bytes.get(..4), bytes.get(8..12)) {
        (Some(b"RIFF"), Some(b"WAVE")) => {}
        (Some(b"RF64" | b"BW64"), _) => return Err(wrong("a RIFF file below 4 GiB", "RF64; cut the recording")),
        _ => return Err(wrong("RIFF and WAVE at the beginning", "other bytes")),
    }
    let mut format = None;
    let mut at = 12;
    while let Some(name) = bytes.get(at..at + 4) {
        let size = u32_at(bytes, at + 4).ok_or_else(|| wrong("a chunk with its size", "the end of the file"))? as usize;
        let body = &bytes[at + 8..];
        match name {
            b"fmt " => {
                let body = body.get(..size).ok_or_else(|| wrong("the whole format", "the end of the file"))?;
                format = Some(parse_format(body)?);
            }
            b"data" => return assemble(format, body, size),
            _ => {}
        }
        // Chunks begin at even places.
        at = at.saturating_add(8).saturating_add(size).saturating_add(size & 1);
    }
    Err(wrong("a chunk called data", "none"))
}

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

fn parse_format(body: &[u8]) -> Result<(u32, u16, Encoding), Fault> {
    let short = || wrong("a format of at least 16 bytes", format!("{} bytes", body.len()));
    let (Some(mut tag), Some(channels), Some(fs), Some(align), Some(bits)) =
        (u16_at(body, 0), u16_at(body, 2), u32_at(body, 4), u16_at(body, 12), u16_at(body, 14))
    else {
        return Err(short());
    };
    if tag == EXTENSIBLE {
        // The first two bytes of the sub-format's GUID are the tag.
        tag = u16_at(body, 24).ok_or_else(|| wrong("an extensible format of 40 bytes", format!("{}", body.len())))?;
    }
    let encoding = match (tag, bits) {
        (PCM, 16) => Encoding::Integer(2),
        (PCM, 24) => Encoding::Integer(3),
        (PCM, 32) => Encoding::Integer(4),
        (FLOAT, 32) => Encoding::Float,
        _ => return Err(wrong("PCM of 16, 24 or 32 bits, or floats of 32", format!("format {tag} of {bits} bits"))),
    };
    if channels == 0 || channels > MAX_CHANNELS {
        return Err(wrong(format!("1 to {MAX_CHANNELS} channels"), channels.to_string()));
    }
    if fs == 0 {
        return Err(wrong("a sampling rate above 0 Hz", "0"));
    }
    if usize::from(align) != encoding.bytes() * usize::from(channels) {
        return Err(wrong(format!("{} bytes a frame", encoding.bytes() * usize::from(channels)), align.to_string()));
    }
    Ok((fs, channels, encoding))
}

fn assemble(format: Option<(u32, u16, Encoding)>, body: &[u8], size: usize) -> Result<Wav<'_>, Fault> {
    let (fs, channels, encoding) = format.ok_or_else(|| wrong("the format before the data", "none"))?;
    let data = body.get(..size).ok_or_else(|| {
        wrong(format!("{size} bytes of samples"), format!("{}: the recording was cut off", body.len()))
    })?;
    let frame = encoding.bytes() * usize::from(channels);
    match data.len() / frame {
        _ if !data.len().is_multiple_of(frame) => {
            Err(wrong(format!("whole frames of {frame} bytes"), format!("{} bytes", data.len())))
        }
        0 => Err(wrong("at least one sample", "none")),
        n if n > MAX_FRAMES => Err(wrong(format!("at most {MAX_FRAMES} samples a channel"), n.to_string())),
        _ => Ok(Wav { fs, channels, encoding, data }),
    }
}

impl Wav<'_> {
    /// Samples of each channel.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.data.len() / (self.encoding.bytes() * usize::from(self.channels))
    }

    /// The samples of channel `channel`, from 0: integers as fractions of full scale, floats as they are. None for a
    /// channel that is not there.
    pub fn samples(&self, channel: u16) -> impl Iterator<Item = f64> + '_ {
        let width = self.encoding.bytes();
        let frame = width * usize::from(self.channels);
        let from = usize::from(channel) * width;
        let frames = if channel < self.channels { self.data } else { &[] };
        frames.chunks_exact(frame).map(move |f| self.one(&f[from..from + width]))
    }

    fn one(&self, bytes: &[u8]) -> f64 {
        let mut quad = [0; 4];
        match self.encoding {
            Encoding::Float => {
                quad.copy_from_slice(bytes);
                f64::from(f32::from_le_bytes(quad))
            }
            Encoding::Integer(n) => {
                quad[4 - usize::from(n)..].copy_from_slice(bytes);
                f64::from(i32::from_le_bytes(quad)) / 2_147_483_648.0
            }
        }
    }
}

/// Writes floats of several channels, all of the same length, as a WAV.
#[must_use]
pub fn encode(fs: u32, channels: &[&[f32]]) -> Vec<u8> {
    let frames = channels.iter().map(|c| c.len()).min().unwrap_or(0);
    let (count, size) = (channels.len() as u16, (frames * channels.len() * 4) as u32);
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&(36 + size).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16_u32.to_le_bytes());
    out.extend_from_slice(&FLOAT.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&fs.to_le_bytes());
    out.extend_from_slice(&fs.wrapping_mul(u32::from(count) * 4).to_le_bytes());
    out.extend_from_slice(&(count * 4).to_le_bytes());
    out.extend_from_slice(&32_u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&size.to_le_bytes());
    for i in 0..frames {
        channels.iter().for_each(|c| out.extend_from_slice(&c[i].to_le_bytes()));
    }
    out
}

/// What a WAV does not say, as a JSON file beside it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WireSidecar {
    t0: Option<serde_json::Value>,
    machine: Option<String>,
    fs: Option<f64>,
    whole: bool,
    unit: Option<String>,
    scale: Option<f64>,
    channels: Vec<WireChannel>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WireChannel {
    point: Option<String>,
    unit: Option<String>,
    scale: Option<f64>,
    offset: Option<f64>,
    rpm: Option<f64>,
    sync: Option<String>,
    pulses: Option<f64>,
}

/// What is known of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// The point's name.
    pub point: Option<String>,
    /// The unit of the physical values.
    pub unit: Option<Unit>,
    /// Physical value at full scale of integers; factor of floats.
    pub scale: f64,
    /// Physical value of 0.
    pub offset: f64,
    /// Shaft speed, r/min.
    pub rpm: Option<f64>,
    /// What the moment is called, the same in records that were sampled together.
    pub sync: Option<String>,
    /// Of a tacho: pulses in each turn of its shaft, above 0.
    pub pulses: Option<f64>,
}

impl Default for Channel {
    fn default() -> Self {
        Self { point: None, unit: None, scale: 1.0, offset: 0.0, rpm: None, sync: None, pulses: None }
    }
}

/// What stands beside a WAV: `{"t0": …, "machine": "site/machine", "unit": "g", "scale": 10, "channels": [{"point": …}]}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sidecar {
    /// Time of the first sample.
    pub t0: Option<Timestamp>,
    /// `site/machine`.
    pub machine: Option<String>,
    /// The sampling rate, Hz, where it is no whole number; finite and above 0.
    pub fs: Option<f64>,
    /// Whether the recording is one record, not to be cut into several.
    pub whole: bool,
    /// The channels in their order. One that is not listed has what is said of all.
    pub channels: Vec<Channel>,
    /// What is said of all.
    pub all: Channel,
}

impl Sidecar {
    /// Reads a sidecar.
    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let wire: WireSidecar = serde_json::from_slice(bytes)
            .map_err(|e| Fault::new(Code::WavSidecar, "a sidecar in JSON", e.to_string()))?;
        if wire.channels.len() > usize::from(MAX_CHANNELS) {
            let expected = format!("at most {MAX_CHANNELS} channels");
            return Err(Fault::new(Code::WavSidecar, expected, wire.channels.len().to_string()));
        }
        let t0 = wire.t0.as_ref().map(instant).transpose()?;
        if let Some(fs) = wire.fs.filter(|fs| !(fs.is_finite() && *fs > 0.0)) {
            return Err(Fault::new(Code::WavSidecar, "a sampling rate above 0 Hz as fs", fs.to_string()));
        }
        let all = channel(
            &WireChannel { unit: wire.unit, scale: wire.scale, ..WireChannel::default() },
            &Channel::default(),
        )?;
        let channels = wire.channels.iter().map(|c| channel(c, &all)).collect::<Result<_, _>>()?;
        Ok(Self { t0, machine: wire.machine, fs: wire.fs, whole: wire.whole, channels, all })
    }

    /// What is known of channel `i`, from 0.
    #[must_use]
    pub fn channel(&self, i: u16) -> &Channel {
        self.channels.get(usize::from(i)).unwrap_or(&self.all)
    }
}

fn instant(value: &serde_json::Value) -> Result<Timestamp, Fault> {
    match (value.as_i64(), value.as_f64(), value.as_str()) {
        (Some(n), ..) => time::from_integer(n),
        (_, Some(f), _) => time::from_float(f),
        (.., Some(text)) if text.len() <= MAX_TEXT => time::from_text(text),
        _ => Err(Fault::new(Code::TsInvalid, "a number or RFC 3339 text as t0", "something else")),
    }
}

fn channel(wire: &WireChannel, all: &Channel) -> Result<Channel, Fault> {
    let unit = wire.unit.as_deref().map(crate::machine::unit).transpose()?.or(all.unit);
    let (scale, offset) = (wire.scale.unwrap_or(all.scale), wire.offset.unwrap_or(0.0));
    if !(scale.is_finite() && scale != 0.0 && offset.is_finite()) {
        let found = format!("scale {scale}, offset {offset}");
        return Err(Fault::new(Code::WaveformScale, "finite numbers and a scale other than 0", found));
    }
    if let Some(n) = wire.sync.as_ref().map(String::len).filter(|n| *n > MAX_TEXT) {
        return Err(Fault::new(Code::TextLimit, format!("at most {MAX_TEXT} bytes"), format!("{n} bytes")));
    }
    if let Some(pulses) = wire.pulses.filter(|pulses| !(pulses.is_finite() && *pulses > 0.0)) {
        return Err(Fault::new(Code::WavSidecar, "pulses a turn above 0", shown(&pulses.to_string())));
    }
    match wire.rpm {
        Some(rpm) if !(rpm.is_finite() && rpm >= 0.0) => {
            Err(Fault::new(Code::WavSidecar, "a speed in r/min from 0", shown(&rpm.to_string())))
        }
        rpm => {
            let (point, sync, pulses) = (wire.point.clone(), wire.sync.clone(), wire.pulses);
            Ok(Channel { point, unit, scale, offset, rpm, sync, pulses })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A WAV of integers, `bits` wide, in a plain or extensible format.
    fn integers(bits: u16, channels: u16, samples: &[i32], extensible: bool) -> Vec<u8> {
        let width = usize::from(bits / 8);
        let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()[..width].to_vec()).collect();
        let mut format = Vec::new();
        format.extend_from_slice(&if extensible { EXTENSIBLE } else { PCM }.to_le_bytes());
        format.extend_from_slice(&channels.to_le_bytes());
        format.extend_from_slice(&8000_u32.to_le_bytes());
        format.extend_from_slice(&0_u32.to_le_bytes());
        format.extend_from_slice(&(channels * bits / 8).to_le_bytes());
        format.extend_from_slice(&bits.to_le_bytes());
        if extensible {
            format.extend_from_slice(&[22, 0, bits as u8, 0, 0, 0, 0, 0, 1, 0]);
            format.extend_from_slice(&[0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]);
        }
        let mut out = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt ".to_vec();
        out.extend_from_slice(&(format.len() as u32).to_le_bytes());
        out.extend_from_slice(&format);
        out.extend_from_slice(b"data");
        out.extend_from_slice(&(data.len() as u32).to_le_bytes());
        out.extend_from_slice(&data);
        out
    }

    #[test]
    fn integers_of_every_width_are_fractions_of_full_scale() {
        for (bits, half) in [(16, 1 << 14), (24, 1 << 22), (32, 1 << 30)] {
            for extensible in [false, true] {
                let bytes = integers(bits, 2, &[half, -half * 2, -half, 0], extensible);
                let wav = decode(&bytes).unwrap();
                assert_eq!((wav.fs, wav.channels, wav.frames()), (8000, 2, 2), "{bits}");
                assert_eq!(wav.samples(0).collect::<Vec<_>>(), [0.5, -0.5]);
                assert_eq!(wav.samples(1).collect::<Vec<_>>(), [-1.0, 0.0]);
                assert_eq!(wav.samples(2).count(), 0);
            }
        }
    }

    #[test]
    fn what_is_no_recording_says_why() {
        let good = integers(16, 1, &[1, 2], false);
        let at = |needle: &[u8]| good.windows(needle.len()).position(|w| w == needle).unwrap();
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = good.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            changed
        };
        let (format, data) = (at(b"fmt ") + 8, at(b"data"));
        for (bytes, why) in [
            (b"".to_vec(), "RIFF and WAVE"),
            (with(0, b"RF64"), "RF64"),
            (with(format, &[2, 0]), "format 2 of 16 bits"),
            (with(format + 2, &[0, 0]), "1 to 64 channels"),
            (with(format + 2, &[255, 255]), "1 to 64 channels"),
            (with(format + 4, &[0; 4]), "above 0 Hz"),
            (with(format + 12, &[9, 0]), "2 bytes a frame"),
            (with(format + 14, &[8, 0]), "of 8 bits"),
            (with(data, b"junk"), "a chunk called data"),
            (with(data + 4, &[255; 4]), "was cut off"),
            (with(data + 4, &[0; 4]), "at least one sample"),
            (with(data + 4, &[3, 0, 0, 0]), "whole frames"),
            (with(at(b"fmt "), b"fmtx"), "the format before the data"),
            (with(at(b"fmt ") + 4, &[4, 0, 0, 0]), "at least 16 bytes"),
        ] {
            let error = decode(&bytes).unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
        }
    }

    #[test]
    fn a_sidecar_says_what_the_recording_does_not() {
        let sidecar = Sidecar::decode(
            br#"{"t0":"2025-01-01T08:00:00+08:00","machine":"s/m","unit":"g","scale":10,
                "channels":[{"point":"x","rpm":1480},{"point":"y","unit":"mm/s","scale":2,"offset":1,"sync":"a","pulses":1}]}"#,
        )
        .unwrap();
        assert_eq!(sidecar.t0, Some(Timestamp::from_secs(1_735_689_600)));
        let (x, y, z) = (sidecar.channel(0), sidecar.channel(1), sidecar.channel(2));
        assert_eq!((x.point.as_deref(), x.unit, x.scale, x.rpm), (Some("x"), Unit::parse("g"), 10.0, Some(1480.0)));
        assert_eq!((y.unit, y.scale, y.offset, y.sync.as_deref()), (Unit::parse("mm/s"), 2.0, 1.0, Some("a")));
        assert_eq!((x.pulses, y.pulses), (None, Some(1.0)));
        assert_eq!((z.point.as_deref(), z.scale), (None, 10.0));
        for (bad, code) in [
            ("{", Code::WavSidecar),
            (r#"{"units":"g"}"#, Code::WavSidecar),
            (r#"{"unit":"furlong"}"#, Code::UnitUnknown),
            (r#"{"scale":0}"#, Code::WaveformScale),
            (r#"{"t0":[]}"#, Code::TsInvalid),
            (r#"{"channels":[{"rpm":-1}]}"#, Code::WavSidecar),
            (r#"{"channels":[{"pulses":0}]}"#, Code::WavSidecar),
        ] {
            assert_eq!(Sidecar::decode(bad.as_bytes()).unwrap_err().code, code, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn floats_come_back_as_they_went(samples in prop::collection::vec(-1e6_f32..1e6, 1..50), fs in 1_u32..1_000_000) {
            let other: Vec<f32> = samples.iter().map(|s| -s).collect();
            let bytes = encode(fs, &[&samples, &other]);
            let wav = decode(&bytes).unwrap();
            prop_assert_eq!(wav.fs, fs);
            prop_assert!(wav.samples(0).eq(samples.iter().map(|s| f64::from(*s))));
            prop_assert!(wav.samples(1).eq(other.iter().map(|s| f64::from(*s))));
            for cut in 0..bytes.len() {
                prop_assert!(decode(&bytes[..cut]).is_err());
            }
        }

        #[test]
        fn nothing_ends_the_program(at in any::<prop::sample::Index>(), bit in 0_u8..8, bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut changed = integers(24, 2, &[1, 2, 3, 4], true);
            let i = at.index(changed.len());
            changed[i] ^= 1 << bit;
            if let Ok(wav) = decode(&changed) {
                prop_assert!(wav.samples(0).count() <= changed.len());
            }
            let _ = decode(&bytes);
            let _ = Sidecar::decode(&bytes);
        }
    }
}
