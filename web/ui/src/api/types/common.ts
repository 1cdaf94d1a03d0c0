/** What every room says. After web/src/dto. */

/** RFC 3339 text in UTC, up to nanoseconds. */
export type Instant = string;

export interface Title {
  zh?: string | null;
  en?: string | null;
}

export type PriorityNumber = 1 | 2 | 3 | 4;

export type ZoneLetter = "A" | "B" | "C" | "D";

export interface Counts {
  unacknowledged: Record<"1" | "2" | "3" | "4", number>;
  active: number;
}

export interface Sample {
  t: Instant;
  value: number | boolean | string;
  /** `good`, `uncertain(reason)` or `bad(reason)`. */
  quality: string;
}

export interface Limits {
  hh?: number | null;
  h?: number | null;
  l?: number | null;
  ll?: number | null;
}
