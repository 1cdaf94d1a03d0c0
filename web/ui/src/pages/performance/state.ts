import type { AlarmKpi } from "../../api/types";
import { fixed, int, num, span } from "../../lib/format";

export const DAY = 86_400_000;
/** The periods that one button each chooses, days. */
export const PERIODS = [1, 7, 30, 90] as const;
/** Longest time that the coach looks at, days. */
export const COACHED_DAYS = 31;
export const CONDITIONS = ["high_high", "high", "low", "low_low"] as const;
export const MEANS = ["deadband", "on_delay", "off_delay"] as const;

/** What the address says of the period: how many days, and where it ends; without an end it ends now. */
export interface Chosen {
  days: number;
  to: number | undefined;
  operators: number;
}

export function chosen(query: Record<string, string>): Chosen {
  const days = PERIODS.find((d) => String(d) === query["days"]) ?? 7;
  const to = Number(query["to"]);
  const operators = Number(query["operators"]);
  return {
    days,
    to: Number.isSafeInteger(to) && to > 0 ? to : undefined,
    operators: Number.isInteger(operators) && operators >= 1 && operators <= 100 ? operators : 1,
  };
}

/** The period in milliseconds, where now is `now`; both ends are said, so that it is whole days long. */
export function bounds(c: Pick<Chosen, "days" | "to">, now: number): { from: number; to: number } {
  const to = c.to ?? Math.floor(now);
  return { from: to - c.days * DAY, to };
}

/** One period earlier or later; `undefined`: until now. */
export function moved(c: Chosen, now: number, by: -1 | 1): number | undefined {
  const to = (c.to ?? now) + by * c.days * DAY;
  return to >= now ? undefined : Math.floor(to);
}

/** What the simulator is asked, as the fields of its form hold it. */
export interface Draft {
  point: string;
  condition: string;
  limit: string;
  deadband: string;
  on: string;
  off: string;
  over: string;
}

export const draftOf = (q: Record<string, string>): Draft => ({
  point: q["point"] ?? "",
  condition: q["condition"] ?? "high",
  limit: q["limit"] ?? "",
  deadband: q["deadband"] ?? "",
  on: q["on"] ?? "",
  off: q["off"] ?? "",
  over: q["over"] ?? "30",
});

/** A number as a field holds it; `undefined`: nothing is written; NaN: it is none. */
export const field = (text: string): number | undefined => (text.trim() === "" ? undefined : Number(text.trim()));

/** The first field that cannot be used. */
export function fault(d: Draft): keyof Draft | undefined {
  const within = (text: string, most: number) => {
    const v = field(text);
    return v === undefined || (v >= 0 && v <= most);
  };
  if (d.point.trim().split("/").filter(Boolean).length < 3) return "point";
  if (!(CONDITIONS as readonly string[]).includes(d.condition)) return "condition";
  if (!Number.isFinite(field(d.limit) ?? NaN)) return "limit";
  if (!within(d.deadband, Number.MAX_VALUE)) return "deadband";
  if (!within(d.on, 86_400)) return "on";
  if (!within(d.off, 86_400)) return "off";
  const days = field(d.over);
  return days !== undefined && (!Number.isInteger(days) || days < 1 || days > 92) ? "over" : undefined;
}

/** The body of the question. */
export const proposalOf = (d: Draft) => ({
  point: d.point.trim(),
  condition: d.condition,
  limit: field(d.limit) ?? 0,
  deadband: field(d.deadband) ?? null,
  on_delay_s: field(d.on) ?? null,
  off_delay_s: field(d.off) ?? null,
  days: field(d.over) ?? null,
});

const PARTS = new Set(["flood_time", "top_ten", "high_priority", "high_and_medium_priority", "never_acknowledged"]);
const COUNTS = new Set(["most_in_ten_minutes", "chattering", "fleeting", "stale_in_day"]);

export const percent = (v: number): string => `${v * 100 < 10 ? num(v * 100, 2) : fixed(v * 100, 0)} %`;

/** A value of an indicator as people read it. */
export function kpiText(code: string, v: number | null): string {
  if (v === null) return "–";
  if (PARTS.has(code)) return percent(v);
  if (code === "acknowledge_median") return span(v * 1_000);
  return COUNTS.has(code) ? int(v) : num(v, 3);
}

/** The word for whether a figure is kept. */
export const metWord = (k: AlarmKpi): "met" | "missed" | "no_value" | "no_figure" =>
  k.target === null ? "no_figure" : k.met === null ? "no_value" : k.met ? "met" : "missed";
