/** Verdicts on a record. After web/src/dto. */

import type { Instant, ZoneLetter } from "./common";

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
