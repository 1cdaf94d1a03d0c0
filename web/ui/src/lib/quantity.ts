/** Units of vibration, detectors, decibels and axes; no drawing. */

export type Quantity = "ms2" | "g" | "mms" | "um";
export type Detector = "rms" | "peak" | "pp";
export type XAxis = "hz" | "cpm" | "order";
export type YScale = "linear" | "log" | "db";

interface Form {
  unit: string;
  /** How often displacement was differentiated. */
  order: 0 | 1 | 2;
  /** One of it in SI. */
  si: number;
  /** Reference of its level, SI (ISO 1683): 1 µm/s², 1 nm/s, 1 pm. */
  reference: number;
  /** The reference as it is written. */
  re: string;
}

export const FORMS: Record<Quantity, Form> = {
  ms2: { unit: "m/s²", order: 2, si: 1, reference: 1e-6, re: "1 µm/s²" },
  g: { unit: "g", order: 2, si: 9.80665, reference: 1e-6, re: "1 µm/s²" },
  mms: { unit: "mm/s", order: 1, si: 1e-3, reference: 1e-9, re: "1 nm/s" },
  um: { unit: "µm", order: 0, si: 1e-6, reference: 1e-12, re: "1 pm" },
};

/** The quantity of a unit as the server writes it; undefined for what is no vibration. */
export function quantityOf(unit: string): Quantity | undefined {
  return (Object.keys(FORMS) as Quantity[]).find((q) => FORMS[q].unit === unit);
}

/** Below, integration shows the sensor's drift and not the machine, Hz. */
export const LOWEST_HZ = 2;

/** What one `from` at frequency `hz` is in `to`, for a sinusoid: a power of 2πf. 0 where integration means nothing. */
export function factor(from: Quantity, to: Quantity, hz: number): number {
  const order = FORMS[to].order - FORMS[from].order;
  if (order < 0 && hz < LOWEST_HZ) return 0;
  return ((2 * Math.PI * hz) ** order * FORMS[from].si) / FORMS[to].si;
}

/** What one RMS of a spectral line is by this detector; a line is a sinusoid. */
export const DETECTORS: Record<Detector, number> = { rms: 1, peak: Math.SQRT2, pp: 2 * Math.SQRT2 };

/** Lines at (x0 + i · df) Hz, RMS of `from`, as `detector` of `to`. */
export function converted(
  y: ArrayLike<number>,
  df: number,
  from: Quantity,
  to: Quantity,
  detector: Detector,
  x0 = 0,
): Float64Array {
  const out = new Float64Array(y.length);
  for (let i = 0; i < out.length; i++) out[i] = y[i]! * factor(from, to, x0 + i * df) * DETECTORS[detector];
  return out;
}

/** Decibels that are told at most below the highest value: what is nothing has no level. */
const DEPTH_DB = 140;

/** 20 lg(v / reference), for values of unit `si` in SI. */
export const levelOf = (v: number, q: Quantity): number => 20 * Math.log10((v * FORMS[q].si) / FORMS[q].reference);

/** Amplitudes as levels; zeros lie far below the highest. */
export function levels(y: ArrayLike<number>, q: Quantity): Float64Array {
  return floored(y, (v) => levelOf(v, q));
}

/** Ratios of power as levels: 10 lg r. */
export function powerLevels(y: ArrayLike<number>): Float64Array {
  return floored(y, (v) => 10 * Math.log10(v));
}

function floored(y: ArrayLike<number>, level: (v: number) => number): Float64Array {
  const out = new Float64Array(y.length);
  let top = -Infinity;
  for (let i = 0; i < out.length; i++) {
    out[i] = y[i]! > 0 ? level(y[i]!) : -Infinity;
    if (out[i]! > top) top = out[i]!;
  }
  const floor = Number.isFinite(top) ? top - DEPTH_DB : 0;
  for (let i = 0; i < out.length; i++) if (!(out[i]! > floor)) out[i] = floor;
  return out;
}

/** Hz in one unit of the axis; undefined where the shaft's speed is needed and not known. */
export function hzIn(axis: XAxis, shaftHz: number | null | undefined): number | undefined {
  if (axis === "hz") return 1;
  if (axis === "cpm") return 1 / 60;
  return shaftHz && shaftHz > 0 ? shaftHz : undefined;
}
