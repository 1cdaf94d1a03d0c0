/** Work orders, notes, and what became of the like of an alarm. After web/src/dto. */

import type { Instant, Title } from "./common";

export type WorkState = "open" | "planned" | "done" | "cancelled";

export interface WorkOrder {
  number: number;
  revision: number;
  machine: { site: string; machine: string; title: Title };
  origin: {
    kind: "person" | "alarm" | "diagnosis";
    alarm?: string | null;
    point?: string | null;
    point_title?: Title | null;
    condition?: string | null;
    raised?: Instant | null;
    fault?: string | null;
  };
  title: string;
  state: WorkState;
  planned_for: Instant | null;
  assignee: string | null;
  finding: string | null;
  faults: string[];
  parts: { name: string; quantity: number }[];
  labour_min: number | null;
  photos: string[];
  steps: { t: Instant; by: string; state: WorkState }[];
}

export interface WorkOrders {
  orders: WorkOrder[];
  next_before: number | null;
}

export interface Note {
  number: number;
  alarm: string | null;
  condition: string | null;
  t: Instant;
  by: string;
  text: string;
}

export interface Notes {
  notes: Note[];
  next_before: number | null;
}

export interface AlarmPast {
  occurrences: {
    raised: Instant;
    cleared: Instant | null;
    acknowledged: { by: string; at: Instant } | null;
    work_order: number | null;
  }[];
  more: boolean;
  found: WorkOrder[];
}
