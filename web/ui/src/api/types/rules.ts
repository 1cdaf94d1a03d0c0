/** Mapping rules. After web/src/dto. */

import type { Instant } from "./common";

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
