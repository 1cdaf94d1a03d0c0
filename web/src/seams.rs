//! What the web door is handed: the store's faces, and what other rooms know, behind traits so that none is imported.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use historian::{
    Archive, Bucket, DiskPolicy, Ignored, ReadError, Recorder, Register, Retention, Sample, Selection, Tail, WavePolicy,
};
use plant::access::{Areas, Role};
use plant::mapping::{Rule, RuleSet};
use plant::{Clock, Plant, SeriesKey, Timestamp};
use tokio::sync::watch;

use crate::access::Accounts;
use crate::dto;
use crate::question::Analyst;
use crate::study::AlarmStudy;

/// Knows who is connected over MQTT.
pub trait Door: Send + Sync + 'static {
    /// The clients, and those who left lately. Must not wait for anything.
    fn clients(&self) -> Vec<dto::Client>;
    /// How many messages and connections were turned away since the start, by reason.
    fn refused(&self) -> BTreeMap<String, u64>;
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declined {
    /// What was asked for makes no sense: a sentence.
    Asked(String),
    /// It was asked for by an older state of things: a sentence.
    Overtaken(String),
    /// It makes sense and cannot be done now: a sentence.
    Now(String),
}

/// Reads again what waits in quarantine, takes new machines into the plant, and signs the ledger.
pub trait Waiting: Send + Sync + 'static {
    /// Begins to read the selected messages again; `false` where that goes on already.
    fn replay(&self, which: Selection) -> bool;
    /// How far that is.
    fn progress(&self) -> watch::Receiver<dto::Replay>;
    /// Puts messages aside, for a reason; gives how many there were.
    fn discard(&self, which: Selection, why: String) -> BoxFuture<'_, Result<u64, Declined>>;
    /// Takes messages back that were put aside; gives how many there were.
    fn restore(&self, which: Selection) -> BoxFuture<'_, Result<u64, Declined>>;
    /// What speaks here and is not in the plant. Must not wait for anything.
    fn discovery(&self) -> dto::Discovery;
    /// Takes machines into the plant, and reads again what waited for them.
    fn adopt(&self, what: dto::Adopt) -> BoxFuture<'_, Result<dto::Adopted, Declined>>;
    /// Does not offer names any more, or offers them again.
    fn ignore(&self, names: Vec<Ignored>) -> BoxFuture<'_, Result<(), Declined>>;
    /// The ledger of a period as a signed statement, JSON. Called on a thread that may block.
    fn statement(&self, from: Timestamp, to: Timestamp) -> Result<String, Declined>;
}

/// Why something about devices was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrarError {
    /// What was asked for makes no sense.
    Invalid(String),
    /// What was asked for makes no sense, because of what stands in one field.
    Field(dto::FieldFault, String),
    /// There is no such device or certificate.
    Unknown(String),
    /// The state of the register does not allow it.
    Conflict(String),
    /// It could not be done now; the cause is in the log.
    Failed(String),
}

/// Keeps the register of devices. All methods may hash, read and write: they are called on a thread that may block.
pub trait Registrar: Send + Sync + 'static {
    /// Every device, and the roles there are.
    fn list(&self) -> Result<dto::Devices, RegistrarError>;
    /// Adds one.
    fn add(&self, new: dto::NewDevice) -> Result<dto::DeviceCredentials, RegistrarError>;
    /// Gives one another password and ends its connections.
    fn rotate(&self, name: &str, password: Option<&str>) -> Result<dto::DeviceCredentials, RegistrarError>;
    /// Lets one in again that was revoked, with another password.
    fn enable(&self, name: &str, password: Option<&str>) -> Result<dto::DeviceCredentials, RegistrarError>;
    /// Puts patterns in the place of its own ones, and ends its connections if that changed any.
    fn allow(&self, name: &str, own: dto::NewOwnPatterns) -> Result<dto::Device, RegistrarError>;
    /// Shuts one out, with all its certificates, and ends its connections.
    fn revoke(&self, name: &str) -> Result<dto::Device, RegistrarError>;
    /// Issues a certificate; `days` is its validity.
    fn issue(&self, name: &str, days: Option<u32>) -> Result<dto::IssuedCertificate, RegistrarError>;
    /// Revokes a certificate and ends the device's connections.
    fn revoke_certificate(&self, name: &str, serial: &str) -> Result<dto::Device, RegistrarError>;
    /// How far one has come.
    fn checklist(&self, name: &str) -> Result<dto::Checklist, RegistrarError>;
    /// The certificate of the authority that signs for devices and listener, PEM; made where there is none yet.
    fn authority(&self) -> Result<String, RegistrarError>;
}

/// A provider of log-ins (OpenID Connect).
pub trait SignIn: Send + Sync + 'static {
    /// What people know it as.
    fn title(&self) -> String;
    /// Where our page is, as the provider knows it: `https://danxia.plant:8443`. It sends people back to there.
    fn home(&self) -> String;
    /// How long a session may last that began there.
    fn lasts(&self) -> Duration;
    /// Where somebody is sent, and what they have to come back with.
    fn begin(&self) -> BoxFuture<'_, Result<SignInBegun, SignInFault>>;
    /// Who came back.
    fn finish(&self, back: SignInReturn) -> BoxFuture<'_, Result<SignInDone, SignInFault>>;
}

/// A log-in that has begun at a provider.
#[derive(Clone, Debug)]
pub struct SignInBegun {
    /// The address that the browser is sent to.
    pub url: String,
    /// What it has to come back with.
    pub state: String,
    /// Handed back by [`SignInReturn`].
    pub nonce: String,
    /// Handed back by [`SignInReturn`].
    pub verifier: String,
}

/// What somebody came back with; their state has been found to be the one that they left with.
#[derive(Clone, Debug)]
pub struct SignInReturn {
    /// The code.
    pub code: String,
    /// Who sent them back, where it is said.
    pub issuer: Option<String>,
    /// Of [`SignInBegun`].
    pub nonce: String,
    /// Of [`SignInBegun`].
    pub verifier: String,
}

/// Who logged in at a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct SignInDone {
    /// The provider.
    pub issuer: String,
    /// Whom it means, the same each time.
    pub subject: String,
    /// What they would be called here, if it says.
    pub name: Option<String>,
    /// What they may do, and where; `None`: nothing.
    pub grant: Option<(Role, Areas)>,
}

/// Why nobody is known to have logged in at a provider. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInFault {
    /// It does not answer.
    Away,
    /// It refused, or does not know us.
    Refused,
    /// What it says is not believed, or makes no sense.
    Unbelieved,
}

/// Knows how far what is shipped elsewhere has come.
pub trait Shipping: Send + Sync + 'static {
    /// As it stands; `None` where nothing is shipped. Must not wait for anything.
    fn influx(&self) -> Option<dto::Influx>;
}

/// Tells people of alarms.
pub trait Notifier: Send + Sync + 'static {
    /// The channels as they stand, and at most `limit` attempts with a number below `before`, the newest first. Must not
    /// wait for anything.
    fn notifications(&self, before: Option<u64>, limit: usize) -> dto::Notifications;
    /// Sends a test, and waits for what becomes of it.
    fn test(&self, what: dto::NotificationTest) -> BoxFuture<'_, Result<dto::NotificationTested, Declined>>;
}

/// What the store has, and who knows what it no longer has.
pub struct Recalled<T> {
    /// From the store, in order of time.
    pub held: Vec<T>,
    /// Resolves to everything, the store's part included; `None` where that is everything. May be dropped at any time.
    pub whole: Option<BoxFuture<'static, Result<Vec<T>, dto::Missing>>>,
}

/// Recalls series from the store, and what is older than it reaches from elsewhere. Its methods read the store: they are
/// called on a thread that may block. Nobody else is asked before [`Recalled::whole`] is polled.
pub trait Past: Send + Sync + 'static {
    /// As [`Archive::range`].
    fn range(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Recalled<Sample>, ReadError>;
    /// As [`Archive::buckets`].
    fn buckets(
        &self,
        key: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        width: Duration,
    ) -> Result<Recalled<Bucket>, ReadError>;
}

/// One part that must work for the platform to be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which: `intake`, `store`.
    pub name: &'static str,
    /// What keeps it from working; `None` when it works.
    pub fault: Option<String>,
}

/// Knows whether intake and store answer.
pub trait Readiness: Send + Sync + 'static {
    /// Every part, asked now. Whoever takes longer than two seconds does not work.
    fn parts(&self) -> BoxFuture<'_, Vec<Part>>;
}

/// Whether a number only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows; the name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A metric with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name: `danxia_` first, unit last (`danxia_store_queued_bytes`).
    pub name: &'static str,
    /// One sentence on what it says.
    pub help: &'static str,
    /// Counter or gauge.
    pub kind: MetricKind,
    /// Labels (name and value) and value; at most [`Metric::MAX_SAMPLES`] are shown.
    pub samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Metric {
    /// Labels are bounded: more values than this of one metric are left out.
    pub const MAX_SAMPLES: usize = 200;

    /// A metric without labels.
    #[must_use]
    pub fn single(name: &'static str, help: &'static str, kind: MetricKind, value: f64) -> Self {
        Self { name, help, kind, samples: vec![(Vec::new(), value)] }
    }
}

/// Knows the numbers of the other rooms.
pub trait Metrics: Send + Sync + 'static {
    /// The metrics as they stand. Must not wait for anything.
    fn metrics(&self) -> Vec<Metric>;
}

/// Applies mapping rules to messages without keeping anything.
pub trait Mapper: Send + Sync + 'static {
    /// What a message would become by `rules`, had it been received at `t`.
    fn try_rules(&self, rules: &RuleSet, plant: &Plant, topic: &str, payload: &[u8], t: Timestamp) -> dto::Trial;
    /// A first rule for a message, if it holds anything that looks like a value.
    fn suggest(&self, topic: &str, payload: &[u8]) -> Option<Rule>;
}

/// What the platform says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Version of the program.
    pub version: String,
    /// Whether this is the demo plant.
    pub demo: bool,
    /// Whether anybody who reaches the server may publish and read.
    pub anonymous: bool,
    /// IANA name of the plant's time zone.
    pub time_zone: String,
    /// When the program started; also makes the boot id of the live stream.
    pub started: Timestamp,
    /// Where MQTT listens; empty where it does not.
    pub mqtt: String,
    /// Where MQTT over TLS listens.
    pub mqtt_tls: Option<String>,
}

/// How the store is kept, as it was set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// How much room it may take.
    pub disk: DiskPolicy,
    /// Which waveforms stay.
    pub waves: WavePolicy,
    /// How long everything else stays.
    pub retention: Retention,
    /// A directory of backups, where one was named.
    pub backups: Option<PathBuf>,
}

/// Everything the web door is handed.
pub struct Services {
    /// What the platform says of itself.
    pub about: About,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Recalls series, waveforms, quarantine and ledger.
    pub archive: Archive,
    /// Recalls plant and alarms.
    pub register: Register,
    /// Commits what people do.
    pub recorder: Recorder,
    /// Makes a tail that begins at the head of the store; called once, and again if the tail was lost.
    pub follow: Box<dyn Fn() -> Tail + Send + Sync>,
    /// Spectra, and what else is asked of records.
    pub analyst: Arc<dyn Analyst>,
    /// How the alarm system performs, and what definitions would have done.
    pub alarm_study: Arc<dyn AlarmStudy>,
    /// MQTT clients.
    pub door: Arc<dyn Door>,
    /// What waits in quarantine.
    pub waiting: Arc<dyn Waiting>,
    /// InfluxDB.
    pub shipping: Arc<dyn Shipping>,
    /// Who is told of alarms.
    pub notifier: Arc<dyn Notifier>,
    /// Series that reach further back than the store; `None`: what it has is all there is.
    pub past: Option<Arc<dyn Past>>,
    /// Accounts, sessions and tokens.
    pub accounts: Arc<Accounts>,
    /// Where people may log in as well; `None`: here only.
    pub sign_in: Option<Arc<dyn SignIn>>,
    /// Devices.
    pub registrar: Arc<dyn Registrar>,
    /// Readiness.
    pub readiness: Arc<dyn Readiness>,
    /// Numbers of the other rooms.
    pub metrics: Arc<dyn Metrics>,
    /// Mapping rules, tried.
    pub mapper: Arc<dyn Mapper>,
    /// How the store is kept.
    pub keeping: Keeping,
}
