import type { JournalEntry, PriorityNumber } from "../api/types";

/** One series of a comparison. */
export interface Tag {
  /** `site/machine/point`. */
  point: string;
  /** An indicator of it instead of its own values. */
  indicator?: string;
}

/** As many as one can still tell apart. */
export const MOST_TAGS = 8;

/** The tags of a link, each once; what is none is left out. */
export function parseTags(text: string | undefined): Tag[] {
  const found = new Map<string, Tag>();
  for (const part of (text ?? "").split(",")) {
    const [point = "", indicator] = part.split("~").map(decoded);
    if (point.split("/").length >= 3 && found.size < MOST_TAGS) found.set(part, { point, ...(indicator && { indicator }) });
  }
  return [...found.values()];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

/** Names may hold commas and tildes. */
const encoded = (text: string): string => encodeURIComponent(text).replace(/~/g, "%7E");

export const tagKey = (tag: Tag): string => [tag.point, ...(tag.indicator ? [tag.indicator] : [])].map(encoded).join("~");

export const tagsText = (tags: Tag[]): string => tags.map(tagKey).join(",");

/** `site/machine` of a point, and the point's own name, which may hold slashes. */
export function placeOf(point: string): { site: string; machine: string; name: string } {
  const [site = "", machine = "", ...name] = point.split("/");
  return { site, machine, name: name.join("/") };
}

/** A time in which an alarm's condition held. */
export interface Band {
  from: number;
  to: number;
  priority: PriorityNumber;
}

const holds = (state: string): boolean => state === "unacknowledged" || state === "acknowledged";

/**
 * When an alarm's condition held within [from, to], from its steps, the newest first. What held before the oldest of them
 * is told by the state that it came from.
 */
export function bands(entries: Pick<JournalEntry, "t" | "from" | "to" | "priority">[], from: number, to: number): Band[] {
  const out: Band[] = [];
  let open: Band | undefined;
  const steps = [...entries].reverse();
  const first = steps[0];
  if (first && holds(first.from)) open = { from, to, priority: first.priority };
  for (const s of steps) {
    const t = Date.parse(s.t);
    if (holds(s.to)) open ??= { from: t, to, priority: s.priority };
    else if (open) {
      out.push({ ...open, to: t });
      open = undefined;
    }
  }
  if (open) out.push(open);
  return out.filter((b) => b.to > from && b.from < to).map((b) => ({ ...b, from: Math.max(b.from, from), to: Math.min(b.to, to) }));
}

/** `a~b` of a link, ms since 1970. */
export function parseSpan(text: string | undefined): [number, number] | undefined {
  const [a, b] = (text ?? "").split("~").map(Number);
  return a !== undefined && b !== undefined && a > 0 && b > a ? [a, b] : undefined;
}
