import type { Alarm, PointDetail, Sample } from "../api/types";
import { code, t, title } from "../i18n";
import { FAMILIES } from "../i18n/codes";
import { num } from "./format";
import { href } from "./router";

export interface Condition {
  /** `bearing`, `zone_c`, `high_high`, `system`, … */
  kind: string;
  /** Of `system`: which state of the platform. */
  name?: string;
  bearing?: string;
  fault?: string;
}

/** `bearing.DE.outer_race` in its parts; a bearing's own name may hold dots. */
export function parseCondition(text: string): Condition {
  if (text.startsWith("system.")) return { kind: "system", name: text.slice("system.".length) };
  const match = /^bearing\.(.+)\.([a-z_]+)$/.exec(text);
  return match ? { kind: "bearing", bearing: match[1]!, fault: match[2]! } : { kind: text };
}

/** The alarm in one sentence. */
export function message(a: Pick<Alarm, "condition">): string {
  const c = parseCondition(a.condition);
  if (c.name !== undefined) return code("system", c.name);
  return code("message", c.kind)
    .replace("{bearing}", c.bearing ?? "")
    .replace("{fault}", code("fault", c.fault ?? ""));
}

/** What people do about it: as its definition says, else as the condition does. */
export function remedy(a: Pick<Alarm, "condition" | "action">): string {
  const defined = title(a.action, "");
  if (defined) return defined;
  const { kind, name } = parseCondition(a.condition);
  return name === undefined ? code("action", kind) : code("system_action", name);
}

/** Where an alarm leads: to its machine, or, where it is about the platform itself, to the page about that. */
export const placeOf = (a: Pick<Alarm, "machine" | "point" | "condition">): string =>
  parseCondition(a.condition).kind === "system"
    ? href(["store"])
    : href(["machine", a.machine.site, a.machine.machine], { point: a.point ?? null });

/** What else is to be said of its cause, or which features changed; mostly nothing. */
export function remark(a: Pick<Alarm, "condition" | "evidence">): string {
  if (a.condition === "change") {
    const features = a.evidence.codes.filter((c) => (FAMILIES.indicator as readonly string[]).includes(c));
    return features.map((c) => code("indicator", c)).join(", ");
  }
  return ["imbalance", "estimated"].filter((c) => a.evidence.codes.includes(c)).map((c) => code("remark", c)).join(" · ");
}

/** `85.2 > 80 °C`: the value against its limit, whichever of them there is. */
export function valueAgainstLimit(a: Pick<Alarm, "value" | "limit" | "unit" | "condition">): string {
  if (a.value === null || a.value === undefined) return "";
  const unit = a.unit ? ` ${a.unit}` : "";
  if (a.limit === null || a.limit === undefined) return `${num(a.value)}${unit}`;
  const sign = a.value > a.limit ? ">" : a.value < a.limit ? "<" : "=";
  return `${num(a.value)} ${sign} ${num(a.limit)}${unit}`;
}

export const machineTitle = (m: { title: Alarm["machine"]["title"]; machine: string }): string =>
  title(m.title, m.machine);

export const pointTitle = (p: Pick<PointDetail, "title" | "name">): string => title(p.title, p.name);

/** `bad(offline)` in its parts. */
export function parseQuality(q: string): { grade: string; reason?: string } {
  const match = /^(\w+)\((\w+)\)$/.exec(q);
  return match ? { grade: match[1]!, reason: match[2]! } : { grade: q };
}

/** The quality in words; nothing for a good one. */
export function qualityText(q: string): string {
  const { grade, reason } = parseQuality(q);
  if (grade === "good") return "";
  return reason ? `${code("quality", grade)}: ${code("reason", reason)}` : code("quality", grade);
}

export const usable = (s: Sample | null | undefined): s is Sample => !!s && parseQuality(s.quality).grade !== "bad";

/** A reading's value for people: numbers rounded, on/off in words. */
export function valueText(v: Sample["value"]): string {
  if (typeof v === "number") return num(v, 4);
  if (typeof v === "boolean") return t(v ? "value.on" : "value.off");
  return v;
}

/** Which limit `v` is beyond, the worst first. */
export function beyond(v: number, l: PointDetail["limits"]): "hh" | "h" | "l" | "ll" | null {
  if (l.hh != null && v > l.hh) return "hh";
  if (l.ll != null && v < l.ll) return "ll";
  if (l.h != null && v > l.h) return "h";
  if (l.l != null && v < l.l) return "l";
  return null;
}

/** Order of a list of alarms: unacknowledged first, then the most urgent, then the newest. */
export function byUrgency(a: Alarm, b: Alarm): number {
  const waiting = (x: Alarm) => (isWaiting(x) ? 0 : isActive(x) ? 1 : 2);
  return waiting(a) - waiting(b) || a.priority - b.priority || Date.parse(b.raised) - Date.parse(a.raised);
}

export const isActive = (a: Pick<Alarm, "state">): boolean =>
  a.state === "unacknowledged" || a.state === "acknowledged";
/** Somebody is to acknowledge it; what is kept from people waits for nobody. */
export const isWaiting = (a: Pick<Alarm, "state" | "inhibited">): boolean =>
  !a.inhibited && (a.state === "unacknowledged" || a.state === "returned_unacknowledged");
/** It is in the list of those that call people: it holds, waits to be seen, or to be reset. */
export const isOpen = (a: Pick<Alarm, "state" | "inhibited">): boolean => !a.inhibited && a.state !== "normal";
