/** The platform itself: status, store, what is shipped, series. After web/src/dto. */

import type { Instant } from "./common";

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

/** What the values of one series amount to within a window. */
export interface SeriesStatistics {
  point: string;
  indicator: string | null;
  unit: string | null;
  count: number;
  min: { t: Instant; value: number } | null;
  max: { t: Instant; value: number } | null;
  mean: number | null;
  time_mean: number | null;
  standard_deviation: number | null;
  p05: number | null;
  p50: number | null;
  p95: number | null;
  bad: number;
  texts: number;
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
