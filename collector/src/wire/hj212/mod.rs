//! HJ 212: the data transmission of China's environmental monitors (HJ/T 212-2005, HJ 212-2017).
//!
//! A segment is `##`, the length of its data in four digits, the data, a checksum in four hexadecimal digits, and CR LF. The
//! data are `QN=…;ST=…;CN=…;PW=…;MN=…;Flag=…;CP=&&…&&`: request number, system, command, password, the monitor's own
//! number, flags, and the command's parameters. Parameters are groups separated by `;`, of which each holds fields
//! separated by `,`: `w01018-Rtd=12.3,w01018-Flag=N`. Times are those of China, UTC+8.
//!
//! The 2025 revision could not be compared here; its segments are read by the same rules, and what is not known stays a
//! point under its own name. Encrypted parameters are not read.
//!
//! What this module does *not* know: TCP and MQTT (see [`Framer`] for a stream of bytes), and which machine a monitor is.

mod factors;
mod frame;
mod readings;
#[cfg(test)]
mod tests;

use crate::fault::{Code, Fault, shown};

pub use frame::{Framer, MAX_DATA, Piece, crc};
pub use readings::SegmentReading;

/// Response to an upload of data.
pub const DATA_RESPONSE: u16 = 9014;
/// System code of the interaction between monitor and centre.
const INTERACTION: &str = "91";
/// Bit of Flag: the sender waits for a response.
const WANTS_ACK: u8 = 1;
/// Bit of Flag: the data come in several packets.
const IS_SPLIT: u8 = 2;
/// Most packets of one upload.
const MAX_PACKETS: u32 = 9_999;
/// Longest value of a header field, in bytes.
const MAX_FIELD: usize = 64;

/// The data of one segment. Borrows from the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Request number: a time to the millisecond, or empty.
    pub qn: &'a str,
    /// System code.
    pub st: &'a str,
    /// Command.
    pub cn: u16,
    /// Password of the monitor; it is sent back and not checked here.
    pub pw: &'a str,
    /// The monitor's own number.
    pub mn: &'a str,
    /// Flags: bits 2 to 7 the version of the standard, bit 1 split into packets, bit 0 a response is waited for.
    pub flag: u8,
    /// Number of this packet and of all, counted from 1, where the upload is split.
    pub packet: Option<(u32, u32)>,
    /// The parameters, without the `&&` around them.
    pub cp: &'a str,
}

fn wrong(expected: &'static str, found: impl Into<Box<str>>) -> Fault {
    Fault::new(Code::Hj212Field, expected, found)
}

impl<'a> Segment<'a> {
    /// Reads the data of a segment whose checksum was found right.
    pub fn parse(data: &'a [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(data)
            .map_err(|e| wrong("data in ASCII or UTF-8", format!("other bytes from byte {}", e.valid_up_to())))?;
        let (head, cp) = text.split_once("CP=&&").ok_or_else(|| wrong("parameters as CP=&&…&&", "none"))?;
        let cp = cp.strip_suffix("&&").ok_or_else(|| wrong("'&&' at the end of the parameters", "none"))?;
        let mut segment = Self { qn: "", st: "", cn: 0, pw: "", mn: "", flag: 0, packet: None, cp };
        let (mut number, mut of) = (None, None);
        for field in head.split(';').filter(|f| !f.is_empty()) {
            let (key, value) = field.split_once('=').ok_or_else(|| wrong("fields as name=value", shown(field)))?;
            if value.len() > MAX_FIELD {
                return Err(wrong("header fields of at most 64 bytes", format!("{} bytes", value.len())).at(key));
            }
            match key {
                "QN" => segment.qn = value,
                "ST" => segment.st = value,
                "CN" => segment.cn = whole(key, value)?,
                "PW" => segment.pw = value,
                "MN" => segment.mn = value,
                "Flag" => segment.flag = whole(key, value)?,
                "PNUM" => of = Some(whole(key, value)?),
                "PNO" => number = Some(whole(key, value)?),
                // Of a later version, or a maker's own: the parameters are what is kept.
                _ => {}
            }
        }
        if segment.cn == 0 {
            return Err(wrong("a command as CN", "none"));
        }
        if segment.mn.is_empty() {
            return Err(wrong("the monitor's number as MN", "none"));
        }
        if segment.flag & IS_SPLIT != 0 {
            segment.packet = packet(number, of)?;
        }
        Ok(segment)
    }

    /// Whether the sender waits for a response.
    #[must_use]
    pub const fn wants_ack(&self) -> bool {
        self.flag & WANTS_ACK != 0
    }

    /// Whether it uploads data; others are responses and commands, in which there is nothing to keep.
    #[must_use]
    pub const fn is_upload(&self) -> bool {
        matches!(self.cn, 2000..=3999)
    }

    /// Whether it can be read by itself: it is whole, or a packet that states its own time.
    #[must_use]
    pub fn stands_alone(&self) -> bool {
        self.packet.is_none() || self.cp.split([';', ',']).any(|f| f.starts_with("DataTime="))
    }

    /// What it measured. Fails only where the message as a whole has no time.
    pub fn readings(&self) -> Result<Vec<SegmentReading<'a>>, Fault> {
        readings::read(self)
    }

    /// The segment that answers an upload (CN 9014), whole, with its checksum.
    #[must_use]
    pub fn acknowledgement(&self) -> Vec<u8> {
        // The version is the sender's own; neither is this split, nor does it wait for an answer.
        let version = self.flag & !(WANTS_ACK | IS_SPLIT);
        let (qn, pw, mn) = (self.qn, self.pw, self.mn);
        encode(&format!("QN={qn};ST={INTERACTION};CN={DATA_RESPONSE};PW={pw};MN={mn};Flag={version};CP=&&&&"))
    }
}

fn whole<T: std::str::FromStr>(key: &str, value: &str) -> Result<T, Fault> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    value
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| wrong("a whole number of the size that the standard gives it", shown(value)).at(key))
}

fn packet(number: Option<u32>, of: Option<u32>) -> Result<Option<(u32, u32)>, Fault> {
    match (number, of) {
        (Some(n), Some(of)) if (1..=of).contains(&n) && of <= MAX_PACKETS => Ok((of > 1).then_some((n, of))),
        (number, of) => {
            let found = format!("PNO {number:?} of PNUM {of:?}");
            Err(wrong("PNO from 1 to PNUM, at most 9999, as Flag says that the data are split", found))
        }
    }
}

/// Writes a segment around `data`, which must not be longer than [`MAX_DATA`].
#[must_use]
pub fn encode(data: &str) -> Vec<u8> {
    format!("##{:04}{data}{:04X}\r\n", data.len(), crc(data.as_bytes())).into_bytes()
}

/// Reads every segment of a message. A message without any, or with bytes that belong to none, is a fault.
pub fn decode_all(payload: &[u8]) -> Result<Vec<Segment<'_>>, Fault> {
    let mut segments = Vec::new();
    let mut rest = payload.trim_ascii_start();
    while !rest.is_empty() {
        let (data, after) = frame::segment(rest)?;
        segments.push(Segment::parse(data)?);
        rest = after.trim_ascii_start();
    }
    match segments.is_empty() {
        true => Err(Fault::new(Code::Hj212Frame, "at least one segment beginning with ##", "an empty message")),
        false => Ok(segments),
    }
}
