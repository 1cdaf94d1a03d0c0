import type { Limits } from "../api/types";

/** What the vertical axis must show: the data, and the limits that are not far from it. */
export function verticalRange(
  low: number,
  high: number,
  limits: Limits | undefined,
  boundaries: readonly number[] | undefined,
): [number, number] {
  const reach = Math.max(high - low, Math.abs(high) * 0.25, 1e-9);
  let [lo, hi] = [low, high];
  for (const v of Object.values(limits ?? {})) {
    if (typeof v === "number" && v > low - reach && v < high + reach) [lo, hi] = [Math.min(lo, v), Math.max(hi, v)];
  }
  if (boundaries?.length) {
    lo = 0;
    hi = Math.max(hi, boundaries.find((b) => b > high) ?? 0);
  }
  const pad = Math.max(hi - lo, Math.abs(hi) * 0.02, 1e-9) * 0.08;
  return [boundaries?.length ? 0 : lo - pad, hi + pad];
}

/**
 * The range of a logarithmic axis, at most five decades of it. It begins at a whole decade: the chart steps from there
 * by powers of ten and would never arrive from anywhere else (from 0.0097, for instance).
 */
export function logRange(low: number | null, high: number | null): [number, number] {
  const top = high !== null && high > 0 ? high : 1;
  const bottom = Math.max(low !== null && low > 0 ? low : 0, top / 1e5);
  return [10 ** Math.floor(Math.log10(bottom)), top * 1.6];
}
