/** What Bode and polar plots draw of a run-up; plain arithmetic. */

import type { RunUpResponse } from "../api/types";
import { factor, FORMS, type Detector, type Quantity } from "./quantity";

export interface Shown {
  rpm: number;
  amplitude: number;
  /** Degrees behind the tacho's edge, made continuous along the run. */
  lag: number;
}

/** What one peak is by each detector. */
const OF_PEAK: Record<Detector, number> = { rms: Math.SQRT1_2, peak: 1, pp: 2 };

/**
 * Responses of acceleration (peak) as `detector` of `to`. Each integration makes a sinusoid lag by another quarter of a
 * turn; where it means nothing (below 2 Hz) the response is left out.
 */
export function responses(of: RunUpResponse[], to: Quantity, detector: Detector): Shown[] {
  const quarter = 90 * (FORMS.ms2.order - FORMS[to].order);
  const out: Shown[] = [];
  let before: number | undefined;
  for (const r of of) {
    const scale = factor("ms2", to, r.rpm / 60);
    if (!(scale > 0)) continue;
    const lag = r.lag_deg + quarter;
    const turns = before === undefined ? Math.floor(lag / 360) : Math.round((lag - before) / 360);
    before = lag - 360 * turns;
    out.push({ rpm: r.rpm, amplitude: r.amplitude * scale * OF_PEAK[detector], lag: before });
  }
  return out;
}

/** The one nearest to a speed. */
export function nearest(of: Shown[], rpm: number | undefined): Shown | undefined {
  if (rpm === undefined) return undefined;
  return of.reduce<Shown | undefined>((best, r) => (best && Math.abs(best.rpm - rpm) <= Math.abs(r.rpm - rpm) ? best : r), undefined);
}

/** Where the amplitude is largest: what is looked at first. */
export const largest = (of: Shown[]): Shown | undefined => of.reduce<Shown | undefined>((best, r) => (best && best.amplitude >= r.amplitude ? best : r), undefined);
