//! What the plant said, in InfluxDB 2: a shipper that follows the tail of the store, and a reader for what the store no
//! longer keeps.
//!
//! The shipper ([`Room::run`]) writes every committed point as one line of line protocol. It moves on only when the
//! server has taken a batch; what the server refuses for good goes to quarantine line by line, and everything else waits.
//! Writing a point twice is writing it once, as InfluxDB keeps one value for each series and instant: so whatever is in
//! doubt is sent again. Where the server is away for long, what is owed is noted as stretches of time ([`Owed`]) so that
//! the log of commits may be cut, and is read from the archive later.
//!
//! [`line`] and [`Shipper`] are pure: lines from values, and what to do next from what was answered. [`http`] holds the
//! sockets, [`Room`] the loop.
//!
//! What this crate does *not* know: settings, the page, alarms as such (it says which conditions hold, and others make
//! alarms of them), the wall clock, and how roots of trust are found (a connector is handed in).
//!
//! ```
//! use influx::line::{Lines, Naming};
//! use plant::{Plant, Quality, SeriesKey, Timestamp, Value};
//!
//! let key = SeriesKey::raw("shaoguan/fan-3/bearing_temp_de".parse().unwrap());
//! let mut naming = Naming::default();
//! let mut lines = Lines::default();
//! lines.point(naming.of(&key, &Plant::default()), Timestamp::from_secs(1_700_000_000), &Value::Float(61.2), Quality::Good);
//! assert_eq!(
//!     lines.text(),
//!     "value,machine=fan-3,point=bearing_temp_de,site=shaoguan value=61.2 1700000000000000000\n"
//! );
//! ```

mod answer;
mod aside;
mod backoff;
mod config;
pub mod flux;
pub mod history;
pub mod http;
pub mod line;
mod owed;
mod parcel;
mod room;
pub mod schema;
mod shipper;
mod status;

pub use answer::{Answer, Trouble, judge};
pub use config::{Config, Target, TargetError};
pub use owed::{Owed, Stretch};
pub use parcel::{Origin, Parcel, Piece};
pub use room::{FOLLOWER, Room, RoomError, release};
pub use shipper::{Refusal, Settled, Shipper, Step};
pub use status::{Phase, Status, StatusCell};

/// The code under which lines that the server refused stand in quarantine.
pub const REFUSED: &str = "influx_refused";
