import type { CapturedMessage, QuarantineEntry, Rule } from "../api/types";

/** Mapping rules as they are edited: plain functions over plain lists, so that undoing is keeping the list of before. */

export const FORMATS = ["json", "csv", "plain", "hj212"] as const;

export function moved(rules: readonly Rule[], from: number, by: -1 | 1): Rule[] {
  const to = from + by;
  const next = rules.slice();
  const [rule] = next.splice(from, 1);
  if (!rule || to < 0 || to > next.length) return rules.slice();
  next.splice(to, 0, rule);
  return next;
}

export const without = (rules: readonly Rule[], index: number): Rule[] => rules.filter((_, i) => i !== index);

export const changed = (rules: readonly Rule[], index: number, patch: Partial<Rule>): Rule[] =>
  rules.map((r, i) => (i === index ? { ...r, ...patch } : r));

/** A name that no rule has yet: names are what a rule is told apart by. */
export function freeName(rules: readonly Rule[], wanted: string): string {
  const taken = new Set(rules.map((r) => r.name));
  if (!taken.has(wanted)) return wanted;
  let n = 2;
  while (taken.has(`${wanted} ${n}`)) n += 1;
  return `${wanted} ${n}`;
}

export const blankValue = (): Rule["values"][number] => ({
  field: "",
  point: "",
  unit: null,
  scale: 1,
  offset: 0,
  optional: false,
});

export const blank = (rules: readonly Rule[], name: string): Rule => ({
  name: freeName(rules, name),
  enabled: true,
  topic: "plant/{machine}/data",
  format: "json",
  each: null,
  separator: null,
  skip: 0,
  site: "site",
  machine: "{machine}",
  values: [{ ...blankValue(), field: "/value", point: "value" }],
  time: null,
  filters: [],
});

/** Another format reads other fields: what only the old one has goes, values stay to be corrected. */
export function formatted(rule: Rule, format: string): Rule {
  return {
    ...rule,
    format,
    each: format === "json" ? rule.each : null,
    separator: format === "csv" ? (rule.separator ?? ",") : null,
    skip: format === "csv" ? rule.skip : 0,
    values: format === "hj212" ? [] : rule.values.length ? rule.values : [blankValue()],
    time: format === "plain" || format === "hj212" ? null : rule.time,
    filters: format === "hj212" ? [] : rule.filters,
  };
}

export const same = (a: readonly Rule[], b: readonly Rule[]): boolean => JSON.stringify(a) === JSON.stringify(b);

export const captured = (q: QuarantineEntry): CapturedMessage => ({
  topic: q.topic,
  payload: q.head,
  encoding: q.head_encoding,
});

/** Whether only the beginning of the message was kept: what is tried on it may break off. */
export const truncated = (q: QuarantineEntry): boolean => {
  const kept = q.head_encoding === "hex" ? q.head.length / 2 : new TextEncoder().encode(q.head).length;
  return kept < q.size;
};

/** A number as somebody types it; what is none stays as it was. */
export function typed(text: string, before: number): number {
  const n = Number(text);
  return text.trim() !== "" && Number.isFinite(n) ? n : before;
}
