//! The vocabulary of a plant: what a machine is, what it says, and what is concluded from it.
//!
//! Everything that travels through the house is one of these types: an [`Observation`], a [`Waveform`] or an [`Event`]
//! on the way in, a [`Finding`] on the way out, and the asset tree ([`Plant`], [`Machine`], [`Point`]) that gives them
//! meaning. The names are those of ISA-95 (assets), IEC 62682 (alarms) and ISO 20816 (zones).
//!
//! What this crate does *not* know: files, sockets, clocks (a [`Clock`] is handed in), any wire format (its types are
//! not `Serialize`: each edge owns its own representation), and any other room.
//!
//! ```
//! use plant::{PointId, Unit};
//!
//! let point: PointId = "shaoguan/fan-3/vib_de_h".parse().unwrap();
//! assert_eq!(point.machine().to_string(), "shaoguan/fan-3");
//! assert_eq!(point.name(), "vib_de_h");
//!
//! let g = Unit::parse("g").unwrap();
//! let si = Unit::parse("m/s²").unwrap();
//! assert!((g.convert(2.0, si).unwrap() - 19.6133).abs() < 1e-9);
//! ```

pub mod access;
mod action;
mod alarm;
mod assessment;
mod asset;
mod bearing;
mod catalogue;
mod clock;
mod condition;
mod event;
mod finding;
mod id;
pub mod mapping;
mod observation;
mod time;
pub mod train;
mod unit;
mod waveform;
mod work;

pub use action::Action;
pub use alarm::{
    AlarmChange, AlarmCondition, AlarmDefinition, AlarmId, AlarmIdError, AlarmKey, AlarmRecord, AlarmState, AlarmTest,
    AlarmTransition, Comparison, DefinitionFault, Inhibited, Inhibition, OutOfService, Priority, Reference, Shelving,
    Suppressor, SuppressorError, Trigger,
};
pub use assessment::{
    Assessment, Fault, FaultVerdict, Health, HealthReason, Judged, Judgement, ModelCard, RemainingLife, ShaftVerdict,
    Standing, Term,
};
pub use asset::{
    AssetChange, Axis, Foundation, Limits, Location, Machine, MachineClass, Plant, Point, PointKind, Severity, Title,
};
pub use bearing::{Bearing, BearingFault, BearingOrders, Geometry, GeometryError};
pub use catalogue::{Catalogue, CatalogueError, Entry as CatalogueEntry};
pub use clock::{Clock, ManualClock};
pub use condition::Condition;
pub use event::Event;
pub use finding::{
    BearingVerdict, Diagnosis, Evidence, FaultLine, Finding, Hypothesis, IndicatorValue, SensorState, Zone, ZoneVerdict,
};
pub use id::{IdError, MachineId, Name, PointId, SeriesKey};
pub use observation::{Observation, Quality, Reason, Value};
pub use time::Timestamp;
pub use train::{Tone, ToneKind, Train, TrainError};
pub use unit::{Quantity, Unit, UnitMismatch};
pub use waveform::{LONGEST_SYNC, Samples, Speed, Waveform, WaveformError, WaveformId, WaveformMeta, is_sync};
pub use work::{Note, Part, PhotoId, PhotoIdError, Work, WorkFault, WorkOrder, WorkOrigin, WorkState, WorkStep};
