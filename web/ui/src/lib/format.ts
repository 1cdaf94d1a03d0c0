import { lang } from "./prefs";
import { store } from "./store";

/** IANA name of the plant's time zone; every instant on the page is told in it. */
export const plantZone = store<string>("UTC");

const numberFormats = new Map<string, Intl.NumberFormat>();
function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = lang.get() + JSON.stringify(options);
  let f = numberFormats.get(key);
  if (!f) numberFormats.set(key, (f = new Intl.NumberFormat(lang.get(), options)));
  return f;
}

const NONE = "–";

/** `digits` significant digits, never fewer than the whole part has. */
export function num(v: number | null | undefined, digits = 3): string {
  if (v === null || v === undefined || !Number.isFinite(v)) return NONE;
  const whole = v === 0 ? 1 : Math.floor(Math.log10(Math.abs(v))) + 1;
  if (whole > 12 || whole < -5) return v.toExponential(digits - 1);
  const decimals = Math.max(0, Math.min(6, digits - whole));
  return numberFormat({ maximumFractionDigits: decimals, minimumFractionDigits: 0 }).format(v);
}

/** Exactly `decimals` places: for read-outs that must not dance. */
export function fixed(v: number | null | undefined, decimals: number): string {
  if (v === null || v === undefined || !Number.isFinite(v)) return NONE;
  return numberFormat({ maximumFractionDigits: decimals, minimumFractionDigits: decimals }).format(v);
}

export const int = (v: number | null | undefined): string =>
  v === null || v === undefined ? NONE : numberFormat({ maximumFractionDigits: 0 }).format(v);

/** A number with its unit, as given; pure numbers have none. */
export function quantity(v: number | null | undefined, unit: string | null | undefined, digits = 3): string {
  const n = num(v, digits);
  return unit && n !== NONE ? `${n} ${unit}` : n;
}

const timeFormats = new Map<string, Intl.DateTimeFormat>();
function timeFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = lang.get() + plantZone.get() + JSON.stringify(options);
  let f = timeFormats.get(key);
  if (!f) {
    try {
      f = new Intl.DateTimeFormat(lang.get(), { ...options, timeZone: plantZone.get(), hourCycle: "h23" });
    } catch {
      // A zone this browser does not know: UTC is right, only less handy.
      f = new Intl.DateTimeFormat(lang.get(), { ...options, timeZone: "UTC", hourCycle: "h23" });
    }
    timeFormats.set(key, f);
  }
  return f;
}

export type Instant = string | number | Date;
const ms = (i: Instant): number => (typeof i === "number" ? i : i instanceof Date ? i.getTime() : Date.parse(i));
export { ms as millis };

export const clock = (i: Instant): string =>
  timeFormat({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms(i));
export const clockShort = (i: Instant): string => timeFormat({ hour: "2-digit", minute: "2-digit" }).format(ms(i));
export const day = (i: Instant): string => timeFormat({ month: "short", day: "numeric" }).format(ms(i));
export const dateTime = (i: Instant): string =>
  timeFormat({
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(ms(i));

/** The time alone when it is today in the plant, with the day otherwise. */
export function when(i: Instant, now: number): string {
  const dayKey = timeFormat({ year: "numeric", month: "numeric", day: "numeric" });
  return dayKey.format(ms(i)) === dayKey.format(now) ? clock(i) : `${day(i)} ${clock(i)}`;
}

/** Short name of the plant's zone (`GMT+8`) with its place. */
export function zoneName(now: number): string {
  const part = timeFormat({ timeZoneName: "shortOffset" })
    .formatToParts(now)
    .find((p) => p.type === "timeZoneName");
  return part?.value ?? plantZone.get();
}

const UNITS: [Intl.NumberFormatOptions["unit"], number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** A span in its one largest unit, two when it is short of ten of them: `3 min 20 s`, `5 h`. */
export function span(milliseconds: number): string {
  const s = Math.max(0, Math.round(milliseconds / 1000));
  const i = UNITS.findIndex(([, size]) => s >= size);
  if (i < 0) return unit(0, "second");
  const [name, size] = UNITS[i]!;
  const whole = Math.floor(s / size);
  const next = UNITS[i + 1];
  const rest = next ? Math.floor((s - whole * size) / next[1]) : 0;
  return whole < 10 && next && rest > 0 ? `${unit(whole, name)} ${unit(rest, next[0])}` : unit(whole, name);
}

function unit(v: number, name: Intl.NumberFormatOptions["unit"]): string {
  return numberFormat({ style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: 0 }).format(v);
}

/** Bytes a second and the like, in powers of 1000. */
export function bytes(v: number): string {
  const steps = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (v >= 1000 && i < steps.length - 1) (v /= 1000), i++;
  return `${num(v, 3)} ${steps[i]}`;
}
