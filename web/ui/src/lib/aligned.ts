/** Values at equal steps. */
export interface Even {
  y: ArrayLike<number>;
  /** Where the first one lies. */
  x0: number;
  step: number;
}

/**
 * `of` at the places of another curve: between two values the one between them; where a step covers several, the one of
 * largest magnitude, so that no impact is lost. `null` where it has none.
 */
export function aligned(of: Even, to: { x0: number; step: number; n: number }): (number | null)[] {
  const out: (number | null)[] = new Array<number | null>(to.n).fill(null);
  const last = of.y.length - 1;
  const wide = to.step / of.step;
  for (let i = 0; i < to.n; i++) {
    const at = (to.x0 + i * to.step - of.x0) / of.step;
    if (!(at >= -1e-9 && at <= last + 1e-9)) continue;
    out[i] = wide > 1.5 ? largest(of.y, at - wide / 2, at + wide / 2, last) : between(of.y, Math.max(0, Math.min(last, at)));
  }
  return out;
}

function between(y: ArrayLike<number>, at: number): number {
  const k = Math.floor(at);
  const rest = at - k;
  return rest < 1e-9 ? y[k]! : y[k]! + rest * ((y[k + 1] ?? y[k]!) - y[k]!);
}

function largest(y: ArrayLike<number>, from: number, to: number, last: number): number {
  let best = y[Math.max(0, Math.min(last, Math.round((from + to) / 2)))]!;
  for (let k = Math.max(0, Math.ceil(from)); k < Math.min(last + 1, to); k++) if (Math.abs(y[k]!) > Math.abs(best)) best = y[k]!;
  return best;
}
