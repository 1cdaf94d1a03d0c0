/** What a machine's points say together. After web/src/dto/assessment.rs. */

import type { Instant } from "./common";

export interface MachineAssessment {
  assessment: Assessment | null;
}

export interface Assessment {
  t: Instant;
  shafts: ShaftVerdict[];
  /** 0 to 100; null where nothing could be judged. */
  health: number | null;
  reasons: HealthReason[];
  remaining: RemainingLife | null;
  remaining_refused: string | null;
  card: ModelCard;
}

export interface ShaftVerdict {
  shaft: string | null;
  hz: number;
  points: string[];
  verdicts: FaultVerdict[];
  refused: string | null;
  unknown: string | null;
}

export interface FaultVerdict {
  fault: string;
  bearing: string | null;
  point: string | null;
  score: number;
  attainable: number;
  standing: "open" | "probable" | "confirmed" | "explained" | "ambiguous";
  rival: string | null;
  terms: EvidenceTerm[];
}

export interface EvidenceTerm {
  quantity: string;
  value: number | null;
  missing: string | null;
  weight: number;
  lo: number;
  hi: number;
  contribution: number;
  against: boolean;
}

export interface HealthReason {
  term: string;
  lowers: number;
  point: string | null;
  unjudged: string | null;
}

export interface RemainingLife {
  point: string;
  since: Instant;
  p10_s: number;
  p50_s: number;
  p90_s: number;
  looks: number;
  codes: string[];
}

export interface ModelCard {
  baseline_days: number;
  reported_a_month: number;
  confirmed: number;
  dismissed: number;
  missed: number;
  open: string[];
  reset: Instant | null;
  reset_by: string | null;
  judged: { t: Instant; fault: string; judgement: Judgement; by: string }[];
}

export type Judgement = "confirmed" | "dismissed" | "found";

export interface HealthHistory {
  points: { t: Instant; health: number | null; named: string[] }[];
  more: boolean;
}
