/** Columns for a chart in which silence is a gap: a `null` stands wherever the data has a hole. */
export interface Gapped {
  /** Seconds since 1970, as the chart wants them. */
  x: number[];
  columns: (number | null)[][];
  /** Holes within [from, to], ms, for hatching; the time before the first and after the last value among them. */
  holes: [number, number][];
}

/** Where values stand alone: no line leads to them or away, and without a point nobody would see them. */
export function alone(v: ArrayLike<number | null | undefined>): number[] {
  const out: number[] = [];
  for (let i = 0; i < v.length; i++) if (v[i] != null && v[i - 1] == null && v[i + 1] == null) out.push(i);
  return out;
}

/** The middle one of the steps between neighbours; 0 for fewer than two values. */
export function medianStep(t_ms: number[]): number {
  const steps = t_ms.slice(1).map((t, i) => t - t_ms[i]!);
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 0;
}

/**
 * How far two neighbouring buckets may be apart before the line between them would claim what nobody measured. A bucket
 * narrower than the point's period is empty as a rule, not as an exception, so the period counts where it is known and
 * the usual step where it is not.
 */
export function gapLimit(widthMs: number, periodMs: number | null | undefined, t_ms: number[]): number {
  return Math.max(1.5 * widthMs, 2.5 * (periodMs ?? medianStep(t_ms)));
}

export function withGaps(
  t_ms: number[],
  columns: number[][],
  limitMs: number,
  from: number,
  to: number,
): Gapped {
  const out: Gapped = { x: [], columns: columns.map(() => []), holes: [] };
  let before = from;
  t_ms.forEach((t, i) => {
    if (t - before > limitMs) {
      out.holes.push([before, t]);
      if (i > 0) {
        out.x.push((before + t) / 2000);
        for (const c of out.columns) c.push(null);
      }
    }
    out.x.push(t / 1000);
    columns.forEach((c, k) => out.columns[k]!.push(c[i]!));
    before = t;
  });
  if (to - before > limitMs) out.holes.push([before, to]);
  return out;
}
