/** Plain arithmetic on spectra and records; no drawing. */

export interface Peak {
  index: number;
  hz: number;
  value: number;
}

/** The highest line within `reach` lines of `index`: a pointer need not hit a peak exactly. */
export function snap(y: ArrayLike<number>, index: number, reach: number): number {
  let best = Math.max(0, Math.min(y.length - 1, index));
  for (let i = Math.max(0, index - reach); i <= Math.min(y.length - 1, index + reach); i++) {
    if (y[i]! > y[best]!) best = i;
  }
  return best;
}

/** The `count` highest local maxima between two frequencies, the highest first. */
export function peaks(y: ArrayLike<number>, df: number, from: number, to: number, count: number): Peak[] {
  const out: Peak[] = [];
  const first = Math.max(1, Math.ceil(from / df));
  const last = Math.min(y.length - 2, Math.floor(to / df));
  for (let i = first; i <= last; i++) {
    const v = y[i]!;
    if (v > y[i - 1]! && v >= y[i + 1]!) out.push({ index: i, hz: i * df, value: v });
  }
  return out.sort((a, b) => b.value - a.value).slice(0, count);
}

/** The value of a spectrum at `hz`, the highest of the line there and its two neighbours; undefined outside. */
export function valueAt(y: ArrayLike<number>, df: number, hz: number): number | undefined {
  const i = Math.round(hz / df);
  if (!(df > 0) || i < 0 || i >= y.length) return undefined;
  return Math.max(y[i]!, y[i - 1] ?? -Infinity, y[i + 1] ?? -Infinity);
}

/** The next peak in a direction among the `count` highest of the window; undefined at the end. */
export function nextPeak(
  y: ArrayLike<number>,
  df: number,
  window: [number, number],
  hz: number,
  direction: 1 | -1,
  count = 40,
): number | undefined {
  const found = peaks(y, df, window[0], window[1], count).sort((a, b) => direction * (a.hz - b.hz));
  return found.find((p) => direction * (p.hz - hz) > df / 2)?.hz;
}

/**
 * `y` with steps of `df` on a grid of `n` steps of `step`: where a step covers several values the highest, where it
 * lies between two the one between them. Beyond its end 0.
 */
export function onGrid(y: ArrayLike<number>, df: number, n: number, step: number): Float64Array {
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const [a, b] = [((i - 0.5) * step) / df, ((i + 0.5) * step) / df];
    const [first, last] = [Math.max(0, Math.ceil(a)), Math.min(y.length - 1, Math.ceil(b) - 1)];
    if (first <= last) {
      let top = -Infinity;
      for (let k = first; k <= last; k++) if (y[k]! > top) top = y[k]!;
      out[i] = top;
    } else {
      const at = (i * step) / df;
      const k = Math.floor(at);
      if (k >= 0 && k + 1 < y.length) out[i] = y[k]! + (at - k) * (y[k + 1]! - y[k]!);
    }
  }
  return out;
}

export interface RecordFigures {
  mean: number;
  rms: number;
  peak: number;
  crest: number;
  /** Of a Gaussian signal 3; 0 where nothing moves. */
  kurtosis: number;
  min: number;
  max: number;
}

/** Mean; RMS, peak and kurtosis about the mean; crest factor = peak / RMS. Of the values from..to (not included). */
export function figures(v: ArrayLike<number>, from = 0, to = v.length): RecordFigures {
  const [a, b] = [Math.max(0, Math.floor(from)), Math.min(v.length, Math.ceil(to))];
  const n = Math.max(0, b - a);
  let [sum, min, max] = [0, Infinity, -Infinity];
  for (let i = a; i < b; i++) {
    const x = v[i]!;
    sum += x;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  const mean = n ? sum / n : 0;
  let [squares, fourth] = [0, 0];
  for (let i = a; i < b; i++) {
    const d = (v[i]! - mean) ** 2;
    squares += d;
    fourth += d * d;
  }
  const rms = n ? Math.sqrt(squares / n) : 0;
  const peak = n ? Math.max(max - mean, mean - min) : 0;
  const kurtosis = squares > 0 ? (n * fourth) / squares ** 2 : 0;
  return { mean, rms, peak, crest: rms > 0 ? peak / rms : 0, kurtosis, min, max };
}

/** Up to which frequency an envelope is worth looking at first: past the fourth harmonic of what is drawn. */
export function firstView(lines: { hz: number }[], shaftHz: number | null | undefined, top: number): number {
  const highest = Math.max(0, ...lines.map((l) => l.hz));
  const wish = highest > 0 ? highest * 1.2 : shaftHz ? shaftHz * 20 : 1000;
  return Math.min(top, wish);
}

/** `a-b` in a link, as two ordered numbers; `a~b` where either may be negative. */
export function parseWindow(text: string | undefined): [number, number] | undefined {
  const match = /^(-?\d+(?:\.\d+)?)[-~](-?\d+(?:\.\d+)?)$/.exec(text ?? "");
  if (!match) return undefined;
  const [a, b] = [Number(match[1]), Number(match[2])];
  return b > a ? [a, b] : undefined;
}
