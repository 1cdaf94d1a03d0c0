/** Alarms and their journal. After web/src/dto. */

import type { Instant, PriorityNumber, Title } from "./common";

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
