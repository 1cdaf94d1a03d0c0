//! Why a message could not be used, said so that somebody can act on it.

use std::borrow::Cow;
use std::fmt;

/// Declares the codes once: the variant, its stable name, and what to do about it.
macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $remedy:literal;)+) => {
        /// The stable code of a reason; it groups the quarantine and is stored with every entry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What to do about it, as the last part of a sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)+ }
            }
        }
    };
}

codes! {
    /// The topic is not text.
    TopicUtf8 = "topic_utf8", "have the device write its topic in UTF-8";
    /// The topic belongs to none of the forms understood here.
    Unmapped = "unmapped", "publish in one of these forms or add a mapping rule";
    /// A mapping rule looks for something that is not there.
    MappingField = "mapping_field", "correct the mapping rule, or what the device sends";
    /// A payload that is not written as its mapping rule says.
    MappingPayload = "mapping_payload", "correct the format in the mapping rule, or what the device sends";
    /// Not a WAV that can be read.
    WavFormat = "wav_format", "record PCM of 16, 24 or 32 bits, or floats of 32, below 4 GiB";
    /// A sidecar that cannot be used.
    WavSidecar = "wav_sidecar", "correct the JSON file beside the recording";
    /// Not a universal file of data set 58.
    UffFormat = "uff_format", "export time data as universal file, data set 58 or 58b";
    /// Not a segment of HJ 212.
    Hj212Frame = "hj212_frame", "send ##, the length in four digits, the data, the checksum and CR LF, as HJ 212 says";
    /// A segment that arrived damaged.
    Hj212Crc = "hj212_crc", "send the segment again; look at the link and at the monitor's checksum if it happens more than once";
    /// A segment with a field that cannot be used.
    Hj212Field = "hj212_field", "correct the field in the monitor or data logger";
    /// An upload of HJ 212 of which packets never came.
    Hj212Packets = "hj212_packets", "send the whole upload again";
    /// The topic begins like one of ours and goes on differently.
    TopicInvalid = "topic_invalid", "correct the topic in the device";
    /// A topic on which only the platform speaks.
    TopicOurs = "topic_ours", "have the device publish its values as telemetry and what happens to it as events";
    /// Not JSON.
    JsonSyntax = "json_syntax", "correct the message where the position points";
    /// JSON of another shape.
    JsonType = "json_type", "correct the message where the position points";
    /// A field that the format does not have; a misspelt one would otherwise be lost in silence.
    FieldUnknown = "field_unknown", "correct the field's name or leave it out";
    /// A field that may stand once stands twice.
    FieldTwice = "field_twice", "send it once";
    /// Nothing measured in it.
    ValuesMissing = "values_missing", "send at least one value";
    /// Too many values for one message.
    ValuesLimit = "values_limit", "split the message";
    /// A site, machine or point cannot have this name.
    NameInvalid = "name_invalid", "rename it in the device";
    /// A value of a kind that the point or the format does not take.
    ValueType = "value_type", "send a number, true, false or a text, as the point expects";
    /// A whole number outside what can be stored, or outside its declared type.
    ValueRange = "value_range", "send it in a type that holds it";
    /// `NaN` or infinity.
    ValueNotFinite = "value_not_finite", "send null, or mark the value bad, when there is no number";
    /// A text longer than is kept.
    TextLimit = "text_limit", "shorten it";
    /// Not a time.
    TsInvalid = "ts_invalid", "send epoch seconds, milliseconds, microseconds or nanoseconds, or RFC 3339 text";
    /// A time that lies too far ahead of ours.
    TsFuture = "ts_future", "set the clock of the device";
    /// Not a quality.
    QualityInvalid = "quality_invalid", "correct it or leave it out";
    /// A unit that the table does not have.
    UnitUnknown = "unit_unknown", "correct the unit in the device; it is not guessed";
    /// A unit of another quantity than the point's.
    UnitMismatch = "unit_mismatch", "correct the unit in the device or in the point";
    /// Nobody knows this machine, and machines are not taken on by themselves.
    UnknownMachine = "unknown_machine", "adopt the machine, then replay the message";
    /// Nobody knows this point, and points are not taken on by themselves.
    UnknownPoint = "unknown_point", "adopt the point, then replay the message";
    /// Waveform to a scalar point or the other way round.
    PointKind = "point_kind", "publish it to another point or change the kind of this one";
    /// More machines than are kept.
    MachinesLimit = "machines_limit", "raise the limit in the configuration or stop the device that invents names";
    /// More points than a machine may have.
    PointsLimit = "points_limit", "raise the limit in the configuration or stop the device that invents names";
    /// An event without a usable kind.
    EventKind = "event_kind", "name what happened, for example \"state\"";
    /// A birth that describes an impossible machine.
    BirthField = "birth_field", "correct the description in the device";
    /// Not CBOR.
    CborSyntax = "cbor_syntax", "send the map of the waveform format in CBOR, RFC 8949";
    /// CBOR of another shape.
    CborType = "cbor_type", "correct the field in the device";
    /// Another version of the waveform format.
    WaveformVersion = "waveform_version", "update the device or this platform";
    /// A required field is missing.
    WaveformFieldMissing = "waveform_field_missing", "add it to the message";
    /// The sampling rate is missing.
    WaveformNoRate = "waveform_no_fs", "state the sampling rate in Hz as fs";
    /// The unit is missing.
    WaveformNoUnit = "waveform_no_unit", "state the unit of the physical values";
    /// The sampling rate is not one.
    WaveformRate = "waveform_fs", "state the sampling rate in Hz as fs";
    /// Another number of samples than announced.
    WaveformLength = "waveform_length", "send the record again in one piece";
    /// The samples arrived damaged.
    WaveformCrc = "waveform_crc", "send the record again; look at the link if it happens more than once";
    /// No typed array that can be read.
    WaveformData = "waveform_data", "send data as tag 77 (16-bit integers) or 85 (32-bit floats), little endian";
    /// `NaN` or infinity among the samples, or none at all.
    WaveformSamples = "waveform_samples", "look at the sensor; it must send finite numbers only";
    /// A scale or offset that gives no physical values.
    WaveformScale = "waveform_scale", "correct scale and offset in the device";
    /// Not a UUID.
    WaveformId = "waveform_id", "send the 16 bytes or the text of a UUID";
    /// Parts that do not make a record.
    WaveformParts = "waveform_parts", "send every part of the record once, with the same header, without long pauses";
    /// A longer record than is kept.
    WaveformLimit = "waveform_limit", "send shorter records";
    /// Understood, but the store does not take it.
    StoreRefused = "store_refused", "split the message";
    /// Not a Sparkplug B payload.
    SparkplugPayload = "sparkplug_payload", "send the payload of the Eclipse Sparkplug B specification";
    /// A compressed payload that cannot be unpacked.
    SparkplugCompressed = "sparkplug_compressed", "pack it once with GZIP or DEFLATE and name the algorithm, or switch compression off";
    /// A payload that grows too much when it is unpacked.
    SparkplugUnpacked = "sparkplug_unpacked", "send less in one message, or switch compression off";
    /// Data whose meaning the birth would have said.
    SparkplugNoBirth = "sparkplug_no_birth", "wait for the birth that was asked for, which it follows by itself; replay it where it does not";
    /// An alias that the birth did not introduce.
    SparkplugAlias = "sparkplug_alias", "wait for the birth that was asked for, which it follows by itself; replay it where it does not";
    /// A metric that the birth did not introduce.
    SparkplugMetric = "sparkplug_metric", "list every metric in the birth";
    /// A sequence number outside 0 to 255.
    SparkplugSeq = "sparkplug_seq", "count from 0 to 255 and begin again";
    /// Not the STATE of a host application.
    SparkplugState = "sparkplug_state", "send the STATE payload of Sparkplug 3.0";
    /// Names and values of properties that do not belong together.
    SparkplugProperties = "sparkplug_properties", "send one value for each key of the property set";
    /// An array whose bytes are none.
    SparkplugArray = "sparkplug_array", "pack the elements little endian as Sparkplug 3.0 says, section 6.4.17";
    /// A DataSet that is no table.
    SparkplugDataSet = "sparkplug_dataset", "correct the DataSet in the edge node";
    /// A template that cannot be read.
    SparkplugTemplate = "sparkplug_template", "correct the template in the edge node";
    /// A metric type that does not become values.
    SparkplugDatatype = "sparkplug_datatype", "use a type of the specification, and publish extensions as metrics of their own";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a message, or one value of it, could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}expected {expected}, found {found}{}; {}", self.place(), self.others(), code.remedy())]
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// The value that is meant, where it is a single one.
    pub at: Option<Box<str>>,
    expected: Cow<'static, str>,
    pub(crate) found: Box<str>,
    more: usize,
}

impl Fault {
    /// A fault of the message as a whole.
    pub(crate) fn new(code: Code, expected: impl Into<Cow<'static, str>>, found: impl Into<Box<str>>) -> Self {
        Self { code, at: None, expected: expected.into(), found: found.into(), more: 0 }
    }

    /// The same fault, of the value called `name`. The innermost name stays.
    pub(crate) fn at(mut self, name: &str) -> Self {
        self.at.get_or_insert_with(|| shown(name).into());
        self
    }

    /// The same fault, as the first of several in its message.
    pub(crate) const fn and_more(mut self, more: usize) -> Self {
        self.more = more;
        self
    }

    fn others(&self) -> String {
        match self.more {
            0 => String::new(),
            n => format!(" (and {n} more values of this message with a fault)"),
        }
    }

    fn place(&self) -> String {
        self.at.as_ref().map_or_else(String::new, |name| format!("{name}: "))
    }
}

/// `text` in quotes, escaped, and no longer than a sentence bears: it comes from outside.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 64;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_made_for_machines() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')));
    }

    #[test]
    fn a_fault_says_where_what_and_what_to_do() {
        let f = Fault::new(Code::UnitUnknown, "a unit of the table", shown("furlong")).at("speed");
        assert_eq!(
            f.to_string(),
            "\"speed\": expected a unit of the table, found \"furlong\"; correct the unit in the device; it is not guessed"
        );
        assert!(shown(&"长".repeat(10_000)).chars().count() < 80);
    }
}
