/** Alarms and their journal. After web/src/dto. */

import type { Instant, PriorityNumber, Title } from "./common";

export type AlarmState = "normal" | "unacknowledged" | "acknowledged" | "returned_unacknowledged" | "latched";
export type Inhibited = "shelved" | "suppressed" | "out_of_service";

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
  inhibited?: Inhibited | null;
  shelved?: { until: Instant; reason: string; by: string; since: Instant } | null;
  suppressed?: string | null;
  out_of_service?: { reason: string; by: string; approved_by: string; since: Instant } | null;
  first_out?: boolean;
  latching?: boolean;
  respond_by?: Instant | null;
  consequence?: Title;
  action?: Title;
  group?: string | null;
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
  reason?: string | null;
  until?: Instant | null;
  inhibited?: Inhibited | null;
  first_out?: boolean;
  priority: PriorityNumber;
  value?: number | null;
  limit?: number | null;
  unit?: string | null;
}

export interface Journal {
  entries: JournalEntry[];
  next_before?: string | null;
}
