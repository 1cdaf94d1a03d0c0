// The wire types of /api/v1, after web/src/dto/*.rs.

/** RFC 3339 text in UTC, up to nanoseconds. */
export type Instant = string;

export interface Title {
  zh?: string | null;
  en?: string | null;
}

export type PriorityNumber = 1 | 2 | 3 | 4;
export type ZoneLetter = "A" | "B" | "C" | "D";

export interface Status {
  version: string;
  /** Changes with every start of the server. */
  boot: string;
  demo: boolean;
  anonymous: boolean;
  loopback_only: boolean;
  now: Instant;
  plant_time_zone: string;
  started: Instant;
  mqtt: { address: string; tls_address?: string | null };
  store: { head_seq: number; series: number; machines: number; disk_level: DiskLevel };
}

export type DiskLevel = "normal" | "near" | "shedding" | "stopped";

export interface StoreDisk {
  level: DiskLevel;
  full: boolean;
  at?: Instant | null;
  total_bytes: number;
  free_bytes: number;
  store_bytes: number;
  budget_bytes: number;
  used_bytes: number;
  own_budget: boolean;
  near_percent: number;
  shed_percent: number;
  floor_bytes: number;
  growth_bytes_per_day?: number | null;
  days_left?: number | null;
}

export interface StoreWavePolicy {
  all_hours: number;
  hourly_days: number;
  around_alarm_minutes: number;
}

export interface StoreWaves {
  records: number;
  bytes: number;
  near_alarms: number;
  evidence: number;
  used_bytes: number;
  quota_bytes: number;
  policy: StoreWavePolicy;
  classes: Record<string, StoreWavePolicy>;
  dropped: { reason: string; records: number; bytes: number }[];
}

export interface StoreReport {
  disk: StoreDisk;
  files: { name: string; bytes: number; wal_bytes: number }[];
  series: number;
  log_bytes: number;
  failed_commits: number;
  waveforms: StoreWaves;
  oldest: Record<"raw" | "events" | "diagnoses" | "waveforms", Instant | null>;
  /** Days; null is for ever. */
  retention_days: Record<string, number | null>;
  removed: Record<"raw" | "minutes" | "hours" | "events" | "diagnoses", number>;
  backups?: { directory: string; count: number; last?: Instant | null; bytes?: number | null; fault?: string | null } | null;
}

export type MachineStatus = "normal" | "alarm" | "stale" | "offline" | "no_data" | "sensor";

export interface MachineSummary {
  site: string;
  machine: string;
  title: Title;
  class: string;
  area?: string | null;
  line?: string | null;
  status: MachineStatus;
  priority?: PriorityNumber | null;
  zone?: ZoneLetter | null;
  velocity_rms?: number | null;
  unacknowledged: number;
  last_seen?: Instant | null;
  spark?: { t_ms: number[]; v: number[] } | null;
}

export interface Counts {
  unacknowledged: Record<"1" | "2" | "3" | "4", number>;
  active: number;
}

export interface Overview {
  counts: Counts;
  areas: { area: string | null; machines: MachineSummary[] }[];
}

export interface Sample {
  t: Instant;
  value: number | boolean | string;
  /** `good`, `uncertain(reason)` or `bad(reason)`. */
  quality: string;
}

export interface Limits {
  hh?: number | null;
  h?: number | null;
  l?: number | null;
  ll?: number | null;
}

/** A zone and what it rests on, or (field `refused`) what is missing to give one. */
export type ZoneVerdict =
  | { refused: string[] }
  | { zone: ZoneLetter; velocity_mm_s: number; boundaries: [number, number, number]; basis: string };

export interface Hypothesis {
  bearing: string;
  fault: string;
  statistic: number;
  threshold: number;
  hz: number;
}

/** The envelope decision, or (field `refused`) why there is none. */
export type BearingVerdict = { refused: string[] } | { hypotheses: Hypothesis[]; threshold: number; shaft_hz: number };

export interface Diagnosis {
  waveform: string;
  point: string;
  t: Instant;
  sensor: { healthy: boolean; codes: string[] };
  zone: ZoneVerdict;
  bearing: BearingVerdict;
}

export interface Indicator {
  name: string;
  unit?: string | null;
  last?: Sample | null;
}

export interface PointDetail {
  /** `site/machine/point`. */
  id: string;
  name: string;
  title: Title;
  kind: "scalar" | "waveform";
  quantity?: string | null;
  unit?: string | null;
  range?: [number, number] | null;
  location: { bearing?: string | null; axis?: string | null };
  limits: Limits;
  period_s?: number | null;
  last?: Sample | null;
  indicators: Indicator[];
  zone?: ZoneVerdict | null;
  diagnosis?: Diagnosis | null;
}

export interface BearingOrders {
  bpfo: number;
  bpfi: number;
  bsf: number;
  ftf: number;
}

export interface BearingInfo {
  name: string;
  designation?: string | null;
  /** The shaft of the train on which it sits. */
  shaft?: string | null;
  orders?: BearingOrders | null;
  geometry_error?: string | null;
  /** By how much of itself each order may be wrong, where the geometry was estimated. */
  tolerance?: BearingOrders | null;
  source?: string | null;
}

export interface TrainStage {
  kind: "gears" | "planetary" | "ratio";
  /** Neighbours mesh; of a planetary stage sun, planet and ring. */
  gears: { shaft?: string | null; teeth: number }[];
  carrier?: string | null;
  planets?: number | null;
  fixed?: string | null;
  shafts: string[];
  ratio?: number | null;
}

export interface TrainUnit {
  name: string;
  kind: string;
  shafts: string[];
  poles?: number | null;
  line_hz?: number | null;
  rotor_bars?: number | null;
  stages: TrainStage[];
  pulleys_mm?: [number, number] | null;
  belt_mm?: number | null;
  toothed?: boolean | null;
  passing?: string | null;
  passing_count?: number | null;
}

export interface TrainTone {
  label: string;
  of: string;
  stage: number;
  hz: number;
  sidebands_hz: number[];
}

export interface Train {
  /** The shaft whose speed is measured. */
  measured: string;
  units: TrainUnit[];
  /** `ratio`: speed over that of the measured shaft, negative against it. Empty if the train is impossible. */
  shafts: { name: string; ratio: number; tolerance: number }[];
  error?: string | null;
  tones_rpm?: number | null;
  tones: TrainTone[];
}

export interface MachineDetail extends MachineSummary {
  gateway?: string | null;
  nominal_rpm?: number | null;
  severity: { rated_kw?: number | null; shaft_height_mm?: number | null; foundation?: string | null };
  bearings: BearingInfo[];
  train?: Train | null;
  points: PointDetail[];
  alarms: Alarm[];
}

export interface Buckets {
  width_ms: number;
  unit?: string | null;
  t_ms: number[];
  min: number[];
  max: number[];
  mean: number[];
  last: number[];
  count: number[];
  missing?: string | null;
}

export interface WaveformInfo {
  id: string;
  point: string;
  t0: Instant;
  fs: number;
  n: number;
  unit: string;
  rpm?: number | null;
}

export interface WaveformDetail extends WaveformInfo {
  duration_s: number;
  received: Instant;
  meta: {
    rpm_range?: [number, number] | null;
    range?: number | null;
    hp_hz?: number | null;
    lp_hz?: number | null;
    bias_v?: number | null;
    clip_count?: number | null;
    gaps: number;
    load?: number | null;
    state?: string | null;
    serial?: string | null;
    seq?: number | null;
  };
  diagnosis?: Diagnosis | null;
}

export interface SpectrumLine {
  label: string;
  bearing?: string | null;
  harmonic: number;
  hz: number;
  /** By how much it lies beside what the geometry says, as a part of it; null for what cannot slip. */
  slip?: number | null;
  ratio: number;
}

/** RMS amplitudes of lines at i · df_hz; empty where there is none. */
export interface Spectrum {
  df_hz: number;
  unit: string;
  amplitude: number[];
}

export interface Spectra {
  fs: number;
  shaft_hz?: number | null;
  spectrum: Spectrum;
  velocity: Spectrum;
  /** by_turn: over the angle of the shaft; its lines are orders, given where they lie at shaft_hz. */
  envelope: { df_hz: number; by_turn: boolean; ratio: number[]; lines: SpectrumLine[] };
  hypotheses: Hypothesis[];
  refused: string[];
}

export interface AnalysisCurve {
  name: string;
  x0: number;
  dx: number;
  x_unit: string;
  unit: string;
  values: number[];
}

export interface AnalysisMap {
  x0: number;
  dx: number;
  x_unit: string;
  y0: number;
  dy: number;
  y_unit: string;
  columns: number;
  rows: number;
  unit: string;
  values: number[];
  records: { id: string; t0: Instant; rpm?: number | null }[];
}

/** The answer to one question about a record; what does not belong to its kind is empty or null. */
export interface Analysis {
  kind: string;
  refused: string[];
  shaft_hz?: number | null;
  curves: AnalysisCurve[];
  map?: AnalysisMap | null;
  kurtogram?: { levels: { width_hz: number; kurtosis: number[] }[]; best: [number, number]; kurtosis: number } | null;
  path: [number, number][];
  facts: Record<string, number>;
  source?: string | null;
}

export type AlarmState = "normal" | "unacknowledged" | "acknowledged" | "returned_unacknowledged";

export interface Evidence {
  waveform?: string | null;
  terms: Record<string, number>;
  codes: string[];
  lines: { label: string; harmonic: number; hz: number; ratio: number }[];
}

export interface Alarm {
  id: string;
  machine: { site: string; machine: string; title: Title };
  point?: string | null;
  point_title?: Title | null;
  condition: string;
  state: AlarmState;
  priority: PriorityNumber;
  raised: Instant;
  changed: Instant;
  acknowledged?: { by: string; at: Instant } | null;
  occurrences: number;
  value?: number | null;
  limit?: number | null;
  unit?: string | null;
  evidence: Evidence;
}

export interface JournalEntry {
  position: string;
  alarm: string;
  machine: { site: string; machine: string; title: Title };
  point?: string | null;
  condition: string;
  t: Instant;
  from: AlarmState;
  to: AlarmState;
  trigger: string;
  by?: string | null;
  priority: PriorityNumber;
  value?: number | null;
  limit?: number | null;
  unit?: string | null;
}

export interface Journal {
  entries: JournalEntry[];
  next_before?: string | null;
}

export interface Client {
  client_id: string;
  address: string;
  identity: string;
  protocol: string;
  since: Instant;
  connected: boolean;
  rate_msgs_s: number;
  rate_bytes_s: number;
  messages: number;
  bytes: number;
  subscriptions: number;
  last_topic?: string | null;
  last_error?: string | null;
  denials: number;
  last_denial?: { topic: string; why: string } | null;
  throttled: number;
}

export interface Connections {
  clients: Client[];
  totals: { connected: number; rate_msgs_s: number; rate_bytes_s: number; messages: number; bytes: number };
  refused: Record<string, number>;
}

/** Shipping to InfluxDB; `null` where nothing is shipped. */
export interface Influx {
  url: string;
  org: string;
  bucket: string;
  phase: string;
  lag_s: number;
  lag_alarm_s: number;
  owed_points: number;
  commits_behind: number;
  points: number;
  expired: number;
  refused: number;
  last_taken?: Instant | null;
  error?: string | null;
}

export interface QuarantineEntry {
  id: number;
  t: Instant;
  source: string;
  topic: string;
  size: number;
  head: string;
  /** `utf-8`, or `hex` where the payload is not text. */
  head_encoding: string;
  code: string;
  reason: string;
  /** Whether its whole payload is kept, so that it can be read again. */
  complete: boolean;
  /** Who did not need it, and why. */
  discarded: string | null;
}

export interface QuarantinePayload extends QuarantineEntry {
  payload: string;
  encoding: string;
  /** How many bytes of it are shown. */
  shown: number;
}

export interface QuarantineTopic {
  topic: string;
  waiting: number;
  complete: number;
  first: Instant;
  last: Instant;
}

export interface QuarantineStats {
  waiting: number;
  complete: number;
  discarded: number;
  bytes: number;
  cut: number;
  dropped: number;
}

export interface Replay {
  running: boolean;
  selected: number;
  done: number;
  committed: number;
  duplicates: number;
  failed: number;
  incomplete: number;
  problem: string | null;
}

export interface NewPoint {
  /** `null`: the machine spoke as a whole. */
  name: string | null;
  kind: "scalar" | "waveform";
  unit: string | null;
  unit_known: boolean;
  value: number | boolean | string | null;
  quality: string;
  t: Instant;
  count: number;
  source: string;
  first: Instant;
  last: Instant;
}

export interface NewMachine {
  machine: string;
  known: boolean;
  /** Which state of the machine this is; sent back with its adoption. */
  edition: number;
  described: boolean;
  title: Title;
  points: NewPoint[];
}

export interface Discovery {
  machines: NewMachine[];
  left_out: number;
  ignored: string[];
}

export interface Adopted {
  machines: number;
  points: number;
  replay: Replay;
}

export interface LedgerLine extends LedgerTotal {
  t_ms: number;
  width_s: number;
  source: string;
  released: number;
  gaps: number;
}

export interface QuarantineGroup {
  code: string;
  count: number;
  discarded: number;
  first: Instant;
  last: Instant;
  /** The last one, without its number. */
  example: Omit<QuarantineEntry, "id" | "complete" | "discarded">;
}

export interface LedgerTotal {
  received: number;
  committed: number;
  duplicates: number;
  quarantined: number;
  refused: number;
}

export interface Ledger {
  sources: (LedgerTotal & { source: string })[];
  total: LedgerTotal;
}

export interface LiveValue {
  point: string;
  indicator?: string | null;
  t: Instant;
  value: number | boolean | string;
  quality: string;
}

export interface LiveStatus {
  now: Instant;
  seq: number;
  committed: Instant;
  counts: Counts;
  /** Those whose line has changed; all of them in a snapshot. */
  machines: MachineSummary[];
}

export interface LiveSnapshot {
  seq: number;
  values: LiveValue[] | null;
  alarms: Alarm[] | null;
  status: LiveStatus | null;
}

export interface Rule {
  name: string;
  enabled: boolean;
  topic: string;
  format: string;
  each: string | null;
  separator: string | null;
  skip: number;
  site: string;
  machine: string;
  values: { field: string; point: string; unit: string | null; scale: number; offset: number; optional: boolean }[];
  time: { field: string; zone_min: number | null } | null;
  filters: { field: string; equals: string | null }[];
}

export interface Rules {
  revision: number;
  changed: { by: string; at: Instant } | null;
  rules: Rule[];
}

export interface CapturedMessage {
  topic: string;
  payload: string;
  encoding: string;
}

export interface Trial {
  native: boolean;
  rule: string | null;
  captures: Record<string, string>;
  steps: { rule: string; outcome: string }[];
  readings: {
    machine: string;
    point: string;
    value: number | boolean | string | null;
    unit: string | null;
    t: Instant;
    stated: boolean;
    known: boolean;
  }[];
  count: number;
  fault: { code: string; reason: string } | null;
}

export interface DeviceCertificate {
  serial: string;
  fingerprint: string;
  issued: Instant;
  expires: Instant;
  revoked: Instant | null;
  days_left: number;
}

/** What one device has beside its role, with the placeholders of a role. */
export interface OwnPatterns {
  publish: string[];
  subscribe: string[];
}

/** What is wrong with one field of what was sent. */
export interface FieldFault {
  field: string;
  code: string;
  found: string;
}

export interface Device {
  name: string;
  role: string;
  site: string;
  group: string | null;
  note: string;
  created: Instant;
  revoked: Instant | null;
  password: boolean;
  certificates: DeviceCertificate[];
  publish: string[];
  except: string[];
  subscribe: string[];
  monitor: boolean;
  own: OwnPatterns;
  connected: boolean | null;
  last_seen: Instant | null;
}

export interface Role {
  name: string;
  about: string;
  publish: string[];
  except: string[];
  subscribe: string[];
  monitor: boolean;
}

export interface Devices {
  devices: Device[];
  roles: Role[];
}

export interface DeviceCredentials {
  device: Device;
  password: string | null;
}

export interface IssuedCertificate {
  device: string;
  serial: string;
  expires: Instant;
  certificate: string;
  key: string;
  authority: string;
}

export interface ChecklistStep {
  step: string;
  state: string;
  at: Instant | null;
  seen: string | null;
  code: string | null;
  error: string | null;
  message: Omit<QuarantineEntry, "id"> | null;
}

export interface Checklist {
  device: string;
  now: Instant;
  steps: ChecklistStep[];
}
