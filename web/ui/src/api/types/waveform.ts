/** Records and what is computed of them. After web/src/dto. */

import type { Instant } from "./common";
import type { Diagnosis, Hypothesis } from "./diagnosis";

export interface WaveformInfo {
  id: string;
  point: string;
  t0: Instant;
  fs: number;
  n: number;
  unit: string;
  rpm?: number | null;
}

export interface WaveformDetail extends WaveformInfo {
  duration_s: number;
  received: Instant;
  meta: {
    rpm_range?: [number, number] | null;
    range?: number | null;
    hp_hz?: number | null;
    lp_hz?: number | null;
    bias_v?: number | null;
    clip_count?: number | null;
    gaps: number;
    load?: number | null;
    state?: string | null;
    serial?: string | null;
    seq?: number | null;
    sync?: string | null;
    pulses?: number | null;
  };
  diagnosis?: Diagnosis | null;
}

export interface SpectrumLine {
  label: string;
  bearing?: string | null;
  harmonic: number;
  hz: number;
  /** By how much it lies beside what the geometry says, as a part of it; null for what cannot slip. */
  slip?: number | null;
  ratio: number;
}

/** RMS amplitudes of lines at i · df_hz; empty where there is none. */
export interface Spectrum {
  df_hz: number;
  unit: string;
  amplitude: number[];
}

export interface Spectra {
  fs: number;
  shaft_hz?: number | null;
  spectrum: Spectrum;
  velocity: Spectrum;
  /** by_turn: over the angle of the shaft; its lines are orders, given where they lie at shaft_hz. */
  envelope: { df_hz: number; by_turn: boolean; ratio: number[]; lines: SpectrumLine[] };
  hypotheses: Hypothesis[];
  refused: string[];
}

export interface AnalysisCurve {
  name: string;
  x0: number;
  dx: number;
  x_unit: string;
  unit: string;
  values: number[];
}

/** The vibration at shaft speed at one speed of a run-up. */
export interface RunUpResponse {
  rpm: number;
  /** m/s² peak. */
  amplitude: number;
  /** Degrees behind the tacho's edge, 0 to 360. */
  lag_deg: number;
}

export interface AnalysisMap {
  x0: number;
  dx: number;
  x_unit: string;
  y0: number;
  dy: number;
  y_unit: string;
  columns: number;
  rows: number;
  unit: string;
  values: number[];
  records: { id: string; t0: Instant; rpm?: number | null }[];
}

/** The answer to one question about a record; what does not belong to its kind is empty or null. */
export interface Analysis {
  kind: string;
  refused: string[];
  shaft_hz?: number | null;
  curves: AnalysisCurve[];
  map?: AnalysisMap | null;
  kurtogram?: { levels: { width_hz: number; kurtosis: number[] }[]; best: [number, number]; kurtosis: number } | null;
  path: [number, number][];
  /** Amplitude (peak, m/s²) and phase lag at once per turn by speed, in the order of time. */
  responses?: RunUpResponse[];
  facts: Record<string, number>;
  source?: string | null;
}
