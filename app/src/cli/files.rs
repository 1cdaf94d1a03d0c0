//! `danxia export points|waveforms` and `danxia import points` on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use files::history::{Encoding, Mapped, Role};
use files::{points, waveforms};
use plant::{MachineId, PointId, Timestamp, Unit};

use super::{time, unit};

/// `danxia export points`.
#[derive(Debug, Args)]
pub struct Points {
    /// The store's directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Only this machine.
    #[arg(long, value_name = "SITE/MACHINE")]
    pub machine: Option<MachineId>,
    /// Only points of this name.
    #[arg(long)]
    pub point: Option<String>,
    /// From this time on: RFC 3339, or nanoseconds since 1970.
    #[arg(long, value_parser = time)]
    pub from: Option<Timestamp>,
    /// Up to, not including, this time.
    #[arg(long, value_parser = time)]
    pub to: Option<Timestamp>,
    /// The form.
    #[arg(long, value_enum, default_value_t = PointFormat::Csv)]
    pub format: PointFormat,
    /// Write this file instead of standard output. It is there when it is whole, and not before.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// What was computed from the points, too. CSV has one more column then: indicator.
    #[arg(long)]
    pub indicators: bool,
}

/// Forms of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PointFormat {
    /// Comma-separated, RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet, Snappy.
    Parquet,
}

impl From<PointFormat> for points::Format {
    fn from(f: PointFormat) -> Self {
        match f {
            PointFormat::Csv => Self::Csv,
            PointFormat::Ndjson => Self::Ndjson,
            PointFormat::Parquet => Self::Parquet,
        }
    }
}

/// `danxia export waveforms`.
#[derive(Debug, Args)]
pub struct Waveforms {
    /// The store's directory.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// The point.
    #[arg(long, value_name = "SITE/MACHINE/POINT")]
    pub point: PointId,
    /// Those that begin from this time on: RFC 3339, or nanoseconds since 1970.
    #[arg(long, value_parser = time)]
    pub from: Option<Timestamp>,
    /// Up to, not including, this time.
    #[arg(long, value_parser = time)]
    pub to: Option<Timestamp>,
    /// The form.
    #[arg(long, value_enum, default_value_t = WaveformFormat::Wav)]
    pub format: WaveformFormat,
    /// The directory to write them into; made where there is none.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
}

/// Forms of waveforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WaveformFormat {
    /// RIFF WAVE: counts of 16 bits or floats of 32 bits, as the sensor sent them.
    Wav,
    /// time_s,value.
    Csv,
    /// Universal file, data set 58, as text.
    Uff,
    /// Universal file, data set 58b, floats of 64 bits.
    UffBinary,
}

impl From<WaveformFormat> for waveforms::Format {
    fn from(f: WaveformFormat) -> Self {
        match f {
            WaveformFormat::Wav => Self::Wav,
            WaveformFormat::Csv => Self::Csv,
            WaveformFormat::Uff => Self::Uff,
            WaveformFormat::UffBinary => Self::UffBinary,
        }
    }
}

/// `danxia import points`.
#[derive(Debug, Args)]
pub struct ImportPoints {
    /// The files, each with a header.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Read everything and say what would be imported and what not, and import nothing.
    #[arg(long)]
    pub check: bool,
    /// Import nothing where a row cannot be read.
    #[arg(long)]
    pub strict: bool,
    /// Take machines and points into the plant that are not there yet, with the units that are stated.
    #[arg(long)]
    pub create: bool,
    /// The machine of all rows, where no column says it.
    #[arg(long, value_name = "SITE/MACHINE")]
    pub machine: Option<MachineId>,
    /// The point of all rows, where no column says it.
    #[arg(long)]
    pub point: Option<String>,
    /// The unit of all values, where no column says it [default: the point's].
    #[arg(long, value_parser = unit)]
    pub unit: Option<Unit>,
    /// A column that has another header than its role, such as time=时间. Roles: time_ns, time_us, time_ms, time_s, time,
    /// site, machine, point, value, quality, unit.
    #[arg(long, value_name = "ROLE=HEADER", value_parser = column)]
    pub column: Vec<(Role, String)>,
    /// One column a point: every column without a role is a point of that name.
    #[arg(long)]
    pub wide: bool,
    /// One column a point: this column is this point, in this unit; others are passed over. May be given several times.
    #[arg(long, value_name = "HEADER=POINT[UNIT]", value_parser = mapped, conflicts_with = "wide")]
    pub map: Vec<Mapped>,
    /// Where times without an offset were written, such as Asia/Shanghai.
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub timezone: Option<jiff::tz::TimeZone>,
    /// How times are written, such as "%d.%m.%Y %H:%M:%S" (strftime) [default: RFC 3339, or 2026-01-31 08:00:00].
    #[arg(long, value_name = "FORMAT")]
    pub time_format: Option<String>,
    /// What stands between columns: one character, or tab [default: whichever of , ; tab | the header holds most often].
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// Numbers are written with a comma: 61,2.
    #[arg(long)]
    pub decimal_comma: bool,
    /// How texts are encoded.
    #[arg(long, value_enum, default_value_t = Charset::Utf8)]
    pub encoding: Charset,
    /// Take values that are neither numbers nor true or false as texts.
    #[arg(long)]
    pub text: bool,
    /// Where rejects and the note of how far it is go [default: beside each file].
    #[arg(long, value_name = "DIR")]
    pub notes: Option<PathBuf>,
    /// The instance's MQTT address.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1883")]
    pub mqtt: SocketAddr,
    /// The instance's page: it is asked which points there are, and what became of the messages.
    #[arg(long, value_name = "http[s]://ADDRESS:PORT", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Who vouches for the certificate of an https page, PEM [default: the system's authorities].
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// User name, where the instance asks for one; the password is read from DANXIA_PASSWORD.
    #[arg(long)]
    pub user: Option<String>,
}

/// Encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// GBK, GB 2312 and GB 18030.
    Gbk,
}

impl From<Charset> for Encoding {
    fn from(c: Charset) -> Self {
        match c {
            Charset::Utf8 => Self::Utf8,
            Charset::Gbk => Self::Gbk,
        }
    }
}

fn column(s: &str) -> Result<(Role, String), String> {
    let expected = || {
        let roles = Role::ALL.map(Role::name).join(", ");
        format!("expected ROLE=HEADER with one of the roles {roles}")
    };
    let (role, header) = s.split_once('=').ok_or_else(expected)?;
    Ok((Role::parse(role).ok_or_else(expected)?, header.to_owned()))
}

/// `HEADER=POINT` or `HEADER=POINT[UNIT]`.
fn mapped(s: &str) -> Result<Mapped, String> {
    let (column, rest) = s.rsplit_once('=').ok_or("expected HEADER=POINT or HEADER=POINT[UNIT]")?;
    let (point, stated) = match rest.strip_suffix(']').and_then(|r| r.rsplit_once('[')) {
        Some((point, symbol)) => (point, Some(unit(symbol)?)),
        None => (rest, None),
    };
    Ok(Mapped { column: column.to_owned(), point: point.to_owned(), unit: stated })
}

fn zone(s: &str) -> Result<jiff::tz::TimeZone, String> {
    jiff::tz::TimeZone::get(s).map_err(|_| "expected the name of a time zone, such as Asia/Shanghai or UTC".to_owned())
}

fn delimiter(s: &str) -> Result<u8, String> {
    match s.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        [b] if b.is_ascii() && !b.is_ascii_alphanumeric() && !matches!(b, b'"' | b'\n' | b'\r') => Ok(*b),
        _ => Err("expected one character that is neither letter nor digit nor quote, or tab".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_maps_zones_and_delimiters() {
        assert_eq!(column("time=时间"), Ok((Role::Time, "时间".into())));
        assert!(column("when=t").unwrap_err().contains("time_ns"));
        let m = mapped("a=b=temp[°C]").unwrap();
        assert_eq!((&*m.column, &*m.point, m.unit), ("a=b", "temp", Unit::parse("°C")));
        assert_eq!(mapped("T=s/m/p").unwrap().unit, None);
        assert!(mapped("T=p[parsec]").is_err() && mapped("T").is_err());
        assert!(zone("Asia/Shanghai").is_ok() && zone("Shaoguan").is_err());
        assert_eq!((delimiter("tab"), delimiter(";")), (Ok(b'\t'), Ok(b';')));
        assert!(delimiter("\"").is_err() && delimiter(",,").is_err());
    }
}
