//! The shapes that travel between the server and whoever asks: the wire of the HTTP API.
//!
//! These types hold no behaviour and know nothing of the store; [`crate::view`] makes them from the plant's own types.
//! Names are `snake_case`; single instants are [`Time`] (RFC 3339, UTC, up to nanoseconds); columns of bulk data are
//! whole milliseconds since 1970 in fields called `t_ms`. A field that is `null` was not stated or is not known; it is
//! never a zero in disguise.

mod access;
mod alarm;
mod analysis;
mod assessment;
mod common;
mod connection;
mod definition;
mod device;
mod influx;
mod intake;
mod live;
mod machine;
mod notification;
mod overview;
mod problem;
mod rules;
mod series;
mod status;
mod store;
mod study;
mod train;
mod waiting;
mod waveform;
mod work;

pub use access::{
    AuditEntry, AuditLog, LogIn, Me, NewToken, NewUser, OwnPassword, Sessions, SessionsEnded, SetUp, Token,
    TokenSecret, Tokens, User, UserChange, UserCredentials, UserRole, UserSession, Users,
};
pub use alarm::{
    Acknowledged, Acknowledgement, Alarm, Alarms, Evidence, EvidenceLine, Journal, JournalEntry, OutOfService, Shelve,
    Shelved, TakeOutOfService,
};
pub use analysis::{Analysis, AnalysisCurve, AnalysisMap, Kurtogram, KurtogramLevel, MapRecord, RunUpResponse};
pub use assessment::{
    Assessment, FaultVerdict, HealthHistory, HealthPoint, HealthReason, Judge, Judged, MachineAssessment, Maintained,
    ModelCard, RemainingLife, ShaftVerdict, Term,
};
pub use common::{Number, Priority, Quality, Reading, Time, Title};
pub use connection::{Client, ConnectionTotals, Connections, Denial};
pub use definition::{
    AlarmDefinition, AlarmDefinitions, AlarmName, ChangedDefinition, ChangedDefinitions, DefinitionChange,
};
pub use device::{
    Checklist, ChecklistStep, Device, DeviceCertificate, DeviceCredentials, Devices, IssuedCertificate, NewCertificate,
    NewDevice, NewOwnPatterns, NewPassword, OwnPatterns, Role,
};
pub use influx::Influx;
pub use intake::{Ledger, LedgerSource, LedgerTotal, Quarantine, QuarantineEntry, QuarantineGroup, QuarantinedMessage};
pub use live::{LiveAssessed, LiveSnapshot, LiveStatus, LiveValue, LiveValues};
pub use machine::{
    Bearing, BearingVerdict, Diagnosis, Hypothesis, Indicator, Limits, Location, MachineDetail, MachineRef, Orders,
    Point, SensorVerdict, Severity, Zone,
};
pub use notification::{
    NotificationAttempt, NotificationChannel, NotificationResult, NotificationTest, NotificationTested, Notifications,
};
pub use overview::{Area, Counts, MachineStatus, MachineSummary, Overview, PriorityCounts, Spark};
pub use problem::{FieldFault, Problem};
pub use rules::{
    CapturedMessage, Rule, RuleAttempt, RuleChange, RuleFilter, RuleSuggestion, RuleTime, RuleValue, Rules,
    RulesChanged, Trial, TrialFault, TrialReading, TrialStep,
};
pub use series::{
    Buckets, Extreme, Missing, SeriesAsk, SeriesLast, SeriesName, SeriesQuery, SeriesRange, SeriesResults,
    SeriesStatistics,
};
pub use status::{Mqtt, Status, Store};
pub use store::{
    StoreBackups, StoreDisk, StoreFile, StoreOldest, StoreRemoved, StoreReport, StoreWaveDropped, StoreWavePolicy,
    StoreWaves,
};
pub use study::{
    AlarmAcknowledgement, AlarmActor, AlarmAdvice, AlarmAlternative, AlarmCatch, AlarmChatter, AlarmCoach, AlarmDay,
    AlarmExcursion, AlarmFiring, AlarmFleeting, AlarmFlood, AlarmKpi, AlarmOutcome, AlarmPerformance, AlarmPriorities,
    AlarmProposal, AlarmRate, AlarmRef, AlarmSimulation, AlarmStale, TriedDefinition,
};
pub use train::{Train, TrainGear, TrainShaft, TrainStage, TrainTone, TrainUnit};
pub use waiting::{
    Adopt, AdoptMachine, AdoptPoint, Adopted, Discovery, Ignore, LedgerHistory, LedgerLine, NewMachine, NewPoint,
    PutAside, QuarantinePayload, QuarantineStats, QuarantineTopic, Replay, Selection,
};
pub use waveform::{Envelope, EnvelopeLine, Spectra, Spectrum, WaveformDetail, WaveformHeader, WaveformMeta};
pub use work::{
    AlarmPast, NewNote, NewWorkOrder, Note, Notes, Occurrence, Part, Photo, WorkOrder, WorkOrderChange, WorkOrders,
    WorkOrigin, WorkStep,
};
