/** Machines and their points. After web/src/dto. */

import type { Alarm } from "./alarm";
import type { Counts, Instant, Limits, PriorityNumber, Sample, Title, ZoneLetter } from "./common";
import type { Diagnosis, ZoneVerdict } from "./diagnosis";
import type { BearingInfo, Train } from "./train";

export type MachineStatus = "normal" | "alarm" | "stale" | "offline" | "no_data" | "sensor" | "unjudged";

export interface MachineSummary {
  site: string;
  machine: string;
  title: Title;
  class: string;
  area?: string | null;
  line?: string | null;
  status: MachineStatus;
  /** Whether a sensor gives only a zone, or only a verdict on the bearings. */
  partly?: boolean;
  priority?: PriorityNumber | null;
  zone?: ZoneLetter | null;
  velocity_rms?: number | null;
  unacknowledged: number;
  last_seen?: Instant | null;
  spark?: { t_ms: number[]; v: number[] } | null;
}

export interface Overview {
  counts: Counts;
  areas: { area: string | null; machines: MachineSummary[] }[];
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

export interface MachineDetail extends MachineSummary {
  gateway?: string | null;
  nominal_rpm?: number | null;
  severity: { rated_kw?: number | null; shaft_height_mm?: number | null; foundation?: string | null };
  bearings: BearingInfo[];
  train?: Train | null;
  points: PointDetail[];
  alarms: Alarm[];
}
