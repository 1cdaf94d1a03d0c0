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
