/** What the stream says. After web/src/dto. */

import type { Alarm } from "./alarm";
import type { Counts, Instant } from "./common";
import type { MachineSummary } from "./machine";

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
