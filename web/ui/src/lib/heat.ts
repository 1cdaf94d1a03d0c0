/** Values over two axes, and how they become pixels. */

export interface Field {
  x0: number;
  dx: number;
  columns: number;
  y0: number;
  dy: number;
  rows: number;
  /** Row after row, the first at y0. */
  values: ArrayLike<number>;
}

/** Lowest and highest of what is shown: from the median, so that the floor of noise does not eat the colours. */
export function reach(values: ArrayLike<number>): [number, number] {
  const step = Math.max(1, Math.floor(values.length / 20_000));
  const some: number[] = [];
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (v > high) high = v;
    if (i % step === 0 && Number.isFinite(v)) some.push(v);
  }
  some.sort((a, b) => a - b);
  const low = some[Math.floor(some.length * 0.5)] ?? 0;
  if (!Number.isFinite(high)) return [0, 1];
  return low < high ? [low, high] : [high - 1, high];
}

/** The cell at a place on the axes; undefined outside. */
export function cellAt(f: Field, x: number, y: number): { column: number; row: number; value: number } | undefined {
  const column = Math.floor((x - f.x0) / f.dx + 0.5);
  const row = Math.floor((y - f.y0) / f.dy + 0.5);
  if (column < 0 || row < 0 || column >= f.columns || row >= f.rows) return undefined;
  return { column, row, value: f.values[row * f.columns + column]! };
}

/** Which cells each of `pixels` covers, at least one: a peak between two pixels must not be lost. */
export function spans(cells: number, pixels: number): [number, number][] {
  return Array.from({ length: pixels }, (_, i) => {
    const from = Math.min(cells - 1, Math.floor((i * cells) / pixels));
    return [from, Math.max(from + 1, Math.floor(((i + 1) * cells) / pixels))];
  });
}

/** Paints `f` into `out` (RGBA, width × height), row 0 at the bottom; the highest value of a pixel wins. */
export function paint(
  f: Field,
  [low, high]: [number, number],
  colours: [number, number, number][],
  out: Uint8ClampedArray,
  width: number,
  height: number,
): void {
  const [xs, ys] = [spans(f.columns, width), spans(f.rows, height)];
  const top = colours.length - 1;
  for (let py = 0; py < height; py++) {
    const [r0, r1] = ys[height - 1 - py]!;
    for (let px = 0; px < width; px++) {
      const [c0, c1] = xs[px]!;
      let v = -Infinity;
      for (let r = r0; r < r1; r++) {
        for (let i = r * f.columns + c0, end = r * f.columns + c1; i < end; i++) if (f.values[i]! > v) v = f.values[i]!;
      }
      const share = (v - low) / (high - low);
      const c = colours[Math.round(top * Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)))]!;
      const at = 4 * (py * width + px);
      out[at] = c[0];
      out[at + 1] = c[1];
      out[at + 2] = c[2];
      out[at + 3] = 255;
    }
  }
}

/** Round numbers from low to high, about `count` of them. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * decade).find((s) => s >= rough) ?? 10 * decade;
  const out: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) out.push(k === 0 ? 0 : k * step);
  return out;
}

/** The `count` highest cells that are higher than all around them. */
export function summits(f: Field, count: number): { column: number; row: number; value: number }[] {
  const out: { column: number; row: number; value: number }[] = [];
  const at = (r: number, c: number) =>
    r < 0 || c < 0 || r >= f.rows || c >= f.columns ? -Infinity : f.values[r * f.columns + c]!;
  for (let r = 0; r < f.rows; r++) {
    for (let c = 0; c < f.columns; c++) {
      const v = at(r, c);
      if (v > at(r - 1, c) && v > at(r, c - 1) && v >= at(r + 1, c) && v >= at(r, c + 1)) {
        out.push({ column: c, row: r, value: v });
      }
    }
  }
  return out.sort((a, b) => b.value - a.value).slice(0, count);
}
