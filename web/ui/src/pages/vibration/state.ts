import { hzIn, type Detector, type Quantity, type XAxis, type YScale } from "../../lib/quantity";
import { route, setQuery } from "../../lib/router";
import { parseWindow } from "../../lib/spectrum";
import { store } from "../../lib/store";

/** What the bench shows, all of it in the link: a saved view is one. */
export const VIEWS = ["spectra", "waveform", "waterfall", "spectrogram", "kurtogram", "peak_hold", "cepstrum", "orders", "average", "run_up", "orbit"] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Bench {
  view: ViewName;
  x: XAxis;
  y: YScale;
  quantity: Quantity;
  detector: Detector;
  /** How many multiples of the cursor are drawn; 0 none. */
  harmonics: number;
  /** How many sidebands are drawn on each side; 0 none. */
  sidebands: number;
  /** The slip that lines are drawn with, as a part; undefined: as found. */
  slip: number | undefined;
  /** Which lines are drawn: undefined as the verdict has it. */
  faults: string | undefined;
  /** The band whose envelope is looked at, Hz. */
  band: [number, number] | undefined;
  /** The record drawn beneath. */
  baseline: string | undefined;
}

type Query = Record<string, string>;

const one = <T extends string>(text: string | undefined, of: readonly T[], otherwise: T): T =>
  of.find((v) => v === text) ?? otherwise;

const whole = (text: string | undefined, most: number): number => {
  const n = Number(text);
  return Number.isInteger(n) && n > 0 ? Math.min(n, most) : 0;
};

export const MOST_HARMONICS = 40;
export const MOST_SIDEBANDS = 12;
/** How many are drawn when they are switched on. */
export const HARMONICS = 10;
export const SIDEBANDS = 4;

export function bench(query: Query): Bench {
  const slip = Number(query["slip"]);
  return {
    view: one(query["view"], VIEWS, "spectra"),
    x: one(query["x"], ["hz", "cpm", "order"] as const, "hz"),
    y: one(query["y"], ["linear", "log", "db"] as const, "linear"),
    quantity: one(query["q"], ["ms2", "g", "mms", "um"] as const, "ms2"),
    detector: one(query["amp"], ["rms", "peak", "pp"] as const, "rms"),
    // Earlier links say 1 for "on".
    harmonics: query["harmonics"] === "1" ? HARMONICS : whole(query["harmonics"], MOST_HARMONICS),
    sidebands: whole(query["sidebands"], MOST_SIDEBANDS),
    slip: query["slip"] !== undefined && Number.isFinite(slip) ? Math.max(-2, Math.min(1, slip)) / 100 : undefined,
    faults: query["faults"],
    band: parseWindow(query["band"]),
    baseline: query["base"],
  };
}

/** The axis of frequency: the one asked for, Hz where that needs a speed that is not known. */
export function frequencyAxis(b: Bench, shaftHz: number | null | undefined): { axis: XAxis; hz: number } {
  const hz = hzIn(b.x, shaftHz);
  return hz === undefined ? { axis: "hz", hz: 1 } : { axis: b.x, hz };
}

/** Where the cursors are. They move faster than a link may change, which follows when they rest. */
export interface Cursor {
  hz?: number | undefined;
  /** Distance of the sidebands, Hz. */
  spacing?: number | undefined;
  /** In the waveform, s. */
  t?: number | undefined;
}

export const cursor = store<Cursor>({});

/** Browsers take some hundred changes of the address in half a minute. */
const REST_MS = 250;
let resting: ReturnType<typeof setTimeout> | undefined;

const positive = (text: string | undefined): number | undefined => {
  const n = Number(text);
  return n > 0 && Number.isFinite(n) ? n : undefined;
};

export function moveCursor(patch: Cursor): void {
  cursor.set({ ...cursor.get(), ...patch });
  clearTimeout(resting);
  const here = route().path.join("/");
  resting = setTimeout(() => settle(here), REST_MS);
}

function settle(where: string): void {
  resting = undefined;
  // Who has gone on to another page has left the cursor behind.
  if (route().path.join("/") !== where) return;
  const { hz, spacing, t } = cursor.get();
  const text = (v: number | undefined) => (v === undefined ? null : Number(v.toPrecision(8)));
  setQuery({ hz: text(hz), spacing: text(spacing), t: text(t) });
}

/** Moves the cursor of frequency or time; what it gives puts it back. */
export function pickCursor(key: ZoomKey, patch: Cursor): () => void {
  const { hz, t } = cursor.get();
  active.set(key);
  moveCursor(patch);
  return () => moveCursor({ hz, t });
}

/** Follows the link, unless the cursor itself is about to change it. */
export function cursorFromLink(query: Query): void {
  if (resting !== undefined) return;
  const next = { hz: positive(query["hz"]), spacing: positive(query["spacing"]), t: positive(query["t"]) };
  const now = cursor.get();
  if (now.hz !== next.hz || now.spacing !== next.spacing || now.t !== next.t) cursor.set(next);
}

/** Charts that can be zoomed, by what their window is called in the link. */
export type ZoomKey = "envelope" | "spectrum" | "velocity" | "time" | "cepstrum" | "orders" | "full" | "held" | "held_time";

/** Which chart the arrow keys move in: the one used last. */
export const active = store<ZoomKey>("envelope");

/** What was zoomed before, to go back to. */
const undone: { key: ZoomKey; window: string | null }[] = [];
export const zooms = store(0);
const MOST_UNDONE = 50;

export function zoom(key: ZoomKey, from: number, to: number): void {
  remember(key);
  active.set(key);
  const text = (v: number) => Number(v.toFixed(6));
  setQuery({ [key]: `${text(from)}~${text(to)}` });
}

export function unzoom(key: ZoomKey): void {
  if (route().query[key] === undefined) return;
  remember(key);
  setQuery({ [key]: null });
}

function remember(key: ZoomKey): void {
  undone.push({ key, window: route().query[key] ?? null });
  if (undone.length > MOST_UNDONE) undone.shift();
  zooms.set(undone.length);
}

/** Back to the window before the last zoom. */
export function undoZoom(): void {
  const last = undone.pop();
  zooms.set(undone.length);
  if (last) setQuery({ [last.key]: last.window });
}

export function forgetZooms(): void {
  undone.length = 0;
  zooms.set(0);
}

/** A frequency for a link. */
export const hzText = (hz: number): string => String(Number(hz.toPrecision(8)));
