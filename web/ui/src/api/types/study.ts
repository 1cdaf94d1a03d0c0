/** How the alarm system performs, the coach, the simulator. After web/src/dto/study.rs. */

import type { Instant, PriorityNumber, Title } from "./common";

export interface AlarmName {
  id: string;
  machine: { site: string; machine: string; title: Title };
  point?: string | null;
  point_title?: Title | null;
  condition: string;
  priority: PriorityNumber;
}

export interface AlarmKpi {
  code: string;
  value: number | null;
  target: number | null;
  met: boolean | null;
}

export interface AlarmFlood {
  from: Instant;
  to: Instant;
  annunciations: number;
  most_in_slot: number;
  open: boolean;
}

export interface AlarmRate {
  mean: number;
  most_in_slot: number;
  most_in_ten_minutes: number;
  first_slot_ms: number;
  slot_ms: number;
  slots: number[];
  bins: number[];
  histogram: number[];
  flood_share: number;
  floods: AlarmFlood[];
  floods_in_all: number;
  days: { from: Instant; annunciations: number; whole: boolean }[];
}

export interface AlarmPerformance {
  from: Instant;
  to: Instant;
  operators: number;
  annunciations: number;
  alarms: number;
  unascribed: number;
  kpis: AlarmKpi[];
  rate: AlarmRate;
  top: { alarm: AlarmName; annunciations: number; share: number; coached: boolean }[];
  chattering: { alarm: AlarmName; episodes: number; annunciations: number; most_in_minute: number; last: Instant; coached: boolean }[];
  chattering_alarms: number;
  fleeting: { alarm: AlarmName; times: number }[];
  fleeting_alarms: number;
  stale: { alarm: AlarmName; since: Instant; until: Instant | null }[];
  stale_alarms: number;
  priorities: { each: number[]; high: number; medium: number; low: number };
  acknowledgement: { acknowledged: number; median_s: number | null; p90_s: number | null; raised_anew: number; waiting: number };
}

export interface AlarmDefinition {
  side: "above" | "below";
  limit: number;
  deadband: number;
  on_delay_s: number;
  off_delay_s: number;
}

export interface AlarmAlternative {
  means: "deadband" | "on_delay" | "off_delay";
  definition: AlarmDefinition;
  solves: boolean;
  raised: number;
  most_in_minute: number;
  announced: number;
  later_median_s: number;
  later_most_s: number;
  merged: number;
  swallowed: number;
  swallowed_examples: { from: Instant; to: Instant | null; raised: number; extreme: number }[];
  standing_s: number;
}

export interface AlarmAdvice {
  verdict: string;
  current: AlarmDefinition;
  raised: number;
  most_in_minute: number;
  standing_s: number;
  excursions: number;
  cut: boolean;
  values: number;
  passed_over: number;
  alternatives: AlarmAlternative[];
  best: number | null;
}

export interface AlarmCoach {
  alarm: AlarmName;
  from: Instant;
  to: Instant;
  unit: string | null;
  refused: string | null;
  advice: AlarmAdvice | null;
}

export interface AlarmFiring {
  raised: Instant;
  cleared: Instant | null;
  extreme: number;
}

export interface AlarmOutcome {
  definition: AlarmDefinition;
  raised: number;
  most_in_minute: number;
  standing_s: number;
  doubtful_minutes: number;
  firings: AlarmFiring[];
  faults: { fault: string; confirmed: Instant; raised: Instant | null; early_s: number | null }[];
}

export interface AlarmSimulation {
  point: string;
  condition: string;
  unit: string | null;
  from: Instant;
  to: Instant;
  values: number;
  minutes: number;
  values_from: Instant | null;
  passed_over: number;
  confirmed_faults: number;
  proposed: AlarmOutcome;
  current: AlarmOutcome | null;
}
